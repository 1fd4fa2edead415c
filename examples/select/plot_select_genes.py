"""
================================
Choose genes without the classes
================================

7,070 genes of 72 people with two kinds of leukemia (Golub et al., 1999).
:class:`~sklearn_sparse_nn.QuickSelectionSelector` chooses some of them without looking
at the classes, as the first step of a pipeline. How many does a classifier behind it
need?

The data come from OpenML, or, where the environment variable `SPARSE_NN_DATA` names a
folder, from the file ``leukemia.npz`` (arrays `X` and `y`) in it.
"""

# %%
# Data
# ----

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    RepeatedStratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import QuickSelectionSelector
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
# More and fewer genes
# --------------------
#
# Selection is part of the model, so it belongs inside the cross-validation: each fold
# selects anew, on its training part only. A selection that had seen the test samples,
# let alone their classes, would look better than it is.
#
# A grid search tries each number of genes in all folds. With `memory`, selectors that
# differ in this number only share their networks.
#
# :class:`~sklearn.feature_selection.SelectKBest` knows the classes. Genes chosen at
# random, anew in each fold, show what any selection of that size is worth.

SIZES = [10, 20, 50, 100, 200, 500]
folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=1)
rng = np.random.default_rng(0)


def random_scores(X, y):
    """Scores for a selection at random."""
    return rng.random(X.shape[1])


def scores_by_size(selector, parameter, n_jobs=None):
    """Accuracy in each fold, for each number of genes."""
    # Some genes do not vary within a fold: f_classif could not judge them.
    classifier = LogisticRegression(max_iter=500)
    model = make_pipeline(VarianceThreshold(), selector, StandardScaler(), classifier)
    grid = {f"{model.steps[1][0]}__{parameter}": SIZES}
    search = GridSearchCV(model, grid, cv=folds, n_jobs=n_jobs, refit=False)
    results = search.fit(X, y).cv_results_
    return np.array(
        [results[f"split{i}_test_score"] for i in range(folds.get_n_splits())]
    )


with TemporaryDirectory() as folder:
    selector = QuickSelectionSelector(random_state=0, memory=folder)
    scores = {
        "SelectKBest, with classes": scores_by_size(SelectKBest(f_classif), "k"),
        "QuickSelection": scores_by_size(selector, "n_features_to_select", n_jobs=2),
        "at random, ten times": np.mean(
            [scores_by_size(SelectKBest(random_scores), "k") for _ in range(10)], axis=0
        ),
    }
    selector.fit(X)  # on all samples, for the figure
everything = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
with_all = cross_val_score(everything, X, y, cv=folds).mean()
for name, found in scores.items():
    print(f"{name:>25}:", *(f"{n}: {a:.3f}" for n, a in zip(SIZES, found.mean(axis=0))))
print(f"{'all genes':>25}: {with_all:.3f}")

# %%
# What is seen
# ------------
#
# In a test part of 24 samples, one of them is 4 points of accuracy. Random genes do
# surprisingly well: very many genes differ between the two diseases. The selector is
# ahead of them, most of all with few genes. But ten genes that were chosen with the
# help of the classes do what 500 of its genes do, and a linear classifier with
# regularisation copes with all 7,070.
#
# So this is a case for the classes. The selector is for data that have none, and
# whether what it keeps is what you need can only be found out by such a comparison.
#
# The bars show the importance of genes. It falls slowly: no small group of genes stands
# out.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for name, found in scores.items():
    error = found.std(axis=0) / np.sqrt(len(found))
    left.errorbar(SIZES, found.mean(axis=0), error, marker="o", label=name)
left.axhline(with_all, color="0.5", linestyle="--", label="all genes")
left.set(xscale="log", xlabel="genes", ylabel="accuracy in six folds")
left.legend()
FeatureStrengthDisplay.from_estimator(selector, n_features=20, ax=right)
right.set_title("The most important genes")
plt.show()
