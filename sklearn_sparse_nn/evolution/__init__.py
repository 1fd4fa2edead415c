"""How connections change during training."""

from sklearn_sparse_nn.evolution.rule import (
    EvolutionRule,
    EvolvingLayer,
    TrainingClock,
)
from sklearn_sparse_nn.evolution.set import SET
from sklearn_sparse_nn.evolution.static import Static

EVOLUTIONS = {"set": SET, "static": Static}

__all__ = [
    "EVOLUTIONS",
    "SET",
    "EvolutionRule",
    "EvolvingLayer",
    "Static",
    "TrainingClock",
]
