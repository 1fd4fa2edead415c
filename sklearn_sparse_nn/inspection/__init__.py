"""Look into fitted estimators."""

from sklearn_sparse_nn.inspection._activations import hidden_activations
from sklearn_sparse_nn.inspection._exploration import exploration_rate
from sklearn_sparse_nn.inspection._feature_strength import FeatureStrengthDisplay
from sklearn_sparse_nn.inspection._topology import neuron_degrees, topology_distance

__all__ = [
    "FeatureStrengthDisplay",
    "exploration_rate",
    "hidden_activations",
    "neuron_degrees",
    "topology_distance",
]
