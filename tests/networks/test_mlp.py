import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sklearn_sparse_nn.engine import buffers
from sklearn_sparse_nn.engine.activations import ACTIVATIONS
from sklearn_sparse_nn.engine.buffers import tile_width
from sklearn_sparse_nn.engine.layers import copy_layers, layer_matrix
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.evolution import SET, EvolutionRule, TrainingClock
from sklearn_sparse_nn.networks import batches
from sklearn_sparse_nn.networks import network as network_module
from sklearn_sparse_nn.networks.backward import training_workspace
from sklearn_sparse_nn.networks.mlp import MLP, Targets, TrainingParameters
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import Dense, ErdosRenyi
from tests import naive
from tests.memory import peak_memory

SIZES = [7, 12, 9, 3]
START = Start(ErdosRenyi(), epsilon=1.2, seed=2)
OUTPUTS = "softmax", "logistic", "identity", "exp"
CLOCK = TrainingClock(1, 10, 10, 10)


def _network(activation="relu", output="softmax", sizes=SIZES, **start):
    network = MLP(sizes, START._replace(**start), activation, output)
    # Away from zero, so that neurons without connections are not at a kink of ReLU.
    intercepts = network.layers.intercepts
    intercepts[:] = np.random.default_rng(1).normal(size=len(intercepts))
    return network


def _parameters(**changes):
    defaults = TrainingParameters(
        solver="sgd",
        learning_rate=1.0,
        batch_size=1000,
        alpha=0.0,
        momentum=0.0,
        nesterovs_momentum=False,
        beta_1=0.9,
        beta_2=0.999,
        adam_epsilon=1e-8,
        dropout=0.0,
    )
    return defaults._replace(**changes)


class Data:
    """Random samples; `Y` has one column per output."""

    def __init__(self, output="softmax", n=50, weighted=False, sizes=SIZES, seed=0):
        rng = np.random.default_rng(seed)
        self.X = rng.normal(size=(n, sizes[0])).astype(np.float32)
        self.labels = rng.integers(sizes[-1], size=n).astype(np.int32)
        if output == "softmax":
            self.Y = np.eye(sizes[-1], dtype=np.float32)[self.labels]
        elif output == "logistic":
            self.Y = rng.integers(2, size=(n, sizes[-1])).astype(np.float32)
        else:
            self.Y = rng.normal(size=(n, sizes[-1])).astype(np.float32)
            if output == "exp":
                self.Y = np.maximum(self.Y, 0)
        self.weights = np.ones(n, dtype=np.float32)
        if weighted:
            self.weights = rng.exponential(size=n).astype(np.float32)
            self.weights[::4] = 0
        self.targets = Targets(
            self.labels if output == "softmax" else np.zeros(0, dtype=np.int32),
            np.zeros((0, 0), dtype=np.float32) if output == "softmax" else self.Y,
            self.weights if weighted else np.zeros(0, dtype=np.float32),
        )
        self.order = np.arange(n)


def _train(network, data, parameters=None, n_epochs=1, n_threads=1, rule=None, X=None):
    parameters = parameters or _parameters()
    if network.state is None:
        network.reset_optimiser(parameters.solver)
    with ThreadTeam(n_threads) as team:
        for epoch in range(n_epochs):
            order = np.random.default_rng(epoch).permutation(data.order)
            X = data.X if X is None else X
            loss = network.train_epoch(X, data.targets, order, parameters, team)
            if rule is not None:
                network.evolve(rule, 0.3, CLOCK, team)
    return loss


def _decide(network, X, samples=None, n_threads=1):
    samples = np.arange(X.shape[0]) if samples is None else samples
    with ThreadTeam(n_threads) as team:
        return network.decision(X, samples, team)


def _bytes(network):
    arrays = [*network.layers, *network.state]
    return [array.tobytes() for array in arrays]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_of_the_dense_twin_equals_finite_differences(
    activation, output, weighted
):
    network = naive.Network.of(_network(activation, output).layers)
    data = Data(output, n=9, weighted=weighted)
    rest = activation, output, data.X, data.Y, data.weights.astype(np.float64), 0.3
    of_weights, of_intercepts = naive.gradients(network, *rest)
    for arrays, gradients in (
        (network.weights, of_weights),
        (network.intercepts, of_intercepts),
    ):
        for array, gradient in zip(arrays, gradients, strict=True):
            numeric = naive.central_differences(
                lambda: naive.objective(network, *rest), array
            )
            np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("alpha", [0.0, 5.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_step_goes_down_the_gradient(activation, output, weighted, alpha):
    network, data = _network(activation, output), Data(output, weighted=weighted)
    before = naive.Network.of(network.layers)
    assert not before.masks[1].any(axis=0).all()  # a neuron has no connection
    assert not before.masks[1].any(axis=1).all()  # and one leads nowhere
    loss = _train(network, data, _parameters(alpha=alpha))
    after = naive.Network.of(network.layers)
    rest = activation, output, data.X, data.Y, data.weights.astype(np.float64), alpha
    np.testing.assert_allclose(loss, naive.loss(before, *rest), rtol=1e-5)
    of_weights, of_intercepts = naive.gradients(before, *rest)
    close = {"rtol": 1e-4, "atol": 1e-6}
    for layer, mask in enumerate(before.masks):
        step = before.weights[layer] - after.weights[layer]
        np.testing.assert_allclose(step, of_weights[layer] * mask, **close)
        step = before.intercepts[layer] - after.intercepts[layer]
        np.testing.assert_allclose(step, of_intercepts[layer], **close)


@pytest.mark.parametrize("n", [1, 15, 16, 17, 64, 65, 200])
def test_one_step_goes_down_the_gradient_for_any_batch(n):
    network, data = _network("tanh"), Data(n=n, weighted=n > 1)
    before = naive.Network.of(network.layers)
    _train(network, data, n_threads=2)
    after = naive.Network.of(network.layers)
    rest = "tanh", "softmax", data.X, data.Y, data.weights.astype(np.float64), 0.0
    of_weights, _ = naive.gradients(before, *rest)
    for W, V, mask, gradient in zip(
        before.weights, after.weights, before.masks, of_weights, strict=True
    ):
        np.testing.assert_allclose(W - V, gradient * mask, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "sizes", [[1, 1, 1], [1, 5, 2], [4, 3], [3, 200, 1, 4], [300, 2, 2]]
)
def test_networks_of_awkward_shapes_go_down_the_gradient(sizes):
    network = _network("relu", "logistic", sizes)
    data = Data("logistic", sizes=sizes)
    before = naive.Network.of(network.layers)
    _train(network, data)
    after = naive.Network.of(network.layers)
    rest = "relu", "logistic", data.X, data.Y, data.weights.astype(np.float64), 0.0
    of_weights, of_intercepts = naive.gradients(before, *rest)
    for layer, mask in enumerate(before.masks):
        step = before.weights[layer] - after.weights[layer]
        np.testing.assert_allclose(step, of_weights[layer] * mask, rtol=1e-4, atol=1e-6)
        step = before.intercepts[layer] - after.intercepts[layer]
        np.testing.assert_allclose(step, of_intercepts[layer], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "solver, momentum, nesterov",
    [
        ("sgd", 0.0, False),
        ("sgd", 0.9, False),
        ("sgd", 0.9, True),
        ("adam", 0.0, False),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("output", OUTPUTS)
def test_a_dense_network_takes_the_steps_of_scikit_learn(
    output, weighted, solver, momentum, nesterov
):
    data = Data(output, weighted=weighted)
    options = {
        "hidden_layer_sizes": SIZES[1:-1],
        "activation": "tanh",
        "solver": solver,
        "learning_rate_init": 0.05,
        "alpha": 0.5,
        "momentum": momentum,
        "nesterovs_momentum": nesterov,
        "shuffle": False,
        "random_state": 0,
    }
    X = data.X.astype(np.float64)
    if output in ("identity", "exp"):
        kind = "squared_error" if output == "identity" else "poisson"
        model, classes = MLPRegressor(kind, **options), {}
        y = data.Y.astype(np.float64)
    else:
        model = MLPClassifier(**options)
        y = data.labels if output == "softmax" else data.Y.astype(int)
        classes = {"classes": np.arange(SIZES[-1])}
    model.partial_fit(X, y, **classes)  # makes the weights
    del model._optimizer  # and forgets that step
    network = _network("tanh", output, topology=Dense())
    network.layers.weights[:] = np.concatenate([W.T.ravel() for W in model.coefs_])
    network.layers.intercepts[:] = np.concatenate(model.intercepts_)
    parameters = _parameters(
        solver=solver,
        learning_rate=0.05,
        alpha=0.5,
        momentum=momentum,
        nesterovs_momentum=nesterov,
    )
    for _ in range(4):
        loss = _train(network, data, parameters)
        model.partial_fit(X, y, sample_weight=data.weights.astype(np.float64))
        if output != "exp":  # of several outputs, scikit-learn adds up deviances
            np.testing.assert_allclose(loss, model.loss_, rtol=1e-5)
        for layer, W in enumerate(model.coefs_):
            matrix = layer_matrix(network.layers, layer).toarray()
            np.testing.assert_allclose(matrix, W, rtol=1e-4, atol=2e-6)
        intercepts = np.concatenate(model.intercepts_)
        np.testing.assert_allclose(
            network.layers.intercepts, intercepts, rtol=1e-4, atol=2e-6
        )


def test_an_epoch_of_mini_batches_is_a_step_per_mini_batch():
    data, parameters = Data(n=50), _parameters(solver="adam", learning_rate=0.1)
    at_once, one_by_one = _network("tanh"), _network("tanh")
    for network in (at_once, one_by_one):
        network.reset_optimiser("adam")
    order = np.random.default_rng(0).permutation(50)
    parameters = parameters._replace(batch_size=16)
    losses = []
    with ThreadTeam(1) as team:
        loss = at_once.train_epoch(data.X, data.targets, order, parameters, team)
        for i in range(0, 50, 16):
            batch = order[i : i + 16]
            losses.append(
                one_by_one.train_epoch(data.X, data.targets, batch, parameters, team)
            )
    assert at_once.n_updates == one_by_one.n_updates == 4
    assert _bytes(at_once) == _bytes(one_by_one)
    np.testing.assert_allclose(loss, np.average(losses, weights=[16, 16, 16, 2]))


def test_an_epoch_cut_into_calls_of_compiled_code_is_the_same(monkeypatch):
    def trained():
        network = _network("relu")
        parameters = _parameters(solver="adam", batch_size=8, dropout=0.3)
        loss = _train(network, Data(n=50), parameters)
        return _bytes(network), loss

    whole = trained()
    monkeypatch.setattr(network_module, "_WORK_PER_CALL", 1)
    assert trained() == whole


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("output", OUTPUTS)
def test_any_number_of_threads_gives_the_same_bits(output, weighted, monkeypatch):
    monkeypatch.setattr(batches, "_LEAST_BLOCK", 64)
    sizes = [20, 50, 30, 4]
    data = Data(output, n=150, weighted=weighted, sizes=sizes)
    parameters = _parameters(
        solver="adam", learning_rate=0.01, batch_size=64, alpha=0.1, dropout=0.3
    )

    def trained(n_threads):
        network = _network("all_relu", output, sizes, epsilon=5)
        loss = _train(network, data, parameters, 4, n_threads, SET())
        return _bytes(network), loss

    alone = trained(1)
    assert trained(2) == alone
    assert trained(3) == alone


def _rare_words(sizes, n=200, seed=0):
    """Samples with few features, most of them absent from most batches."""
    data = Data(n=n, sizes=sizes, seed=seed)
    rng = np.random.default_rng(seed)
    frequency = 0.3 / np.arange(1, sizes[0] + 1)
    data.X[rng.random(data.X.shape) >= rng.permutation(frequency)] = 0
    return data


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("n", [64, 70, 128])
def test_one_step_goes_down_the_gradient_of_rare_features(n, make, n_threads):
    sizes = [400, 30, 20, 4]
    network, data = _network("tanh", sizes=sizes, epsilon=8), _rare_words(sizes, n)
    before = naive.Network.of(network.layers)
    loss = _train(network, data, X=make(data.X), n_threads=n_threads)
    after = naive.Network.of(network.layers)
    rest = "tanh", "softmax", data.X, data.Y, data.weights.astype(np.float64), 0.0
    np.testing.assert_allclose(loss, naive.loss(before, *rest), rtol=1e-5)
    of_weights, _ = naive.gradients(before, *rest)
    for W, V, mask, gradient in zip(
        before.weights, after.weights, before.masks, of_weights, strict=True
    ):
        np.testing.assert_allclose(W - V, gradient * mask, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("batch_size", [16, 64, 150])
def test_leaving_absent_features_out_gives_the_same_bits(batch_size):
    sizes = [400, 30, 20, 4]
    data = _rare_words(sizes)
    # Zeros of the other sign are no bits of zero: such features count as present.
    present = np.where(data.X == 0, np.float32(-0.0), data.X)
    parameters = _parameters(learning_rate=0.1, momentum=0.9, batch_size=batch_size)

    def trained(X, n_threads):
        network = _network(sizes=sizes, epsilon=8)
        loss = _train(network, data, parameters, 3, n_threads, SET(), X)
        arrays = [*network.layers, *network.state, _decide(network, X)]
        return loss, [array.tolist() for array in arrays]

    expected = trained(present, 1)
    for n_threads in (1, 2, 3):
        assert trained(data.X, n_threads) == expected
        assert trained(sparse.csr_array(data.X), n_threads) == expected


def test_blocks_of_a_large_layer_have_several_connections_for_each_row():
    layers = _network(sizes=[3000, 3000, 100, 5], epsilon=60).layers
    blocks = batches._blocks(layers, np.ones(3))
    n_connections = layers.indptr[blocks[:, 2]] - layers.indptr[blocks[:, 1]]
    large = n_connections[blocks[:, 0] == 0]
    assert len(large) in (15, 16)  # 360,000 connections
    assert large.max() < 8 * 3000 + 200
    assert n_connections[blocks[:, 0] == 2].max() <= 4096


def test_a_layer_in_bands_has_fewer_blocks():
    layers = _network(sizes=[100, 30_000, 3], epsilon=20).layers
    for n_bands, n_blocks in [(1, 3), (2, 2)]:
        blocks = batches._blocks(layers, np.array([1, n_bands]))
        assert (blocks[:, 0] == 1).sum() == n_blocks
        assert blocks[0, 1] == 0 and blocks[-1, 2] == 30_003
        assert (blocks[1:, 1] == blocks[:-1, 2]).all()


def test_blocks_cover_each_neuron_once(monkeypatch):
    for block in (1, 7, 50, 4096):
        monkeypatch.setattr(batches, "_LEAST_BLOCK", block)
        for epsilon in (0.0, 0.3, 1.2, 100):
            layers = _network(epsilon=epsilon).layers
            blocks = batches._blocks(layers, np.ones(3))
            rows = [row for _, start, stop in blocks for row in range(start, stop)]
            assert rows == list(range(len(layers.intercepts)))
            for layer, start, stop in blocks:
                assert layers.first[layer] <= start < stop <= layers.first[layer + 1]


def test_dropout_changes_what_is_learned_and_not_what_is_predicted():
    data = Data()
    network = _network()
    scores = _decide(network, data.X)
    _train(network, data, _parameters(dropout=0.5, learning_rate=0.0))
    np.testing.assert_array_equal(_decide(network, data.X), scores)
    with_dropout, without = _network(), _network()
    _train(with_dropout, data, _parameters(dropout=0.5))
    _train(without, data)
    assert (with_dropout.layers.weights != without.layers.weights).any()


def test_dropout_differs_from_update_to_update():
    data, parameters = Data(), _parameters(dropout=0.5, learning_rate=0.0)
    network = _network()
    assert len({_train(network, data, parameters) for _ in range(5)}) == 5


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_batch_without_weight_changes_nothing(solver):
    data = Data(weighted=True)
    parameters = _parameters(
        solver=solver, alpha=1.0, momentum=0.9, learning_rate=0.1, batch_size=16
    )
    network = _network()
    _train(network, data, parameters)
    before = _bytes(network)
    data.targets.weights[:] = 0
    assert _train(network, data, parameters, n_threads=2) == 0
    assert _bytes(network) == before


def test_samples_without_weight_teach_nothing():
    data, parameters = Data(weighted=True), _parameters(alpha=0.5)
    with_them, without = _network(), _network()
    _train(with_them, data, parameters)
    data.order = np.flatnonzero(data.weights)
    _train(without, data, parameters)
    np.testing.assert_allclose(
        with_them.layers.weights, without.layers.weights, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("make", [sparse.csr_array, np.asfortranarray])
def test_training_is_the_same_for_any_layout_of_X(make):
    data = Data()
    data.X[data.X < 0] = 0
    plain, other = _network(), _network()
    parameters = _parameters(batch_size=16, learning_rate=0.1)
    _train(plain, data, parameters)
    _train(other, data, parameters, X=make(data.X))
    assert _bytes(plain) == _bytes(other)


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("n", [1, 17, 64, 200])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_decision_is_the_dense_forward_pass(activation, make, n, n_threads):
    network, data = _network(activation), Data(n=n)
    data.X[data.X < 0] = 0
    scores = _decide(network, make(data.X), n_threads=n_threads)
    dense = naive.Network.of(network.layers)
    expected = naive.forward(dense, activation, data.X)[0][-1]
    assert scores.dtype == np.float32 and scores.shape == (n, SIZES[-1])
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=2e-6)


def test_decision_takes_the_samples_asked_for_in_their_order():
    network, data = _network(), Data()
    samples = np.array([3, 41, 3, 0, 49])
    expected = _decide(network, data.X)[samples]
    np.testing.assert_array_equal(_decide(network, data.X, samples), expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_decision_for_one_sample_is_the_same_as_among_others(activation):
    network, data = _network(activation), Data()
    for sample, expected in enumerate(_decide(network, data.X)):
        alone = _decide(network, data.X, np.array([sample]))
        np.testing.assert_array_equal(alone, [expected])


def test_decision_is_the_same_in_many_small_pieces(monkeypatch):
    network, data = _network(), Data(n=130)
    whole = _decide(network, data.X)
    monkeypatch.setattr(network_module, "_DECISION_BYTES", 1)
    for n_threads in (1, 2):
        pieces = _decide(network, data.X, n_threads=n_threads)
        np.testing.assert_array_equal(pieces, whole)


class _Recorder(EvolutionRule):
    """Changes nothing, but asks for the gradient."""

    def __init__(self):
        self.gradients, self.layers = [], []

    def prune(self, layer):
        self.gradients.append(layer.gradient(np.arange(layer.n_neurons)))
        self.layers.append(layer)
        return super().prune(layer)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("output", OUTPUTS)
def test_rules_see_the_dense_gradient_of_the_last_batch(output, weighted):
    network, data = _network("tanh", output), Data(output, weighted=weighted)
    data.order = data.order[:40]
    parameters = _parameters(batch_size=32, learning_rate=0.0)
    rule = _Recorder()
    _train(network, data, parameters, rule=rule, n_threads=2)
    last = np.random.default_rng(0).permutation(data.order)[32:]
    of_weights, _ = naive.gradients(
        naive.Network.of(network.layers),
        "tanh",
        output,
        data.X[last],
        data.Y[last],
        data.weights[last].astype(np.float64),
        0.0,
    )
    for gradient, expected in zip(rule.gradients, of_weights, strict=True):
        assert gradient.dtype == np.float32
        np.testing.assert_allclose(gradient, expected.T, rtol=1e-4, atol=1e-6)


def test_rules_see_the_gradient_of_the_neurons_that_they_ask_for():
    class Some(_Recorder):
        def prune(self, layer):
            neurons = np.array([2, 0])
            expected = layer.gradient(np.arange(layer.n_neurons))[neurons]
            np.testing.assert_allclose(layer.gradient(neurons), expected, rtol=1e-5)
            return super().prune(layer)

    rule = Some()
    _train(_network(), Data(), rule=rule)
    assert len(rule.layers) == 3


def test_rules_see_each_layer_and_can_not_write_to_it():
    network, rule = _network(), _Recorder()
    _train(network, Data(), rule=rule)
    dense = naive.Network.of(network.layers)
    for layer, mask in zip(rule.layers, dense.masks, strict=True):
        np.testing.assert_array_equal(layer.cells, np.flatnonzero(mask.T))
        assert (layer.n_inputs, layer.n_neurons) == mask.shape
        for array in (layer.indptr, layer.indices, layer.weights):
            assert not array.flags.writeable
    assert network.layers.weights.flags.writeable


def test_set_changes_connections_but_not_their_number():
    network, data = _network(epsilon=2), Data()
    before = naive.Network.of(network.layers)
    _train(network, data, _parameters(solver="adam"), n_epochs=3, rule=SET())
    after = naive.Network.of(network.layers)
    for old, new in zip(before.masks, after.masks, strict=True):
        assert old.sum() == new.sum()
        assert (old != new).any()
    assert network.updates_since_rewiring == 0
    assert network.n_updates == 3


class _Grow(EvolutionRule):
    """Grows in the middle layer only, without pruning."""

    def grow(self, layer, n_pruned):
        return layer.sample_empty_cells(10 if layer.n_inputs == SIZES[1] else 0)


def test_a_network_that_has_grown_trains_on():
    network, data = _network("tanh"), Data()
    n_before = len(network.layers.weights)
    _train(network, data, n_epochs=2, rule=_Grow())
    assert len(network.layers.weights) == len(network.state.first) == n_before + 20
    before = naive.Network.of(network.layers)
    _train(network, data)
    after = naive.Network.of(network.layers)
    rest = "tanh", "softmax", data.X, data.Y, data.weights.astype(np.float64), 0.0
    of_weights, _ = naive.gradients(before, *rest)
    for W, V, mask, gradient in zip(
        before.weights, after.weights, before.masks, of_weights, strict=True
    ):
        np.testing.assert_allclose(W - V, gradient * mask, rtol=1e-4, atol=1e-6)


def _trained(n_epochs=2):
    network = _network("relu", epsilon=2)
    parameters = _parameters(
        solver="adam", learning_rate=0.05, dropout=0.2, batch_size=16
    )
    _train(network, Data(), parameters, n_epochs, rule=SET())
    return network, parameters


@pytest.mark.parametrize(
    "duplicate", [MLP.copy, lambda n: pickle.loads(pickle.dumps(n))]
)
def test_a_duplicate_predicts_and_learns_the_same(duplicate):
    (network, parameters), (twin, _) = _trained(), _trained()
    clone = duplicate(network)
    assert _bytes(clone) == _bytes(network)
    np.testing.assert_array_equal(_decide(clone, Data().X), _decide(twin, Data().X))
    for each in (clone, twin):
        _train(each, Data(), parameters, 2, rule=SET())
    assert _bytes(clone) == _bytes(twin)


def test_training_a_network_does_not_change_the_layers_of_its_copy():
    network, parameters = _trained()
    copy = network.copy()
    layers = copy_layers(copy.layers)
    _train(network, Data(), parameters, 2, rule=SET())
    for array, before in zip(copy.layers, layers, strict=True):
        np.testing.assert_array_equal(array, before)


def test_training_a_network_does_not_change_the_state_of_its_copy():
    network, parameters = _trained()
    copy = network.copy()
    state = [array.copy() for array in copy.state]
    _train(network, Data(), parameters, 2)
    for array, before in zip(copy.state, state, strict=True):
        np.testing.assert_array_equal(array, before)


def test_training_a_network_does_not_change_what_its_copy_learns():
    (network, parameters), (twin, _) = _trained(), _trained()
    copy = network.copy()
    _train(network, Data(), parameters, 2, rule=SET())
    for each in (copy, twin):
        _train(each, Data(), parameters, 2, rule=SET())
    assert _bytes(copy) == _bytes(twin)


def test_a_pickle_holds_no_buffers():
    network, _ = _trained()
    arrays = [*network.layers, *network.state]
    assert len(pickle.dumps(network)) < sum(array.nbytes for array in arrays) + 5000


def test_the_same_seed_gives_the_same_network():
    for seed in (0, 1):
        first, second = _network(seed=seed).layers, _network(seed=seed).layers
        for a, b in zip(first, second, strict=True):
            np.testing.assert_array_equal(a, b)
    assert (_network(seed=0).layers.weights != _network(seed=1).layers.weights).any()


def test_initial_weights_keep_the_variance_of_activations():
    sizes = [400, 600, 600, 600, 2]
    network = MLP(sizes, Start(ErdosRenyi(), 10, seed=0), "relu", "softmax")
    X = np.random.default_rng(0).normal(size=(200, 400))
    activations, _ = naive.forward(naive.Network.of(network.layers), "relu", X)
    for a in activations[:-1]:
        assert 0.6 < np.mean(a**2) < 1.6


def test_tiles_and_errors_of_threads_have_rows_of_their_own():
    layers = _network().layers
    n_neurons, n_hidden = sum(SIZES[1:]), max(SIZES[1:-1])
    for n, n_threads in [(1, 1), (1, 3), (64, 2), (200, 3), (200, 7)]:
        work = training_workspace(layers, n, n_threads)
        stride, n_tiles = work.stride, len(work.activations)
        assert stride == tile_width(SIZES, n)
        assert (n_tiles - 1) * stride < n <= n_tiles * stride
        assert work.activations.shape == (n_tiles, (SIZES[0] + n_neurons) * stride)
        assert work.deltas.shape == (n_tiles, n_neurons * stride)
        assert work.errors.shape == (n_threads, n_hidden * stride)
        for buffer in (work.activations, work.deltas, work.errors):
            assert all(rows.ctypes.data % 64 == 0 for rows in buffer)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_narrow_tiles_train_the_same_network(solver, monkeypatch):
    data, trained = Data(n=200), []
    parameters = _parameters(
        solver=solver, learning_rate=0.01, batch_size=100, dropout=0.3
    )
    for widest in (64, 32, 16):
        monkeypatch.setattr(buffers, "_LAST_CACHE", 8 * widest * max(SIZES))
        network = _network()
        _train(network, data, parameters, n_threads=2)
        trained.append((network._workspace.stride, network.layers.weights))
    assert [stride for stride, _ in trained] == [64, 32, 16]
    for _, weights in trained[1:]:
        np.testing.assert_allclose(weights, trained[0][1], rtol=1e-4, atol=1e-5)


def test_nothing_of_the_size_of_a_dense_matrix_is_allocated():
    script = """
        import numpy as np
        from sklearn_sparse_nn.engine.threads import ThreadTeam
        from sklearn_sparse_nn.networks.mlp import MLP, Targets, TrainingParameters
        from sklearn_sparse_nn.networks.network import Start
        from sklearn_sparse_nn.evolution import SET, TrainingClock
        from sklearn_sparse_nn.topology import ErdosRenyi

        start = Start(ErdosRenyi(), 2, seed=0)
        network = MLP([60000, 30000, 10], start, "relu", "softmax")
        network.reset_optimiser("adam")
        X = np.random.default_rng(0).random((32, 60000), dtype=np.float32)
        targets = Targets(
            np.arange(32, dtype=np.int32) % 10,
            np.zeros((0, 0), dtype=np.float32),
            np.zeros(0, dtype=np.float32),
        )
        parameters = TrainingParameters(
            "adam", 0.01, 32, 0.0, 0.9, True, 0.9, 0.999, 1e-8, 0.0
        )
        with ThreadTeam(1) as team:
            network.train_epoch(X, targets, np.arange(32), parameters, team)
            network.evolve(SET(), 0.3, TrainingClock(1, 10, 10, 10), team)
            network.decision(X, np.arange(32), team)
    """
    assert peak_memory(script) < 700e6  # a dense matrix of float32 would take 7.2e9
