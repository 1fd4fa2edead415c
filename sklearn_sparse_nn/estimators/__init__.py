"""What users import."""

from sklearn_sparse_nn.estimators._classifier import SETClassifier
from sklearn_sparse_nn.estimators._rbm import SETRBMTransformer
from sklearn_sparse_nn.estimators._regressor import SETRegressor

__all__ = ["SETClassifier", "SETRBMTransformer", "SETRegressor"]
