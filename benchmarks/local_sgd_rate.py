"""How the learning rate of local SGD should grow with the parts: Fashion-MNIST.

Two hidden layers of 500 neurons, `epsilon=20`, 12 epochs, tol=0. Two parts, each on a
thread of one process, average after 50 updates and grow to their rate over 3 epochs.
Test accuracy of each seed, beside that of one process::

    SPARSE_NN_DATA=data python benchmarks/local_sgd_rate.py --json FILE
"""

import warnings

import dask.array as da
import numpy as np
from common import argument_parser, describe_machine, print_table, report
from dask_training import load
from distributed import Client
from sklearn.exceptions import ConvergenceWarning

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.dask import DaskSETClassifier, LocalSGD

N_PARTS, WARM_UP = 2, 3
RATES = {"adam": 0.005, "sgd": 0.05}
FACTORS = 1.0, 1.41, 2.0
ONE = "one process"


def score_of(solver, algorithm, seed):
    """Test accuracy of one process, if there is no algorithm, or of two parts."""
    X, y, X_test, y_test = load("fashion_mnist")
    options = {"hidden_layer_sizes": (500, 500), "epsilon": 20, "max_iter": 12}
    options |= {"tol": 0, "n_iter_no_change": np.inf, "random_state": seed}
    options |= {"solver": solver, "learning_rate_init": RATES[solver]}
    if algorithm is None:
        return SETClassifier(**options).fit(X, y).score(X_test, y_test)
    chunk = len(X) // N_PARTS
    data = da.from_array(X, chunks=(chunk, -1)), da.from_array(y, chunks=chunk)
    model = DaskSETClassifier(**options, algorithm=algorithm).fit(*data)
    return model.to_local().score(X_test, y_test)


def sides():
    """What is compared, by name: a solver, and an algorithm or None."""
    found = {}
    for solver in RATES:
        found[f"{solver}, {ONE}"] = solver, None
        for factor in FACTORS:
            algorithm = LocalSGD(50, learning_rate_factor=factor, warm_up=WARM_UP)
            found[f"{solver}, {factor:g}"] = solver, algorithm
    often = LocalSGD(10, learning_rate_factor=2.0, warm_up=WARM_UP)
    return found | {"adam, 2, 10 updates": ("adam", often)}


def main():
    args = argument_parser(__doc__, n_rounds=3).parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    results = {name: [] for name in sides()}
    options = {"threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with Client(n_workers=N_PARTS, **options):
        for seed in range(args.rounds):
            for name, side in sides().items():
                results[name].append(score_of(*side, seed))
                print(seed, name, results[name][-1], flush=True)
    rows = [
        [name, f"{np.mean(found):.4f} ± {np.std(found):.4f}"]
        for name, found in results.items()
    ]
    print_table(["", "test accuracy"], rows)
    report(describe_machine(), results, args)


if __name__ == "__main__":
    main()
