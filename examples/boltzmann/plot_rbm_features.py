"""
========================================
Features from a sparse Boltzmann machine
========================================

A linear model finds it hard to tell digits apart when they are not in the middle of the
image. A restricted Boltzmann machine learns which pixels go together, from the images
alone and without their classes. Its hidden neurons are better features than the pixels.

:class:`~sklearn_sparse_nn.SETRBMTransformer` is one step of a pipeline here, and a grid
search finds its `zeta` and `epsilon`. Beside it are the pixels themselves and
scikit-learn's dense :class:`~sklearn.neural_network.BernoulliRBM` with as many hidden
neurons.
"""

# %%
# Data
# ----
#
# The digits that ship with scikit-learn, and each of them once more, shifted by a pixel
# in each direction. The copies of an image stay together: in the training data or in
# the test data, and in the same fold of the cross-validation.

import matplotlib.pyplot as plt
import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    train_test_split,
)
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETRBMTransformer

SHIFTS = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]


def shifted(X):
    """All images, then all of them shifted up, down, to the left and to the right."""
    images = np.pad(X.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    copies = [images[:, 1 - i : 9 - i, 1 - j : 9 - j] for i, j in SHIFTS]
    return np.concatenate(copies).reshape(-1, 64)


X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)  # grey values become probabilities
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, stratify=y, random_state=0
)
groups = np.tile(np.arange(len(X_train)), len(SHIFTS))
X_train, y_train = shifted(X_train), np.tile(y_train, len(SHIFTS))
X_test, y_test = shifted(X_test), np.tile(y_test, len(SHIFTS))
print(f"{len(X_train)} training images, {len(X_test)} test images, 64 pixels")

# %%
# Tune the sparse machine
# -----------------------
#
# The parameters of the machine are judged by what the classifier at the end of the
# pipeline makes of its features. Some hidden neurons are nearly always on or off. The
# scaler in between lets them count as much as the others.

sparse = Pipeline(
    [
        ("rbm", SETRBMTransformer(512, batch_size=10, n_iter=15, random_state=0)),
        ("scaler", StandardScaler()),
        ("classifier", LogisticRegression(max_iter=1000)),
    ]
)
grid = {"rbm__zeta": [0.1, 0.3], "rbm__epsilon": [11, 30]}
search = GridSearchCV(sparse, grid, cv=StratifiedGroupKFold(2), n_jobs=2)
search.fit(X_train, y_train, groups=groups)
results = search.cv_results_
for parameters, score in zip(
    results["params"], results["mean_test_score"], strict=True
):
    print(f"{parameters}: {score:.3f}")
print("best:", search.best_params_)

# %%
# Compare
# -------
#
# With a `momentum` of 0.5, the steps of the sparse machine add up to twice its
# `learning_rate` of 0.05. The dense machine has no momentum, so it gets 0.1. Sparser
# machines show how the accuracy grows with the number of connections.

best = search.best_estimator_
rbm = BernoulliRBM(n_components=512, learning_rate=0.1, n_iter=15, random_state=0)
models = {
    "pixels": clone(best).set_params(rbm="passthrough"),
    "dense": clone(best).set_params(rbm=rbm),
} | {f"epsilon={e}": clone(best).set_params(rbm__epsilon=e) for e in (2, 5, 11)}
fitted = Parallel(n_jobs=2)(
    delayed(model.fit)(X_train, y_train) for model in models.values()
)
models = dict(zip(models, fitted, strict=True)) | {"tuned": best}

results = {}
for name, model in models.items():
    n_connections = 0 if name == "pixels" else (model["rbm"].components_ != 0).sum()
    results[name] = n_connections, model.score(X_test, y_test)
    print(f"{name:>10}: {results[name][1]:.3f}, {n_connections:>6,} connections")

# %%
# What the machine has learned
# ----------------------------
#
# On the left, the accuracies. In the middle, the weights of the hidden neurons with the
# strongest connections; a pixel without a connection is white. On the right, rows of
# test images, and below each row what the machine makes of it on the way through its
# hidden neurons. In :ref:`sphx_glr_auto_examples_boltzmann_plot_rbm_samples.py` a
# machine draws by itself, which takes longer training.


def mosaic(images):
    """Put 36 images beside each other, with a margin between them."""
    grid = images.reshape(6, 6, 8, 8)
    margin = ((0, 0), (0, 0), (1, 0), (1, 0))
    return np.pad(grid, margin, constant_values=np.nan).swapaxes(1, 2).reshape(54, 54)


figure, (left, middle, right) = plt.subplots(
    1, 3, figsize=(11, 3.6), layout="constrained"
)
pixels, dense, *curve = results.values()
left.semilogx(*zip(*sorted(curve), strict=True), "o-", label="sparse")
left.semilogx(*dense, "*", markersize=12, label="dense")
left.axhline(pixels[1], color="grey", linestyle="--", label="pixels")
left.set(xlabel="connections", ylabel="test accuracy", title="512 hidden neurons")
left.legend()
weights = best["rbm"].components_.toarray()
weights = weights[np.argsort(-np.abs(weights).sum(axis=1))[:36]]
limit = np.quantile(np.abs(weights), 0.98)
middle.imshow(mosaic(weights), cmap="RdBu_r", vmin=-limit, vmax=limit)
middle.set(title="weights of 36 hidden neurons")
shown = X_test[:18]
pairs = np.stack([shown, best["rbm"].reconstruct(shown)]).reshape(2, 3, 6, 64)
right.imshow(mosaic(pairs.swapaxes(0, 1)), cmap="gray_r", vmin=0, vmax=1)
right.set(title="test images, reconstructed below")
for ax in (middle, right):
    ax.set_facecolor("tan")
    ax.set(xticks=[], yticks=[])
plt.show()
