"""Ask a rule what to change, and check its answers."""

from collections.abc import Sequence

import numpy as np

from sklearn_sparse_nn.evolution.regions import Region


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
        If an answer has another dtype or length than the protocol asks for, or if a
        region is none.
    """
    layers = [layer for layer in layers if rule.evolves(layer)]
    if not layers:
        return {}, {}
    for layer in layers:
        layer.region = _region(rule, layer)
    numbers = _counts(rule, "n_pruned", layers)
    for layer, n in zip(layers, numbers):
        if n > layer.n_connections:
            raise ValueError(
                f"{type(rule).__name__}.n_pruned says {n} of {layer.n_connections} "
                f"connections of layer {layer.index}."
            )
        layer.n_to_prune = n
    for layer in layers:
        layer.pruned = _checked_mask(rule, "prune", layer, rule.prune(layer))
    more = rule.prune_more(layers)
    if not isinstance(more, Sequence) or len(more) != len(layers):
        raise ValueError(
            f"{type(rule).__name__}.prune_more must return a list of {len(layers)} "
            f"boolean arrays, got {_what_it_is(more)}."
        )
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
        If cells are no integers; if one does not exist, is out of its region, or comes
        twice or out of order; if there is not one finite weight for each.
    """
    name = type(rule).__name__
    layer.region = _region(rule, layer)
    cells = _cells(rule, rule.grow(layer, n_grown))
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
    if not np.isfinite(weights).all():
        raise ValueError(f"{name}.new_weights must return finite weights.")
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
    answer = getattr(rule, question)(layers)
    numbers = np.asarray(answer)
    wrong = numbers.shape != (len(layers),) or numbers.dtype.kind not in "iu"
    if wrong or (numbers < 0).any():
        raise ValueError(
            f"{type(rule).__name__}.{question} must return a number of connections "
            f"for each of {len(layers)} layers, integers >= 0, got {answer!r}."
        )
    return [int(n) for n in numbers]


def _region(rule, layer):
    region = rule.region(layer)
    if region is None or isinstance(region, Region):
        return region
    raise ValueError(
        f"{type(rule).__name__}.region must return a Region or None, got "
        f"{_what_it_is(region)}."
    )


def _cells(rule, answer):
    """The cells that a rule names, int64; no cells may be any empty list."""
    cells = np.asarray(answer)
    if cells.ndim != 1 or (len(cells) and cells.dtype.kind not in "iu"):
        raise ValueError(
            f"{type(rule).__name__}.grow must return an array of integers, a cell "
            f"each, got {_what_it_is(answer)}."
        )
    return cells.astype(np.int64, copy=False)


def _what_it_is(answer):
    if isinstance(answer, np.ndarray):
        return f"{answer.dtype} of shape {answer.shape}"
    return type(answer).__name__


def _checked_mask(rule, question, layer, pruned):
    pruned = np.asarray(pruned)
    if pruned.dtype != bool or pruned.shape != (layer.n_connections,):
        raise ValueError(
            f"{type(rule).__name__}.{question} must return a boolean array of shape "
            f"({layer.n_connections},), got {pruned.dtype} of shape {pruned.shape}."
        )
    return pruned
