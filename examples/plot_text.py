"""
==========
PC or Mac?
==========

Messages of two newsgroups, told apart by their words. Word counts are a sparse matrix,
which the network reads as it is: the samples of a mini-batch are dense for a moment,
and the connections of words that no message of it has are left out.

The data come from scikit-learn's `fetch_20newsgroups`, or, where the environment
variable `SPARSE_NN_DATA` names a folder, from the file ``pcmac.npz`` (arrays `X` and
`y`) in it.
"""

# %%
# Words as a sparse matrix
# ------------------------

import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse
from sklearn.datasets import fetch_20newsgroups
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline

from sklearn_sparse_nn import SETClassifier

warnings.simplefilter("ignore", ConvergenceWarning)


def load_messages():
    """Word counts and newsgroups: from a local folder if there is one."""
    folder = os.environ.get("SPARSE_NN_DATA")
    if folder:
        archive = np.load(Path(folder) / "pcmac.npz")
        return sparse.csr_array(archive["X"].astype(np.float32)), archive["y"]
    groups = ["comp.sys.ibm.pc.hardware", "comp.sys.mac.hardware"]
    data = fetch_20newsgroups(subset="all", categories=groups)
    counts = CountVectorizer(min_df=5, stop_words="english").fit_transform(data.data)
    return sparse.csr_array(counts.astype(np.float32)), data.target


X, y = load_messages()
n_messages, n_words = X.shape
share = 100 * X.nnz / (n_messages * n_words)
print(f"{n_messages:,} messages, {n_words:,} words, {share:.1f} % of the counts not 0")

# %%
# More and fewer connections
# --------------------------
#
# TF-IDF gives rare words more weight, and makes all messages of equal length. Three
# folds; `epsilon` is the number of connections for each neuron. The same with
# connections that stay as they began, and logistic regression.


folds = StratifiedKFold(3, shuffle=True, random_state=0)


def validate(classifier):
    """Scores and classifiers of three folds."""
    model = make_pipeline(TfidfTransformer(), classifier)
    found = cross_validate(model, X, y, cv=folds, n_jobs=2, return_estimator=True)
    return found["test_score"], [fitted[-1] for fitted in found["estimator"]]


epsilons = [1, 2, 5, 10]
options = {"hidden_layer_sizes": (500,), "random_state": 0}
scores = {"changing connections": [], "fixed connections": []}
connections = []
for epsilon in epsilons:
    for name, rule in zip(scores, ("set", "static")):
        found, fitted = validate(
            SETClassifier(**options, epsilon=epsilon, evolution=rule)
        )
        scores[name].append(found)
    connections.append(fitted[0].n_connections_.sum())
linear, _ = validate(LogisticRegression(C=10))
for name, found in scores.items():
    print(f"{name}:", *(f"{fold.mean():.3f}" for fold in found))
print(f"logistic regression: {linear.mean():.3f}")

# %%
# Accuracy over the number of connections
# ---------------------------------------

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, found in scores.items():
    found = np.array(found)
    error = found.std(axis=1) / np.sqrt(found.shape[1])
    ax.errorbar(connections, found.mean(axis=1), error, marker="o", label=name)
ax.axhline(linear.mean(), color="0.5", linestyle="--", label="logistic regression")
ax.set(xscale="log", xlabel="connections", ylabel="accuracy in three folds")
ax.legend()
plt.show()
