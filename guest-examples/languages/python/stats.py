"""The component `stats`: a list in, a record out, or an error."""

import statistics

import wit_world
from componentize_py_types import Err
from wit_world import Summary


class WitWorld(wit_world.WitWorld):
    def stats(self, values: list[float]) -> Summary:
        if not values:
            raise Err("no values")
        return Summary(len(values), statistics.fmean(values), min(values), max(values))
