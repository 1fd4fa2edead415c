"""
===================
Look into a network
===================

Where are the connections of a sparse network, how did they come there, do two networks
find the same ones, and what does it cost? :mod:`sklearn_sparse_nn.inspection` answers
such questions. Here are its pictures and numbers for a classifier of digits.
"""

# %%
# A callback notes the topology
# -----------------------------
#
# :class:`~sklearn_sparse_nn.inspection.TopologyMonitor` is a callback of scikit-learn.
# It looks at the connections after each epoch.

import matplotlib.pyplot as plt
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import SET
from sklearn_sparse_nn.inspection import (
    ConnectivityDisplay,
    DegreeDistributionDisplay,
    FeatureStrengthDisplay,
    LossCurveDisplay,
    TopologyEvolutionDisplay,
    TopologyMonitor,
    count_flops,
    exploration_rate,
    small_world,
    topology_distance,
)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

clf = SETClassifier(
    (300, 300),
    epsilon=5,
    zeta=0.3,
    evolution=SET(schedule="cosine"),
    max_iter=100,
    random_state=0,
)
model = make_pipeline(MinMaxScaler(), clf.set_callbacks(TopologyMonitor()))
model.fit(X_train, y_train)
print(f"accuracy {model.score(X_test, y_test):.3f}")

# %%
# Where the connections are
# -------------------------
#
# At first, pixels differ by chance only. In the end there are few connections at the
# left and right edge, where next to nothing is ever drawn. The strength of a pixel, the
# sum of the magnitudes of its weights, shows more clearly which tell digits apart.

fig, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for ax, epoch in zip(axes, (0, None)):
    ConnectivityDisplay.from_estimator(model, epoch=epoch, image_shape=(8, 8), ax=ax)
axes[0].set_title("connections before")
axes[1].set_title("connections after")
FeatureStrengthDisplay.from_estimator(model, image_shape=(8, 8), ax=axes[2])
axes[2].set_title("strength after")
plt.show()

# %%
# How they came there
# -------------------
#
# The rule replaces three of ten connections in the first rewirings, and none in the
# last. The share of all possible connections that were ever there is the exploration
# rate.

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
LossCurveDisplay.from_estimator(model, ax=left)
TopologyEvolutionDisplay.from_estimator(model, ax=right)
plt.show()

rates = exploration_rate(model)
print(f"explored: {rates[0]:.1%} at first, {rates[-1]:.1%} in the end")

# %%
# The graph
# ---------
#
# The degrees of the inputs become unequal: some have many connections, some have few.
# A power law comes with a p-value. Of 0.1 or less, it does not hold. A larger one
# proves little, the less the fewer pixels are above the minimum, where the line begins.
# `sigma` compares clustering and path lengths with those of random graphs: well above
# 1, a network is a small world.

display = DegreeDistributionDisplay.from_estimator(model, layer=0, random_state=0)
display.figure_.set_layout_engine("constrained")
plt.show()
for name, number in small_world(model, random_state=0)._asdict().items():
    print(f"{name:>20}: {number:.3f}")

# %%
# Two networks
# ------------
#
# Other seeds find other connections. The distance is that of the best matching of
# hidden neurons, which have no identity, from 0 to 1 for each layer. The networks are
# far from each other, and as accurate.

other = clone(model).set_params(setclassifier__random_state=1).fit(X_train, y_train)
print(f"accuracy {other.score(X_test, y_test):.3f}")
print("distance of each layer:", topology_distance(model, other).round(2))

# %%
# What it costs
# -------------
#
# Nominal floating-point operations for one sample, of this network and of a dense one.
# They say nothing of seconds.

flops = count_flops(model)
print(f"to train: {flops.training / flops.dense_training:.1%} of the dense network")
print(f"to predict: {flops.inference / flops.dense_inference:.1%}")
