"""
======================================
Search over rules and their parameters
======================================

How connections change is a parameter like any other: a grid search compares the rules
of the literature, and the parameters of a rule. The first search trains every rule with
few and with more connections, and draws accuracy over connections. The second one tunes
three of them.

:ref:`rules_of_the_literature` says what each rule does and when to choose it.
"""

# %%
# Every rule, at several densities
# --------------------------------
#
# The digits that ship with scikit-learn, two hidden layers of 200 neurons, and an
# output layer that has all of its connections, as in most papers. Most rules keep the
# number of connections, so that `density` says it. GMP, LAMP and GraNet prune: they
# begin five times as dense here and end with a fifth. Top-KAST begins with twice the
# connections that it ends with. So a second score counts what each network has in the
# end.
#
# The network is rewired every 20 weight updates, that is about once an epoch. New
# connections need time to learn: in 40 epochs, most rules that grow at random would be
# no better here than connections that stay.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import EVOLUTIONS, SET, CHTs, DeepR, RigL

warnings.simplefilter("ignore", ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)

clf = SETClassifier(
    (200, 200),
    zeta=0.3,
    learning_rate_init=0.005,
    batch_size=64,
    max_iter=85,
    n_iter_no_change=np.inf,
    random_state=0,
)
others = "wast", "neurofs"  # for autoencoders, and to select features
rules = {name: EVOLUTIONS[name]() for name in EVOLUTIONS if name not in others}
for rule in rules.values():
    if "interval" in rule.get_params():
        rule.set_params(interval=20)
    if "output_layer" in rule.get_params():
        rule.set_params(output_layer=False)
rules["deepr"] = DeepR(interval=5)

begins_with = {"gmp": 5, "lamp": 5, "granet": 5, "topkast": 2}
grid = []
for name, rule in rules.items():
    densities = begins_with.get(name, 1) * np.array([0.005, 0.015, 0.05])
    grid.append({"evolution": [rule], "density": [[d, d, 1.0] for d in densities]})


def count_connections(estimator, X, y):
    return estimator.n_connections_.sum()


scoring = {"accuracy": "accuracy", "connections": count_connections}
cv = StratifiedShuffleSplit(n_splits=2, test_size=0.3, random_state=0)
search = GridSearchCV(clf, grid, scoring=scoring, refit=False, cv=cv, n_jobs=2)
search.fit(X, y)

# %%
# Each line is one rule; the connections include the 2,000 of the output layer. The
# fewer there are, the more it matters where they are. Rules that look at the gradient
# find places at once, and rules that begin with more connections than they end with
# have tried more of them.

tried = search.cv_results_
families = {
    "no rewiring": ["static"],
    "random growth": ["set", "itop", "dsr", "mest", "deepr", "importance_pruning"],
    "growth by gradient": ["rigl", "snfs"],
    "fewer in the end": ["gmp", "lamp", "granet", "topkast"],
    "by topology or activations": ["cht", "chts", "ctre"],
}
fig, ax = plt.subplots(figsize=(8, 5), layout="constrained")
for color, family in zip(["0.5", "C0", "C1", "C2", "C3"], families.values()):
    for marker, name in zip("osD^vP", family):
        rows = [rule is rules[name] for rule in tried["param_evolution"]]
        ax.plot(
            tried["mean_test_connections"][rows],
            tried["mean_test_accuracy"][rows],
            marker=marker,
            color=color,
            label=name,
        )
ax.set(
    xlabel="connections in the end",
    ylabel="accuracy on test data",
    title="Digits: rules that change connections",
)
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %%
# Parameters of a rule
# --------------------
#
# The parameters of a rule are nested ones of the estimator: ``evolution__interval`` is
# the `interval` of whatever rule is there. A list of grids searches several rules, each
# with parameters of its own.

clf.set_params(density=[0.01, 0.01, 1.0])
grid = [
    {
        "evolution": [SET(interval=20, output_layer=False)],
        "evolution__schedule": ["constant", "cosine"],
        "zeta": [0.1, 0.3],
    },
    {
        "evolution": [RigL(output_layer=False)],
        "evolution__interval": [20, 50],
        "evolution__candidates": [3, None],
    },
    {
        "evolution": [CHTs(interval=20)],
        "evolution__removal": ["magnitude", "relative_importance"],
        "evolution__last_exponent": [3, 9],
    },
]
search = GridSearchCV(clf, grid, cv=cv, n_jobs=2).fit(X, y)
found = search.cv_results_
for i in np.argsort(found["rank_test_score"], kind="stable"):
    rule, *options = found["params"][i].items()
    changes = ", ".join(f"{k.removeprefix('evolution__')}={v}" for k, v in options)
    print(f"{found['mean_test_score'][i]:.3f}  {type(rule[1]).__name__}: {changes}")
print("The best rule:", search.best_estimator_.evolution)
