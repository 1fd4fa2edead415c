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

import os
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path
from statistics import median

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


def main():
    parser = argument_parser(__doc__, n_rounds=3)
    parser.add_argument("--data", default="mnist", choices=["mnist", "fashion_mnist"])
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--solver", default="adam", choices=["adam", "sgd"])
    parser.add_argument("--algorithms", nargs="+", default=["LocalSGD()"])
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y, X_test, y_test = load(args.data)
    options = {"hidden_layer_sizes": (1000, 1000), "epsilon": 20, "tol": 0}
    if args.solver == "sgd":
        # That of the paper of WASAP-SGD.
        options |= {"solver": "sgd", "learning_rate_init": 0.01, "batch_size": 128}
    if args.stream:  # there is one epoch, and rewiring within it
        options["evolution"] = SET(interval=STREAM_BLOCK // 200)
    known = {"LocalSGD": LocalSGD, "WASAPSGD": WASAPSGD, "FedDST": FedDST}
    algorithms = {name: eval(name, known) for name in args.algorithms}
    sides = ["one process", *([] if args.stream else ["halves"]), *algorithms]
    seconds, scores, training, sent = ({name: [] for name in sides} for _ in range(4))
    limit = {"memory_limit": "1.5GB"} if args.stream else {}
    cluster = LocalCluster(
        N_WORKERS, threads_per_worker=1, dashboard_address=None, **limit
    )
    with cluster, Client(cluster) as client, tempfile.TemporaryDirectory() as folder:
        if args.stream:
            path = str(Path(folder) / "stream")
            y = write_stream(client, path, X, y)
            data = blocks_of(client, path, y)
        else:
            chunks = -(-len(X) // N_WORKERS)
            data = da.from_array(X, chunks=(chunks, -1)), da.from_array(y, chunks)
            data = client.persist(data)
            wait(data)
        few = options | {"max_iter": 2, "random_state": 0}
        some = da.from_array(X[:256], chunks=(128, -1)), da.from_array(y[:256], 128)
        SETClassifier(**few).fit(X[:256], y[:256])
        for algorithm in algorithms.values():
            DaskSETClassifier(**few, algorithm=algorithm).fit(*some)
        for seed in range(args.rounds):
            here = options | {"max_iter": args.epochs, "random_state": seed}
            for name in sides:
                if name == "halves":
                    seconds[name].append(halves(client, data, here))
                    continue
                if name == "one process":
                    model = SETClassifier(**here, n_iter_no_change=np.inf)
                    train = partial(model.fit, X, y)
                    if args.stream:
                        train = partial(train_by_chunks, model, path, y)
                    seconds[name].append(timed(train))
                else:
                    model = DaskSETClassifier(
                        **here, n_iter_no_change=np.inf, algorithm=algorithms[name]
                    )
                    if isinstance(algorithms[name], FedDST):
                        federated = algorithms[name]
                        share = federated.participation * federated.local_epochs
                        n_rounds = round(args.epochs / share)
                        model.set_params(evolution="rigl", max_iter=n_rounds)
                    with Watch(client) as watch:
                        seconds[name].append(timed(partial(model.fit, *data)))
                    training[name].append(watch.training)
                    n_rounds, n = len(model.bytes_per_round_), model.n_connections_
                    of_round = median(model.bytes_per_round_) / n.sum()
                    counted = watch.sent / n_rounds / n.sum()
                    sent[name].append((of_round, counted, n_rounds))
                    model = model.to_local()
                scores[name].append(model.score(X_test, y_test))
                print(name, seed, seconds[name][-1], scores[name][-1], flush=True)
    show(seconds, scores, training, sent, args)


def show(seconds, scores, training, sent, args):
    results, rows, alone = {}, [], seconds["one process"]
    for name in seconds:
        found = ratio(alone, seconds[name])
        results[name] = {"score": scores[name], "speed_up": found}
        row = [name, "", format_ratio(found), "", "", ""]
        if scores[name]:
            row[1] = f"{np.mean(scores[name]):.4f} ± {np.std(scores[name]):.4f}"
        if training[name]:
            computation = ratio(alone, training[name])
            of_round, counted, n_rounds = map(median, zip(*sent[name]))
            row[3:] = [
                format_ratio(computation),
                f"{of_round:.1f}",
                f"{counted:.1f}",
            ]
            results[name] |= {
                "computation": computation,
                "bytes": sent[name],
                "rounds": n_rounds,
                "seconds": seconds[name],
            }
        rows.append(row)
    header = ["", "test accuracy", "times as fast", "in computation"]
    header += ["bytes for a connection in a round", "counted"]
    print_table(header, rows)
    report(describe_machine(), results, args)


if __name__ == "__main__":
    main()
