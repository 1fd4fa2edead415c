"""Two workers of a local Dask cluster beside one process of one thread.

Images of MNIST, or of Fashion-MNIST, two hidden layers of 1,000 neurons, `epsilon=20`,
other parameters by default, equal numbers of epochs. Both sides run in turns, with a
seed for each round; the data are on the workers before, and all kernels are compiled::

    SPARSE_NN_DATA=data python benchmarks/dask_training.py --algorithms "LocalSGD()"

Seconds are those of `fit`. Bytes of a round are what the workers send: the weights, the
biases and the optimiser's state of each part, and the network to each other worker.
"""

import os
import pickle
import time
import warnings
from pathlib import Path

import dask.array as da
import numpy as np
from common import (
    argument_parser,
    describe_machine,
    format_ratio,
    print_table,
    ratio,
    report,
)
from distributed import Client, LocalCluster, wait
from sklearn.exceptions import ConvergenceWarning

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.dask import DaskSETClassifier, LocalSGD
from sklearn_sparse_nn.networks.averaging import learned

N_WORKERS = 2


def load(name):
    archive = np.load(Path(os.environ["SPARSE_NN_DATA"]) / f"{name}.npz")
    X, X_test = (
        archive[f"x_{part}"].reshape(-1, 784).astype(np.float32) / np.float32(255)
        for part in ("train", "test")
    )
    return X, archive["y_train"].astype(int), X_test, archive["y_test"].astype(int)


def timed(model, X, y):
    start = time.perf_counter()
    model.fit(X, y)
    return time.perf_counter() - start


def bytes_of_a_round(model):
    """What two workers send, for each connection."""
    network = model._network
    sent = N_WORKERS * len(pickle.dumps(learned(network)))
    return sent + (N_WORKERS - 1) * len(pickle.dumps(network))


def main():
    parser = argument_parser(__doc__, n_rounds=3)
    parser.add_argument("--data", default="mnist", choices=["mnist", "fashion_mnist"])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--algorithms", nargs="+", default=["LocalSGD()"])
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y, X_test, y_test = load(args.data)
    options = {"hidden_layer_sizes": (1000, 1000), "epsilon": 20}
    names = {"LocalSGD": LocalSGD}
    sides = {"one process": None} | {a: eval(a, names) for a in args.algorithms}
    seconds, scores = {n: [] for n in sides}, {n: [] for n in sides}
    cluster = LocalCluster(N_WORKERS, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster) as client:
        chunks = -(-len(X) // N_WORKERS)
        data = da.from_array(X, chunks=(chunks, -1)), da.from_array(y, chunks=chunks)
        data = client.persist(data)
        wait(data)
        few = options | {"max_iter": 2, "random_state": 0}
        DaskSETClassifier(**few).fit(*(each[:256].rechunk(128) for each in data))
        SETClassifier(**few).fit(X[:256], y[:256])
        for seed in range(args.rounds):
            here = options | {"max_iter": args.epochs, "random_state": seed}
            for name, algorithm in sides.items():
                if algorithm is None:
                    model = SETClassifier(**here)
                    seconds[name].append(timed(model, X, y))
                else:
                    model = DaskSETClassifier(**here, algorithm=algorithm)
                    seconds[name].append(timed(model, *data))
                    model = model.to_local()
                scores[name].append(model.score(X_test, y_test))
                print(name, seed, seconds[name][-1], scores[name][-1], flush=True)
    results = {}
    for name in sides:
        found = ratio(seconds["one process"], seconds[name])
        results[name] = {"score": scores[name], "speed_up": found}
    rows = []
    for name, result in results.items():
        score = f"{np.mean(result['score']):.4f} ± {np.std(result['score']):.4f}"
        rows.append([name, score, format_ratio(result["speed_up"])])
    print_table([args.data, "test accuracy", "times as fast as one process"], rows)
    sent, n_connections = bytes_of_a_round(model), model.n_connections_.sum()
    print(f"{sent:,} bytes in a round, {sent / n_connections:.1f} for each connection")
    results["bytes of a round"] = {"sent": sent, "connections": int(n_connections)}
    report(describe_machine(), results, args)


if __name__ == "__main__":
    main()
