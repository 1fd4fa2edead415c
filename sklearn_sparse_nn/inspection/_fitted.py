"""Find the fitted network that an estimator is, or holds."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import Pipeline
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_sparse_nn.estimators._rbm import SETRBMTransformer

# Where selectors, searches and other estimators keep what they have fitted.
_PARTS = ("autoencoder_", "estimator_", "best_estimator_")


class Part(NamedTuple):
    """What is looked for, as it was found in an estimator.

    Attributes
    ----------
    estimator : estimator
    names : ndarray of str or None
        What the features are called that it gets, if that is known.
    gets_features : bool
        Whether these are the features that the whole gets.
    """

    estimator: BaseEstimator
    names: np.ndarray | None
    gets_features: bool


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
    part : Part

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
        names = ", ".join(type(each.estimator).__name__ for each in found)
        raise TypeError(
            f"{caller} needs {wanted}, and this {type(estimator).__name__} holds more "
            f"than one: {names}. Pass the one that you mean."
        )
    return found[0]


def _parts_of(estimator, suits, names=None, gets_features=True):
    """All `Part`s of a fitted estimator, of whose features the names are given."""
    names = getattr(estimator, "feature_names_in_", names)
    if isinstance(estimator, Pipeline):
        inside = _steps_of(estimator, names)
    elif suits(estimator):
        yield Part(estimator, names, gets_features)
        return
    else:
        # The `estimator_` of an ensemble is what it fits copies of.
        attributes = () if hasattr(estimator, "estimators_") else _PARTS
        parts = (getattr(estimator, name, None) for name in attributes)
        inside = ((part, *_passed_on(estimator, part, names)) for part in parts)
    for part, names, same in inside:
        if isinstance(part, BaseEstimator) and _is_fitted(part):
            yield from _parts_of(part, suits, names, gets_features and same)


def _steps_of(pipeline, names):
    """Steps, the names of the features that each gets, and whether it gets these."""
    for number, (_, step) in enumerate(pipeline.steps):
        yield step, names, not number
        try:
            names = pipeline[: number + 1].get_feature_names_out()
        except (AttributeError, ValueError, NotImplementedError, NotFittedError):
            names = None  # the step does not say


def _passed_on(estimator, part, names):
    """Names of the features that a part gets, and whether these are all there are."""
    n_features = getattr(part, "n_features_in_", None)
    if n_features in (None, getattr(estimator, "n_features_in_", n_features)):
        return names, True
    # Recursive elimination fits what is left.
    selects = hasattr(estimator, "get_support") and (
        np.count_nonzero(estimator.get_support()) == n_features
    )
    return estimator.get_feature_names_out() if selects else None, False


def _is_fitted(estimator):
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


def is_network(estimator):
    """Whether a fitted estimator has layers of weights that can be looked at."""
    is_machine = isinstance(estimator, (SETRBMTransformer, BernoulliRBM))
    return is_machine or hasattr(estimator, "coefs_")


def find_network(estimator, caller):
    """The network that an estimator is or holds: see `find_part`."""
    wanted = "a fitted neural network"
    return find_part(estimator, is_network, caller, wanted).estimator


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
    names = next(_parts_of(estimator, suits)).names
    if names is None or len(names) != n_inputs:
        names = [f"x{number}" for number in range(n_inputs)]
    return np.asarray(names, dtype=object)
