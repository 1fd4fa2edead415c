"""What a round of local SGD costs, on two workers as measured, on more by simulation.

First, a fit on 51,200 images of MNIST, two hidden layers of 1,000 neurons,
`epsilon=20`, on a local cluster of one worker and of two, of one thread each: how long
each round of 50 updates takes, how long what is sent from worker to worker, and what a
task costs the scheduler. Then a round of as many workers as one likes is simulated from
these recordings:

- each worker makes its updates, in a time drawn from those recorded; all wait for the
  slowest;
- the means are made by at most eight at a time, in a tree: each level receives what
  seven others have learned, one after the other;
- the network spreads over the workers, those that have it double at each step;
- to send takes a latency, and a time in proportion to the bytes;
- each task costs the scheduler its time, one after the other.

It is compared with the seconds of an epoch as they were on one worker and on two. On
more, workers have a machine of their own, and bytes take longer by what the
`--bandwidth` between machines says; the rest is as recorded::

    SPARSE_NN_DATA=data python benchmarks/dask_scaling.py
"""

import time
import warnings

import dask.array as da
import numpy as np
from common import argument_parser, describe_machine, print_table, report
from dask_training import load
from distributed import Client, LocalCluster, wait
from sklearn.exceptions import ConvergenceWarning

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.dask import DaskSETClassifier, LocalSGD
from sklearn_sparse_nn.dask._cluster import _FAN_IN
from sklearn_sparse_nn.dask._tasks import size_of
from sklearn_sparse_nn.networks.averaging import learned

# With one part and with two, all rounds have 50 updates.
N_SAMPLES, BATCH_SIZE, ROUND, EPOCHS = 51_200, 128, 50, 4
WORKERS = 1, 2, 8, 64, 256, 1000
UPDATES = 50, 500
# What is sent to learn how long it takes: bytes, and how often.
SIZES, N_SENT = (10_000, 1_000_000, 10_000_000), 20
# Rounds that are simulated; an epoch has more.
N_SIMULATED = 50


def record(n_workers, X, y):
    """Seconds of each task of a fit, of an epoch, and of a task for the scheduler."""
    options = {"hidden_layer_sizes": (1000, 1000), "epsilon": 20, "tol": 0}
    options |= {"batch_size": BATCH_SIZE, "random_state": 0}
    cluster = LocalCluster(n_workers, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster) as client:
        chunks = len(X) // n_workers
        data = da.from_array(X, chunks=(chunks, -1)), da.from_array(y, chunks)
        data = client.persist(data)
        wait(data)
        some = [each[:256].rechunk({0: 128}) for each in data]
        DaskSETClassifier(**options, max_iter=2).fit(*some)
        client.get_task_stream()  # from now on it is recorded
        spent = {}
        for epochs in (1, 1 + EPOCHS):
            start, before = time.perf_counter(), time.time()
            model = DaskSETClassifier(
                **options, max_iter=epochs, algorithm=LocalSGD(ROUND)
            ).fit(*data)
            spent[epochs] = time.perf_counter() - start
        tasks = _spans(client, before)
        start = time.perf_counter()
        client.gather(client.map(_nothing, range(1000), pure=False))
        of_task = (time.perf_counter() - start) / 1000
        latency, of_byte = _sending(client) if n_workers > 1 else (0.0, 0.0)
    network = model._network
    return {
        "epoch": (spent[1 + EPOCHS] - spent[1]) / EPOCHS,
        "update": [s / ROUND for s in tasks["_train", "compute"]],
        "mean": float(np.median(tasks["_mean", "compute"])),
        "go_on": float(np.median(tasks["_go_on", "compute"])),
        "hold": float(np.median(tasks["_hold", "compute"])),
        "scheduler": of_task,
        "latency": latency,
        "byte": of_byte,
        "learned": sum(array.nbytes for array in learned(network)),
        "network": size_of(network),
        "connections": int(network.layers.indptr[-1]),
    }


def _spans(client, start):
    """Seconds of all that tasks have done since, by the function and what it is."""
    time.sleep(1)  # until the scheduler knows of the last tasks
    tasks = {}
    for task in client.get_task_stream(start=start):
        name = str(task["key"]).split("-")[0]
        for span in task["startstops"]:
            seconds = span["stop"] - span["start"]
            tasks.setdefault((name, span["action"]), []).append(seconds)
    return tasks


def _sending(client):
    """Seconds to get something from another worker: latency, and of each byte."""
    one, two = sorted(client.nthreads())
    medians = []
    for size in SIZES:
        start = time.time()
        for _ in range(N_SENT):
            data = client.submit(bytes, size, workers=[one], pure=False)
            client.submit(len, data, workers=[two], pure=False).result()
        medians.append(np.median(_spans(client, start)["len", "transfer"]))
    of_byte, latency = np.polyfit(SIZES, medians, 1)
    return max(0.0, float(latency)), float(of_byte)


def _nothing(_):
    pass


def seconds_of_round(n_workers, n_updates, costs, rng):
    """Simulated seconds of a round: to compute, to average, to spread, to schedule."""
    drawn = rng.choice(costs["update"], (n_workers, n_updates // ROUND))
    updates = n_updates * drawn.mean(axis=1)
    levels, left = [], n_workers
    while left > 1:
        levels.append(min(left, _FAN_IN))
        left = -(-left // _FAN_IN)
    latency, byte = costs["latency"], costs["byte"]
    sent, got = latency + byte * costs["learned"], latency + byte * costs["network"]
    average = costs["go_on"] + sum(
        costs["mean"] * n / 2 + (n - 1) * sent for n in levels
    )
    spread = np.ceil(np.log2(n_workers)) * got
    n_tasks = n_workers + sum(-(-n_workers // _FAN_IN**i) for i in range(1, 4)) + 2
    return updates.max(), average, spread, n_tasks * costs["scheduler"]


def simulate(n_workers, n_updates, costs):
    """Mean seconds of a round, in its four shares."""
    rng = np.random.default_rng(0)
    rounds = [
        seconds_of_round(n_workers, n_updates, costs, rng) for _ in range(N_SIMULATED)
    ]
    return np.mean(rounds, axis=0)


def speed_up(n_workers, n_updates, costs):
    """How many times as fast as one worker, by what samples take."""
    alone = np.mean(costs["update"])
    together = simulate(n_workers, n_updates, costs).sum()
    return n_workers * n_updates * alone / together


def draw(results):
    """Speed-up over workers, and what a round is made of; for the documentation."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    workers = results["workers"]
    axes[0].plot(workers, workers, color="0.7", label="ideal")
    for n_updates, values in results["speed_up"].items():
        axes[0].plot(workers, values, "o-", label=f"{n_updates} updates in a round")
    axes[0].set(xscale="log", yscale="log", xlabel="workers", ylabel="times as fast")
    axes[0].set_xticks(workers, [str(n) for n in workers])
    axes[0].minorticks_off()
    axes[0].legend()
    shares = np.array(results["shares"]["50"])
    shares = 100 * shares / shares.sum(axis=1, keepdims=True)
    bottom = np.zeros(len(workers))
    places = np.arange(len(workers))
    for name, share in zip(("updates", "mean", "spread", "scheduler"), shares.T):
        axes[1].bar(places, share, bottom=bottom, label=name)
        bottom += share
    axes[1].set_xticks(places, [str(n) for n in workers])
    axes[1].set(xlabel="workers", ylabel="% of a round of 50 updates")
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


def main():
    parser = argument_parser(__doc__, n_rounds=1)
    parser.add_argument(
        "--bandwidth", type=float, default=1.25e9, help="bytes in a second, %(default)s"
    )
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y, *_ = load("mnist")
    X, y = X[:N_SAMPLES], y[:N_SAMPLES]
    SETClassifier((10,), max_iter=1).fit(X[:64], y[:64])
    recorded = {n: record(n, X, y) for n in (1, 2)}
    rows = []
    for n, costs in recorded.items():
        n_rounds = N_SAMPLES // n // BATCH_SIZE // ROUND
        found = simulate(n, ROUND, costs).sum() * n_rounds
        found += costs["hold"] + 5 * costs["scheduler"]
        rows.append([str(n), f"{costs['epoch']:.3f}", f"{found:.3f}"])
    print_table(["workers", "seconds of an epoch", "simulated"], rows)
    # Alone, a worker does not share its caches and its memory.
    costs = recorded[2] | {"update": recorded[1]["update"]}
    print({k: v for k, v in costs.items() if k != "update"})
    costs["byte"] += 1 / args.bandwidth
    results = {
        "workers": list(WORKERS),
        "measured": rows,
        "costs": costs,
        "bandwidth": args.bandwidth,
        "speed_up": {},
        "shares": {},
    }
    for n_updates in UPDATES:
        task = n_updates, costs
        results["speed_up"][str(n_updates)] = [speed_up(n, *task) for n in WORKERS]
        results["shares"][str(n_updates)] = [
            simulate(n, *task).tolist() for n in WORKERS
        ]
    rows = [
        [str(n), *(f"{results['speed_up'][str(u)][i]:.1f}" for u in UPDATES)]
        for i, n in enumerate(WORKERS)
    ]
    print_table(["workers", *(f"{u} updates in a round" for u in UPDATES)], rows)
    report(describe_machine(), results, args)


if __name__ == "__main__":
    main()
