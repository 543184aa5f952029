"""The component `greet`; what it prints besides is shown as such."""

import wit_world


class WitWorld(wit_world.WitWorld):
    def greet(self, name: str) -> str:
        print(f"greeting {name}")
        return f"Hello, {name}!"
