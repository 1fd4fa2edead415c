"""
===================
Which pixels matter
===================

Which 50 of the 784 pixels of a handwritten digit would you keep, if nobody told you
which digit it is? :class:`~sklearn_sparse_nn.QuickSelectionSelector` trains a sparse
autoencoder and looks at its connections. These pictures show the pixels that it would
choose after each of several epochs, by two measures of importance, and what the scale
of the pixels has to do with it.

The data come from OpenML, or, where the environment variable `SPARSE_NN_DATA` names a
folder, from the file ``mnist.npz`` (arrays `x_train` and `y_train`) in it.
"""

# %%
# Data
# ----

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import fetch_openml
from sklearn.ensemble import ExtraTreesClassifier

from sklearn_sparse_nn import QuickSelectionSelector
from sklearn_sparse_nn.inspection import FeatureStrengthDisplay


def load_mnist():
    """Read from a local folder if there is one, else from OpenML."""
    folder = os.environ.get("SPARSE_NN_DATA")
    if folder:
        archive = np.load(Path(folder) / "mnist.npz")
        return archive["x_train"].reshape(-1, 784), archive["y_train"]
    data = fetch_openml("mnist_784", version=1, as_frame=False)
    return data.data[:60_000], data.target[:60_000]


X, y = load_mnist()
X = X.astype(np.float32) / X.std()  # one scale for all pixels
X, X_test, y, y_test = X[:10_000], X[10_000:20_000], y[:10_000], y[10_000:20_000]

# %%
# Strength, epoch by epoch
# ------------------------
#
# The importance of QuickSelection as it was published is the strength of a pixel: the
# sum of the magnitudes of its connections. With ``strength_history=True`` the selector
# keeps it for each epoch. There are two runs: one with each pixel standardised, which
# is the default, and one with all pixels in the same scale.

epochs = [1, 2, 5, 10, 20, 30]
strength = QuickSelectionSelector(
    50,
    importance="strength",
    strength_history=True,
    max_iter=max(epochs),
    random_state=0,
    n_jobs=2,
)
runs = {
    "strength,\nstandardised": strength.fit(X),
    "strength,\none scale": clone(strength).set_params(standardize=False).fit(X),
}


def largest(importances):
    """Mask of the 50 largest numbers."""
    return np.argsort(np.argsort(-importances, kind="stable")) < 50


chosen = {
    name: [largest(run.strength_history_[epoch - 1]) for epoch in epochs]
    for name, run in runs.items()
}

# %%
# The default importance
# ----------------------
#
# The default, ``importance="communality"``, asks the network for more than its weights.
# It has no history, so there is a network of its own for each number of epochs. The
# standardisation is the default too.

default = QuickSelectionSelector(50, random_state=0, n_jobs=2)
selectors = [clone(default).set_params(max_iter=epoch).fit(X) for epoch in epochs]
chosen["default"] = [selector.get_support() for selector in selectors]

# %%
# What the selections are worth
# -----------------------------
#
# A classifier is trained on the selected pixels, and judged on images that neither it
# nor the selector has seen.

share_on = (X > 0).mean(axis=0)
rng = np.random.default_rng(0)
for name, masks in {**chosen, "random": [largest(rng.random(784))]}.items():
    mask = masks[-1]
    trees = ExtraTreesClassifier(50, random_state=0, n_jobs=2).fit(X[:, mask], y)
    print(
        f"{name.replace(chr(10), ' '):>22}: test accuracy "
        f"{trees.score(X_test[:, mask], y_test):.3f}; the median pixel is on in "
        f"{np.median(share_on[mask]):.2%} of the images"
    )

# %%
# What is seen
# ------------
#
# *Standardised*, the strongest pixels are scattered over the area of the digits.
# Weights begin at random, so that some are at the margins in the first epoch; weight
# decay and SET clear them away.
#
# In *one scale*, the strongest pixels gather in the middle, where they vary most. Many
# of them are neighbours that say the same, and the accuracy is lower.
#
# The *default* is spread evenly over the digits from the first epoch on: `diversity`
# keeps neighbours apart. A pixel that others cannot foretell has little communality,
# and one that hardly varies in `X` has a small standard deviation. Its 50 pixels are
# the best ones of these.
#
# The hidden neurons are logistic, as in the paper. With ``activation="tanh"`` the
# standardised strength ends at a ring around the digits, of pixels that are on in less
# than a thousandth of the images: their rare values, divided by a tiny standard
# deviation, are as large as 60, and tanh lets the network copy them. The default hardly
# changes.

figure = plt.figure(figsize=(10, 8), layout="constrained")
top, bottom = figure.subfigures(2, 1, height_ratios=[5, 3])
axes = top.subplots(len(chosen), len(epochs))
for row, (name, masks) in zip(axes, chosen.items(), strict=True):
    for ax, mask in zip(row, masks, strict=True):
        ax.imshow(mask.reshape(28, 28), cmap="gray")
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(name)
for ax, epoch in zip(axes[0], epochs, strict=True):
    ax.set_title(f"epoch {epoch}")
for ax, (name, run) in zip(
    bottom.subplots(1, 3), (runs | {"default": selectors[-1]}).items(), strict=True
):
    FeatureStrengthDisplay.from_estimator(run, image_shape=(28, 28), ax=ax)
    ax.set_title(name)
plt.show()
