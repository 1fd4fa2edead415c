import pickle

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import sparse

from sklearn_sparse_nn.engine.activations import ACTIVATIONS
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.evolution import SET, EvolutionRule, TrainingClock
from sklearn_sparse_nn.networks import batches
from sklearn_sparse_nn.networks import network as network_module
from sklearn_sparse_nn.networks.autoencoder import Autoencoder, Corruption
from sklearn_sparse_nn.networks.mlp import MLP, Targets, TrainingParameters
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi
from tests import naive

N_FEATURES = 7
START = Start(ErdosRenyi(), epsilon=1.4, seed=2)
HIDDEN = [(12,), (6, 5), (9, 4, 8), (9, 4, 5, 8)]
NOISES = [Corruption("gaussian", 0.5), Corruption("masking", 0.4)]
CLEAN = Corruption("gaussian", 0.0)
CLOCK = TrainingClock(1, 10, 10, 10)
CLOSE = {"rtol": 1e-4, "atol": 2e-6}


def _network(hidden=(12,), activation="tanh", n_features=N_FEATURES, **start):
    rng = np.random.default_rng(1)
    shifts = rng.normal(size=n_features)
    scales = rng.uniform(0.3, 1.5, size=n_features)
    start = START._replace(**start)
    network = Autoencoder(hidden, start, activation, shifts, scales)
    # Away from zero, so that neurons without connections are not at a kink of ReLU.
    intercepts = network.layers.intercepts
    intercepts[:] = rng.normal(size=len(intercepts))
    return network


def _parameters(**changes):
    defaults = TrainingParameters("sgd", learning_rate=1.0, batch_size=1000)
    return defaults._replace(**{"momentum": 0.0, **changes})


def _samples(n=50, n_features=N_FEATURES):
    """Random numbers, half of them zero."""
    X = np.random.default_rng(0).normal(size=(n, n_features)).astype(np.float32)
    return np.maximum(X, 0)


def _standardised(network, X):
    return (X.astype(np.float64) - network.shifts) * network.scales


def _train(
    network, X, parameters=None, noise=CLEAN, n_epochs=1, n_threads=1, rule=None
):
    """Train in the order of X in the first epoch; return the loss of the last one."""
    parameters = parameters or _parameters()
    if network.state is None:
        network.reset_optimiser(parameters.solver)
    with ThreadTeam(n_threads) as team:
        for epoch in range(n_epochs):
            order = np.random.default_rng(epoch).permutation(X.shape[0])
            order = order if epoch else np.arange(X.shape[0])
            loss = network.train_epoch(X, order, parameters, noise, team)
            if rule is not None:
                network.evolve(rule, 0.3, CLOCK, team)
    return loss


def _run(network, method, X, n_threads=1):
    with ThreadTeam(n_threads) as team:
        return getattr(network, method)(X, team)


def _bytes(network):
    arrays = [*network.layers, *network.state]
    return [array.tobytes() for array in arrays]


def _objective_arguments(network, Z, noise, parameters, n_updates=0):
    """What the naive objective of a batch of standardised samples depends on."""
    seen = naive.corrupted(
        Z, *noise, network.noise_seed, n_updates, min(parameters.batch_size, len(Z))
    )
    ones = np.ones(len(Z))
    return network.activation, "identity", seen, Z, ones, parameters.alpha


def _expect_step(before, after, of_weights, of_intercepts):
    for layer, mask in enumerate(before.masks):
        step = before.weights[layer] - after.weights[layer]
        np.testing.assert_allclose(step, of_weights[layer] * mask, **CLOSE)
        step = before.intercepts[layer] - after.intercepts[layer]
        np.testing.assert_allclose(step, of_intercepts[layer], **CLOSE)


@pytest.mark.parametrize("noise", [CLEAN, *NOISES])
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_step_goes_down_finite_differences(activation, hidden, noise):
    network, X = _network(hidden, activation), _samples(20)
    parameters = _parameters(alpha=0.7)
    twin = naive.Network.of(network.layers)
    before = naive.Network.of(network.layers)
    rest = _objective_arguments(network, _standardised(network, X), noise, parameters)
    numeric = [
        [
            naive.central_differences(lambda: naive.objective(twin, *rest), array)
            for array in arrays
        ]
        for arrays in (twin.weights, twin.intercepts)
    ]
    loss = _train(network, X, parameters, noise)
    # The L2 term is part of what is descended, but not of the loss.
    np.testing.assert_allclose(loss, naive.loss(before, *rest[:-1], 0.0), rtol=1e-5)
    _expect_step(before, naive.Network.of(network.layers), *numeric)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("n", [1, 15, 16, 17, 64, 65, 200])
def test_one_step_goes_down_the_gradient_for_any_batch(n, make):
    network, X = _network((9, 4)), _samples(n)
    before = naive.Network.of(network.layers)
    rest = _objective_arguments(
        network, _standardised(network, X), NOISES[0], _parameters()
    )
    loss = _train(network, make(X), noise=NOISES[0], n_threads=2)
    np.testing.assert_allclose(loss, naive.loss(before, *rest[:-1], 0.0), rtol=1e-5)
    after = naive.Network.of(network.layers)
    _expect_step(before, after, *naive.gradients(before, *rest))


@settings(max_examples=40)
@given(data=st.data())
def test_training_is_that_of_the_dense_twin_for_any_shape(data):
    n_features = data.draw(st.integers(1, 12))
    hidden = data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    network = _network(
        hidden,
        data.draw(st.sampled_from(["tanh", "logistic", "identity"])),
        n_features,
        epsilon=data.draw(st.floats(0, 4)),
        seed=data.draw(st.integers(0, 2**32 - 1)),
    )
    n = data.draw(st.integers(1, 40))
    parameters = _parameters(
        learning_rate=0.1,
        alpha=data.draw(st.sampled_from([0.0, 0.5])),
        batch_size=data.draw(st.integers(-(-n // 3), n)),
    )
    noise = data.draw(st.sampled_from([CLEAN, *NOISES]))
    X = _samples(n, n_features)
    twin, Z = naive.Network.of(network.layers), _standardised(network, X)
    losses = []
    for update, start in enumerate(range(0, n, parameters.batch_size)):
        batch = Z[start : start + parameters.batch_size]
        seen = naive.corrupted(
            batch, *noise, network.noise_seed, update, parameters.batch_size
        )
        rest = network.activation, "identity", seen, batch, np.ones(len(batch))
        losses.append(len(batch) * naive.loss(twin, *rest, 0.0))
        gradients = naive.gradients(twin, *rest, parameters.alpha)
        for arrays, steps in zip((twin.weights, twin.intercepts), gradients):
            for array, step in zip(arrays, steps):
                array -= 0.1 * step
        for array, mask in zip(twin.weights, twin.masks):
            array *= mask
    # Where training diverges, float32 ends long before float64.
    assume(max(losses) < 1e3 * n)
    make = data.draw(st.sampled_from([np.asarray, sparse.csr_array]))
    n_threads = data.draw(st.integers(1, 3))
    loss = _train(network, make(X), parameters, noise, n_threads=n_threads)
    np.testing.assert_allclose(loss, sum(losses) / n, rtol=1e-4)
    after = naive.Network.of(network.layers)
    for got, expected in zip(
        [*after.weights, *after.intercepts], [*twin.weights, *twin.intercepts]
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_without_noise_it_is_a_perceptron_whose_targets_are_its_inputs(solver):
    network, X = _network((9, 4, 8)), _samples(90)
    sizes = [N_FEATURES, 9, 4, 8, N_FEATURES]
    perceptron = MLP(sizes, START, "tanh", "identity")
    np.testing.assert_array_equal(perceptron.layers.weights, network.layers.weights)
    perceptron.layers.intercepts[:] = network.layers.intercepts
    # Dropout and momentum are the same for both, too.
    parameters = _parameters(
        solver=solver,
        learning_rate=0.05,
        batch_size=25,
        alpha=0.3,
        momentum=0.9,
        dropout=0.3,
    )
    Z = network.read_inputs(X)
    targets = Targets(np.zeros(0, dtype=np.int32), Z, np.zeros(0, dtype=np.float32))
    perceptron.reset_optimiser(solver)
    loss = _train(network, X, parameters)
    with ThreadTeam(1) as team:
        penalised = perceptron.train_epoch(Z, targets, np.arange(90), parameters, team)
    assert 0 < loss < penalised
    for array, twin in zip(network.layers, perceptron.layers):
        np.testing.assert_allclose(array, twin, **CLOSE)


def test_targets_stay_clean():
    network, X = _network(), _samples()
    network.layers.weights[:], network.layers.intercepts[:] = 0, 0
    loss = _train(network, X, noise=Corruption("masking", 0.9999))
    # Nothing is left of the inputs, and the outputs have learned their means.
    Z = _standardised(network, X)
    assert loss == pytest.approx(0.5 * np.mean(Z**2), rel=1e-5)
    outputs = network.layers.intercepts[-N_FEATURES:]
    np.testing.assert_allclose(outputs, Z.mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize("noise", NOISES)
def test_noise_differs_from_epoch_to_epoch(noise):
    network, X = _network(), _samples()
    parameters = _parameters(learning_rate=0.0, batch_size=20)
    losses = {_train(network, X, parameters, noise) for _ in range(5)}
    assert len(losses) == 5
    clean = {_train(network, X, parameters) for _ in range(5)}
    assert len(clean) == 1


@pytest.mark.parametrize("noise", NOISES)
def test_noise_differs_from_seed_to_seed(noise):
    X, parameters, losses = _samples(), _parameters(learning_rate=0.0), []
    for seed in (2, 3):
        network = _network(topology=ErdosRenyi(), epsilon=100, seed=seed)
        network.layers.weights[:] = 0.1  # the seed makes the noise and nothing else
        losses += [_train(network, X, parameters, noise) for _ in range(3)]
    assert len(set(losses)) == 6


def test_dropout_is_not_the_noise():
    """Both draw at the same positions, so they need keys of their own."""
    network = _network((N_FEATURES,), "identity")
    network.reset_optimiser("sgd")
    parameters = _parameters(learning_rate=0.0, dropout=0.5)
    X = 1 + _samples(2000)
    _train(network, X, parameters, Corruption("masking", 0.5))
    work = network._workspace
    rows = slice(2 * N_FEATURES)
    rows = batches.columns_side_by_side(work.activations, work.stride, rows)[:, :2000]
    inputs, hidden = rows[:N_FEATURES] == 0, rows[N_FEATURES:] == 0
    for share in (inputs.mean(), hidden.mean()):
        assert share == pytest.approx(0.5, abs=0.03)
    assert (inputs & hidden).mean() == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("noise", NOISES)
def test_any_number_of_threads_gives_the_same_bits(noise, monkeypatch):
    monkeypatch.setattr(batches, "_LEAST_BLOCK", 64)
    X = _samples(150, 20)
    parameters = _parameters(
        learning_rate=0.02, batch_size=64, alpha=0.1, dropout=0.3, momentum=0.9
    )

    def trained(n_threads, make=np.asarray):
        network = _network((50, 30), n_features=20, epsilon=5)
        loss = _train(network, make(X), parameters, noise, 4, n_threads, SET())
        return _bytes(network), loss

    alone = trained(1)
    assert trained(2) == alone
    assert trained(3) == alone
    assert trained(2, sparse.csr_array) == alone
    assert trained(1, np.asfortranarray) == alone


def test_an_epoch_of_mini_batches_is_a_step_per_mini_batch():
    X, parameters = _samples(50), _parameters(learning_rate=0.1, batch_size=16)
    at_once, one_by_one = _network(), _network()
    loss = _train(at_once, X, parameters, NOISES[0])
    losses = [
        _train(one_by_one, X[i : i + 16], parameters, NOISES[0])
        for i in range(0, 50, 16)
    ]
    assert at_once.n_updates == one_by_one.n_updates == 4
    assert _bytes(at_once) == _bytes(one_by_one)
    np.testing.assert_allclose(loss, np.average(losses, weights=[16, 16, 16, 2]))


@pytest.mark.parametrize("work_per_call", [1, 5000])
def test_an_epoch_cut_into_calls_of_compiled_code_is_the_same(
    work_per_call, monkeypatch
):
    def trained():
        network = _network()
        parameters = _parameters(learning_rate=0.1, batch_size=8, dropout=0.3)
        loss = _train(network, _samples(), parameters, NOISES[0])
        return _bytes(network), loss

    whole = trained()
    monkeypatch.setattr(network_module, "_WORK_PER_CALL", work_per_call)
    assert trained() == whole


@pytest.mark.parametrize("hidden, code", [((5,), 0), ((5, 6), 1), ((5, 6, 7), 1)])
def test_the_code_is_in_the_middle(hidden, code):
    network = _network(hidden)
    assert network.n_code_layers == code + 1
    assert _run(network, "encode", _samples()).shape == (50, hidden[code])


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("n", [1, 17, 200])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_parts_of_the_network_are_the_dense_forward_pass(
    activation, hidden, make, n, n_threads
):
    network, X = _network(hidden, activation), _samples(n)
    Z = _standardised(network, X)
    dense = naive.Network.of(network.layers)
    activations, _ = naive.forward(dense, activation, Z)
    close = {"rtol": 1e-5, "atol": 3e-6}

    code = _run(network, "encode", make(X), n_threads)
    assert code.dtype == np.float32
    np.testing.assert_allclose(code, activations[network.n_code_layers], **close)
    outputs = _run(network, "decode", code, n_threads)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, activations[-1], **close)
    with ThreadTeam(n_threads) as team:
        decision = network.decision(make(X), np.arange(n), team)
    np.testing.assert_array_equal(decision, outputs)
    restored = _run(network, "restore", network.read_inputs(X), n_threads)
    np.testing.assert_array_equal(restored, outputs)
    features = network.rescale(outputs.copy())
    expected = activations[-1] / network.scales + network.shifts
    np.testing.assert_allclose(features, expected, rtol=1e-5, atol=2e-5)


def test_rescaling_is_the_inverse_of_standardising():
    network, X = _network(), _samples()
    Z = network.read_inputs(X)
    np.testing.assert_allclose(Z, _standardised(network, X), rtol=1e-5, atol=1e-6)
    assert Z.dtype == np.float32
    rescaled = network.rescale(Z)
    assert rescaled.dtype == np.float64
    np.testing.assert_allclose(rescaled, X, atol=1e-6)


class _Recorder(EvolutionRule):
    """Changes nothing, but asks for the gradient."""

    def __init__(self):
        self.gradients = []

    def prune(self, layer):
        self.gradients.append(layer.gradient(np.arange(layer.n_neurons)))
        return super().prune(layer)


@pytest.mark.parametrize("noise", NOISES)
def test_rules_see_the_dense_gradient_of_the_last_batch(noise):
    network, X, rule = _network((9, 4, 8)), _samples(40), _Recorder()
    parameters = _parameters(learning_rate=0.0, batch_size=32)
    _train(network, X, parameters, noise, n_threads=2, rule=rule)
    Z = _standardised(network, X)[32:]
    seen = naive.corrupted(Z, *noise, network.noise_seed, 1, 32)
    rest = "tanh", "identity", seen, Z, np.ones(8), 0.0
    of_weights, _ = naive.gradients(naive.Network.of(network.layers), *rest)
    for gradient, expected in zip(rule.gradients, of_weights, strict=True):
        np.testing.assert_allclose(gradient, expected.T, rtol=1e-4, atol=1e-6)


def test_set_changes_connections_but_not_their_number():
    network = _network((12, 9), epsilon=2)
    before = naive.Network.of(network.layers)
    _train(network, _samples(), _parameters(learning_rate=0.1), n_epochs=3, rule=SET())
    after = naive.Network.of(network.layers)
    for old, new in zip(before.masks, after.masks, strict=True):
        assert old.sum() == new.sum()
        assert (old != new).any()


def test_a_dense_network_learns_to_restore_what_is_missing():
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(500, 3)), 4, axis=1).astype(np.float32)
    start = Start(ErdosRenyi(), epsilon=100, seed=0)
    network = Autoencoder((30,), start, "tanh", np.zeros(12), np.ones(12))
    parameters = _parameters(
        learning_rate=0.02, batch_size=50, momentum=0.9, dropout=0.1
    )
    _train(network, X, parameters, Corruption("masking", 0.3), n_epochs=40)
    holed = X.copy()
    holed[:, 0] = 0  # three copies of it are left
    restored = _run(network, "restore", holed)
    assert np.mean((restored[:, 0] - X[:, 0]) ** 2) < 0.3


@pytest.mark.parametrize(
    "duplicate", [Autoencoder.copy, lambda n: pickle.loads(pickle.dumps(n))]
)
def test_a_duplicate_encodes_and_learns_the_same(duplicate):
    def trained():
        network = _network(epsilon=2)
        _train(network, _samples(), parameters, NOISES[0], 2, rule=SET())
        return network

    parameters = _parameters(learning_rate=0.05, momentum=0.9, batch_size=16)
    network, twin = trained(), trained()
    clone = duplicate(network)
    np.testing.assert_array_equal(
        _run(clone, "encode", _samples()), _run(twin, "encode", _samples())
    )
    for each in (clone, twin):
        _train(each, _samples(), parameters, NOISES[0], 2, rule=SET())
    assert _bytes(clone) == _bytes(twin) != _bytes(network)
