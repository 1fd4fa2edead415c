"""How the learning rate of local SGD should grow with the parts: Fashion-MNIST.

Two hidden layers of 500 neurons, `epsilon=20`, 12 epochs. Two parts, or eight, on
threads of one process, average after 50 updates, or fewer in the end of an epoch, and
grow to their rate over 3 epochs. The rate is that of one process, times the square root
of the parts, and times the parts. Test accuracy, beside that of one process::

    SPARSE_NN_DATA=data python benchmarks/local_sgd_rate.py --json FILE
"""

import warnings
from itertools import product

import dask.array as da
import numpy as np
from common import argument_parser, describe_machine, print_means, report
from dask_training import load
from distributed import Client
from sklearn.exceptions import ConvergenceWarning

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.dask import DaskSETClassifier, LocalSGD

PARTS, WARM_UP = (2, 8), 3
RATES = {"adam": 0.005, "sgd": 0.05}
EXPONENTS = 0.0, 0.5, 1.0


def score_of(solver, n_parts, algorithm, seed):
    """Test accuracy of so many parts, or of one process, which needs no algorithm."""
    X, y, X_test, y_test = load("fashion_mnist")
    options = {"hidden_layer_sizes": (500, 500), "epsilon": 20, "max_iter": 12}
    options |= {"tol": 0, "n_iter_no_change": np.inf, "random_state": seed}
    options |= {"solver": solver, "learning_rate_init": RATES[solver]}
    if n_parts == 1:
        return SETClassifier(**options).fit(X, y).score(X_test, y_test)
    chunk = len(X) // n_parts
    data = da.from_array(X, chunks=(chunk, -1)), da.from_array(y, chunks=chunk)
    workers = {"n_workers": n_parts, "threads_per_worker": 1, "processes": False}
    # Each would count the memory of the one process as its own.
    with Client(**workers, memory_limit=0, dashboard_address=None):
        model = DaskSETClassifier(**options, algorithm=algorithm).fit(*data)
    return model.to_local().score(X_test, y_test)


def sides():
    """What is compared, by name: a solver, a number of parts, and an algorithm."""
    found = {}
    for solver in RATES:
        found[f"{solver}, 1"] = solver, 1, None
        for n, exponent in product(PARTS, EXPONENTS):
            algorithm = LocalSGD(50, learning_rate_factor=n**exponent, warm_up=WARM_UP)
            found[f"{solver}, {n} to the {exponent}"] = solver, n, algorithm
    return found


def main():
    args = argument_parser(__doc__, n_rounds=3).parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    results = {name: [] for name in sides()}
    for seed in range(args.rounds):
        for name, side in sides().items():
            results[name].append(score_of(*side, seed))
            print(seed, name, results[name][-1], flush=True)
    print_means(results, "test accuracy", 4)
    report(describe_machine(), results, args)


if __name__ == "__main__":
    main()
