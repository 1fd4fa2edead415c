"""
==========================
7,000 genes and 72 samples
==========================

Gene expression of two kinds of leukemia (Golub et al., 1999): a hundred times as many
features as samples. A sparse network takes them all, without a selection of genes
beforehand.

The data come from OpenML, or, where the environment variable `SPARSE_NN_DATA` names a
folder, from the file ``leukemia.npz`` (arrays `X` and `y`) in it.
"""

# %%
# Data
# ----

import os
from pathlib import Path
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.model_selection import (
    GridSearchCV,
    RepeatedStratifiedKFold,
    cross_val_score,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.inspection import FeatureStrengthDisplay


def load_leukemia():
    """Read from a local folder if there is one, else from OpenML."""
    folder = os.environ.get("SPARSE_NN_DATA")
    if folder:
        archive = np.load(Path(folder) / "leukemia.npz")
        return archive["X"].astype(np.float32), archive["y"]
    data = fetch_openml("leukemia", version=1, as_frame=False)
    return data.data.astype(np.float32), data.target


X, y = load_leukemia()
print(f"{X.shape[0]} samples, {X.shape[1]} genes")

# %%
# Tune and compare
# ----------------
#
# With so few samples, one split says nothing: both networks are judged by repeated
# stratified cross-validation, the sparse one with the settings that a search found.

sparse = make_pipeline(StandardScaler(), SETClassifier(random_state=0))
grid = {"setclassifier__zeta": [0.3, 0.5], "setclassifier__epsilon": [5, 20]}
start = perf_counter()
search = GridSearchCV(sparse, grid, cv=3, n_jobs=2).fit(X, y)
print(f"grid search: {perf_counter() - start:.1f} s, best {search.best_params_}")

dense = make_pipeline(
    StandardScaler(), MLPClassifier((1000,), max_iter=400, random_state=0)
)
sparse.set_params(**search.best_params_)
folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=1)
for name, model in {"dense": dense, "sparse": sparse}.items():
    start = perf_counter()
    scores = cross_val_score(model, X, y, cv=folds)
    seconds = (perf_counter() - start) / len(scores)
    print(f"{name:>6}: {scores.mean():.3f} ± {scores.std():.3f}, {seconds:.2f} s a fit")

# %%
# Connections
# -----------

best = search.best_estimator_[-1]
n_sparse, n_dense = best.n_connections_.sum(), 1000 * (X.shape[1] + 1)
print(f"{n_sparse:,} connections, {n_sparse / n_dense:.1%} of the dense network's")
display = FeatureStrengthDisplay.from_estimator(best, n_features=20)
display.ax_.set_title("The genes with the strongest connections")
plt.show()
