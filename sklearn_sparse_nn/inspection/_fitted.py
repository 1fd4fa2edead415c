"""Find the fitted network that an estimator is, or holds."""

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import Pipeline
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_sparse_nn.estimators._rbm import SETRBMTransformer

# Where selectors, searches and other estimators keep what they have fitted.
_PARTS = ("autoencoder_", "estimator_", "best_estimator_")


def find_part(estimator, suits, caller, wanted):
    """Find the one part of an estimator that suits.

    Parameters
    ----------
    estimator : estimator
        Fitted: one that suits; or one that holds it, as selectors and searches do; or a
        pipeline of which one step is either.
    suits : callable
        ``suits(part)`` says whether a fitted estimator is what is looked for.
    caller, wanted : str
        Who asks, and for what, for the messages.

    Returns
    -------
    part : estimator

    Raises
    ------
    TypeError
        If there is none, or more than one.
    NotFittedError
        If the estimator is not fitted.
    """
    if not isinstance(estimator, BaseEstimator):
        raise TypeError(f"{caller} takes a fitted estimator, got {estimator!r}.")
    check_is_fitted(estimator)
    found = list(_parts_of(estimator, suits))
    if not found:
        raise TypeError(
            f"{caller} needs {wanted}, got {type(estimator).__name__}, which is none "
            "and holds none."
        )
    if len(found) > 1:
        names = ", ".join(type(each).__name__ for each in found)
        raise TypeError(
            f"{caller} needs {wanted}, and this {type(estimator).__name__} holds more "
            f"than one: {names}. Pass the one that you mean."
        )
    return found[0]


def _parts_of(estimator, suits):
    if isinstance(estimator, Pipeline):
        parts = [step for _, step in estimator.steps]
    elif suits(estimator):
        yield estimator
        return
    else:
        parts = [getattr(estimator, name, None) for name in _PARTS]
    for part in parts:
        if isinstance(part, BaseEstimator):
            yield from _parts_of(part, suits)


def is_network(estimator):
    """Whether a fitted estimator has layers of weights that can be looked at."""
    is_machine = isinstance(estimator, (SETRBMTransformer, BernoulliRBM))
    return is_machine or hasattr(estimator, "coefs_")


def find_network(estimator, caller):
    """The network that an estimator is or holds: see `find_part`."""
    return find_part(estimator, is_network, caller, "a fitted neural network")


def layer_matrices(estimator, caller):
    """Weights of each layer of the network that an estimator is or holds.

    Returns
    -------
    matrices : list of csr_array of shape (n_inputs, n_neurons)
        A Boltzmann machine has one layer. What is stored is a connection, even if its
        weight is zero.
    """
    network = find_network(estimator, caller)
    if hasattr(network, "coefs_"):
        weights = network.coefs_
    else:
        weights = [network.components_.T]
    return [sparse.csr_array(each) for each in weights]


def layer_matrix(estimator, layer, caller):
    """Weights of one layer, of its number, which may count from the last, -1.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    matrices = layer_matrices(estimator, caller)
    return matrices[checked_layer(layer, len(matrices))]


def checked_layer(layer, n_layers):
    """The number of a layer, from 0, if there is such a layer; else a ValueError."""
    check_scalar(layer, "layer", Integral, min_val=-n_layers, max_val=n_layers - 1)
    return layer % n_layers


def by_neuron(weights):
    """The connections of a layer, a row for each neuron, the inputs ascending.

    Parameters
    ----------
    weights : csr_array of shape (n_inputs, n_neurons)

    Returns
    -------
    connections : csr_array of float64, shape (n_neurons, n_inputs)
        All numbers are 1.
    """
    ones = np.ones(weights.nnz)
    pattern = (ones, weights.indices, weights.indptr)
    connections = sparse.csr_array(pattern, shape=weights.shape).T.tocsr()
    connections.sort_indices()
    return connections


def input_names(estimator, n_inputs, suits=is_network):
    """What the features are called that the suiting part of an estimator gets.

    If they have no names, x0, x1, and so on.
    """
    names = None
    if isinstance(estimator, Pipeline):
        names = _names_before(estimator, suits)
    else:
        names = getattr(estimator, "feature_names_in_", None)
    if names is None or len(names) != n_inputs:
        names = [f"x{number}" for number in range(n_inputs)]
    return np.asarray(names, dtype=object)


def _names_before(pipeline, suits):
    """Names of the features that the suiting step of a pipeline gets, or None."""
    number = next(
        number
        for number, (_, step) in enumerate(pipeline.steps)
        if isinstance(step, BaseEstimator) and any(_parts_of(step, suits))
    )
    if not number:
        return getattr(pipeline, "feature_names_in_", None)
    try:
        return pipeline[:number].get_feature_names_out()
    except (AttributeError, ValueError, NotImplementedError):
        return None  # a step before does not say
