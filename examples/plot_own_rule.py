"""
=============================
Write your own evolution rule
=============================

SET grows new connections at random empty places. RigL [1]_ looks at the gradient
instead: a connection begins where the loss would fall fastest. This example writes
that rule in plain NumPy and compares it with SET and with a network whose connections
never change.

A rule is a subclass of :class:`~sklearn_sparse_nn.evolution.EvolutionRule`. It answers
four questions: is it time to rewire, which connections go, where do new ones begin, and
with which weights. The network does the rest.

.. [1] Evci, Gale, Menick, Castro and Elsen, "Rigging the lottery: making all tickets
   winners", ICML 2020. :arxiv:`1911.11134`
"""

# %%
# The rule
# --------
#
# RigL removes the connections of smallest magnitude, whatever their sign. It removes
# fewer and fewer of them as training goes on: the fraction follows half a period of the
# cosine and reaches zero after a share `until` of the epochs. From then on the
# connections stay.
#
# To grow, the rule needs the gradient of *all* empty places, which is as large as a
# dense layer. It asks for a block of neurons at a time and keeps the best places so
# far, so the dense gradient is never in memory as a whole. It still costs time in
# proportion to a dense layer at each rewiring, which random growth does not.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import EvolutionRule

warnings.simplefilter("ignore", ConvergenceWarning)


class RigL(EvolutionRule):
    """Grow connections where the gradient is largest."""

    def __init__(self, until=0.75, min_updates=20, block_size=64):
        self.until = until
        self.min_updates = min_updates
        self.block_size = block_size

    def _progress(self, clock):
        # Nobody knows when a series of `partial_fit` ends: it never decays.
        return clock.epoch / (self.until * clock.max_epochs) if clock.max_epochs else 0

    def is_due(self, clock):
        enough = clock.updates_since_rewiring >= self.min_updates
        return enough and self._progress(clock) < 1

    def prune(self, layer):
        share = layer.zeta * (1 + np.cos(np.pi * self._progress(layer.clock))) / 2
        n_pruned = min(int(share * layer.n_connections), layer.n_empty_cells)
        pruned = np.zeros(layer.n_connections, dtype=bool)
        pruned[np.argsort(np.abs(layer.weights))[:n_pruned]] = True
        return pruned

    def grow(self, layer, n_pruned):
        cells, scores = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        for start in range(0, layer.n_neurons, self.block_size):
            neurons = np.arange(start, min(start + self.block_size, layer.n_neurons))
            score = np.abs(layer.gradient(neurons)).ravel()
            # Cells are numbered row by row: neuron * n_inputs + input.
            first = start * layer.n_inputs
            connected = slice(layer.indptr[start], layer.indptr[neurons[-1] + 1])
            score[layer.cells[connected] - first] = -1
            scores = np.concatenate([scores, score])
            cells = np.concatenate([cells, first + np.arange(len(score))])
            best = np.argsort(-scores, kind="stable")[:n_pruned]
            cells, scores = cells[best], scores[best]
        return np.sort(cells)

    def new_weights(self, layer, cells):
        return np.zeros(len(cells), dtype=np.float32)


# %%
# The comparison
# --------------
#
# The data set is small and easy, so the networks are made very sparse: at most two
# connections per neuron. Each network is trained with several seeds, each with a split
# of its own.

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)

rules = {"static": "static", "SET": "set", "RigL": RigL()}
epsilons = [0.5, 1, 2]
seeds = range(4)

accuracy = {name: np.zeros((len(epsilons), len(seeds))) for name in rules}
for i, epsilon in enumerate(epsilons):
    for seed in seeds:
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, stratify=y, random_state=seed
        )
        for name, rule in rules.items():
            clf = SETClassifier(
                (200, 200),
                epsilon=epsilon,
                evolution=rule,
                learning_rate_init=0.003,
                batch_size=64,
                max_iter=40,
                n_iter_no_change=np.inf,
                random_state=seed,
            )
            clf.fit(X_train, y_train)
            accuracy[name][i, seed] = clf.score(X_test, y_test)

# %%
# Each point is one network, each line joins the medians. All three networks of a seed
# start from the same connections and weights, and have the same number of connections
# throughout. The fewer connections there are, the more it matters where they are: in
# the sparsest networks few paths lead from the features to the classes. Which these are
# is left to chance at first; the rules move idle connections to where they make paths.

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for offset, (name, scores) in zip([-0.06, 0, 0.06], accuracy.items()):
    places = np.arange(len(epsilons)) + offset
    (line,) = ax.plot(places, np.median(scores, axis=1), label=name)
    ax.plot(places, scores, "o", color=line.get_color(), alpha=0.4)
ax.set_xticks(range(len(epsilons)), epsilons)
ax.set_xlabel("epsilon (connections per neuron)")
ax.set_ylabel("accuracy on test data")
ax.set_title("Digits: three ways to treat connections")
ax.legend()
plt.show()

# %%
# The rule is an ordinary parameter: ``SETClassifier(evolution=RigL(until=0.5))`` works
# in a pipeline, and a grid search can compare rules with each other, or values of
# ``evolution__until``. See :ref:`evolution` for the whole protocol.
