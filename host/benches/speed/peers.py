"""What other pools take for the same work, in seconds: `peers.py NAME [COUNT]`; nothing where one is not installed."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import Pool

WORKERS = int(sys.argv[2])
COUNT = int(sys.argv[3])


def square(number):
    return number * number


def same(value):
    return value


def seconds(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def multiprocessing_map():
    with Pool(WORKERS) as pool:
        pool.map(square, range(WORKERS))
        return seconds(lambda: pool.map(square, range(COUNT)))


def multiprocessing_fresh():
    with Pool(WORKERS, maxtasksperchild=1) as pool:
        return seconds(lambda: pool.map(square, range(COUNT), chunksize=1))


def multiprocessing_bytes():
    with Pool(WORKERS) as pool:
        value = bytes(COUNT)
        pool.apply(same, (b"",))
        return seconds(lambda: pool.apply(same, (value,)))


def futures_map():
    with ProcessPoolExecutor(WORKERS) as pool:
        list(pool.map(square, range(WORKERS)))
        # By default it sends one at a time.
        chunk = COUNT // (4 * WORKERS)
        return seconds(lambda: list(pool.map(square, range(COUNT), chunksize=chunk)))


def joblib_map():
    import joblib

    with joblib.Parallel(WORKERS) as parallel:
        parallel(joblib.delayed(square)(number) for number in range(WORKERS))
        return seconds(lambda: parallel(joblib.delayed(square)(number) for number in range(COUNT)))


def wasmtime_fresh():
    import wasmtime

    engine = wasmtime.Engine()
    module = wasmtime.Module.from_file(engine, sys.argv[4])

    def work():
        for number in range(COUNT):
            store = wasmtime.Store(engine)
            instance = wasmtime.Instance(store, module, [])
            instance.exports(store)["square"](store, number)

    return seconds(work)


def extism_kept():
    import extism

    plugin = extism.Plugin(open(sys.argv[4], "rb").read())

    def work():
        for number in range(COUNT):
            plugin.call("square", number.to_bytes(8, "little"))

    return seconds(work)


if __name__ == "__main__":
    try:
        print(globals()[sys.argv[1]]())
    except ImportError as missing:
        sys.exit(f"absent: {missing}")
