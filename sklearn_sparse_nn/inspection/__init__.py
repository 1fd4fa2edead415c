"""Look into fitted estimators."""

from sklearn_sparse_nn.inspection._activations import hidden_activations
from sklearn_sparse_nn.inspection._connectivity import ConnectivityDisplay
from sklearn_sparse_nn.inspection._degree_display import DegreeDistributionDisplay
from sklearn_sparse_nn.inspection._degree_distribution import (
    DegreeDistribution,
    degree_distribution,
)
from sklearn_sparse_nn.inspection._degrees import neuron_degrees
from sklearn_sparse_nn.inspection._energy import EnergyMeter
from sklearn_sparse_nn.inspection._evolution_display import TopologyEvolutionDisplay
from sklearn_sparse_nn.inspection._exploration import exploration_rate
from sklearn_sparse_nn.inspection._feature_strength import FeatureStrengthDisplay
from sklearn_sparse_nn.inspection._flops import Flops, count_flops
from sklearn_sparse_nn.inspection._gradient_flow import effective_gradient_flow
from sklearn_sparse_nn.inspection._history import TopologyHistory
from sklearn_sparse_nn.inspection._loss_curve import LossCurveDisplay
from sklearn_sparse_nn.inspection._monitor import TopologyMonitor
from sklearn_sparse_nn.inspection._networkx import to_networkx
from sklearn_sparse_nn.inspection._power_law import PowerLawFit, fit_power_law
from sklearn_sparse_nn.inspection._small_world import SmallWorld, small_world
from sklearn_sparse_nn.inspection._topology_distance import topology_distance

__all__ = [
    "ConnectivityDisplay",
    "DegreeDistribution",
    "DegreeDistributionDisplay",
    "EnergyMeter",
    "FeatureStrengthDisplay",
    "Flops",
    "LossCurveDisplay",
    "PowerLawFit",
    "SmallWorld",
    "TopologyEvolutionDisplay",
    "TopologyHistory",
    "TopologyMonitor",
    "count_flops",
    "degree_distribution",
    "effective_gradient_flow",
    "exploration_rate",
    "fit_power_law",
    "hidden_activations",
    "neuron_degrees",
    "small_world",
    "to_networkx",
    "topology_distance",
]
