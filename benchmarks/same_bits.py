"""Whether two checkouts compute the same bits, where a change is to keep results.

A table of configurations of all estimators is trained on small data, with one
thread and with two, in a fresh process for each checkout, which compiles all its code.
Of each, a digest is taken: of the layers, the state of the optimiser, and whatever else
the network learns, of the loss curve, and of what the estimator makes of the samples.

    python benchmarks/same_bits.py                     # print the digests
    python benchmarks/same_bits.py --other CHECKOUT    # print which differ

The exit status is 1 if any differs or fails.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.preprocessing import minmax_scale

import sklearn_sparse_nn
from sklearn_sparse_nn import (
    QuickSelectionSelector,
    SETAutoencoder,
    SETClassifier,
    SETFeatureSelector,
    SETRBMTransformer,
    SETRegressor,
)

try:
    from sklearn_sparse_nn.evolution import SET
except ImportError:  # a checkout from before rules had a floor of their own
    from sklearn_sparse_nn.topology import SET

N_SAMPLES = 400
FAILED = "failed: "
ACTIVATIONS = "relu", "all_relu", "leaky_relu", "tanh", "logistic", "identity"
# Without `interval`, which has not always been asked about within an epoch.
RANDOM_SET = SET(min_updates=5, grown_weights="random")


class Greedy(SET):
    """Grows where the gradient of the last mini-batch is largest."""

    def grow(self, layer, n_grown):
        gradient = np.abs(layer.gradient(np.arange(layer.n_neurons))).ravel()
        gradient[layer.cells] = -1
        return np.sort(np.argsort(-gradient, kind="stable")[:n_grown])


GREEDY = Greedy(min_updates=5)

# What an estimator may have to show, and a network or what it consists of.
METHODS = "predict_proba", "predict", "transform", "reconstruct", "score_samples"
FINDINGS = "validation_scores_", "importances_", "strength_", "ranking_"
CURVES = "loss_curve_", "reconstruction_error_curve_"
ARRAYS = "layers", "state", "visible", "chains", "shifts", "scales", "n_rewired"


def data_sets():
    """Kinds of X in [0, 1], and kinds of y, by name."""
    X, y = make_classification(
        N_SAMPLES, 40, n_informative=12, n_classes=4, random_state=0
    )
    X, rng = minmax_scale(X).clip(0, 1), np.random.default_rng(0)
    csr = sparse.csr_array(np.where(X > 0.6, X, 0).astype(np.float32))
    wide = sparse.random_array((N_SAMPLES, 2000), density=0.01, rng=rng)
    samples = {
        "float32": X.astype(np.float32),
        "float64": X,
        "csr": csr,
        "csc": csr.tocsc(),
        "wide": wide.tocsr().astype(np.float32),
    }
    targets = {
        "classes": y,
        "binary": y > 1,
        "multilabel": np.stack([y % 2, y // 2, y == 3], axis=1),
        "numbers": X[:, 0] + X[:, 1] * X[:, 2],
        "outputs": X[:, :3] ** 2,
    }
    return samples, targets


def fit(estimator, X, y):
    estimator.fit(X, y)


def weighted(estimator, X, y):
    """Fit, and every seventh sample does not count."""
    weights = np.random.default_rng(1).uniform(0.5, 2, len(y))
    weights[::7] = 0
    estimator.fit(X, y, sample_weight=weights)


def in_chunks(estimator, X, y):
    """Two passes over the data, in three chunks each, of which the last is smaller."""
    more = {"classes": np.unique(y)} if hasattr(estimator, "predict_proba") else {}
    for _ in range(2):
        for start in range(0, N_SAMPLES, 150):
            chunk = slice(start, start + 150)
            estimator.partial_fit(X[chunk], y[chunk], **more)
            more = {}


def warm(estimator, X, y):
    """Fit, and go on with another fit."""
    estimator.set_params(warm_start=True).fit(X, y).fit(X, y)


# What each estimator begins with, and what each configuration changes. `X` and `y` name
# the data, `train` is a function of those above.
SMALL = {"epsilon": 3, "batch_size": 32, "random_state": 0}
MLP = SMALL | {
    "hidden_layer_sizes": (60, 50),
    "max_iter": 4,
    "learning_rate_init": 0.01,
}
LARGE = {"epsilon": 20, "batch_size": 100}
BASES = {
    SETClassifier: MLP | {"y": "classes"},
    SETRegressor: MLP | {"y": "numbers"},
    SETRBMTransformer: SMALL | {"n_components": 60, "n_iter": 4},
    SETAutoencoder: MLP | {"hidden_layer_sizes": 60},
    QuickSelectionSelector: SMALL
    | {"n_features_to_select": 8, "hidden_layer_sizes": (60,), "max_iter": 4},
    SETFeatureSelector: MLP
    | {"n_features_to_select": 8, "stability_selection": 2, "y": "classes"},
}
CHANGES = {
    SETClassifier: [
        *(dict(activation=name) for name in ACTIVATIONS),
        dict(activation="all_relu", all_relu_slope=0.3, hidden_layer_sizes=(50,) * 4),
        dict(LARGE, hidden_layer_sizes=(2000, 1000)),
        dict(LARGE, hidden_layer_sizes=3000, solver="sgd", dropout=0.3, X="wide"),
        dict(solver="sgd"),
        dict(solver="sgd", nesterovs_momentum=False),
        dict(solver="sgd", momentum=0.0),
        dict(solver="sgd", learning_rate="invscaling"),
        dict(solver="sgd", learning_rate="adaptive", tol=10.0, n_iter_no_change=1),
        dict(solver="sgd", dropout=0.3),
        dict(dropout=0.3),
        dict(dropout=0.3, X="csr", y="binary"),
        dict(beta_1=0.8, beta_2=0.99, adam_epsilon=1e-6),
        dict(alpha=0.0),
        dict(solver="sgd", alpha=5.0),
        dict(batch_size="auto", evolution=SET(min_updates=2)),
        dict(batch_size=7, zeta=0.5),
        dict(shuffle=False),
        dict(train=weighted),
        dict(train=weighted, class_weight="balanced", X="csr"),
        dict(class_weight={0: 1.0, 1: 2.0, 2: 0.5, 3: 0.0}),
        dict(y="binary"),
        dict(y="multilabel"),
        dict(solver="sgd", y="multilabel", train=weighted),
        dict(early_stopping=True),
        dict(early_stopping=True, train=weighted, y="binary"),
        *(dict(X=kind) for kind in ("float64", "csr", "csc", "wide")),
        dict(solver="sgd", X="wide", dropout=0.3),
        dict(topology="xbm"),
        dict(topology="xbm", X="csr"),
        dict(topology="dense"),
        dict(evolution="static"),
        dict(evolution=RANDOM_SET),
        dict(solver="sgd", evolution=RANDOM_SET, X="wide"),
        dict(evolution=SET(min_updates=30)),
        dict(evolution=GREEDY),
        dict(evolution=GREEDY, train=weighted, X="wide"),
        dict(evolution=GREEDY, train=in_chunks),
        dict(train=in_chunks),
        dict(solver="sgd", train=in_chunks, X="csr"),
        dict(train=warm),
        dict(solver="sgd", train=warm, dropout=0.3),
    ],
    SETRegressor: [
        dict(),
        dict(solver="sgd", learning_rate="invscaling"),
        dict(activation="tanh", dropout=0.3),
        dict(y="outputs"),
        dict(solver="sgd", y="outputs", train=weighted),
        dict(early_stopping=True),
        *(dict(X=kind) for kind in ("float64", "csr", "csc", "wide")),
        dict(topology="xbm", evolution=RANDOM_SET),
        dict(train=in_chunks, y="outputs"),
        dict(train=warm),
    ],
    SETRBMTransformer: [
        dict(),
        dict(persistent=False),
        dict(n_gibbs_steps=3),
        dict(n_gibbs_steps=3, persistent=False),
        dict(momentum=0.9, alpha=0.1, learning_rate=0.01),
        dict(batch_size=10),
        dict(LARGE, n_components=2000),
        dict(LARGE, n_components=2000, persistent=False, X="wide"),
        *(dict(X=kind) for kind in ("float64", "csr", "csc", "wide")),
        dict(topology="xbm", evolution="static"),
        dict(topology="dense"),
        dict(evolution=RANDOM_SET),
        dict(evolution=GREEDY),
        dict(evolution=GREEDY, persistent=False, train=warm),
        dict(evolution=GREEDY, train=in_chunks),
        dict(train=in_chunks),
        dict(train=in_chunks, persistent=False, X="csr"),
        dict(train=warm),
    ],
    SETAutoencoder: [
        *(dict(activation=name) for name in ACTIVATIONS),
        dict(hidden_layer_sizes=(60, 20, 60)),
        dict(LARGE, hidden_layer_sizes=2000),
        dict(LARGE, hidden_layer_sizes=2000, noise="masking", X="wide"),
        dict(solver="adam"),
        dict(solver="adam", noise="masking", X="csr"),
        dict(noise="masking"),
        dict(noise_factor=0.0, dropout=0.0),
        dict(standardize=False),
        dict(standardize=False, noise="masking", X="csr"),
        *(dict(X=kind) for kind in ("float64", "csr", "csc", "wide")),
        dict(topology="xbm", evolution="static"),
        dict(topology="dense"),
        dict(evolution=RANDOM_SET),
        dict(evolution=GREEDY),
        dict(train=in_chunks),
        dict(train=in_chunks, X="wide"),
        dict(train=warm),
    ],
    QuickSelectionSelector: [
        *(dict(importance=name) for name in ("communality", "attribution", "strength")),
        dict(importance="attribution", X="wide"),
        dict(diversity=0.5, n_features_to_select="auto"),
        dict(stability_selection=3),
        dict(stability_selection=3, importance="strength", X="csr"),
        dict(noise="masking", solver="adam"),
        *(dict(X=kind) for kind in ("float64", "csr", "csc", "wide")),
        dict(topology="xbm", evolution=RANDOM_SET),
        dict(train=in_chunks),
        dict(train=in_chunks, stability_selection=2, strength_history=True),
    ],
    SETFeatureSelector: [
        dict(),
        dict(importance="strength", diversity=0.5),
        dict(over_training=True),
        dict(evolution="neurofs"),
        dict(standardize=False, y="numbers"),
        dict(X="csr", y="numbers"),
        dict(train=weighted),
        dict(train=in_chunks, y="numbers"),
    ],
}


def arrays_of(estimator, X):
    """All that two checkouts must agree on, in the same order."""
    parts = getattr(estimator, "_networks", [estimator])
    for part in parts:
        yield from (getattr(part, name, None) for name in CURVES)
        for name in ARRAYS:
            value = getattr(part._network, name, None)
            yield from value if isinstance(value, tuple) else [value]
    yield from (getattr(estimator, name, None) for name in FINDINGS)
    yield from (getattr(estimator, m)(X) for m in METHODS if hasattr(estimator, m))


def digest_of(estimator, X):
    digest = hashlib.sha256()
    for value in arrays_of(estimator, X):
        if value is None:
            continue
        array = np.asarray(value.toarray() if sparse.issparse(value) else value)
        if array.size:  # what a state of the optimiser does not use may be there or not
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def run(kind, changes, data):
    """Train one configuration; return its digest, or how it failed."""
    parameters = BASES[kind] | changes
    samples, targets = data
    X = samples[parameters.pop("X", "float32")]
    y = targets[parameters.pop("y", "numbers")]
    train = parameters.pop("train", fit)
    try:
        estimator = kind(**parameters)
        train(estimator, X, y)
        return digest_of(estimator, X)
    except Exception as error:
        return f"{FAILED}{error!r}"


def work(checkout):
    """Print the digests of all configurations, by name, as JSON."""
    imported = Path(sklearn_sparse_nn.__file__).parents[1]
    if not imported.samefile(checkout):
        raise ImportError(f"sklearn_sparse_nn is that of {imported}, not of {checkout}")
    data, digests = data_sets(), {}
    for kind, rows in CHANGES.items():
        for changes, n_jobs in product(rows, (1, 2)):
            values = changes | {"n_jobs": n_jobs}
            cells = (f"{k}={getattr(v, '__name__', v)}" for k, v in values.items())
            digests[f"{kind.__name__} {', '.join(cells)}"] = run(kind, values, data)
    print(json.dumps(digests))


def digests_of(checkout):
    """Digests by name, from a fresh process that imports this checkout."""
    with tempfile.TemporaryDirectory() as cache:
        variables = {"NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(checkout)}
        output = subprocess.run(
            [sys.executable, "-W", "ignore", __file__, "--worker", checkout],
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return json.loads(output.stdout)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--other", type=Path, help="checkout to compare with this one")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return work(args.worker)
    ours = digests_of(Path(__file__).resolve().parents[1])
    theirs = digests_of(args.other.resolve()) if args.other else ours
    n_good = 0
    for name, digest in ours.items():
        other = theirs.get(name, "missing")
        good = digest == other and not digest.startswith(FAILED)
        n_good += good
        if not args.other:
            print(f"{digest}  {name}")
        elif not good:
            print(f"{name}: {digest} here, {other} there")
    print(f"{n_good} of {len(ours)} {'are the same' if args.other else 'ran'}")
    return int(n_good < len(ours))


if __name__ == "__main__":
    sys.exit(main())
