"""
=========================
Features among much noise
=========================

Ten features of noise for each real one, and no targets that could tell them apart. But
real features know of each other, and noise does not.
:class:`~sklearn_sparse_nn.QuickSelectionSelector` has three measures of importance.
This example counts how many of the features that each of them selects are real.
"""

# %%
# Data
# ----
#
# The digits that ship with scikit-learn have 64 pixels. Noise of two kinds is put
# beside them, 640 features each time. *Gaussian* features are normal random numbers.
# *Shuffled* features are harder: each is a pixel whose values have been dealt to other
# images at random. It has the very distribution of a pixel, but nothing to do with the
# image.

import matplotlib.pyplot as plt
import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import load_digits

from sklearn_sparse_nn import QuickSelectionSelector

X, _ = load_digits(return_X_y=True)
X = X.astype(np.float32)
n_real = X.shape[1]


def with_noise(kind, seed):
    """The pixels, and ten times as many features of noise."""
    rng = np.random.default_rng(seed)
    if kind == "Gaussian":
        noise = rng.normal(X.mean(), X.std(), (len(X), 10 * n_real))
    else:
        noise = rng.permuted(np.tile(X, 10), axis=0)
    return np.hstack([X, noise.astype(np.float32)])


# %%
# Select
# ------
#
# 50 features out of 704. Who chooses at random finds one real feature among eleven.


def share_of_real(importance, kind, seed):
    """Select 50 features; how many of them are pixels of the image?"""
    selector = QuickSelectionSelector(50, importance=importance, random_state=seed)
    selected = selector.fit(with_noise(kind, seed)).get_support(indices=True)
    return np.mean(selected < n_real)


kinds, seeds = ["Gaussian", "shuffled"], range(2)
importances = ["attribution", "strength", "communality"]
tasks = [(i, k, s) for i in importances for k in kinds for s in seeds]
shares = Parallel(n_jobs=2)(delayed(share_of_real)(*task) for task in tasks)
shares = np.reshape(shares, (len(importances), len(kinds), len(seeds)))
chance = 1 / 11
for i, importance in enumerate(importances):
    for k, kind in enumerate(kinds):
        print(
            f"{kind:>8} noise, {importance:>11}: {shares[i, k].mean():.2f} of the "
            f"selected features are real (seeds: {shares[i, k]})"
        )
print(f"{'chance':>27}: {chance:.2f}")

# %%
# What is seen
# ------------
#
# Communality finds real features among noise of both kinds: it counts what the network
# can predict from other features, and noise cannot be predicted.
#
# Strength finds somewhat more than half: a network with so many connections also learns
# to copy features that no other one knows of. Attribution finds still fewer, as it asks
# for the size of derivatives, and not for whether what they predict is true.
#
# With other data the order may be another; `benchmarks/README.md` has more of them.

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
for i, importance in enumerate(importances):
    places = np.arange(len(kinds)) + 0.27 * (i - 1)
    ax.bar(places, shares[i].mean(axis=1), width=0.25, label=importance)
    ax.plot(places, shares[i], "k.", markersize=4)
ax.axhline(chance, color="grey", linestyle="--", label="chance")
ax.set_xticks(range(len(kinds)), [f"{kind} noise" for kind in kinds])
ax.set(ylabel="share of real features", title="50 features out of 704")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()
