"""Two workers of a local Dask cluster beside one process of one thread.

Images of MNIST, or of Fashion-MNIST, two hidden layers of 1,000 neurons, `epsilon=20`,
other parameters by default, equal numbers of samples. Both sides run in turns, with a
seed for each round; the data are on the workers before, and all kernels are compiled::

    SPARSE_NN_DATA=data python benchmarks/dask_training.py --algorithms "LocalSGD()"

Seconds are those of `fit`. "In computation" compares with the seconds of the worker
that trained longer; to average, to send and to wait does not count. Halves are two
processes that each train alone on half of the data at the same time: what this machine
allows at best. With ``--stream`` the data are two million images in a file, made from
those of MNIST by small turns, shifts and other sizes. One pass over them is made, block
by block, with workers of 1.5 GB: as floats the images take 6.3 GB.

Bytes are what the parts send and get in the median round, as `fit` notes them, and what
the workers have counted themselves, for each round.
"""

import json
import os
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

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
from dask import delayed
from distributed import Client, LocalCluster, wait
from scipy.ndimage import affine_transform
from sklearn.exceptions import ConvergenceWarning

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.dask import WASAPSGD, DaskSETClassifier, FedDST, LocalSGD
from sklearn_sparse_nn.evolution import SET

N_WORKERS = 2
N_STREAM, STREAM_BLOCK = 2_000_000, 50_000
# What trains; all else is to average, to send and to wait.
_TRAINING = "_train", "_contribute", "_train_on", "_train_here"


def load(name):
    archive = np.load(Path(os.environ["SPARSE_NN_DATA"]) / f"{name}.npz")
    X, X_test = (
        archive[f"x_{part}"].reshape(-1, 784).astype(np.float32) / np.float32(255)
        for part in ("train", "test")
    )
    return X, archive["y_train"].astype(int), X_test, archive["y_test"].astype(int)


def deformed(image, rng):
    """An image turned by up to 15 degrees, of another size, and moved by 2 pixels."""
    angle, size = np.deg2rad(rng.uniform(-15, 15)), rng.uniform(0.85, 1.15, 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn / size
    shift = 13.5 - matrix @ (13.5 + rng.uniform(-2, 2, 2))
    return affine_transform(image, matrix, shift, order=1)


def write_block(path, number, images):
    """Write a block of the stream; return which images it was made from."""
    rng = np.random.default_rng(number)
    chosen = rng.integers(len(images), size=STREAM_BLOCK)
    block = np.array([deformed(images[i].reshape(28, 28), rng) for i in chosen])
    block = np.clip(np.rint(255 * block), 0, 255).astype(np.uint8).reshape(-1, 784)
    here = _mapped(path, "r+")[number * STREAM_BLOCK : (number + 1) * STREAM_BLOCK]
    here[:] = block
    return chosen


def _mapped(path, mode):
    return np.memmap(path, np.uint8, mode, shape=(N_STREAM, 784))


def read_block(path, number):
    here = _mapped(path, "r")[number * STREAM_BLOCK : (number + 1) * STREAM_BLOCK]
    return here.astype(np.float32) / np.float32(255)


def write_stream(client, path, X, y):
    """Write the stream; return its labels."""
    _mapped(path, "w+").flush()
    images = client.scatter([X], broadcast=True)[0]
    numbers = range(N_STREAM // STREAM_BLOCK)
    chosen = client.gather(
        [client.submit(write_block, path, number, images) for number in numbers]
    )
    return y[np.concatenate(chosen)]


def train_by_chunks(model, path, y):
    """One process: a pass over the stream."""
    for number in range(N_STREAM // STREAM_BLOCK):
        here = slice(number * STREAM_BLOCK, (number + 1) * STREAM_BLOCK)
        model.partial_fit(read_block(path, number), y[here], classes=np.arange(10))


def timed(train):
    start = time.perf_counter()
    train()
    return time.perf_counter() - start


def halves(client, data, parameters):
    """Seconds in which two processes train alone, each on half of the data."""
    parts = zip(*(client.compute(np.ravel(d.to_delayed()).tolist()) for d in data))
    tasks = [
        client.submit(_train_alone, *part, parameters, workers=[worker], pure=False)
        for part, worker in zip(parts, sorted(client.nthreads()))
    ]
    return max(client.gather(tasks))


def _train_alone(X, y, parameters):
    X, y = np.array(X), np.array(y)
    model = SETClassifier(**parameters)
    warnings.simplefilter("ignore", ConvergenceWarning)
    return timed(partial(model.fit, X, y))


class Watch:
    """What workers compute and send while something runs on a cluster."""

    def __init__(self, client):
        self._client = client
        client.get_task_stream()  # from now on it is recorded

    def __enter__(self):
        self._start, self._sent = time.time(), self._count()
        return self

    def __exit__(self, *exception):
        time.sleep(1)  # until the scheduler knows of the last tasks
        seconds = {}
        for task in self._client.get_task_stream(start=self._start):
            if str(task["key"]).split("-")[0] in _TRAINING:
                spans = [s for s in task["startstops"] if s["action"] == "compute"]
                spent = sum(s["stop"] - s["start"] for s in spans)
                worker = task["worker"]
                seconds[worker] = seconds.get(worker, 0) + spent
        self.training = max(seconds.values())
        self.sent = self._count() - self._sent

    def _count(self):
        return sum(self._client.run(_bytes_sent).values())


def _bytes_sent(dask_worker):
    return dask_worker.transfer_outgoing_bytes_total


def blocks_of(client, path, y):
    blocks = [
        da.from_delayed(delayed(read_block)(path, i), (STREAM_BLOCK, 784), np.float32)
        for i in range(N_STREAM // STREAM_BLOCK)
    ]
    return da.concatenate(blocks), da.from_array(y, chunks=STREAM_BLOCK)


class Sides(NamedTuple):
    """What is compared, on which data.

    Attributes
    ----------
    options : dict
        Parameters of all networks.
    train_one : callable
        Train an ordinary estimator.
    data : tuple of dask.array.Array
    client : distributed.Client
    algorithms : dict of str to object
    """

    options: dict
    train_one: object
    data: tuple
    client: Client
    algorithms: dict

    def warm_up(self, X, y):
        """Compile, here and on the workers."""
        few = self.options | {"max_iter": 2, "random_state": 0}
        SETClassifier(**few).fit(X, y)
        some = da.from_array(X, chunks=(len(X) // 2, -1)), da.from_array(y, len(X) // 2)
        for algorithm in self.algorithms.values():
            DaskSETClassifier(**few, algorithm=algorithm).fit(*some)

    def one_process(self, seed, n_epochs):
        model = SETClassifier(**self.options, max_iter=n_epochs, random_state=seed)
        return model, {"seconds": timed(partial(self.train_one, model))}

    def halves(self, seed, n_epochs):
        here = self.options | {"max_iter": n_epochs, "random_state": seed}
        return None, {"seconds": halves(self.client, self.data, here)}

    def together(self, name, seed, n_epochs):
        algorithm = self.algorithms[name]
        model = DaskSETClassifier(
            **self.options, max_iter=n_epochs, random_state=seed, algorithm=algorithm
        )
        if isinstance(algorithm, FedDST):
            share = algorithm.participation * algorithm.local_epochs
            model.set_params(evolution="rigl", max_iter=round(n_epochs / share))
        with Watch(self.client) as watch:
            seconds = timed(partial(model.fit, *self.data))
        n_rounds, n = len(model.bytes_per_round_), model.n_connections_.sum()
        return model.to_local(), {
            "seconds": seconds,
            "training": watch.training,
            "rounds": n_rounds,
            "bytes": median(model.bytes_per_round_) / n,
            "counted": watch.sent / n_rounds / n,
        }

    def run(self, name, seed, n_epochs):
        """A side by its name: the model, if there is one for all data, and figures."""
        if name == "one process":
            return self.one_process(seed, n_epochs)
        if name == "halves":
            return self.halves(seed, n_epochs)
        return self.together(name, seed, n_epochs)


def main():
    parser = argument_parser(__doc__, n_rounds=3)
    parser.add_argument("--data", default="mnist", choices=["mnist", "fashion_mnist"])
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--solver", default="adam", choices=["adam", "sgd"])
    parser.add_argument("--algorithms", nargs="+", default=["LocalSGD()"])
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    known = {"LocalSGD": LocalSGD, "WASAPSGD": WASAPSGD, "FedDST": FedDST}
    algorithms = {name: eval(name, known) for name in args.algorithms}
    X, y, X_test, y_test = load(args.data)
    limit = {"memory_limit": "1.5GB"} if args.stream else {}
    cluster = LocalCluster(
        N_WORKERS, threads_per_worker=1, dashboard_address=None, **limit
    )
    with cluster, Client(cluster) as client, tempfile.TemporaryDirectory() as folder:
        if args.stream:
            path = str(Path(folder) / "stream")
            y_stream = write_stream(client, path, X, y)
            data = blocks_of(client, path, y_stream)
            train_one = partial(train_by_chunks, path=path, y=y_stream)
        else:
            chunks = -(-len(X) // N_WORKERS)
            data = da.from_array(X, chunks=(chunks, -1)), da.from_array(y, chunks)
            data = client.persist(data)
            wait(data)
            train_one = partial(SETClassifier.fit, X=X, y=y)
        sides = Sides(options_of(args), train_one, data, client, algorithms)
        sides.warm_up(X[:256], y[:256])
        names = ["one process", *([] if args.stream else ["halves"]), *algorithms]
        figures = {name: [] for name in names}
        for seed in range(args.rounds):
            for name in names:
                model, found = sides.run(name, seed, args.epochs)
                if model is not None:
                    found["score"] = model.score(X_test, y_test)
                figures[name].append(found)
                print(name, seed, found, flush=True)
    show(figures)
    add(figures, args)


def options_of(args):
    """Parameters of all networks."""
    options = {"hidden_layer_sizes": (1000, 1000), "epsilon": 20}
    options |= {"tol": 0, "n_iter_no_change": np.inf}
    if args.solver == "sgd":  # that of the paper of WASAP-SGD
        options |= {"solver": "sgd", "learning_rate_init": 0.01, "batch_size": 128}
    if args.stream:  # there is one epoch, and rewiring within it
        options["evolution"] = SET(interval=STREAM_BLOCK // 200)
    return options


def show(figures):
    """A table of all sides."""

    def series(name, quantity):
        return [found[quantity] for found in figures[name] if quantity in found]

    rows, alone = [], series("one process", "seconds")
    for name in figures:
        seconds = series(name, "seconds")
        row = [name, "", f"{median(seconds):.1f}", format_ratio(ratio(alone, seconds))]
        if scores := series(name, "score"):
            row[1] = f"{np.mean(scores):.4f} ± {np.std(scores):.4f}"
        if training := series(name, "training"):
            row.append(format_ratio(ratio(alone, training)))
            rounds = zip(seconds, series(name, "rounds"), strict=True)
            row.append(f"{median(each / n for each, n in rounds):.3f}")
            row += [
                f"{median(series(name, each)):.1f}" for each in ("bytes", "counted")
            ]
        rows.append(row + [""] * (8 - len(row)))
    header = ["", "test accuracy", "seconds", "times as fast", "in computation"]
    header += ["seconds of a round", "bytes for a connection in a round", "counted"]
    print_table(header, rows)


def add(figures, args):
    """Add the figures to those of other settings in the file."""
    results = {}
    if args.json is not None and args.json.exists():
        results = json.loads(args.json.read_text())["results"]
    name = "stream" if args.stream else args.data
    results[f"{name}, {args.solver}"] = figures
    report(describe_machine(), results, args)


if __name__ == "__main__":
    main()
