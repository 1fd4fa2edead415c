"""The attribution of a perceptron against dense NumPy, and against differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import expit

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.networks.attribution import attribution, output_derivatives
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.networks.standardised import StandardisedMLP
from sklearn_sparse_nn.topology import ErdosRenyi

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "identity": lambda x: x,
    "tanh": np.tanh,
    "logistic": expit,
}


def make(sizes, activation="relu", seed=0, epsilon=2):
    network = StandardisedMLP(
        sizes, Start(ErdosRenyi(), epsilon, seed), activation, "identity"
    )
    rng = np.random.default_rng(seed)
    network.layers.intercepts[:] = rng.normal(size=len(network.layers.intercepts))
    network.shifts = rng.normal(size=sizes[0])
    network.scales = rng.uniform(0.5, 2, size=sizes[0])
    return network


def outputs(network, activation, Z):
    """Outputs for samples that are standardised, in float64."""
    layers = network.layers
    intercepts = np.split(layers.intercepts.astype(float), layers.first[1:-1])
    for layer, intercept in enumerate(intercepts):
        dense = np.zeros((layers.sizes[layer], layers.sizes[layer + 1]))
        for neuron in range(dense.shape[1]):
            row = layers.first[layer] + neuron
            here = slice(layers.indptr[row], layers.indptr[row + 1])
            dense[layers.indices[here], neuron] = layers.weights[here]
        Z = Z @ dense + intercept
        if layer < len(intercepts) - 1:
            Z = ACTIVATIONS[activation](Z)
    return Z


def differences(network, activation, Z, step=1e-6):
    """Derivatives, shape (n_outputs, n_features, n_samples), by finite differences."""
    found = []
    for feature in range(Z.shape[1]):
        move = step * (np.arange(Z.shape[1]) == feature)
        up, down = (outputs(network, activation, Z + s * move) for s in (1, -1))
        found.append(((up - down) / (2 * step)).T)
    return np.stack(found, axis=1)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [[7, 5, 3], [6, 20, 4, 1], [1, 3, 2], [4, 2]])
def test_derivatives_meet_finite_differences(activation, sizes):
    network = make(sizes, activation)
    Z = np.random.default_rng(1).normal(size=(9, sizes[0]))
    derivatives = list(output_derivatives(network, Z.T.astype(np.float32)))
    expected = differences(network, activation, Z)
    np.testing.assert_allclose(derivatives, expected, rtol=1e-3, atol=1e-4)
    assert np.abs(expected).max() > 0.01


@settings(max_examples=20)
@given(
    n_samples=st.integers(1, 150),
    n_features=st.integers(1, 9),
    n_outputs=st.integers(1, 4),
    weighted=st.booleans(),
    made_sparse=st.booleans(),
)
def test_attribution_is_the_weighted_mean_of_magnitudes(
    n_samples, n_features, n_outputs, weighted, made_sparse
):
    network, rng = make([n_features, 8, n_outputs], "tanh"), np.random.default_rng(2)
    X = rng.normal(size=(n_samples, n_features)) * (rng.random(n_features) < 0.7)
    weights = rng.random(n_samples if weighted else 0, dtype=np.float32)
    found = attribution(
        network, sparse.csr_array(X) if made_sparse else X, weights, rng, 2**13
    )
    slopes = differences(network, "tanh", (X - network.shifts) * network.scales)
    mean = np.average(np.abs(slopes), axis=2, weights=weights if weighted else None)
    np.testing.assert_allclose(found, mean.sum(axis=0), rtol=1e-3, atol=1e-5)


def test_no_more_derivatives_are_taken_than_asked_for(monkeypatch):
    network, seen = make([5, 8, 4]), []
    standardise = network.read_inputs
    monkeypatch.setattr(
        network,
        "read_inputs",
        lambda X: seen.append(len(X)) or standardise(X),
    )
    X = np.random.default_rng(0).normal(size=(200, 5))
    for n_derivatives, n_samples in ((40, 10), (1, 1), (10_000, 200)):
        seen.clear()
        attribution(network, X, np.zeros(0), np.random.default_rng(0), n_derivatives)
        assert sum(seen) == n_samples


@pytest.mark.parametrize("make_X", [np.asarray, sparse.csr_array])
def test_the_network_sees_what_is_standardised(make_X):
    network = make([6, 8, 2], "tanh")
    X = np.random.default_rng(3).normal(size=(10, 6)) * 5
    with ThreadTeam(1) as team:
        found = network.decision(make_X(X), np.arange(10), team)
    Z = (X - network.shifts) * network.scales
    np.testing.assert_allclose(found, outputs(network, "tanh", Z), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(network.read_inputs(X), Z, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["shifts", "scales"])
def test_damaged_scales_are_refused(name):
    network = make([6, 8, 2])
    state = network.__getstate__()
    state[name] = state[name][:-1]
    with pytest.raises(ValueError, match="damaged"):
        make([6, 8, 2]).__setstate__(state)
