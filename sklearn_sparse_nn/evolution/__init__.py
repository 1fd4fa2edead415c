"""How connections change during training."""

from sklearn_sparse_nn.engine.terms import UpdateTerms
from sklearn_sparse_nn.evolution.deepr import DeepR
from sklearn_sparse_nn.evolution.distributions import (
    DISTRIBUTIONS,
    Distribution,
    ErdosRenyiDensity,
    GlobalMagnitude,
    UniformDensity,
    distribution_of,
    share_out,
)
from sklearn_sparse_nn.evolution.gmp import GMP
from sklearn_sparse_nn.evolution.granet import GraNet
from sklearn_sparse_nn.evolution.importance_pruning import ImportancePruning
from sklearn_sparse_nn.evolution.lamp import LAMP
from sklearn_sparse_nn.evolution.layer import EvolvingLayer, NeuronBatch, TrainingClock
from sklearn_sparse_nn.evolution.neurofs import NeuroFS
from sklearn_sparse_nn.evolution.regions import Inputs, Pattern, Ranges, Region
from sklearn_sparse_nn.evolution.rule import EvolutionRule
from sklearn_sparse_nn.evolution.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Cubic,
    Linear,
    Schedule,
    schedule_of,
)
from sklearn_sparse_nn.evolution.scores import ScoreRule
from sklearn_sparse_nn.evolution.set import SET
from sklearn_sparse_nn.evolution.static import Static
from sklearn_sparse_nn.evolution.wast import WAST

EVOLUTIONS = {
    "set": SET,
    "static": Static,
    "neurofs": NeuroFS,
    "wast": WAST,
    "gmp": GMP,
    "lamp": LAMP,
    "granet": GraNet,
    "deepr": DeepR,
    "importance_pruning": ImportancePruning,
}

__all__ = [
    "DISTRIBUTIONS",
    "EVOLUTIONS",
    "GMP",
    "LAMP",
    "SCHEDULES",
    "SET",
    "WAST",
    "Constant",
    "Cosine",
    "Cubic",
    "DeepR",
    "Distribution",
    "ErdosRenyiDensity",
    "EvolutionRule",
    "EvolvingLayer",
    "GlobalMagnitude",
    "GraNet",
    "ImportancePruning",
    "Inputs",
    "Linear",
    "NeuroFS",
    "NeuronBatch",
    "Pattern",
    "Ranges",
    "Region",
    "Schedule",
    "ScoreRule",
    "Static",
    "TrainingClock",
    "UniformDensity",
    "UpdateTerms",
    "distribution_of",
    "schedule_of",
    "share_out",
]
