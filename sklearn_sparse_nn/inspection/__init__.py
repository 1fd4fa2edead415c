"""Look into fitted estimators."""

from sklearn_sparse_nn.inspection._activations import hidden_activations
from sklearn_sparse_nn.inspection._degrees import neuron_degrees
from sklearn_sparse_nn.inspection._feature_strength import FeatureStrengthDisplay
from sklearn_sparse_nn.inspection._topology_distance import topology_distance

__all__ = [
    "FeatureStrengthDisplay",
    "hidden_activations",
    "neuron_degrees",
    "topology_distance",
]
