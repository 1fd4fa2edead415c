"""What a topology must not answer: it is told so by its own name."""

import numpy as np
import pytest

from sklearn_sparse_nn import SETAutoencoder, SETClassifier, SETRBMTransformer
from sklearn_sparse_nn.topology.asking import ask_for_connections

N_INPUTS, N_NEURONS = 9, 10
EACH = np.arange(N_NEURONS + 1)
ZEROS = np.zeros(N_NEURONS, dtype=int)


class Own:
    """Connects as it was told to; the weights are only there if they are given."""

    def __init__(self, answer, weights=None):
        self.answer = answer
        self.weights = weights

    def connect(self, n_inputs, n_neurons, epsilon, rng, spread):
        if (n_inputs, n_neurons) == (N_INPUTS, N_NEURONS):
            return self.answer
        return np.arange(n_neurons + 1), np.zeros(n_neurons, dtype=int)


INTEGERS = "must return two arrays of integers"
POINTERS = "must return an indptr of length 11 that ascends from 0 to the number"
INDICES = "must return indices from 0 to 8 that are distinct and ascend within each row"


@pytest.mark.parametrize(
    "answer, message",
    [
        (None, "must return indptr and indices, got None"),
        (EACH, "must return indptr and indices, got array"),
        ((EACH,), "must return indptr and indices"),
        ((EACH * 1.0, ZEROS), INTEGERS),
        ((EACH, ZEROS * 1.0), INTEGERS),
        ((EACH, ZEROS > 0), INTEGERS),
        ((EACH[:, np.newaxis], ZEROS), INTEGERS),
        ((EACH, None), INTEGERS),
        ((EACH[:-1], ZEROS[1:]), POINTERS),
        ((EACH, ZEROS[1:]), POINTERS),
        ((EACH + 1, np.zeros(11, int)), POINTERS),
        ((np.r_[0, 5, 2, EACH[3:]], ZEROS), POINTERS),
        (([], []), POINTERS),
        ((EACH, ZEROS + N_INPUTS), INDICES),
        ((EACH, ZEROS - 1), INDICES),
        ((2 * EACH, np.repeat(ZEROS, 2)), INDICES),
        ((2 * EACH, np.tile([1, 0], N_NEURONS)), INDICES),
    ],
)
@pytest.mark.parametrize(
    "estimator",
    [SETClassifier((10,)), SETAutoencoder((10,)), SETRBMTransformer(10)],
    ids=lambda estimator: type(estimator).__name__,
)
def test_wrong_connections_are_refused(answer, message, estimator):
    X = np.random.default_rng(0).random((60, N_INPUTS))
    estimator.set_params(topology=Own(answer))
    with pytest.raises(ValueError, match=f"Own.connect {message}"):
        estimator.fit(X, X[:, 0] > 0.5)


@pytest.mark.parametrize(
    "answer",
    [
        (EACH.tolist(), ZEROS.tolist()),
        (EACH.astype(np.uint32), ZEROS.astype(np.int8)),
        (np.r_[0, 0, 3, EACH[3:] - 1 + 1], np.r_[1, 4, 8, ZEROS[3:]]),
        (np.zeros(N_NEURONS + 1, int), []),
    ],
)
def test_right_connections_are_taken(answer):
    shape = N_INPUTS, N_NEURONS
    indptr, indices = ask_for_connections(Own(answer), shape, 1.0, None, None)
    np.testing.assert_array_equal(indptr, answer[0])
    np.testing.assert_array_equal(indices, answer[1])


class PerLayer:
    def __init__(self, part):
        self.part = part

    def of_layer(self, layer, sizes):
        return self.part


class OfData(PerLayer):
    def of_data(self, X, predicts):
        return self.part

    of_layer = None


@pytest.mark.parametrize(
    "topology, message",
    [
        (PerLayer(None), "PerLayer.of_layer must return an object with the method"),
        (OfData(3), "OfData.of_data must return a topology, got 3"),
        (
            PerLayer(Own((EACH, ZEROS), np.ones(3))),
            "The weights of Own must be finite, one for each of 10 connections",
        ),
        (PerLayer(Own((EACH, ZEROS), ZEROS + np.nan)), "The weights of Own must be"),
    ],
)
def test_other_wrong_answers_are_refused(topology, message):
    X = np.random.default_rng(0).random((60, N_INPUTS))
    with pytest.raises(ValueError, match=message):
        SETClassifier((10,), topology=topology).fit(X, X[:, 0] > 0.5)
