"""Training on the workers of a Dask cluster.

The estimators have the parameters and the fitted attributes of the ordinary ones.
`fit` takes Dask arrays and frames, whose blocks stay on the workers, and predictions
are as lazy as the data. ``pip install "sklearn-sparse-nn[dask]"``.
"""

from sklearn_sparse_nn.dask._estimators import DaskSETClassifier, DaskSETRegressor
from sklearn_sparse_nn.dask._selector import DaskQuickSelectionSelector
from sklearn_sparse_nn.dask.feddst import FedDST
from sklearn_sparse_nn.dask.local_sgd import LocalSGD
from sklearn_sparse_nn.dask.wasap_sgd import WASAPSGD

__all__ = [
    "WASAPSGD",
    "DaskQuickSelectionSelector",
    "DaskSETClassifier",
    "DaskSETRegressor",
    "FedDST",
    "LocalSGD",
]
