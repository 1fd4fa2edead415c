"""Federated clients that know two classes each: connections that change or do not.

Digits of 8 by 8 pixels, sorted by class and cut into 20 pieces, of which each of ten
clients has two. Networks of two hidden layers of 100 neurons, `epsilon=3`; 40 rounds
of five local epochs with half of the clients, SGD. Clients rewire by RigL in every
other of the first 20 rounds, after the epoch that is named. Balanced accuracy on a
quarter of the samples that is set aside; beside it that of one network that has seen
all samples as often::

    python benchmarks/label_skew.py
"""

import warnings

import dask.array as da
import numpy as np
from common import argument_parser, describe_machine, print_means, report
from distributed import Client
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.dask import DaskSETClassifier, FedDST

N_CLIENTS, N_PIECES, LOCAL_EPOCHS, N_ROUNDS = 10, 20, 5, 40
PARTICIPATION = 0.5
SIDES = {
    "fixed connections": None,
    "rewired after epoch 1": 1,
    "rewired after epoch 3 (default)": 3,
    "rewired after epoch 5 (the last)": 5,
}
TOGETHER = "all samples in one place"


def deal(y, rng):
    """Samples in the order of their clients, and how many each has."""
    pieces = np.array_split(np.argsort(y, kind="stable"), N_PIECES)
    dealt = rng.permutation(N_PIECES).reshape(N_CLIENTS, -1)
    clients = [np.concatenate([pieces[i] for i in mine]) for mine in dealt]
    return np.concatenate(clients), tuple(map(len, clients))


def score_of(side, seed):
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.25, stratify=y, random_state=seed
    )
    options = {"epsilon": 3, "solver": "sgd", "learning_rate_init": 0.01}
    options |= {"batch_size": 32, "tol": 0, "n_iter_no_change": np.inf}
    options |= {"random_state": seed, "hidden_layer_sizes": (100, 100)}
    if side == TOGETHER:
        n_epochs = round(PARTICIPATION * LOCAL_EPOCHS * N_ROUNDS)
        model = SETClassifier(**options, evolution="rigl", max_iter=n_epochs).fit(X, y)
    else:
        order, sizes = deal(y, np.random.default_rng(seed))
        blocks = (
            da.from_array(X[order], chunks=(sizes, -1)),
            da.from_array(y[order], chunks=(sizes,)),
        )
        algorithm = FedDST(
            PARTICIPATION,
            LOCAL_EPOCHS,
            interval=2 if SIDES[side] else None,
            rewiring_epoch=SIDES[side],
        )
        model = DaskSETClassifier(
            **options, evolution="rigl", max_iter=N_ROUNDS, algorithm=algorithm
        )
        model = model.fit(*blocks).to_local()
    return balanced_accuracy_score(y_test, model.predict(X_test))


def main():
    args = argument_parser(__doc__, n_rounds=5).parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    options = {"threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with Client(n_workers=2, **options):
        results = {
            side: [score_of(side, seed) for seed in range(args.rounds)]
            for side in [*SIDES, TOGETHER]
        }
    print_means(results, "balanced accuracy", 3)
    report(describe_machine(), results, args)


if __name__ == "__main__":
    main()
