"""Which types skops is to trust, to load what this library has made."""

from scipy import sparse

from sklearn_sparse_nn.estimators._autoencoder import SETAutoencoder
from sklearn_sparse_nn.estimators._classifier import SETClassifier
from sklearn_sparse_nn.estimators._feature_selector import (
    SETFeatureSelector,
    _SelectingClassifier,
    _SelectingRegressor,
)
from sklearn_sparse_nn.estimators._quick_selection import (
    QuickSelectionSelector,
    _RecordingAutoencoder,
)
from sklearn_sparse_nn.estimators._rbm import SETRBMTransformer
from sklearn_sparse_nn.estimators._regressor import SETRegressor
from sklearn_sparse_nn.evolution import EVOLUTIONS
from sklearn_sparse_nn.evolution.absent import AbsentWeights
from sklearn_sparse_nn.networks.autoencoder import Autoencoder
from sklearn_sparse_nn.networks.gaussian_rbm import GaussianRBM
from sklearn_sparse_nn.networks.mlp import MLP
from sklearn_sparse_nn.networks.rbm import RBM
from sklearn_sparse_nn.networks.regression import RegressionMLP
from sklearn_sparse_nn.networks.standardised import (
    StandardisedMLP,
    StandardisedRegressionMLP,
)
from sklearn_sparse_nn.topology import TOPOLOGIES, FromArrays

_TYPES = (
    SETClassifier,
    SETRegressor,
    SETRBMTransformer,
    SETAutoencoder,
    QuickSelectionSelector,
    _RecordingAutoencoder,
    SETFeatureSelector,
    _SelectingClassifier,
    _SelectingRegressor,
    MLP,
    RegressionMLP,
    StandardisedMLP,
    StandardisedRegressionMLP,
    RBM,
    GaussianRBM,
    Autoencoder,
    *EVOLUTIONS.values(),
    AbsentWeights,
    *TOPOLOGIES.values(),
    FromArrays,
    sparse.csr_array,
    sparse.csc_array,
)

# Of estimators with a monitor; they import this package.
_INSPECTION = [
    f"sklearn_sparse_nn.inspection.{name}"
    for name in (
        "_explored.Explored",
        "_history.TopologyHistory",
        "_monitor.TopologyMonitor",
    )
]

#: Names of the types that ``skops.io.load(file, trusted=TRUSTED_TYPES)`` needs for any
#: estimator of this library: estimators, their networks, rules and topologies, with
#: the arrays of `FromArrays`, and histories of fits. Add the names of rules of your
#: own. What is loaded is checked: see the user guide.
TRUSTED_TYPES = [f"{each.__module__}.{each.__qualname__}" for each in _TYPES]
TRUSTED_TYPES += _INSPECTION
