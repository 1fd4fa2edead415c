"""How long a fitted network takes to predict: one image, and all test images of MNIST.

A network 784-1000-1000-1000-10 at epsilon=20 against scikit-learn's `MLPClassifier` and
PyTorch of the same shape with all connections. What the weights are does not matter
here, so that they are trained but briefly, or not at all. Images are float32 rows of
NumPy, and the answer is a NumPy array. The time for one image is the median of many
calls in a row.

All sides live in one process. Each rests before it is timed, so that the threads of the
one before no longer spin.

    python benchmarks/inference.py

PyTorch is optional: it is left out where it cannot be imported.
"""

import warnings
from functools import partial
from statistics import median

import numpy as np
from common import (
    argument_parser,
    describe_machine,
    format_ratio,
    interleave,
    load_mnist,
    print_table,
    ratio,
    report,
    stopwatch,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from sklearn_sparse_nn import SETClassifier

try:
    import torch
except ImportError:
    torch = None

HIDDEN, EPSILON = (1000, 1000, 1000), 20


class TorchClassifier:
    """The dense network in PyTorch, with the methods of scikit-learn."""

    def __init__(self, n_features, n_classes):
        layers, n_inputs = [], n_features
        for n_neurons in HIDDEN:
            layers += [torch.nn.Linear(n_inputs, n_neurons), torch.nn.ReLU()]
            n_inputs = n_neurons
        layers.append(torch.nn.Linear(n_inputs, n_classes))
        self.model = torch.nn.Sequential(*layers).eval()

    def predict(self, X):
        with torch.inference_mode():
            return self.model(torch.from_numpy(X)).argmax(dim=1).numpy()

    def predict_proba(self, X):
        with torch.inference_mode():
            return self.model(torch.from_numpy(X)).softmax(dim=1).numpy()


def fit_models(X, y):
    """The sides, fitted to a few images."""
    sparse = SETClassifier(HIDDEN, epsilon=EPSILON, max_iter=1, random_state=0)
    dense = MLPClassifier(HIDDEN, random_state=0)
    models = {
        "ours": sparse.fit(X, y),
        "MLPClassifier": dense.partial_fit(X, y, classes=np.unique(y)),
    }
    if torch is not None:
        models["PyTorch"] = TorchClassifier(X.shape[1], len(np.unique(y)))
    return models


def median_of_calls(call, n_calls):
    """The median time of calls in a row."""
    return median(stopwatch(call)() for _ in range(n_calls))


def compare(models, method, X, n_calls, n_threads, args):
    """Interleaved seconds of one method of all models, and their ratios to ours."""
    models["ours"].set_params(n_jobs=n_threads)
    if torch is not None:
        torch.set_num_threads(n_threads)
    sides = {}
    for name, model in models.items():
        call = partial(getattr(model, method), X)
        call()  # compiles, and wakes up what is lazy
        sides[name] = partial(median_of_calls, call, n_calls)
    with threadpool_limits(n_threads):
        seconds = interleave(sides, args.rounds, args.pause)
    times_ours = {name: ratio(s, seconds["ours"]) for name, s in seconds.items()}
    return {"seconds": seconds, "times_ours": times_ours}


def print_results(results):
    rows = []
    for task, result in results.items():
        for side, seconds in result["seconds"].items():
            ratios = format_ratio(result["times_ours"][side])
            rows.append([f"{task}: {side}", f"{median(seconds) * 1e3:.3f}", ratios])
    print_table(["", "ms", "times ours"], rows)


def draw(results):
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
    peers = [side for side in next(iter(results.values()))["seconds"] if side != "ours"]
    places = np.arange(len(results))
    for peer, shift in zip(peers, (-0.1, 0.1)):
        spreads = [result["times_ours"][peer] for result in results.values()]
        middle, least, greatest = np.transpose(spreads)
        spread = [middle - least, greatest - middle]
        ax.errorbar(middle, places + shift, xerr=spread, fmt="o", label=peer)
    ax.axvline(1, color="0.4", linestyle="--", linewidth=1)
    ax.set_yticks(places, list(results))
    ax.invert_yaxis()
    ax.set(xscale="log", xlabel="times ours")
    ax.set_xticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
    ax.minorticks_off()
    ax.legend()
    figure.suptitle("Time of dense networks of the same shape to predict")
    return figure


def main():
    parser = argument_parser(__doc__, n_rounds=9)
    parser.add_argument("--calls", type=int, default=300, help="with one image")
    parser.add_argument("--pause", type=float, default=0.3, help="seconds of rest")
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    X_train, y_train, X, _ = load_mnist()
    models = fit_models(X_train[:2000], y_train[:2000])
    tasks = {
        "predict 1 image": ("predict", X[:1], args.calls),
        "predict_proba of 1 image": ("predict_proba", X[:1], args.calls),
        "predict 10,000 images": ("predict", X, 1),
    }
    results = {}
    for task, what in tasks.items():
        for n_threads in (1, 2):
            label = f"{task}, {n_threads} thread{'s' * (n_threads > 1)}"
            results[label] = compare(models, *what, n_threads, args)
    print_results(results)
    report(describe_machine(), results, args, draw)


if __name__ == "__main__":
    main()
