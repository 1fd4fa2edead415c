"""Layers as rules see them, from dense arrays."""

import numpy as np

from sklearn_sparse_nn.evolution import EvolvingLayer, NeuronBatch, TrainingClock


def seen_layer(shape, density=0.3, seed=0, index=0, epoch=0, zeta=0.3, **more):
    """A random layer of shape (n_neurons, n_inputs) and dense twins of it.

    Returns
    -------
    layer : EvolvingLayer
    mask, weights, gradient : ndarray of shape (n_neurons, n_inputs)
        Where it has connections, their weights, and the gradient everywhere.
    """
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < density
    weights = np.where(mask, rng.normal(size=shape), 0).astype(np.float32)
    inputs = rng.normal(size=(shape[1], 20)).astype(np.float32)
    errors = rng.normal(size=(shape[0], 20)).astype(np.float32)
    layer = EvolvingLayer(
        indptr=np.concatenate([[0], np.cumsum(mask.sum(axis=1))]),
        indices=np.nonzero(mask)[1].astype(np.uint32),
        weights=weights[mask],
        index=index,
        n_inputs=shape[1],
        zeta=zeta,
        clock=TrainingClock(epoch, 10, 1000, 100),
        gain=1.0,
        rng=rng,
        batch=lambda: NeuronBatch(inputs, errors, errors, 20.0),
        **more,
    )
    return layer, mask, weights, errors.astype(float) @ inputs.T.astype(float) / 20


def ask(rule, layers):
    """What goes in each layer, a dense mask each, and the cells that begin."""
    for layer, n in zip(layers, rule.n_pruned(layers), strict=True):
        layer.n_to_prune = n
    for layer in layers:
        layer.pruned = rule.prune(layer)
    for layer, pruned in zip(layers, rule.prune_more(layers), strict=True):
        layer.pruned = pruned
    numbers = rule.n_grown(layers)
    goes, grows = [], []
    for layer, n in zip(layers, numbers):
        shape = layer.n_neurons, layer.n_inputs
        for cells, masks in (
            (layer.cells[layer.pruned], goes),
            (rule.grow(layer, n), grows),
        ):
            assert (np.diff(cells) > 0).all()
            mask = np.zeros(shape, dtype=bool)
            mask.flat[cells] = True
            masks.append(mask)
    assert [mask.sum() for mask in grows] == list(numbers)
    return goes, grows
