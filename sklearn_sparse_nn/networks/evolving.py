"""How a network asks its evolution rule, and what the rule sees of it."""

from contextlib import nullcontext
from functools import cache
from typing import NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from sklearn_sparse_nn.engine.layers import connections_of, layer_indptr, n_layers
from sklearn_sparse_nn.evolution.asking import (
    ask_what_goes,
    ask_what_grows,
    ask_what_is_held,
)
from sklearn_sparse_nn.evolution.layer import EvolvingLayer, TrainingClock


class Evolution(NamedTuple):
    """How connections change in an epoch.

    Attributes
    ----------
    rule : EvolutionRule
    zeta : float
        Fraction of the connections to replace.
    epoch : int
        Epochs of this `fit` that are over.
    max_epochs : int or None
        Epochs of this `fit` at most, if they are known.
    epochs_in_vain : float
        See `TrainingClock`.
    start, size : float
        Which part of the epoch is trained: where it begins, and what share it is.
    """

    rule: object
    zeta: float
    epoch: int = 0
    max_epochs: int | None = None
    epochs_in_vain: float = 0.0
    start: float = 0.0
    size: float = 1.0

    def due(self, share, network):
        """The time, if the rule is to rewire at this share of the part, else None."""
        n_updates, interval = network.updates_since_rewiring, self.rule.interval
        begins = self.start == share == 0
        asked = begins if interval is None else n_updates % interval == 0
        if network.waits_for_rule or (n_updates > 0 and asked):
            clock = self.clock(share, network)
            if self.rule.is_due(clock):
                return clock
        return None

    def clock(self, share, network):
        """The time, at this share of the part."""
        return TrainingClock(
            epoch=self.epoch,
            max_epochs=self.max_epochs,
            n_updates=network.n_updates,
            updates_since_rewiring=network.updates_since_rewiring,
            share=self.start + share * self.size,
            epochs_in_vain=self.epochs_in_vain,
        )


def evolve(network, rule, zeta, clock, team, batch):
    """Let an evolution rule rewire a network.

    Parameters
    ----------
    network : SparseNetwork
    rule : EvolutionRule
    zeta : float
        Fraction of the connections to replace.
    clock : TrainingClock
    team : ThreadTeam
    batch : callable
        ``batch(layer)`` is the `NeuronBatch` of a layer.
    """

    def see(layer):
        return _evolving_layer(network, layer, zeta, clock, batch)

    # BLAS may round otherwise with another number of threads.
    with _one_thread() if rule.uses_gradient else nullcontext():
        views = [see(layer) for layer in range(n_layers(network.layers))]
        pruned, n_grown = ask_what_goes(rule, views)
        # A view of the arrays of before would keep them in memory.
        del views
        for layer, gone in pruned.items():
            view = see(layer)
            view.pruned = gone
            cells, weights = ask_what_grows(rule, view, n_grown[layer])
            if gone.any() or len(cells):
                network.rewire(layer, gone, cells, weights, team)
            if rule.holds_weights:
                network.hold(layer, ask_what_is_held(rule, see(layer)))


def _one_thread():
    return _controller().limit(limits=1)


@cache
def _controller():
    # To look for the libraries takes longer than many a mini-batch.
    return ThreadpoolController()


def feature_importances(network, rule):
    """What an evolution rule thinks of each feature.

    Parameters
    ----------
    network : SparseNetwork
    rule : EvolutionRule

    Returns
    -------
    importances : ndarray of float64, shape (n_features,)

    Raises
    ------
    ValueError
        If there is not a finite number for each feature.
    """
    clock = Evolution(rule, zeta=0.0).clock(0.0, network)
    with _one_thread():
        views = layer_views(network, clock=clock)
        importances = np.array(rule.feature_importances(views), dtype=np.float64)
    n_features = views[0].n_inputs
    if importances.shape != (n_features,) or not np.isfinite(importances).all():
        raise ValueError(
            f"{type(rule).__name__}.feature_importances must return a finite number "
            f"for each of {n_features} features, got {importances}."
        )
    return importances


def layer_views(network, values=None, clock=None):
    """Each layer as a rule sees it, outside of training.

    Parameters
    ----------
    network : SparseNetwork
    values : tuple or None
        What `SparseNetwork.last_batch` returns, of any samples; None for that.
    clock : TrainingClock or None

    Returns
    -------
    views : list of EvolvingLayer
    """

    def batch(layer):
        return network.neuron_batch(layer, values or network.last_batch())

    return [
        _evolving_layer(network, layer, 0.0, clock, batch)
        for layer in range(n_layers(network.layers))
    ]


def _evolving_layer(network, layer, zeta, clock, batch):
    layers, state = network.layers, network.state
    here = connections_of(layers, layer)
    beside = state.first, state.second, state.importances, state.held
    arrays = [
        layer_indptr(layers, layer),
        *(array[here].view() for array in (layers.indices, layers.weights, *beside)),
    ]
    for array in arrays:
        array.flags.writeable = False
    indptr, indices, weights, *numbers = arrays
    names = "first_moments", "second_moments", "importances", "held"
    return EvolvingLayer(
        indptr=indptr,
        indices=indices,
        weights=weights,
        index=layer,
        n_inputs=int(layers.sizes[layer]),
        zeta=zeta,
        clock=clock,
        gain=network.gains[layer],
        rng=network.streams[layer],
        n_layers=n_layers(layers),
        batch=lambda: batch(layer),
        **dict(zip(names, numbers)),
    )
