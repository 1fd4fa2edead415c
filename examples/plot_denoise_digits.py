"""
===================
Clean noisy digits
===================

An autoencoder learns to restore images from versions of them with noise. What it has
learned of digits, it does to noise of another kind, too.
:class:`~sklearn_sparse_nn.SETAutoencoder` does so with few of the connections of a
dense network, beside a linear method, principal components, with its best number.
"""

# %%
# Learn from digits
# -----------------
#
# The digits that ship with scikit-learn. While it trains, the network sees each image
# with Gaussian noise; the test images have salt and pepper: one pixel of five is black
# or white, whatever it was. All pixels have one scale, and so they are not
# standardised: one that is never on would become enormous where the noise turns it on.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_sparse_nn import SETAutoencoder

X = load_digits().data.astype(np.float32) / 16
X_train, X_test = train_test_split(X, test_size=400, random_state=0)
rng = np.random.default_rng(0)
hit = rng.random(X_test.shape) < 0.2
X_noisy = np.where(hit, rng.integers(2, size=X_test.shape), X_test).astype(np.float32)

autoencoder = SETAutoencoder(
    1000,
    epsilon=5,
    standardize=False,
    noise_factor=0.4,
    max_iter=200,
    random_state=0,
).fit(X_train)
n_connections, n_dense = autoencoder.n_connections_.sum(), 2 * 64 * 1000
print(
    f"{n_connections:,} connections, {n_connections / n_dense:.0%} of a dense network"
)

# %%
# Restore others
# --------------
#
# The mean squared error to the clean images. The number of components is the one that
# restores these test images best, which favours the linear method.


def error_of(restored):
    return np.mean((restored - X_test) ** 2)


def by_components(n):
    pca = PCA(n, random_state=0).fit(X_train)
    return pca.inverse_transform(pca.transform(X_noisy))


n_best = min(range(2, 41, 2), key=lambda n: error_of(by_components(n)))
restored = {
    "noisy": X_noisy,
    f"{n_best} principal components": by_components(n_best),
    "sparse autoencoder": autoencoder.reconstruct(X_noisy),
}
for name, images in restored.items():
    print(f"{name:>23}: error {error_of(images):.4f}")

fig, axes = plt.subplots(4, 12, figsize=(10, 3.9), layout="constrained")
for row, (name, images) in zip(axes, ({"clean": X_test} | restored).items()):
    for ax, image in zip(row, images):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(
        name.replace(" ", "\n"), rotation=0, ha="right", va="center", fontsize=9
    )
plt.show()
