"""Truly sparse neural networks with scikit-learn's interface."""

from sklearn_sparse_nn.estimators import (
    TRUSTED_TYPES,
    QuickSelectionSelector,
    SETAutoencoder,
    SETClassifier,
    SETFeatureSelector,
    SETRBMTransformer,
    SETRegressor,
)

__version__ = "0.2.0"
__all__ = [
    "TRUSTED_TYPES",
    "QuickSelectionSelector",
    "SETAutoencoder",
    "SETClassifier",
    "SETFeatureSelector",
    "SETRBMTransformer",
    "SETRegressor",
]
