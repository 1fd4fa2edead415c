"""Top-KAST against a dense twin, and the weights that it does not store."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import make_classification
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier, SETRegressor
from sklearn_sparse_nn.evolution import EvolvingLayer, TopKAST, TrainingClock, absent
from sklearn_sparse_nn.evolution.absent import AbsentWeights
from sklearn_sparse_nn.topology import Dense
from tests.memory import Peak

X, Y = make_classification(90, 12, n_informative=6, n_classes=3, random_state=0)
X = X.astype(np.float32)
ONE_HOT = np.eye(3)[Y]


def _classifier(rule, **changes):
    """One mini-batch of all samples: an epoch is an update."""
    parameters = dict(
        activation="tanh",
        epsilon=4,
        alpha=0.9,
        batch_size=90,
        learning_rate_init=0.1,
        solver="sgd",
        n_iter_no_change=np.inf,
        random_state=0,
    )
    return SETClassifier((15, 10), evolution=rule, **parameters | changes)


def _dense(network, arrays):
    """Numbers beside the connections as a dense array for each layer, and where."""
    layers, made = network.layers, []
    for i, (n_inputs, n_neurons) in enumerate(zip(layers.sizes, layers.sizes[1:])):
        indptr = layers.indptr[layers.first[i] : layers.first[i + 1] + 1]
        here = slice(indptr[0], indptr[-1])
        neurons = np.repeat(np.arange(n_neurons), np.diff(indptr))
        shape = len(arrays) + 1, n_neurons, n_inputs
        made.append(np.zeros(shape))
        made[-1][0, neurons, layers.indices[here]] = 1
        for row, array in zip(made[-1][1:], arrays):
            row[neurons, layers.indices[here]] = array[here]
    return made


class Twin:
    """Top-KAST as its paper has it: with a dense array for each layer."""

    def __init__(self, clf, interval, end=np.inf):
        """Begin like a classifier, before its first update."""
        rule = clf._rule
        self.rule, self.interval, self.end, self.n_updates = rule, interval, end, 0
        self.solver, self.rate = clf.solver, clf.learning_rate_init
        drawn = SETClassifier(
            **clf.get_params(deep=False)
            | {"evolution": "static", "learning_rate_init": 1e-30}
        ).partial_fit(X, Y, classes=np.unique(Y))
        self.weights = []
        for i, (mask, weights) in enumerate(
            _dense(drawn._network, [drawn._network.layers.weights])
        ):
            elsewhere = rule._absent[i]._initial(0)[: mask.size].reshape(mask.shape)
            self.weights.append(np.where(mask, weights, elsewhere))
        self.numbers = drawn.n_connections_
        self.biases = [np.zeros(len(w)) for w in self.weights]
        self.parameters = [*self.weights, *self.biases]
        self.moments = [np.zeros((2, *p.shape)) for p in self.parameters]

    def choose(self):
        self.A, self.B = [], []
        for weights, n in zip(self.weights, self.numbers):
            n_active = max(1, round(self.rule.active * n))
            order = np.argsort(-np.abs(weights), axis=None)
            for sets, size in ((self.A, n_active), (self.B, n)):
                sets.append(np.isin(np.arange(weights.size), order[:size]))
                sets[-1] = sets[-1].reshape(weights.shape)
        if self.n_updates >= self.end:
            self.B = self.A
        for B, moments in zip(self.B, self.moments):
            moments *= B

    def update(self):
        if self.n_updates % self.interval == 0 and self.n_updates <= self.end:
            self.choose()
        gradients = self._gradients()
        for i, (weights, A, B) in enumerate(zip(self.weights, self.A, self.B)):
            penalty = self.rule.penalty * np.where(A, 1, A.size / A.sum())
            gradients[i] += (penalty + 0.9 / len(X)) * weights
            gradients[i] *= B
        self.n_updates += 1
        for parameter, moments, g in zip(self.parameters, self.moments, gradients):
            parameter += self._step(moments, g)

    def _step(self, moments, g):
        if self.solver == "sgd":
            moments[0] = 0.9 * moments[0] - self.rate * g
            return 0.9 * moments[0] - self.rate * g
        moments[0] += 0.1 * (g - moments[0])
        moments[1] += 0.001 * (g**2 - moments[1])
        t = self.n_updates
        rate = self.rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        return -rate * moments[0] / (np.sqrt(moments[1]) + 1e-8)

    def _gradients(self):
        rows = [X.astype(float)]
        for weights, A, bias in zip(self.weights, self.A, self.biases):
            z = rows[-1] @ (weights * A).T + bias
            rows.append(np.tanh(z))
        exp = np.exp(z - z.max(axis=1, keepdims=True))
        error = (exp / exp.sum(axis=1, keepdims=True) - ONE_HOT) / len(X)
        of_weights, of_biases = [], []
        for i in (2, 1, 0):
            of_weights.insert(0, error.T @ rows[i])
            of_biases.insert(0, error.sum(axis=0))
            error = error @ (self.weights[i] * self.A[i]) * (1 - rows[i] ** 2)
        return [*of_weights, *of_biases]

    def expect_same(self, network):
        rtol = dict(rtol=2e-3, atol=2e-5)
        state = network.state
        found = _dense(network, [network.layers.weights, state.held, state.first])
        for i, (stored, weights, held, first) in enumerate(found):
            np.testing.assert_array_equal(stored, self.B[i])
            np.testing.assert_array_equal(held != 0, self.B[i] & ~self.A[i])
            np.testing.assert_allclose(weights, self.weights[i] * self.A[i], **rtol)
            expected = self.weights[i] * self.B[i]
            np.testing.assert_allclose(weights + held, expected, **rtol)
            np.testing.assert_allclose(first, self.moments[i][0], **rtol)


@pytest.mark.parametrize("active", [0.2, 0.5, 1.0])
@pytest.mark.parametrize(
    "changes", [{}, {"solver": "adam", "learning_rate_init": 0.02}], ids=["sgd", "adam"]
)
def test_it_is_what_a_dense_twin_is(active, changes):
    rule = TopKAST(active, penalty=3e-3, interval=4)
    clf = _classifier(rule, **changes)
    twin, n_left = None, 0
    for _ in range(21):
        clf.partial_fit(X, Y, classes=np.unique(Y))
        twin = twin or Twin(clf, 4)
        twin.update()
        twin.expect_same(clf._network)
        n_left = max(n_left, sum(len(a.cells) for a in clf._rule._absent.values()))
    assert clf.n_rewired_.sum() > 20 and n_left > 20


def test_at_the_end_nothing_is_held():
    clf = _classifier(
        TopKAST(interval=4, end=0.5), max_iter=16, learning_rate="constant"
    )
    twin = Twin(clf.fit(X, Y), 4, end=8)
    for _ in range(16):
        twin.update()
    twin.expect_same(clf._network)
    assert not clf._network.state.held.any()
    # The next fit explores again.
    clf.set_params(warm_start=True, max_iter=4).fit(X, Y)
    np.testing.assert_array_equal(clf.n_connections_, twin.numbers)


def _layer(mask, weights, seed=0):
    """A layer of shape (n_neurons, n_inputs) that is connected where `mask` says."""
    return EvolvingLayer(
        indptr=np.concatenate([[0], np.cumsum(mask.sum(axis=1))]),
        indices=np.nonzero(mask)[1].astype(np.uint32),
        weights=weights[mask].astype(np.float32),
        index=0,
        n_inputs=mask.shape[1],
        zeta=0.3,
        clock=TrainingClock(1, 10, 100, 100),
        gain=1.0,
        rng=np.random.default_rng(seed),
        held=np.zeros(mask.sum(), dtype=np.float32),
    )


def _random_layer(shape, density, seed=0):
    rng = np.random.default_rng(seed)
    return _layer(rng.random(shape) < density, rng.normal(size=shape), seed)


def _initial(away, n_cells):
    """All initial weights of a layer."""
    blocks = [away._initial(start) for start in range(0, n_cells, absent._BLOCK)]
    return np.concatenate(blocks)[:n_cells]


@given(
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    density=st.floats(0, 1),
    n=st.integers(1, 40),
    n_looks=st.integers(1, 5),
    share_gone=st.floats(0, 1),
    block=st.sampled_from([1, 7, 1000]),
)
def test_the_largest_initial_weights_are_set_aside(
    shape, density, n, n_looks, share_gone, block
):
    layer = _random_layer(shape, density)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(absent, "_BLOCK", block)
        away = AbsentWeights(seed=3, bound=0.5)
        expected = _initial(away, layer.n_cells)
        empty = np.setdiff1d(np.arange(layer.n_cells), layer.cells)
        gone = empty[: int(share_gone * len(empty))]
        away.add(gone, np.ones(len(gone), dtype=np.float32))
        for _ in range(n_looks):
            away.look(layer, n)
    free = empty[len(gone) :]
    cells, weights = away.set_aside
    large = np.abs(expected[free]) >= np.float32(away.floor)
    np.testing.assert_array_equal(cells, free[large])
    np.testing.assert_array_equal(weights, expected[cells])
    assert abs(away.floor - (0.5 - 0.5 * n * n_looks / layer.n_cells)) < 1e-6
    assert [len(part) for part in away.known()] == [len(gone), len(cells)]
    masks = [np.arange(len(part)) % 2 == 0 for part in away.known()]
    expected[gone] = 1
    taken, weights = away.take(masks)
    np.testing.assert_array_equal(taken, np.union1d(gone[::2], cells[::2]))
    np.testing.assert_array_equal(weights, expected[taken])
    np.testing.assert_array_equal(away.cells, gone[1::2])
    np.testing.assert_array_equal(away.set_aside[0], cells[1::2])


def test_what_holds_a_connection_again_is_left_out():
    away = AbsentWeights(0, 1.0)
    away.add(np.array([2, 9]), np.float32([2, 9]))
    away.add(np.array([0, 5]), np.float32([0, 5]))
    assert away.cells.tolist() == away.weights.tolist() == [0, 2, 5, 9]
    away.set_aside = np.array([1, 3, 7]), np.float32([1, 3, 7])
    away.leave_out(np.array([2, 3, 4, 9]))
    assert away.cells.tolist() == away.weights.tolist() == [0, 5]
    assert [array.tolist() for array in away.set_aside] == [[1, 7]] * 2


def test_initial_weights_are_uniform_and_differ_with_the_block_and_the_seed():
    weights = _initial(AbsentWeights(0, 0.5), 3 * absent._BLOCK)
    assert weights.dtype == np.float32 and np.abs(weights).max() <= 0.5
    assert abs(weights.mean()) < 0.01 and abs(weights.std() - 0.5 / 3**0.5) < 0.01
    other = _initial(AbsentWeights(1, 0.5), len(weights))
    parts = *np.split(weights, 3), *np.split(other, 3)
    assert np.abs(np.corrcoef(parts) - np.eye(6)).max() < 0.05


def test_large_layers_are_like_a_dense_array():
    """NumPy sorts small arrays where it should only select."""
    rule, layer = TopKAST(0.4), _random_layer((200, 300), 0.25)
    dense = np.zeros(layer.n_cells)
    for turn in range(3):
        rule.n_pruned([layer])
        if turn == 0:
            dense = _initial(rule._absent[0], layer.n_cells).astype(float)
        dense[layer.cells] = layer.weights
        n, shape = layer.n_connections, (200, 300)
        stays = ~rule.prune(layer)
        (n_new,) = rule.n_grown([layer])
        cells = rule.grow(layer, n_new)
        np.testing.assert_array_equal(rule.new_weights(layer, cells), dense[cells])
        mask = np.zeros(layer.n_cells, dtype=bool)
        mask[layer.cells[stays]] = mask[cells] = True
        least = np.sort(np.abs(dense))[-n]
        np.testing.assert_array_equal(mask, np.abs(dense) >= least)
        layer = _layer(mask.reshape(shape), dense.reshape(shape), seed=turn)
        is_held = rule.hold(layer)
        magnitudes = np.abs(layer.weights)
        assert np.count_nonzero(~is_held) == round(0.4 * n)
        assert magnitudes[is_held].max() < magnitudes[~is_held].min()
        # Some weights fall below others, which come back, or come for the first time.
        layer.weights[::2] *= np.float32(0.1)


def test_a_look_at_all_cells_takes_memory_for_few():
    layer = _random_layer((3000, 3000), 0.001)
    away = AbsentWeights(0, 1.0)
    layer.cells  # noqa: B018 - it is kept
    with Peak() as peak:
        away.look(layer, layer.n_connections)
        assert peak.bytes() < 100 * layer.n_connections + 20 * absent._BLOCK


def test_most_rewirings_look_at_no_cell_that_never_had_a_connection(monkeypatch):
    looks = []
    look = AbsentWeights.look
    monkeypatch.setattr(
        AbsentWeights, "look", lambda *args: looks.append(1) or look(*args)
    )
    # Weights hardly change, and no initial weight comes to be among the largest.
    clf = _classifier(TopKAST(interval=1), learning_rate_init=1e-6, alpha=0)
    clf.partial_fit(X, Y, classes=np.unique(Y))
    n_looks = len(looks)
    for _ in range(10):
        clf.partial_fit(X, Y)
    assert len(looks) == n_looks >= 3


def test_what_is_held_has_no_part_in_what_the_network_computes():
    clf = _classifier(TopKAST(interval=4, end=1.0), max_iter=10).fit(X, Y)
    held = clf._network.state.held
    assert np.count_nonzero(held) == (clf.n_connections_ // 2).sum()
    assert not clf._network.layers.weights[held != 0].any()
    n_active = [np.count_nonzero(W.data) for W in clf.coefs_]
    np.testing.assert_array_equal(
        n_active, clf.n_connections_ - clf.n_connections_ // 2
    )
    expected = clf.predict_proba(X)
    clf._network.state.held[:] *= 2
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


def test_a_new_optimiser_and_a_pickle_keep_what_is_held():
    clf = _classifier(TopKAST(interval=100), max_iter=3, warm_start=True).fit(X, Y)
    before = clf._network.state.held != 0
    clf = pickle.loads(pickle.dumps(clf)).set_params(solver="adam").fit(X, Y)
    assert before.any()
    np.testing.assert_array_equal(clf._network.state.held != 0, before)


def test_another_rule_goes_on_with_all_connections():
    clf = _classifier(TopKAST(interval=3, end=1.0), max_iter=3, warm_start=True).fit(
        X, Y
    )
    n_connections = clf.n_connections_
    clf.set_params(evolution="static").fit(X, Y)
    assert len(clf._network.state.held) == 0
    np.testing.assert_array_equal(clf.n_connections_, n_connections)
    assert all((W.data != 0).all() for W in clf.coefs_)
    clf.set_params(evolution=TopKAST(interval=100)).fit(X, Y)
    # It has chosen before the first update, though no interval is over.
    assert np.count_nonzero(clf._network.state.held) == (n_connections // 2).sum()


def test_a_fit_goes_on_after_early_stopping_with_a_network_of_before():
    X, y = make_classification(300, 20, flip_y=0.5, random_state=0)
    clf = SETClassifier(
        (40,),
        epsilon=3,
        evolution=TopKAST(interval=3),
        early_stopping=True,
        learning_rate="constant",
        warm_start=True,
        max_iter=12,
        random_state=0,
    )
    for _ in range(4):
        clf.fit(X, y)
        assert np.isfinite(clf.predict_proba(X)).all()


def test_a_regressor_scales_what_is_held_with_the_output_layer():
    X, y = np.random.default_rng(0).normal(size=(2, 60, 8))
    reg = SETRegressor((20,), evolution=TopKAST(interval=1000), random_state=0)
    reg.partial_fit(X, y[:, 0])
    here = slice(reg.n_connections_[0], None)
    before = reg._network.state.held[here].copy()
    reg.set_params(solver="sgd", learning_rate_init=1e-30)
    reg.partial_fit(X, 10 * y[:, 0])
    factors = reg._network.state.held[here][before != 0] / before[before != 0]
    assert len(factors) > 2 and (np.abs(factors / factors[0] - 1) < 1e-4).all()
    assert 0.05 < factors[0] < 0.5


class Wrong(TopKAST):
    """Says which weights are held by their numbers."""

    def hold(self, layer):
        return np.flatnonzero(super().hold(layer))


def test_a_wrong_answer_is_refused():
    with pytest.raises(ValueError, match=r"Wrong\.hold must return a boolean array"):
        _classifier(Wrong()).fit(X, Y)


def test_dense_layers_hold_weights_too():
    clf = _classifier(TopKAST(interval=4, end=1.0), topology=Dense(), max_iter=10).fit(
        X, Y
    )
    n_cells = np.array([12 * 15, 15 * 10, 10 * 3])
    np.testing.assert_array_equal(clf.n_connections_, n_cells)
    assert [np.count_nonzero(W.data) for W in clf.coefs_] == (n_cells // 2).tolist()


@pytest.mark.parametrize("changes", [{"active": 0}, {"penalty": -1}, {"end": 1.5}])
def test_parameters_out_of_range_are_refused(changes):
    with pytest.raises(InvalidParameterError):
        _classifier(TopKAST(**changes)).fit(X, Y)


def test_an_output_layer_that_is_left_alone_holds_nothing():
    rule = TopKAST(interval=2, end=0.5, output_layer=False)
    clf = _classifier(rule, max_iter=20)
    begun = clf.set_params(evolution="static").fit(X, Y)
    n_begun, before = begun.n_connections_, begun.coefs_[-1].toarray() != 0
    clf.set_params(evolution=rule).fit(X, Y)
    assert clf.n_connections_[-1] == n_begun[-1]
    assert clf.n_connections_[0] < n_begun[0]
    np.testing.assert_array_equal(clf.coefs_[-1].toarray() != 0, before)
