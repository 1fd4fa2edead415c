"""What users import."""

from sklearn_sparse_nn.estimators._autoencoder import SETAutoencoder
from sklearn_sparse_nn.estimators._classifier import SETClassifier
from sklearn_sparse_nn.estimators._quick_selection import QuickSelectionSelector
from sklearn_sparse_nn.estimators._rbm import SETRBMTransformer
from sklearn_sparse_nn.estimators._regressor import SETRegressor

__all__ = [
    "QuickSelectionSelector",
    "SETAutoencoder",
    "SETClassifier",
    "SETRBMTransformer",
    "SETRegressor",
]
