"""How the connections of a layer begin, and how they change."""

from sklearn_sparse_nn.topology.evolution import (
    EvolutionRule,
    EvolvingLayer,
    TrainingClock,
)
from sklearn_sparse_nn.topology.initial import Dense, ErdosRenyi
from sklearn_sparse_nn.topology.set import SET
from sklearn_sparse_nn.topology.static import Static
from sklearn_sparse_nn.topology.xbm import XBM

TOPOLOGIES = {"erdos_renyi": ErdosRenyi, "xbm": XBM, "dense": Dense}
EVOLUTIONS = {"set": SET, "static": Static}

__all__ = [
    "EVOLUTIONS",
    "SET",
    "TOPOLOGIES",
    "XBM",
    "Dense",
    "ErdosRenyi",
    "EvolutionRule",
    "EvolvingLayer",
    "Static",
    "TrainingClock",
]
