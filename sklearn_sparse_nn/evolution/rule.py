"""The protocol of the rules by which connections change during training.

Before an epoch (or a call to `partial_fit`) that follows training, or each so many
updates within it, the network asks its rule `is_due`. If so, the rule says for all
layers which connections go, before any of them is changed; then, layer by layer, where
connections begin. A rule sees a layer through `EvolvingLayer` and changes nothing
itself.
"""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from sklearn_sparse_nn.engine.terms import NO_TERMS
from sklearn_sparse_nn.topology.weights import random_weights

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Bools, Cells, Counts, Float32s, Float64s
    from sklearn_sparse_nn.engine.terms import UpdateTerms
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer, TrainingClock
    from sklearn_sparse_nn.evolution.regions import Region

_AT_LEAST_ONE = [Interval(Integral, 1, None, closed="left"), None]
_SHARED = {
    "interval": _AT_LEAST_ONE,
    "sample_size": _AT_LEAST_ONE,
    "output_layer": ["boolean"],
}


class EvolutionRule(BaseEstimator):
    """Base class of evolution rules: override what differs from doing nothing.

    A rule has parameters as estimators have: arguments of `__init__`, which stores each
    under its name and does nothing else. `clone` copies them, `set_params` and grid
    searches reach them through the estimator, as in ``evolution__min_updates``, and
    they are checked in `fit` where `_parameter_constraints` says how.

    A rule may keep state between calls; each fit works on its own copy.

    Attributes
    ----------
    interval : int or None, default=None
        Weight updates after which the rule is asked whether to rewire, within an epoch
        too. If None, it is asked before each epoch. A parameter of this name has it
        searched in grids.
    uses_gradient : bool, default=True
        Whether the rule asks what the neurons did in the last mini-batch:
        ``layer.gradient``, ``layer.gradient_at`` or ``layer.batch``. If so, that is
        kept after training and saved with the estimator, so that `partial_fit` and warm
        starts go on with the same bits after a pickle. A rule that does without says
        False in the body of its class, which spares this memory. Nothing is kept for
        one with `sample_size` or `replaces_update`.
    sample_size : int or None, default=None
        If given, gradients and activations are those of so many training samples, drawn
        anew at each rewiring and without dropout, and not of the last mini-batch. Of
        `partial_fit`, they are from the data at hand.
    replaces_update : bool, default=False
        Whether a rewiring takes the place of a weight update. The next mini-batch then
        shows the rule its gradient, at the weights of now, and changes no weight.
        Otherwise the gradient is that of the last mini-batch, before it changed them.
    keeps_importances : bool, default=False
        Whether to keep `EvolvingLayer.importances`, a number for each connection.
    output_layer : bool, default=True
        Whether the last layer of the network evolves, too. A network of one layer
        evolves in any case. A parameter of this name has it searched in grids.
    holds_weights : bool, default=False
        Whether the rule holds weights: they learn, but the network computes as if they
        were zero, until the rule releases them. The method `hold` says which. Such a
        rule is also asked before the first update of a network that it finds, when
        there is no gradient of a mini-batch yet.
    needs_autoencoder : bool, default=False
        Whether the rule makes sense only where the network restores its inputs. Other
        estimators then refuse it.
    settles : float or None, default=None
        Share of the fit from which on the network has as many connections as in the
        end, or None if it always has. Until it was rewired then, a fit does not end for
        lack of improvement, and early stopping takes no network for the best: one with
        more connections would be. Often a property, of a parameter `end`.
    """

    _parameter_constraints: dict = {}

    interval: int | None = None
    uses_gradient = True
    sample_size: int | None = None
    replaces_update = False
    keeps_importances = False
    output_layer = True
    holds_weights = False
    needs_autoencoder = False

    if TYPE_CHECKING:

        @property
        def settles(self) -> float | None: ...

    else:
        settles = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # A child may ask for the gradient though its parent does not.
        if "uses_gradient" not in vars(cls):
            cls.uses_gradient = True

    def _validate_params(self):
        """Validate its parameters, and theirs, as estimators do."""
        super()._validate_params()
        names = {name: getattr(self, name) for name in _SHARED}
        validate_parameter_constraints(_SHARED, names, type(self).__name__)
        for part in self.get_params(deep=False).values():
            if hasattr(part, "_validate_params") and not isinstance(part, type):
                part._validate_params()

    def is_due(self, clock: TrainingClock) -> bool:
        """Whether to rewire now.

        It is asked before an epoch, or a call to `partial_fit`, that follows training:
        what is due at the end of a fit happens at the beginning of the next one, if
        that is a warm start, or of the next call. With an `interval`, it is asked each
        time that so many updates have passed since the last rewiring, wherever in an
        epoch, or in which fit, that is.

        Parameters
        ----------
        clock : TrainingClock

        Returns
        -------
        due : bool
            By default, True.
        """
        return True

    def evolves(self, layer: EvolvingLayer) -> bool:
        """Whether connections of a layer change at all.

        Parameters
        ----------
        layer : EvolvingLayer

        Returns
        -------
        evolves : bool
            By default, all but the output layer do, and this one if `output_layer`
            says so. Of other layers, nothing else is asked.
        """
        return self.output_layer or not layer.is_output or layer.n_layers == 1

    def region(self, layer: EvolvingLayer) -> Region | None:
        """Where in a layer connections may begin.

        Parameters
        ----------
        layer : EvolvingLayer

        Returns
        -------
        region : Region or None
            By default, None: everywhere.
        """
        return None

    def n_pruned(self, layers: list[EvolvingLayer]) -> Counts:
        """Choose how many connections of each layer to remove.

        Parameters
        ----------
        layers : list of EvolvingLayer
            All that evolve.

        Returns
        -------
        numbers : sequence of int, length n_layers
            What `prune` finds as ``layer.n_to_prune``. By default, the fraction `zeta`,
            at most as many as there are empty cells.
        """
        return [layer.n_to_prune for layer in layers]

    def prune(self, layer: EvolvingLayer) -> Bools:
        """Choose the connections to remove.

        Parameters
        ----------
        layer : EvolvingLayer

        Returns
        -------
        pruned : ndarray of bool, shape (n_connections,)
            By default, none is.
        """
        return np.zeros(layer.n_connections, dtype=bool)

    def prune_more(self, layers: list[EvolvingLayer]) -> list[Bools]:
        """Choose again, when it is known what goes in all layers.

        Parameters
        ----------
        layers : list of EvolvingLayer
            All that evolve; ``layer.pruned`` is what `prune` said.

        Returns
        -------
        pruned : list of ndarray of bool
            What goes in each layer. By default, what `prune` said.
        """
        return [layer.pruned for layer in layers]

    def n_grown(self, layers: list[EvolvingLayer]) -> Counts:
        """Choose how many connections begin in each layer.

        Parameters
        ----------
        layers : list of EvolvingLayer
            All that evolve; ``layer.pruned`` is what goes.

        Returns
        -------
        numbers : sequence of int, length n_layers
            By default, as many as go.
        """
        return [int(np.count_nonzero(layer.pruned)) for layer in layers]

    def grow(self, layer: EvolvingLayer, n_grown: int) -> Cells:
        """Choose where new connections begin.

        Parameters
        ----------
        layer : EvolvingLayer
            The layer before pruning; ``layer.pruned`` is what goes.
        n_grown : int
            What the method `n_grown` said.

        Returns
        -------
        cells : ndarray of int64, shape (n_grown,)
            Distinct cells ``neuron * n_inputs + input``, in ascending order: empty, or
            of a connection that goes. By default, random ones, empty before.
        """
        return layer.sample_empty_cells(n_grown)

    def new_weights(self, layer: EvolvingLayer, cells: Cells) -> Float32s:
        """Choose the weights of new connections.

        Parameters
        ----------
        layer : EvolvingLayer
        cells : ndarray of int64, shape (n_grown,)
            What `grow` returned.

        Returns
        -------
        weights : ndarray of float32, shape (n_grown,)
            By default, drawn like the initial weights.
        """
        fan_in = np.diff(layer.indptr)[cells // layer.n_inputs]
        return random_weights(np.maximum(fan_in, 1), layer.gain, layer.rng)

    def hold(self, layer: EvolvingLayer) -> Bools:
        """Choose which weights are held from now on.

        It is asked when a layer has been rewired, if `holds_weights`. New connections
        are held until it is answered.

        Parameters
        ----------
        layer : EvolvingLayer
            The layer after the connections have changed; ``layer.values`` are its
            weights, held or not.

        Returns
        -------
        is_held : ndarray of bool, shape (n_connections,)
            By default, the same as before, and the new ones.
        """
        return layer.held != 0

    def feature_importances(self, layers: list[EvolvingLayer]) -> Float64s:
        """What the rule thinks of each feature, after training.

        `QuickSelectionSelector` asks for it, with ``importance="evolution"``. It must
        not change the rule: it may be asked again.

        Parameters
        ----------
        layers : list of EvolvingLayer
            All of the network, as the last update has left them.

        Returns
        -------
        importances : ndarray of float, shape (n_features,)
            The larger, the better.
        """
        raise NotImplementedError

    def nominal_flops(
        self, sparse: Float64s, dense: Float64s, interval: float
    ) -> float:
        """Count the floating-point operations of training, for a sample of an update.

        It is asked by :func:`~sklearn_sparse_nn.inspection.count_flops`. To decide
        which connections go and begin does not count, but gradients do that only the
        rule needs.

        Parameters
        ----------
        sparse, dense : ndarray of float, shape (n_layers,)
            Operations of a forward pass through the connections of each layer, and
            through all cells.
        interval : float
            Weight updates between two rewirings.

        Returns
        -------
        flops : float
            By default those of a forward pass, and twice as many for the way back:
            ``3 * sparse.sum()``.
        """
        return 3 * sparse.sum()

    def terms(self, learning_rate: float) -> UpdateTerms:
        """What to add to each update of each weight, between rewirings.

        Parameters
        ----------
        learning_rate : float
            Of the epoch at hand.

        Returns
        -------
        terms : UpdateTerms
            By default, nothing.
        """
        return NO_TERMS
