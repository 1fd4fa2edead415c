"""
============================================
Tune a sparse network, compare it with dense
============================================

The digits that ship with scikit-learn, a pipeline, a grid search over `zeta` and
`epsilon`: what :class:`~sklearn_sparse_nn.SETClassifier` is for. Beside it,
scikit-learn's dense :class:`~sklearn.neural_network.MLPClassifier` with the same hidden
layers.

The grid search shows its progress when it is run from a terminal.
"""

# %%
# Data
# ----

import sys
from time import perf_counter

import matplotlib.pyplot as plt
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.inspection import FeatureStrengthDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, stratify=y, random_state=0
)

# %%
# Tune the sparse network
# -----------------------
#
# Each layer starts as a sparse random graph of ``epsilon * (n_inputs + n_neurons)``
# connections. A rewiring replaces the fraction `zeta` of them that is nearest to zero.


def tuned_sparse_network():
    """Search `zeta` and `epsilon` with two processes."""
    pipeline = make_pipeline(
        StandardScaler(), SETClassifier((1000, 1000), random_state=0)
    )
    grid = {"setclassifier__zeta": [0.3, 0.5], "setclassifier__epsilon": [5, 20]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2)
    if sys.stdout.isatty():
        search.set_callbacks(ProgressBar())
    return search.fit(X_train, y_train)


start = perf_counter()
search = tuned_sparse_network()
search_seconds = perf_counter() - start
sparse = search.best_estimator_
print(
    f"searched {len(search.cv_results_['params'])} settings in {search_seconds:.1f} s"
)
print("best:", search.best_params_)

# %%
# Compare
# -------

dense = make_pipeline(StandardScaler(), MLPClassifier((1000, 1000), random_state=0))
start = perf_counter()
dense.fit(X_train, y_train)
dense_seconds = perf_counter() - start

n_sparse = int(sparse[-1].n_connections_.sum())
n_dense = sum(weights.size for weights in dense[-1].coefs_)
results = {
    "dense": (dense.score(X_test, y_test), n_dense, dense_seconds),
    "sparse": (sparse.score(X_test, y_test), n_sparse, search.refit_time_),
}
for name, (accuracy, n_connections, seconds) in results.items():
    print(
        f"{name:>6}: test accuracy {accuracy:.3f}, {n_connections:>9,} connections, "
        f"fitted in {seconds:.1f} s"
    )
print(f"the sparse network has {n_sparse / n_dense:.1%} of the connections")

# %%
# How few connections are enough
# ------------------------------
#
# The same network with fewer and fewer connections; and the pixels that the tuned one
# is most connected to: without being told, it turns away from the margins, where
# nothing is written.


def with_epsilon(epsilon):
    """Connections and test accuracy."""
    model = clone(sparse).set_params(setclassifier__epsilon=epsilon)
    accuracy = model.fit(X_train, y_train).score(X_test, y_test)
    return model[-1].n_connections_.sum(), accuracy


curve = Parallel(n_jobs=2)(delayed(with_epsilon)(e) for e in (1, 2, 5, 10, 20))

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.semilogx(*zip(*curve, strict=True), "o-", label="sparse, evolving")
left.semilogx(n_dense, results["dense"][0], "*", markersize=12, label="dense")
left.set(xlabel="connections", ylabel="test accuracy", ylim=(0.9, 1))
left.set_title("2 × 1000 neurons")
left.legend()
FeatureStrengthDisplay.from_estimator(sparse[-1], image_shape=(8, 8), ax=right)
right.set_title("where the connections are")
if "__file__" in globals():
    figure.savefig("sparse_network.png", dpi=120)
    print("saved sparse_network.png")
