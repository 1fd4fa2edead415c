"""WAST: attention to the features that matter, in a sparse autoencoder."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval

from sklearn_sparse_nn.evolution.scores import ScoreRule

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Bools, Cells, Counts, Float64s, Floats
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer


class WAST(ScoreRule):
    """Where to pay attention in sparse training (WAST), for autoencoders.

    Each feature has an importance, which grows with every weight update [1]_: by the
    mean magnitude of its error of reconstruction, to which the loss is as sensitive,
    and by its strength, the sum of the magnitudes of its weights. A feature has one
    importance as an input of the network and another one, with the strength there, as
    an output.

    After every update, the fraction `zeta` of the connections of a layer goes: those
    where the magnitude of the weight times the importance of the feature is lowest. As
    many begin, with a weight of zero, at the empty cells of the most important
    features. What would begin where it has just gone stays. The hidden neurons are
    equally important; between two hidden layers, magnitude decides what goes and chance
    what begins.

    :class:`~sklearn_sparse_nn.QuickSelectionSelector` selects by the importances of the
    inputs with ``importance="evolution"``. Some tens or hundreds of updates are enough.

    Parameters
    ----------
    error_weight : float, default=0.97
        What the error of a feature counts for in its importance, in the range [0, 1];
        its strength counts for the rest. The initial weights of [1]_ are a quarter of
        those of this package, if a fifth of the connections exist: 0.97 is here what
        its 0.9 is there, 0.7 what 0.4 is.

    References
    ----------
    .. [1] Sokar, Atashgahi, Pechenizkiy and Mocanu, "Where to pay attention in sparse
       training for feature selection?", NeurIPS 2022. :arxiv:`2211.14627`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import QuickSelectionSelector
    >>> from sklearn_sparse_nn.evolution import WAST
    >>> X, _ = load_digits(return_X_y=True)
    >>> selector = QuickSelectionSelector(
    ...     10,
    ...     hidden_layer_sizes=(100,),
    ...     evolution=WAST(error_weight=0.7),
    ...     importance="evolution",
    ...     max_iter=10,
    ...     random_state=0,
    ... )
    >>> selector.fit_transform(X).shape
    (1797, 10)
    """

    _parameter_constraints: dict = {
        "error_weight": [Interval(Real, 0, 1, closed="both")],
    }

    interval = 1
    needs_autoencoder = True

    def __init__(self, error_weight: float = 0.97) -> None:
        self.error_weight = error_weight

    def feature_importances(self, layers: list[EvolvingLayer]) -> Float64s:
        """Importance of each feature as an input, the last update included."""
        return self._importances(layers)[0]

    def _importances(self, layers):
        """Importances of the features as inputs and as outputs, of all updates."""
        encoder, decoder = layers[0], layers[-1]
        before = getattr(self, "importances_", np.zeros((2, encoder.n_inputs)))
        if not encoder.clock.updates_since_rewiring:
            return before
        errors = np.abs(decoder.batch().errors).mean(axis=1, dtype=np.float64)
        strengths = (
            np.bincount(encoder.indices, np.abs(encoder.weights), len(errors)),
            np.bincount(_neurons(decoder), np.abs(decoder.weights), len(errors)),
        )
        share = self.error_weight
        return before + share * errors + (1 - share) * np.stack(strengths)

    def n_pruned(self, layers: list[EvolvingLayer]) -> Counts:
        """The fraction `zeta`, once the last update has been looked at."""
        self.importances_ = self._importances(layers)
        return super().n_pruned(layers)

    def connection_scores(self, layer: EvolvingLayer) -> Floats:
        """Magnitude of the weight times importance of the feature."""
        magnitudes = super().connection_scores(layer)
        if not _has_features(layer):
            return magnitudes
        return magnitudes * self._of_features(layer)[_ends(layer).features]

    def prune(self, layer: EvolvingLayer) -> Bools:
        """Remove what scores lowest, but for what would begin again at once."""
        pruned = super().prune(layer)
        if _has_features(layer):
            ends = _ends(layer)
            n_free = ends.n_empty() + _count(ends.features[pruned], ends.n_features)
            n_pruned = np.count_nonzero(pruned)
            full = np.zeros(ends.n_features, dtype=bool)
            full[self._to_fill(layer, n_free, n_pruned)[:-1]] = True
            pruned &= ~full[ends.features]
        return pruned

    def grow(self, layer: EvolvingLayer, n_grown: int) -> Cells:
        """Fill the empty cells of the most important features, one after the other."""
        if n_grown == 0 or not _has_features(layer):
            return super().grow(layer, n_grown)
        ends = _ends(layer)
        features = self._to_fill(layer, ends.n_empty(), n_grown)
        places, others = ends.empty_cells_of(features)
        # Of the last of these features, only some.
        n_sure = np.searchsorted(places, len(features) - 1)
        n_last = len(places) - n_sure
        some = layer.rng.choice(n_last, n_grown - n_sure, replace=False)
        chosen = np.concatenate([np.arange(n_sure), n_sure + some])
        return np.sort(_cells(layer, features[places[chosen]], others[chosen]))

    def _of_features(self, layer):
        return self.importances_[0 if layer.index == 0 else 1]

    def _to_fill(self, layer, n_free, n):
        """The most important features, as few as have `n` free cells."""
        order = np.argsort(-self._of_features(layer), kind="stable")
        return order[: np.searchsorted(np.cumsum(n_free[order]), n) + 1]


class _Ends(NamedTuple):
    """The feature of each connection of a layer, and the neuron at its other end."""

    features: np.ndarray
    others: np.ndarray
    n_features: int
    n_others: int

    def n_empty(self):
        """Number of empty cells of each feature."""
        return self.n_others - _count(self.features, self.n_features)

    def empty_cells_of(self, chosen):
        """Empty cells: the places of their features in `chosen`, and the other ends.

        Places are ascending. If all but the last of these features have no empty cell,
        or get connections in all, this looks at few more cells than are connected then.
        """
        place = np.full(self.n_features, len(chosen))
        place[chosen] = np.arange(len(chosen))
        places = place[self.features]
        # What is of other features goes into a row of its own.
        empty = np.ones((len(chosen) + 1) * self.n_others, dtype=bool)
        empty[places * self.n_others + self.others] = False
        empty = empty[: len(chosen) * self.n_others]
        return np.divmod(np.flatnonzero(empty), self.n_others)


def _ends(layer):
    if layer.index == 0:
        return _Ends(layer.indices, _neurons(layer), layer.n_inputs, layer.n_neurons)
    return _Ends(_neurons(layer), layer.indices, layer.n_neurons, layer.n_inputs)


def _cells(layer, features, others):
    """Cells by their two ends."""
    neurons, inputs = (others, features) if layer.index == 0 else (features, others)
    return neurons * layer.n_inputs + inputs


def _has_features(layer):
    """Whether one end of each connection is a feature."""
    return layer.index == 0 or layer.is_output


def _neurons(layer):
    """The neuron of each connection."""
    return np.repeat(np.arange(layer.n_neurons), np.diff(layer.indptr))


def _count(features, n_features):
    return np.bincount(features, minlength=n_features)
