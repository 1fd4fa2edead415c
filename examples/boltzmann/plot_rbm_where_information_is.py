"""
============================
Where the information is
============================

A sparse Boltzmann machine begins with connections at random places. While it learns the
images of handwritten digits, without their classes, weak connections give way to new
ones. Where they are in the end says which pixels carry information: a pattern that
nobody has put there.

The data come from OpenML, or, where the environment variable `SPARSE_NN_DATA` names a
folder, from the file ``mnist.npz`` (arrays `x_train` and `x_test`) in it.
"""

# %%
# Data
# ----

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats
from sklearn.base import clone
from sklearn.datasets import fetch_openml

from sklearn_sparse_nn import SETRBMTransformer


def load_mnist():
    """Read from a local folder if there is one, else from OpenML."""
    folder = os.environ.get("SPARSE_NN_DATA")
    if folder:
        archive = np.load(Path(folder) / "mnist.npz")
        return [archive[name].reshape(-1, 784) for name in ("x_train", "x_test")]
    data = fetch_openml("mnist_784", version=1, as_frame=False)
    return np.split(data.data, [60_000])


# A pixel is on if it is rather white than black.
X_train, X_test = (np.float32(X >= 128) for X in load_mnist())
variation = X_train.std(axis=0)
print(f"{(variation == 0).mean():.0%} of the pixels are black in all training images")

# %%
# Train
# -----
#
# A connection to a pixel that is always black learns next to nothing, but nothing
# removes it either: it keeps its random initial weight, and SET prunes what is near
# zero. Weight decay draws it there. With the small default of `alpha` this takes longer
# than the training. A larger `alpha` clears the margins of the image, but it also
# shrinks useful weights, and the images become less likely. So there are two machines
# here: one to model the data, one to find out where the information is.

rbm = SETRBMTransformer(
    500, learning_rate=0.03, batch_size=100, n_iter=15, random_state=0, n_jobs=2
)
machines = {
    "before training": clone(rbm).set_params(n_iter=0),
    "alpha=0.0001": rbm,
    "alpha=0.01": clone(rbm).set_params(alpha=0.01),
}
for name, machine in machines.items():
    machine.fit(X_train)
    likelihood, error = machine.log_likelihood(X_test, n_temperatures=1000)
    print(
        f"{name:>15}: log-likelihood of the test images "
        f"{likelihood.mean():.1f} ± {error:.1f} nats"
    )

# %%
# Count
# -----
#
# In a random graph, the number of connections of a pixel (its degree) has a binomial
# distribution. Its *index of dispersion*, variance over mean, is then close to 1. A
# log-normal distribution has a heavier tail. The difference between the logarithms of
# the likelihoods of the two says which of them describes the degrees better. The rank
# correlation compares degrees with how much the pixels vary, which the machine was not
# told.


def gain_of_log_normal(degrees, n_components):
    """Log-likelihood of a log-normal fit over that of a binomial one, per pixel."""
    binomial = stats.binom(n_components, degrees.mean() / n_components)
    logarithms = np.log(np.maximum(degrees, 0.5))
    normal = stats.norm(logarithms.mean(), logarithms.std())
    # A degree stands for the interval from half below it to half above it.
    with np.errstate(divide="ignore"):
        edges = np.log(np.maximum([degrees - 0.5, degrees + 0.5], 0))
    log_normal = np.log(np.diff(normal.cdf(edges), axis=0))
    return log_normal.mean() - binomial.logpmf(degrees).mean()


for name, machine in machines.items():
    degrees = machine.visible_degree_
    print(
        f"{name:>15}: from {degrees.min()} to {degrees.max()} connections, "
        f"dispersion {degrees.var() / degrees.mean():.2f},\n{'':>17}"
        f"log-normal over binomial {gain_of_log_normal(degrees, 500):+.2f} nats, "
        f"correlation with variation {stats.spearmanr(degrees, variation)[0]:.2f}"
    )

# %%
# Draw
# ----
#
# The machines turn to the middle of the image, where digits differ. Hardly a pixel is
# left alone, because each rewiring begins connections anywhere, and the last 30 % of
# them have had a single epoch to prove their worth. The degrees become more unequal
# than chance would make them. They do not follow a power law: with the large `alpha`
# there are two groups of pixels, those inside and those outside of the digits.

figure, axes = plt.subplots(2, 3, figsize=(10, 6), layout="constrained")
most = max(machine.visible_degree_.max() for machine in machines.values())
numbers = np.arange(most + 1)
for (name, machine), image_ax, ax in zip(machines.items(), *axes, strict=True):
    degrees = machine.visible_degree_
    image = image_ax.imshow(degrees.reshape(28, 28), vmin=0, vmax=most)
    image_ax.set_title(name)
    image_ax.set_axis_off()
    n_pixels = np.bincount(degrees, minlength=len(numbers))
    ax.semilogy(numbers, np.where(n_pixels, n_pixels, np.nan), "o", label="pixels")
    expected = stats.binom(500, degrees.mean() / 500).pmf(numbers) * len(degrees)
    ax.semilogy(numbers, expected, color="grey", label="binomial")
    ax.set(ylim=(0.5, 300), xlabel="connections of a pixel")
axes[1, 0].set_ylabel("number of pixels")
axes[1, 0].legend()
figure.colorbar(image, ax=axes[0], label="connections of a pixel")
plt.show()
