"""
==========================
Spoken letters, as numbers
==========================

People say the letters of the alphabet, and 617 numbers describe the sound of each
letter. Numbers are neither on nor off: :class:`~sklearn_sparse_nn.SETRBMTransformer`
has Gaussian visible neurons for them. It learns without the letters which of the
numbers go together, with few connections, and a linear classifier tells the letters
apart by its hidden neurons.

The data come from OpenML, or, where the environment variable `SPARSE_NN_DATA` names a
folder, from the file ``isolet.npz`` (arrays `X` and `y`, a part of them) in it.
"""

# %%
# Data
# ----

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import fetch_openml
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETRBMTransformer


def load_isolet():
    """Read from a local folder if there is one, else from OpenML."""
    folder = os.environ.get("SPARSE_NN_DATA")
    if folder:
        archive = np.load(Path(folder) / "isolet.npz")
        return archive["X"], archive["y"]
    return fetch_openml("isolet", version=1, as_frame=False, return_X_y=True)


X, y = load_isolet()
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=0
)
print(f"{len(X_train)} letters to learn from, {len(X_test)} to tell apart")

# %%
# Connections that move to where they are of use
# ----------------------------------------------
#
# The machine needs no scaler before it: it standardises each feature. Its connections
# change while it learns, or stay where they begin: at random, or scale-free and
# small-world (XBM). Principal components are the linear features of the same number.

MACHINES = {
    "SET": {},
    "static": {"evolution": "static"},
    "static, XBM": {"evolution": "static", "topology": "xbm"},
}
SIZES = [50, 100, 200]


def features(name, n):
    """What makes `n` features of a sound."""
    if name == "PCA":
        return make_pipeline(StandardScaler(), PCA(n, random_state=0))
    return SETRBMTransformer(n, random_state=0, **MACHINES[name])


def train(*transformers):
    """A linear classifier of standardised features."""
    classifier = LogisticRegression(max_iter=300)
    pipeline = make_pipeline(*transformers, StandardScaler(), classifier)
    return pipeline.fit(X_train, y_train)


names = [(name, n) for name in [*MACHINES, "PCA"] for n in SIZES]
models = Parallel(n_jobs=2)(delayed(train)(features(*name)) for name in names)
models = dict(zip(names, models, strict=True))
accuracy = {name: model.score(X_test, y_test) for name, model in models.items()}
all_features = train().score(X_test, y_test)
for name in [*MACHINES, "PCA"]:
    print(f"{name:>12}", *(f"{n}: {accuracy[name, n]:.3f}" for n in SIZES), sep="  ")
print(f"{'all 617':>12}  {all_features:.3f}")

# %%
# With few hidden neurons, connections that change are worth most. For a classifier as
# simple as this one, all features as they are remain the best, and principal components
# of the same number are better: the machine is no use as a mere step before it. But it
# is a model of the sounds.
#
# What the machine knows
# ----------------------
#
# On the left, the accuracies. On the right, two letters, and what the machine makes of
# them on the way through its hidden neurons.

figure, (left, *others) = plt.subplots(
    1, 3, figsize=(11, 3.6), layout="constrained", width_ratios=[1.2, 1, 1]
)
for name in [*MACHINES, "PCA"]:
    style = "--" if name == "PCA" else "-"
    left.plot(SIZES, [accuracy[name, n] for n in SIZES], "o" + style, label=name)
left.axhline(all_features, color="grey", linestyle=":", label="all 617 features")
left.set(xscale="log", xlabel="features", ylabel="test accuracy", xticks=SIZES)
left.set_xticks(SIZES, SIZES)
left.minorticks_off()
left.legend()

rbm = models["SET", 200][0]
for ax, letter in zip(others, (0, 22), strict=True):
    sound = X_test[y_test == np.unique(y)[letter]][:1]
    ax.plot(sound[0], color="0.7", label="sound")
    ax.plot(rbm.reconstruct(sound)[0], color="C0", linewidth=1, label="reconstruction")
    ax.set(title=f"letter {chr(ord('A') + letter)}", xlabel="number of the feature")
others[0].legend(loc="lower left")
plt.show()
