"""
=============================
Write your own evolution rule
=============================

SET grows new connections at random empty places. RigL [1]_ looks at the gradient
instead: a connection begins where the loss would fall fastest. The library has it, as
``evolution="rigl"``. This example writes the idea in three lines of NumPy, and compares
it with SET and with a network whose connections never change.

A rule is a subclass of :class:`~sklearn_sparse_nn.evolution.EvolutionRule`. It says
when to rewire, which connections go, where new ones begin, and with which weights. The
network does the rest. Most rules of the literature are SET with another answer to one
of these questions.

.. [1] Evci, Gale, Menick, Castro and Elsen, "Rigging the lottery: making all tickets
   winners", ICML 2020. :arxiv:`1911.11134`
"""

# %%
# The rule
# --------
#
# The rule scores the empty places by the magnitude of their gradient, and grows at the
# highest. It asks for the gradient of *all* empty places, which is as large as a dense
# layer. So `cell_scores` is called for some neurons at a time, and the dense
# gradient is never in memory as a whole. It still costs time in proportion to a dense
# layer at each rewiring, which random growth does not.
#
# Like RigL, it replaces fewer and fewer connections as training goes on. That is a
# schedule, a parameter of SET: half a period of the cosine, which comes to zero after
# three quarters of the epochs.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import SET, Cosine

warnings.simplefilter("ignore", ConvergenceWarning)


class GradientGrowth(SET):
    """Grow connections where the gradient is largest."""

    def cell_scores(self, layer, neurons):
        return np.abs(layer.gradient(neurons))


gradient_growth = GradientGrowth(min_updates=20, schedule=Cosine(end=0.75))

# %%
# The comparison
# --------------
#
# The data set is small and easy, so the networks are made very sparse: at most two
# connections per neuron. Each network is trained with several seeds, each with a split
# of its own.

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)

rules = {"static": "static", "SET": "set", "gradient": gradient_growth}
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
# The rule is an ordinary parameter: ``SETClassifier(evolution=GradientGrowth())`` works
# in a pipeline, and a grid search can compare rules with each other, or values of
# ``evolution__interval`` and ``evolution__schedule``.
#
# :class:`~sklearn_sparse_nn.evolution.RigL` does more: connections that have just gone
# may win and come back, it can look at some of the empty places only, and the
# mini-batch that chooses connections changes no weight. See :ref:`evolution` for the
# whole protocol, and for the other rules of the literature.
