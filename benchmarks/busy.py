"""Two threads beside busy processes, compared with one thread in the same place.

An epoch of a network of two hidden layers on noise, with SGD and mini-batches of 128,
for several numbers of busy processes. Threads that meet at barriers wait for the one
that has lost its processor; a team sees that, and tries whether one thread gets more
done alone. The two sides run in turns, for seconds each, so that the trials count::

    python benchmarks/busy.py
"""

import multiprocessing
import time
from contextlib import contextmanager

from common import (
    argument_parser,
    describe_machine,
    format_ratio,
    interleave,
    print_table,
    ratio,
    report,
)
from scaling import Setting, Training

NEURONS, BUSY, SECONDS = (100, 1000, 10_000), (0, 1, 2), 3.0


def spin():
    while True:
        pass


@contextmanager
def busy_processes(n):
    """Processes that keep as many processors busy."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=spin, daemon=True) for _ in range(n)]
    for process in processes:
        process.start()
    time.sleep(1.0 if n else 0.0)
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def seconds_per_epoch(training):
    """A function that trains for some seconds."""

    def timed():
        n, start = 0, time.perf_counter()
        while (seconds := time.perf_counter() - start) < SECONDS:
            training.epoch()
            n += 1
        return seconds / n

    return timed


def main():
    args = argument_parser(__doc__, n_rounds=5).parse_args()
    results, rows = {}, []
    for neurons in NEURONS:
        sides = {t: Training(Setting(neurons, threads=t)) for t in (1, 2)}
        for training in sides.values():
            training.epoch()
        timed = {t: seconds_per_epoch(training) for t, training in sides.items()}
        for n_busy in BUSY:
            with busy_processes(n_busy):
                seconds = interleave(timed, args.rounds)
            found = ratio(seconds[2], seconds[1])
            results[f"{neurons}, {n_busy} busy"] = {"two_by_one": found}
            rows.append([f"{neurons:,}", str(n_busy), format_ratio(found)])
    print_table(["neurons per layer", "busy processes", "two threads by one"], rows)
    report(describe_machine(), results, args)


if __name__ == "__main__":
    main()
