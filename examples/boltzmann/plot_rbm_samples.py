"""
==================================
Digits that a machine has imagined
==================================

A restricted Boltzmann machine learns the distribution of the images of MNIST, with one
in ten of all connections between 784 pixels and 500 hidden neurons. Then it draws
images by itself: 200 chains begin at random pixels and take thousands of steps of Gibbs
sampling, far from the data.

The data come from OpenML, or, where the environment variable `SPARSE_NN_DATA` names a
folder, from the file ``mnist.npz`` (arrays `x_train` and `y_train`) in it.
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
from sklearn.linear_model import LogisticRegression

from sklearn_sparse_nn import SETRBMTransformer


def load_mnist():
    """Training images, read from a local folder if there is one, else from OpenML."""
    folder = os.environ.get("SPARSE_NN_DATA")
    if folder:
        archive = np.load(Path(folder) / "mnist.npz")
        return archive["x_train"].reshape(-1, 784), archive["y_train"]
    data = fetch_openml("mnist_784", version=1, as_frame=False)
    return data.data[:60000], data.target[:60000].astype(int)


X, y = load_mnist()
X = (X > 127).astype(np.float32)  # ink or no ink
print(f"{X.shape[0]} images of {X.shape[1]} pixels")

# %%
# Learn the distribution
# ----------------------
#
# Persistent chains must keep up with the weights: large mini-batches of chains, and
# smaller steps in the end. A chain takes about a thousand steps of Gibbs sampling from
# one digit to another, and only then can the machine see how often it dreams of each:
# in the end it takes five of them for each update. The connections change throughout.

start = perf_counter()
rbm = SETRBMTransformer(
    500, epsilon=30, batch_size=100, warm_start=True, random_state=0, n_jobs=2
)
for learning_rate, n_iter, n_gibbs_steps in [(0.03, 6, 1), (0.01, 4, 1), (0.003, 4, 5)]:
    rbm.set_params(
        learning_rate=learning_rate, n_iter=n_iter, n_gibbs_steps=n_gibbs_steps
    )
    rbm.fit(X)
print(f"density {rbm.density_:.2f}, {perf_counter() - start:.0f} s")

# %%
# Draw images
# -----------
#
# The more steps, the less the images know of where the chains began.

start = perf_counter()
n_images, n_steps = 200, 5000
images = rbm.sample(n_images, n_gibbs_steps=n_steps)
print(f"{n_images * n_steps:,} steps in {perf_counter() - start:.0f} s")

# %%
# Which digits are they? A classifier that has been trained on the real ones says so.
# The probabilities behind the states, which `reconstruct` computes, have less noise to
# look at.

classifier = LogisticRegression(max_iter=30).fit(X[:10000], y[:10000])
kinds = classifier.predict(images)
grey = rbm.reconstruct(images)
print("drawn of each digit:", np.bincount(kinds, minlength=10))

order = np.argsort(kinds, kind="stable")
mosaic = grey[order].reshape(10, 20, 28, 28).swapaxes(1, 2).reshape(280, 560)

figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.2), layout="constrained", width_ratios=[2, 1]
)
left.imshow(mosaic, cmap="gray_r", vmin=0, vmax=1)
left.set(xticks=[], yticks=[], title=f"{n_images} samples after {n_steps:,} steps")
digits = np.arange(10)
right.bar(digits - 0.2, np.bincount(y, minlength=10) / len(y), 0.4, label="MNIST")
shares = np.bincount(kinds, minlength=10) / n_images
right.bar(digits + 0.2, shares, 0.4, label="samples")
right.set(xticks=digits, xlabel="digit", title="share of each digit")
right.legend()
plt.show()

# %%
# There are digits of all kinds among them, though not each as often as in MNIST. With
# one step of Gibbs sampling to the end, seven in ten were 0 or 7: the chains followed
# the weights too slowly to tell which digits the machine had come to prefer.
