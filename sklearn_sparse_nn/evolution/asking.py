"""Ask a rule what to change, and check its answers."""

import numpy as np


def ask_what_goes(rule, layers):
    """Ask a rule which connections of all layers go, and how many begin.

    Parameters
    ----------
    rule : EvolutionRule
    layers : list of EvolvingLayer

    Returns
    -------
    pruned : dict of ndarray of bool
        What goes in each layer that evolves, by the number of the layer.
    n_grown : dict of int
        How many connections begin in it.

    Raises
    ------
    ValueError
        If an answer has another dtype or length than the protocol asks for.
    """
    layers = [layer for layer in layers if rule.evolves(layer)]
    if not layers:
        return {}, {}
    for layer in layers:
        layer.region = rule.region(layer)
    numbers = _counts(rule, "n_pruned", layers)
    for layer, n in zip(layers, numbers):
        layer.n_to_prune = n
    for layer in layers:
        layer.pruned = _checked_mask(rule, "prune", layer, rule.prune(layer))
    more = rule.prune_more(layers)
    for layer, pruned in zip(layers, more, strict=True):
        layer.pruned = _checked_mask(rule, "prune_more", layer, pruned)
    pruned = {layer.index: layer.pruned for layer in layers}
    return pruned, dict(zip(pruned, _counts(rule, "n_grown", layers)))


def ask_what_grows(rule, layer, n_grown):
    """Ask a rule where connections of a layer begin, and with which weights.

    Parameters
    ----------
    rule : EvolutionRule
    layer : EvolvingLayer
    n_grown : int

    Returns
    -------
    cells : ndarray of int64, shape (n_grown,)
    weights : ndarray of float32, shape (n_grown,)

    Raises
    ------
    ValueError
        If a grown cell does not exist, is out of its region, or comes twice or out of
        order; if there is not one weight for each.
    """
    name = type(rule).__name__
    layer.region = rule.region(layer)
    cells = np.asarray(rule.grow(layer, n_grown), dtype=np.int64)
    in_order = (cells[1:] > cells[:-1]).all()
    if not in_order or (len(cells) and not 0 <= cells[0] <= cells[-1] < layer.n_cells):
        raise ValueError(
            f"{name}.grow must return distinct cells < {layer.n_cells} in ascending "
            "order."
        )
    if layer.region is not None and not layer.region.allows(cells).all():
        raise ValueError(f"{name}.grow must return cells of the region of the layer.")
    weights = np.asarray(rule.new_weights(layer, cells), dtype=np.float32)
    if weights.shape != cells.shape:
        raise ValueError(
            f"{name}.new_weights must return one weight per cell, got shape "
            f"{weights.shape} for {len(cells)} cells."
        )
    return cells, weights


def ask_what_is_held(rule, layer):
    """Ask a rule which weights of a layer are held from now on.

    Parameters
    ----------
    rule : EvolutionRule
    layer : EvolvingLayer

    Returns
    -------
    is_held : ndarray of bool, shape (n_connections,)

    Raises
    ------
    ValueError
        If it is not such an array.
    """
    return _checked_mask(rule, "hold", layer, rule.hold(layer))


def _counts(rule, question, layers):
    """How many connections of each layer a rule says."""
    numbers = np.asarray(getattr(rule, question)(layers))
    if numbers.shape != (len(layers),) or (numbers < 0).any():
        raise ValueError(
            f"{type(rule).__name__}.{question} must return a number of connections "
            f"for each of {len(layers)} layers, got {numbers}."
        )
    return [int(n) for n in numbers]


def _checked_mask(rule, question, layer, pruned):
    pruned = np.asarray(pruned)
    if pruned.dtype != bool or pruned.shape != (layer.n_connections,):
        raise ValueError(
            f"{type(rule).__name__}.{question} must return a boolean array of shape "
            f"({layer.n_connections},), got {pruned.dtype} of shape {pruned.shape}."
        )
    return pruned
