"""Ask a rule what to change, and check its answers."""

import numpy as np


def ask_rule(rule, layer):
    """Ask a rule what to change in a layer, and check its answers.

    Parameters
    ----------
    rule : EvolutionRule
    layer : EvolvingLayer

    Returns
    -------
    pruned : ndarray of bool, shape (n_connections,)
    cells : ndarray of int64, shape (n_grown,)
    weights : ndarray of float32, shape (n_grown,)

    Raises
    ------
    ValueError
        If an answer has another dtype or length than the protocol asks for, or if a
        grown cell does not exist, or comes twice or out of order.
    """
    name = type(rule).__name__
    pruned = np.asarray(rule.prune(layer))
    if pruned.dtype != bool or pruned.shape != (layer.n_connections,):
        raise ValueError(
            f"{name}.prune must return a boolean array of shape "
            f"({layer.n_connections},), got {pruned.dtype} of shape {pruned.shape}."
        )
    cells = np.asarray(rule.grow(layer, int(pruned.sum())), dtype=np.int64)
    n_cells = layer.n_inputs * layer.n_neurons
    in_order = (cells[1:] > cells[:-1]).all()
    if not in_order or (len(cells) and not 0 <= cells[0] <= cells[-1] < n_cells):
        raise ValueError(
            f"{name}.grow must return distinct cells < {n_cells} in ascending order."
        )
    weights = np.asarray(rule.new_weights(layer, cells), dtype=np.float32)
    if weights.shape != cells.shape:
        raise ValueError(
            f"{name}.new_weights must return one weight per cell, got shape "
            f"{weights.shape} for {len(cells)} cells."
        )
    return pruned, cells, weights
