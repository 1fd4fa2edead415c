"""WAST: attention to the features that matter, in a sparse autoencoder."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from sklearn_sparse_nn.evolution.scores import ScoreRule


class WAST(ScoreRule):
    """Where to pay attention in sparse training (WAST) [1]_, for autoencoders.

    Each feature has an importance, which grows with every weight update: by the mean
    magnitude of its error of reconstruction, to which the loss is as sensitive, and by
    its strength, the sum of the magnitudes of its weights. A feature has one importance
    as an input of the network and another one, with the strength there, as an output.

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
    error_weight : float, default=0.9
        What the error of a feature counts for in its importance, in the range [0, 1];
        its strength counts for the rest.

    References
    ----------
    .. [1] Sokar, Atashgahi, Pechenizkiy and Mocanu, "Where to pay attention in sparse
       training for feature selection?", NeurIPS 2022. arXiv:2211.14627.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import QuickSelectionSelector
    >>> from sklearn_sparse_nn.evolution import WAST
    >>> X, _ = load_digits(return_X_y=True)
    >>> selector = QuickSelectionSelector(
    ...     10,
    ...     n_hidden=100,
    ...     evolution=WAST(error_weight=0.4),
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

    def __init__(self, error_weight=0.9):
        self.error_weight = error_weight

    def feature_importances(self, layers):
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
            _sums(encoder.indices, encoder.n_inputs, np.abs(encoder.weights)),
            _sums(_neurons(decoder), decoder.n_neurons, np.abs(decoder.weights)),
        )
        share = self.error_weight
        return before + share * errors + (1 - share) * np.stack(strengths)

    def n_pruned(self, layers):
        """The fraction `zeta`, once the last update has been looked at."""
        self.importances_ = self._importances(layers)
        return super().n_pruned(layers)

    def connection_scores(self, layer):
        """Magnitude of the weight times importance of the feature."""
        magnitudes = super().connection_scores(layer)
        if not _has_features(layer):
            return magnitudes
        return magnitudes * self._of_features(layer)[_ends(layer)[0]]

    def prune(self, layer):
        """Remove what scores lowest, but for what would begin again at once."""
        pruned = super().prune(layer)
        if _has_features(layer):
            features, _ = _ends(layer)
            filled = np.zeros(_shape(layer)[0], dtype=bool)
            filled[self._to_fill(layer, ~pruned, np.count_nonzero(pruned))[:-1]] = True
            pruned &= ~filled[features]
        return pruned

    def grow(self, layer, n_grown):
        """Fill the empty cells of the most important features, one after the other."""
        if n_grown == 0 or not _has_features(layer):
            return super().grow(layer, n_grown)
        filled = self._to_fill(layer, np.ones(layer.n_connections, dtype=bool), n_grown)
        place, others = _empty_cells(layer, filled)
        # Of the last of these features, only some.
        n_sure = np.searchsorted(place, len(filled) - 1)
        n_last = len(place) - n_sure
        some = layer.rng.choice(n_last, n_grown - n_sure, replace=False)
        chosen = np.concatenate([np.arange(n_sure), n_sure + some])
        features, others = filled[place[chosen]], others[chosen]
        neurons, inputs = (others, features) if layer.index == 0 else (features, others)
        return np.sort(neurons * layer.n_inputs + inputs)

    def _of_features(self, layer):
        return self.importances_[0 if layer.index == 0 else 1]

    def _to_fill(self, layer, there, n):
        """The most important features, as few as have room for `n` connections."""
        n_features, n_others = _shape(layer)
        n_empty = n_others - _sums(_ends(layer)[0], n_features, there).astype(np.int64)
        order = np.argsort(-self._of_features(layer), kind="stable")
        return order[: np.searchsorted(np.cumsum(n_empty[order]), n) + 1]


def _has_features(layer):
    """Whether one end of each connection is a feature."""
    return layer.index == 0 or layer.is_output


def _shape(layer):
    """Number of features of a layer, and of neurons at the other end."""
    shape = layer.n_inputs, layer.n_neurons
    return shape if layer.index == 0 else shape[::-1]


def _ends(layer):
    """The feature of each connection, and what is at its other end."""
    ends = layer.indices, _neurons(layer)
    return ends if layer.index == 0 else ends[::-1]


def _neurons(layer):
    return np.repeat(np.arange(layer.n_neurons), np.diff(layer.indptr))


def _sums(places, n_places, values):
    return np.bincount(places, values, minlength=n_places)


def _empty_cells(layer, chosen):
    """Empty cells of some features: which of them, ascending, and the other end.

    The cells looked at are those of `chosen` only: few more than there are connections,
    if all but the last are full or to be filled.
    """
    n_features, n_others = _shape(layer)
    features, others = _ends(layer)
    place = np.full(n_features, -1)
    place[chosen] = np.arange(len(chosen))
    here = place[features] >= 0
    empty = np.ones((len(chosen), n_others), dtype=bool)
    empty[place[features[here]], others[here]] = False
    return np.nonzero(empty)
