"""How connections change during training."""

from sklearn_sparse_nn.engine.terms import UpdateTerms
from sklearn_sparse_nn.evolution.cht import CHT
from sklearn_sparse_nn.evolution.chts import CHTs
from sklearn_sparse_nn.evolution.ctre import CTRE
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
from sklearn_sparse_nn.evolution.dsr import DSR
from sklearn_sparse_nn.evolution.gmp import GMP
from sklearn_sparse_nn.evolution.granet import GraNet
from sklearn_sparse_nn.evolution.importance_pruning import ImportancePruning
from sklearn_sparse_nn.evolution.itop import ITOP
from sklearn_sparse_nn.evolution.lamp import LAMP
from sklearn_sparse_nn.evolution.layer import EvolvingLayer, NeuronBatch, TrainingClock
from sklearn_sparse_nn.evolution.mest import MEST
from sklearn_sparse_nn.evolution.neurofs import NeuroFS
from sklearn_sparse_nn.evolution.regions import Inputs, Pattern, Ranges, Region
from sklearn_sparse_nn.evolution.replacing import ReplacingRule
from sklearn_sparse_nn.evolution.rigl import RigL
from sklearn_sparse_nn.evolution.rule import EvolutionRule
from sklearn_sparse_nn.evolution.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Cubic,
    Linear,
    Schedule,
    Sigmoid,
    schedule_of,
)
from sklearn_sparse_nn.evolution.scores import ScoreRule
from sklearn_sparse_nn.evolution.set import SET
from sklearn_sparse_nn.evolution.snfs import SNFS
from sklearn_sparse_nn.evolution.static import Static
from sklearn_sparse_nn.evolution.topkast import TopKAST
from sklearn_sparse_nn.evolution.wast import WAST

EVOLUTIONS: dict[str, type[EvolutionRule]] = {
    "set": SET,
    "static": Static,
    "neurofs": NeuroFS,
    "wast": WAST,
    "rigl": RigL,
    "snfs": SNFS,
    "dsr": DSR,
    "mest": MEST,
    "itop": ITOP,
    "gmp": GMP,
    "lamp": LAMP,
    "granet": GraNet,
    "deepr": DeepR,
    "importance_pruning": ImportancePruning,
    "ctre": CTRE,
    "cht": CHT,
    "chts": CHTs,
    "topkast": TopKAST,
}

__all__ = [
    "CHT",
    "CTRE",
    "DISTRIBUTIONS",
    "DSR",
    "EVOLUTIONS",
    "GMP",
    "ITOP",
    "LAMP",
    "MEST",
    "SCHEDULES",
    "SET",
    "SNFS",
    "WAST",
    "CHTs",
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
    "ReplacingRule",
    "RigL",
    "Schedule",
    "ScoreRule",
    "Sigmoid",
    "Static",
    "TopKAST",
    "TrainingClock",
    "UniformDensity",
    "UpdateTerms",
    "distribution_of",
    "schedule_of",
    "share_out",
]
