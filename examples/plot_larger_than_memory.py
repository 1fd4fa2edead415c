"""
=======================================
Learn from a file, piece by piece
=======================================

Data that are larger than memory lie in files. A network reads them in two ways: `fit`
takes a memory map and reads the samples of each mini-batch from it; `partial_fit`
learns from one chunk after another, wherever they come from. Here is a file of two
hundred thousand digits, drawn from those that ship with scikit-learn by small shifts
and noise. It is sized down: nothing changes for a file of many gigabytes.
"""

# %%
# A file
# ------
#
# One byte for each pixel, written chunk by chunk. The last 500 digits are kept for the
# test, and none of the file is made from them.

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import shift
from sklearn.datasets import load_digits

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import SET

CHUNK, N_CHUNKS = 10_000, 20
X, y = load_digits(return_X_y=True)
X_test, y_test = X[-500:] / np.float32(16), y[-500:]
images, labels = X[:-500].reshape(-1, 8, 8), y[:-500]


def varied(rng):
    """A chunk of digits: moved by up to half a pixel, with noise, and their classes."""
    chosen = rng.integers(len(images), size=CHUNK)
    steps = rng.integers(-1, 2, size=(CHUNK, 2))
    moved = np.empty((CHUNK, 8, 8), dtype=np.float32)
    for step in np.ndindex(3, 3):
        step = np.array(step) - 1
        here = (steps == step).all(axis=1)
        by = (0, *(0.5 * step))
        moved[here] = shift(images[chosen[here]], by, order=1)
    noisy = moved + rng.normal(scale=2, size=moved.shape)
    return np.clip(noisy, 0, 16).reshape(CHUNK, -1), labels[chosen]


folder = TemporaryDirectory()
path = Path(folder.name) / "digits.dat"
rng, classes = np.random.default_rng(0), []
file = np.memmap(path, np.uint8, "w+", shape=(CHUNK * N_CHUNKS, 64))
for number in range(N_CHUNKS):
    rows = slice(CHUNK * number, CHUNK * (number + 1))
    chunk, of_chunk = varied(rng)
    file[rows] = chunk.round()
    classes.append(of_chunk)
file.flush()
y = np.concatenate(classes)
print(f"{path.stat().st_size / 1e6:.1f} MB, {4 * file.size / 1e6:.0f} MB as float32")

# %%
# Chunk by chunk
# --------------
#
# Each chunk is read, scaled, learned and forgotten. SET rewires at the beginning of a
# pass over the data; of a stream that comes once there is only one, so let it rewire
# each hundred weight updates. `classes` says what labels there are, as a chunk need not
# have all of them.

file = np.memmap(path, np.uint8, "r", shape=(CHUNK * N_CHUNKS, 64))
clf = SETClassifier((300, 300), evolution=SET(interval=100), random_state=0)
accuracies = []
for number in range(N_CHUNKS):
    rows = slice(CHUNK * number, CHUNK * (number + 1))
    chunk = file[rows].astype(np.float32) / 16
    clf.partial_fit(chunk, y[rows], classes=np.arange(10))
    accuracies.append(clf.score(X_test, y_test))
print(f"accuracy after one pass: {accuracies[-1]:.3f}")
print("rewired connections of each layer:", clf.n_rewired_)

# %%
# Without chunks
# --------------
#
# A file of float32 in the scale that a network wants needs no chunks: `fit` takes the
# memory map. It reads the samples of each mini-batch, in another order in each epoch.

scaled = np.memmap(path.with_name("scaled.dat"), np.float32, "w+", shape=file.shape)
for number in range(N_CHUNKS):
    rows = slice(CHUNK * number, CHUNK * (number + 1))
    scaled[rows] = file[rows] / np.float32(16)
whole = SETClassifier((300, 300), max_iter=3, batch_size=200, random_state=0)
whole.fit(scaled, y)
print(f"accuracy after {whole.n_iter_} epochs: {whole.score(X_test, y_test):.3f}")

fig, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
seen = CHUNK * np.arange(1, N_CHUNKS + 1)
ax.plot(seen, accuracies, marker="o", label="partial_fit, chunk by chunk")
ax.axhline(
    whole.score(X_test, y_test),
    color="C1",
    linestyle="--",
    label=f"fit on the memory map, {whole.n_iter_} epochs",
)
ax.set(xlabel="samples seen", ylabel="accuracy on other digits")
ax.legend()
plt.show()
del file, scaled
folder.cleanup()
