"""Look into fitted estimators."""

from sklearn_sparse_nn.inspection._activations import hidden_activations
from sklearn_sparse_nn.inspection._degree_distribution import degree_distribution
from sklearn_sparse_nn.inspection._degrees import neuron_degrees
from sklearn_sparse_nn.inspection._feature_strength import FeatureStrengthDisplay
from sklearn_sparse_nn.inspection._networkx import to_networkx
from sklearn_sparse_nn.inspection._power_law import fit_power_law
from sklearn_sparse_nn.inspection._small_world import small_world
from sklearn_sparse_nn.inspection._topology_distance import topology_distance

__all__ = [
    "FeatureStrengthDisplay",
    "degree_distribution",
    "fit_power_law",
    "hidden_activations",
    "neuron_degrees",
    "small_world",
    "to_networkx",
    "topology_distance",
]
