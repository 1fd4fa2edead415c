"""What users import."""

from sklearn_sparse_nn.estimators._autoencoder import SETAutoencoder
from sklearn_sparse_nn.estimators._classifier import SETClassifier
from sklearn_sparse_nn.estimators._feature_selector import SETFeatureSelector
from sklearn_sparse_nn.estimators._quick_selection import QuickSelectionSelector
from sklearn_sparse_nn.estimators._rbm import SETRBMTransformer
from sklearn_sparse_nn.estimators._regressor import SETRegressor
from sklearn_sparse_nn.estimators._trusted import TRUSTED_TYPES

__all__ = [
    "TRUSTED_TYPES",
    "QuickSelectionSelector",
    "SETAutoencoder",
    "SETClassifier",
    "SETFeatureSelector",
    "SETRBMTransformer",
    "SETRegressor",
]
