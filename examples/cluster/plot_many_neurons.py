"""
=======================================
Two hundred thousand neurons, in memory
=======================================

A sparse layer takes memory for its connections, not for its cells. So a laptop can
train more neurons than in a dense network, by orders of magnitude.
"""

# %%
# From a thousand neurons to two hundred thousand
# -----------------------------------------------
#
# Two hidden layers of more and more neurons, with the same `epsilon`: each neuron has
# as many connections. The data are scikit-learn's digits, which do not need so many
# neurons; what is measured here is what they cost.

import pickle
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from sklearn_sparse_nn import SETClassifier

warnings.simplefilter("ignore", ConvergenceWarning)
X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
widths = np.array([500, 2_000, 8_000, 30_000, 100_000])
seconds, connections, sizes = [], [], []
SETClassifier((100,), max_iter=1).fit(X, y)  # what is compiled is compiled here
for width in widths:
    clf = SETClassifier((width, width), epsilon=5, max_iter=2, random_state=0)
    start = time.perf_counter()
    clf.fit(X, y)
    seconds.append((time.perf_counter() - start) / 2)
    connections.append(clf.n_connections_.sum())
    sizes.append(len(pickle.dumps(clf)))
    print(
        f"{2 * width:7,} neurons, {connections[-1]:9,} connections, "
        f"{seconds[-1]:5.2f} s per epoch"
    )

# %%
# What it costs
# -------------
#
# Time and memory grow with the number of neurons. The weights of a dense network of
# the same shape grow with its square: with 200,000 neurons they would take 40 GB, four
# bytes each, without the optimiser.

dense = 4.0 * (64 * widths + widths**2 + 10 * widths)
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
left.loglog(2 * widths, seconds, "o-")
left.set(xlabel="hidden neurons", ylabel="seconds per epoch", title="time")
right.loglog(2 * widths, np.array(sizes) / 1e6, "o-", label="sparse, with Adam's state")
right.loglog(2 * widths, dense / 1e6, "--", color="0.5", label="dense, weights alone")
right.set(xlabel="hidden neurons", ylabel="MB", title="size of the fitted network")
right.legend()
plt.show()

# %%
# Further up
# ----------
#
# ``benchmarks/million_neurons.py`` trains a million neurons on 1,397 samples of
# noise in 54,675 features: 20.5 million connections, 8.5 s per epoch on one thread.
# ``benchmarks/fifty_million.py`` trains fifty million, in ten layers, with a hundred
# million connections, in 8.8 GiB. What larger ones would take is in
# :ref:`the guide <memory_of_large_networks>`.
