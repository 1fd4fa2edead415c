"""
=======================================
Search on the workers of a Dask cluster
=======================================

Many fits, such as those of a grid search, are independent of each other: joblib sends
them to the workers of a Dask cluster, on this machine or on many. The search is
scikit-learn's own, and finds the same as on one machine, to the bit.

It needs ``pip install "sklearn-sparse-nn[dask]"``.
"""

# %%
# A cluster
# ---------
#
# Two workers of one thread each. Here they are threads of this process; with
# ``processes=True``, or with the address of a scheduler in place of the cluster, the
# rest stays as it is. In a script that is run by itself, processes need it to be under
# ``if __name__ == "__main__":``.

import warnings
from time import perf_counter

import joblib
import matplotlib.pyplot as plt
import numpy as np
from distributed import Client
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETClassifier

warnings.simplefilter("ignore", ConvergenceWarning)
client = Client(
    n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
)

# %%
# The search
# ----------
#
# How many connections, and how many of them rewiring replaces: 12 settings in three
# folds. Only ``joblib.parallel_config`` knows of the cluster.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
network = make_pipeline(
    StandardScaler(), SETClassifier((200,), max_iter=40, random_state=0)
)
epsilons, zetas = [1, 2, 5, 20], [0.1, 0.3, 0.5]
grid = {"setclassifier__epsilon": epsilons, "setclassifier__zeta": zetas}
search = GridSearchCV(network, grid, cv=3)

start = perf_counter()
with joblib.parallel_config("dask"):
    search.fit(X_train, y_train)
print(f"36 fits on two workers: {perf_counter() - start:.1f} s")
print(f"best: {search.best_params_}, {search.score(X_test, y_test):.3f} on new images")

# %%
# What it found
# -------------
#
# The fewer connections there are, the fewer of them should be replaced at a time.

scores = search.cv_results_["mean_test_score"].reshape(len(epsilons), len(zetas))
spread = search.cv_results_["std_test_score"].reshape(scores.shape)
fig, ax = plt.subplots(layout="constrained")
places = np.arange(len(epsilons))
for i, zeta in enumerate(zetas):
    ax.errorbar(places + 0.05 * (i - 1), scores[:, i], spread[:, i], label=f"{zeta}")
ax.set_xticks(places, epsilons)
ax.set(xlabel="epsilon", ylabel="accuracy in three folds")
ax.legend(title="zeta")
client.close()
plt.show()
