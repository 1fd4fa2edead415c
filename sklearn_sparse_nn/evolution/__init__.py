"""How connections change during training."""

from sklearn_sparse_nn.engine.terms import UpdateTerms
from sklearn_sparse_nn.evolution.distributions import (
    DISTRIBUTIONS,
    Distribution,
    ErdosRenyiDensity,
    GlobalMagnitude,
    UniformDensity,
    distribution_of,
    share_out,
)
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
from sklearn_sparse_nn.evolution.topkast import TopKAST
from sklearn_sparse_nn.evolution.wast import WAST

EVOLUTIONS = {
    "set": SET,
    "static": Static,
    "neurofs": NeuroFS,
    "topkast": TopKAST,
    "wast": WAST,
}

__all__ = [
    "DISTRIBUTIONS",
    "EVOLUTIONS",
    "SCHEDULES",
    "SET",
    "WAST",
    "Constant",
    "Cosine",
    "Cubic",
    "Distribution",
    "ErdosRenyiDensity",
    "EvolutionRule",
    "EvolvingLayer",
    "GlobalMagnitude",
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
    "TopKAST",
    "TrainingClock",
    "UniformDensity",
    "UpdateTerms",
    "distribution_of",
    "schedule_of",
    "share_out",
]
