"""
==================================
Hospitals that keep their patients
==================================

Six hospitals have some patients with leukemia each, with the expression of 7,000 genes
(Golub et al., 1999). One kind is frequent in some, the other kind in others. No patient
leaves a hospital; networks do: :class:`~sklearn_sparse_nn.dask.FedDST` trains one
network for all, whose connections the hospitals choose together.

The data come from OpenML, or, where the environment variable `SPARSE_NN_DATA` names a
folder, from the file ``leukemia.npz`` (arrays `X` and `y`) in it. It needs
``pip install "sklearn-sparse-nn[dask]"``.
"""

# %%
# Hospitals
# ---------
#
# A third of the patients are set aside. Of the others, four of five of each kind are in
# three of the hospitals, those of the other kind in the other three.

import os
import warnings
from pathlib import Path

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
from distributed import Client
from sklearn.datasets import fetch_openml
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.dask import DaskSETClassifier, FedDST

N_HOSPITALS = 6
warnings.simplefilter("ignore", ConvergenceWarning)


def load_leukemia():
    """Read from a local folder if there is one, else from OpenML."""
    folder = os.environ.get("SPARSE_NN_DATA")
    if folder:
        archive = np.load(Path(folder) / "leukemia.npz")
        return archive["X"].astype(np.float32), archive["y"]
    data = fetch_openml("leukemia", version=1, as_frame=False)
    return data.data.astype(np.float32), data.target


def deal(y, rng):
    """The hospital of each patient: some kinds are more likely in some."""
    _, kind = np.unique(y, return_inverse=True)
    likely = np.where(np.arange(N_HOSPITALS) % 2 == kind[:, None], 0.8, 0.2)
    likely /= likely.sum(axis=1, keepdims=True)
    hospitals = np.array([rng.choice(N_HOSPITALS, p=p) for p in likely])
    hospitals[rng.permutation(len(y))[:N_HOSPITALS]] = np.arange(N_HOSPITALS)
    return hospitals


X, y = load_leukemia()
options = {"hidden_layer_sizes": (500,), "epsilon": 5, "max_iter": 20}
federated = {
    "federated, fixed connections": "static",
    "federated, changing connections": "rigl",
}
scores = {name: [] for name in ("each alone", *federated, "all in one place")}

# %%
# Four ways to learn
# ------------------
#
# Each hospital alone, which may know one kind of leukemia hardly or not at all; all of
# them by federated training, with fixed connections and with changing ones; and what
# would come of it if all patients were in one place. A block of the Dask array is a
# hospital. On a real cluster, its worker would be the hospital's machine, and
# ``client.scatter(data, workers=[...])`` would say so. Features are scaled by what
# hospitals tell: here the values are discrete, and of about one already.

client = Client(
    n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
)
for seed in range(6):
    rng = np.random.default_rng(seed)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=1 / 3, stratify=y, random_state=seed
    )
    hospital = deal(y_train, rng)
    order = np.argsort(hospital, kind="stable")
    sizes = tuple(np.bincount(hospital).tolist())
    blocks = (
        da.from_array(X_train[order], chunks=(sizes, -1)),
        da.from_array(y_train[order], chunks=(sizes,)),
    )

    def score(model, X_test=X_test, y_test=y_test):
        return balanced_accuracy_score(y_test, model.predict(X_test))

    alone = []
    for i in range(N_HOSPITALS):
        here = hospital == i
        if len(np.unique(y_train[here])) > 1:
            model = SETClassifier(**options | {"max_iter": 100}, random_state=seed)
            alone.append(score(model.fit(X_train[here], y_train[here])))
        else:
            alone.append(0.5)  # one kind is all that it knows
    scores["each alone"].append(np.mean(alone))
    for name, evolution in federated.items():
        model = DaskSETClassifier(
            **options,
            evolution=evolution,
            algorithm=FedDST(local_epochs=5, interval=2),
            random_state=seed,
        )
        scores[name].append(score(model.fit(*blocks).to_local()))
    model = SETClassifier(**options | {"max_iter": 100}, random_state=seed)
    scores["all in one place"].append(score(model.fit(X_train, y_train)))
client.close()

# %%
# What it comes to
# ----------------

for name, values in scores.items():
    print(f"{name:>32}: {np.mean(values):.3f} ± {np.std(values):.3f}")
fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
ax.boxplot([*scores.values()], orientation="horizontal", tick_labels=[*scores])
ax.invert_yaxis()
ax.set(xlabel="balanced accuracy on patients of no hospital, six splits")
plt.show()
