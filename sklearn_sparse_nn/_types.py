"""Types that several parts of the public interface have in common.

They are for type checkers, and nothing imports them when it runs. What a parameter must
be beyond its type is checked in `fit`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

if TYPE_CHECKING:
    from joblib import Memory

    from sklearn_sparse_nn.evolution.rule import EvolutionRule
    from sklearn_sparse_nn.evolution.schedules import Schedule

# Arrays. Cells are numbers ``neuron * n_inputs + input``.
Bools: TypeAlias = NDArray[np.bool_]
Cells: TypeAlias = NDArray[np.int64]
Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.floating]
Float32s: TypeAlias = NDArray[np.float32]
Float64s: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = Sequence[int] | NDArray[np.integer]

# Data of estimators: arrays, frames, lists of lists and sparse matrices.
MatrixLike: TypeAlias = ArrayLike | sparse.sparray | sparse.spmatrix

# Names of options.
ActivationName: TypeAlias = Literal[
    "relu", "all_relu", "leaky_relu", "tanh", "logistic", "identity"
]
TopologyName: TypeAlias = Literal[
    "erdos_renyi", "xbm", "dense", "watts_strogatz", "barabasi_albert", "brf", "csti"
]
EvolutionName: TypeAlias = Literal[
    "set",
    "static",
    "neurofs",
    "wast",
    "rigl",
    "snfs",
    "dsr",
    "mest",
    "itop",
    "gmp",
    "lamp",
    "granet",
    "deepr",
    "importance_pruning",
    "ctre",
    "cht",
    "chts",
    "topkast",
]
ScheduleName: TypeAlias = Literal["constant", "linear", "cosine", "cubic", "sigmoid"]
DistributionName: TypeAlias = Literal["uniform", "erdos_renyi", "global"]
LossName: TypeAlias = Literal[
    "squared_error", "absolute_error", "huber", "quantile", "poisson"
]
NoiseName: TypeAlias = Literal["gaussian", "masking"]
RateName: TypeAlias = Literal["linear", "constant", "invscaling", "adaptive"]
Solver: TypeAlias = Literal["sgd", "adam"]
Auto: TypeAlias = Literal["auto"]


class Connects(Protocol):
    """A topology, of one layer or of all: see `topology.initial`."""

    def connect(self, *args: Any, **kwargs: Any) -> Any: ...


class TellsLayersApart(Protocol):
    """A topology that has another one for each layer."""

    def of_layer(self, *args: Any, **kwargs: Any) -> Any: ...


class LooksAtData(Protocol):
    """A topology that depends on the data."""

    def of_data(self, *args: Any, **kwargs: Any) -> Any: ...


# Parameters.
Activations: TypeAlias = ActivationName | Sequence[ActivationName]
ClassWeight: TypeAlias = (
    Mapping[Any, float] | Sequence[Mapping[Any, float]] | Literal["balanced"] | None
)
Density: TypeAlias = ArrayLike | None
EvolutionLike: TypeAlias = "EvolutionName | EvolutionRule"
LayerSizes: TypeAlias = int | Sequence[int] | NDArray[np.integer]
MemoryLike: TypeAlias = "str | Memory | None"
RandomState: TypeAlias = int | np.random.RandomState | None
ScheduleLike: TypeAlias = "ScheduleName | Schedule"
Scoring: TypeAlias = str | Callable[..., float] | None
Structure: TypeAlias = tuple[NDArray[np.int64], NDArray[np.uint32]]
TopologyLike: TypeAlias = TopologyName | Connects | TellsLayersApart | LooksAtData
