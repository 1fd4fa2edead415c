"""
==================================
Which genes, and would they again?
==================================

A list of genes is worth little if another half of the patients would give another list.
Of two kinds of leukemia (Golub et al., 1999), this selects 50 of 7,000 genes on many
random halves of the samples, and counts how often each gene comes back.

The data come from OpenML, or, where the environment variable `SPARSE_NN_DATA` names a
folder, from the file ``leukemia.npz`` (arrays `X` and `y`, and `names` of genes if it
has them) in it.
"""

# %%
# Data with names
# ---------------
#
# In a frame, features have names, and the selectors tell them.

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.datasets import fetch_openml
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectFromModel, SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETFeatureSelector

N_GENES = 50


def load_leukemia():
    """Read from a local folder if there is one, else from OpenML."""
    folder = os.environ.get("SPARSE_NN_DATA")
    if folder:
        archive = np.load(Path(folder) / "leukemia.npz")
        X, y = archive["X"].astype(np.float32), archive["y"]
        names = archive.get("names", [f"gene {i}" for i in range(X.shape[1])])
        return pd.DataFrame(X, columns=names), y
    data = fetch_openml("leukemia", version=1, as_frame=True)
    return data.data.astype(np.float32), data.target.to_numpy()


X, y = load_leukemia()
varies = X.std() > 0
X = X.loc[:, varies]
print(f"{X.shape[0]} samples, {X.shape[1]} genes that vary")

# %%
# Select on many halves
# ---------------------
#
# :class:`~sklearn_sparse_nn.SETFeatureSelector` averages over five networks. The same
# halves go to a filter that judges each gene alone, and to a random forest. A
# classifier on the selected genes is scored on the other half.

selectors = {
    "sparse networks": SETFeatureSelector(
        N_GENES, task="classification", max_iter=50, random_state=0
    ),
    "f_classif": SelectKBest(f_classif, k=N_GENES),
    "random forest": SelectFromModel(
        RandomForestClassifier(200, random_state=0),
        max_features=N_GENES,
        threshold=-np.inf,
    ),
}
halves = list(
    StratifiedShuffleSplit(n_splits=10, test_size=0.5, random_state=0).split(X, y)
)


def on_half(selector, train, test):
    """Which genes are selected on one half, and the accuracy on the other."""
    model = make_pipeline(
        clone(selector), StandardScaler(), LogisticRegression(max_iter=500)
    )
    model.fit(X.iloc[train], y[train])
    return model[0].get_support(), model.score(X.iloc[test], y[test])


chosen, scores = {}, {}
for name, selector in selectors.items():
    found = Parallel(n_jobs=2)(delayed(on_half)(selector, *half) for half in halves)
    supports, scores[name] = zip(*found)
    chosen[name] = np.sum(supports, axis=0)

# %%
# How often a gene comes back
# ---------------------------
#
# Of ten selections at random, 16 genes would be expected twice, and hardly any three
# times. Networks and forest see genes together, and many genes say the same: which of
# them is taken depends on the samples. The filter takes all of them. For a list that is
# to be steady, it is the better choice here; the accuracy is the same.

for name, counts in chosen.items():
    print(
        f"{name:>15}: {(counts == 10).sum():2} genes in all ten halves, "
        f"{(counts >= 5).sum():2} in five or more, {(counts > 0).sum():3} at all,\n"
        f"{'':>16} accuracy {np.mean(scores[name]):.3f} ± {np.std(scores[name]):.3f}"
    )

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
for name, counts in chosen.items():
    left.plot(np.sort(counts)[::-1][:150], drawstyle="steps-mid", label=name)
left.axvline(N_GENES, color="0.5", linestyle="--")
left.set(xlabel="genes, the steadiest first", ylabel="halves of ten that select it")
left.legend()
counts = chosen["sparse networks"]
top = np.argsort(-counts, kind="stable")[:20]
right.barh(X.columns[top], counts[top], color="C0")
right.invert_yaxis()
right.set(xlabel="halves of ten that select it", title="sparse networks: steadiest")
plt.show()
