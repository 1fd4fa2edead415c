"""Ask a topology how connections begin, and check its answers.

Compiled code follows connections without looking: one that leads to an input that is
not there would read, or write, somewhere in memory.
"""

import numpy as np

from sklearn_sparse_nn.engine.layers import rows_ascend


def ask_for_data(topology, X, predicts):
    """The topology for some data.

    Parameters
    ----------
    topology : object
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
    predicts : bool
        Whether the outputs are predictions, or restore the features.

    Raises
    ------
    ValueError
        If the answer is no topology.
    """
    if not hasattr(topology, "of_data"):
        return topology
    found = topology.of_data(X, predicts)
    if not (hasattr(found, "connect") or hasattr(found, "of_layer")):
        raise ValueError(
            f"{type(topology).__name__}.of_data must return a topology, got {found!r}."
        )
    return found


def ask_for_layer(topology, layer, sizes):
    """The topology of one layer of a network.

    Parameters
    ----------
    topology : object
        Of all layers.
    layer : int
    sizes : sequence of int
        Of the input and of each layer.

    Raises
    ------
    ValueError
        If the answer does not connect anything.
    """
    if not hasattr(topology, "of_layer"):
        return topology
    part = topology.of_layer(layer, sizes)
    if not hasattr(part, "connect"):
        raise ValueError(
            f"{type(topology).__name__}.of_layer must return an object with the method "
            f"connect, got {part!r}."
        )
    return part


def ask_for_connections(topology, shape, epsilon, rng, spread):
    """The connections with which a layer begins.

    Parameters
    ----------
    topology : object
        With the method `connect`, see `initial`.
    shape : (n_inputs, n_neurons)
    epsilon : float
    rng : numpy.random.Generator
    spread : callable or None

    Returns
    -------
    indptr : ndarray of int, shape (n_neurons + 1,)
    indices : ndarray of int, shape (n_connections,)

    Raises
    ------
    ValueError
        If these are not the rows of a CSR matrix of shape (n_neurons, n_inputs) whose
        indices are distinct and ascend within each row.
    """
    answer = topology.connect(*shape, epsilon, rng, spread)
    name = f"{type(topology).__name__}.connect"
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise ValueError(f"{name} must return indptr and indices, got {answer!r}.")
    indptr, indices = map(np.asarray, answer)
    for array in (indptr, indices):
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise ValueError(f"{name} must return two arrays of integers.")
    n_inputs, n_neurons = shape
    if (
        len(indptr) != n_neurons + 1
        or (indptr[0], indptr[-1]) != (0, len(indices))
        or (indptr[1:] < indptr[:-1]).any()
    ):
        raise ValueError(
            f"{name} must return an indptr of length {n_neurons + 1} that ascends from "
            f"0 to the number of indices, {len(indices)}."
        )
    outside = len(indices) and not 0 <= indices.min() <= indices.max() < n_inputs
    if outside or not rows_ascend(indptr, indices):
        raise ValueError(
            f"{name} must return indices from 0 to {n_inputs - 1} that are distinct "
            "and ascend within each row."
        )
    return indptr, indices


def ask_for_weights(topology, n_connections):
    """The weights with which connections begin; None to draw them.

    Parameters
    ----------
    topology : object
    n_connections : int

    Raises
    ------
    ValueError
        If there is not a finite weight for each connection.
    """
    given = getattr(topology, "weights", None)
    if given is None:
        return None
    given = np.asarray(given, dtype=np.float32)
    if given.shape != (n_connections,) or not np.isfinite(given).all():
        raise ValueError(
            f"The weights of {type(topology).__name__} must be finite, one for each of "
            f"{n_connections} connections."
        )
    return given
