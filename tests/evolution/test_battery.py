"""What holds for every rule, of the package and of the prototypes: one line each."""

import gc
import pickle

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from sklearn_sparse_nn import SETAutoencoder, SETClassifier
from sklearn_sparse_nn.engine.layers import (
    check_layers,
    connections_of,
    layer_indptr,
)
from sklearn_sparse_nn.evolution import (
    CHT,
    CTRE,
    EVOLUTIONS,
    GMP,
    SET,
    SNFS,
    CHTs,
    Cosine,
    DeepR,
    EvolutionRule,
    GraNet,
    ImportancePruning,
    NeuroFS,
    RigL,
    Sigmoid,
    TopKAST,
    choosing,
    layer,
    paths,
)
from sklearn_sparse_nn.topology import Dense
from sklearn_sparse_nn.warm_up import warm_up
from tests.estimators.battery import (
    ESTIMATORS,
    network_of,
    outputs,
    rules_and,
    samples,
    set_epochs,
    soon,
    train_part,
)
from tests.evolution import prototypes
from tests.memory import Peak

SHRINKING = "gmp", "lamp", "granet", "topkast"
# Each with whether it keeps the number of connections of each layer, and of all layers.
RULES = {
    **{name: (soon(name), True, True) for name in EVOLUTIONS},
    "rigl, each epoch": (RigL(interval=None), True, True),
    "rigl, candidates": (RigL(interval=4, candidates=3), True, True),
    "snfs": (soon("snfs"), False, True),
    "snfs within epochs": (SNFS(interval=4), False, True),
    "snfs of a sample": (SNFS(interval=7, sample_size=50), False, True),
    "dsr": (soon("dsr"), False, True),
    "SET within epochs": (SET(interval=4), True, True),
    "SET, random weights": (SET(grown_weights="random"), True, True),
    "SET that ends": (SET(schedule=Cosine(end=0.7)), True, True),
    **{name: (soon(name), False, False) for name in SHRINKING},
    "importance_pruning": (ImportancePruning(0.2, period=2), False, False),
    "GMP within epochs": (GMP(0.5, "uniform", end=0.3, interval=2), False, False),
    "GraNet within epochs": (GraNet(0.5, "uniform", interval=2), False, False),
    "DeepR before epochs": (
        DeepR(l1=0.01, temperature=1e-4, interval=None),
        True,
        True,
    ),
    "SET but for the outputs": (SET(output_layer=False), True, True),
    "to a density": (prototypes.ToDensity(), False, True),
    "CTRE, simultaneous": (CTRE("simultaneous", sample_size=64), True, True),
    "CHT in all layers": (CHT(output_layer=True, interval=7), True, True),
    "CHTss": (
        CHTs("relative_importance", fraction=Sigmoid(last=0.3)),
        False,
        False,
    ),
    "importance": (prototypes.Importance(), True, True),
    "regions": (prototypes.Regions(), True, True),
    "NeuroFS": (NeuroFS(3), False, False),
    "Top-KAST within epochs": (TopKAST(interval=4, end=1.0), True, True),
    "Top-KAST that ends": (TopKAST(interval=4, end=0.7), False, False),
}
all_rules = pytest.mark.parametrize("name", RULES)


def _rule(name):
    return clone(RULES[name][0])


_RULES = {name: rule for name, (rule, *_) in RULES.items()}
all_pairs = rules_and(_RULES)
with_solvers = rules_and(_RULES, [e for e in ESTIMATORS if hasattr(e, "solver")])


@pytest.fixture
def estimator(request):
    return clone(request.param)


class Watch:
    """Lets a rule work, and checks each layer before and after it is rewired."""

    def __init__(self, monkeypatch, network_type):
        self.n_rewired, rewire = 0, network_type.rewire

        def watched(network, layer, pruned, cells, weights, team):
            before = _numbers_by_cell(network, layer)
            rewire(network, layer, pruned, cells, weights, team)
            check_layers(network.layers)
            _expect_moved(before, _numbers_by_cell(network, layer), cells, weights)
            self.n_rewired += len(cells) + np.count_nonzero(pruned)

        monkeypatch.setattr(network_type, "rewire", watched)


def _numbers_by_cell(network, layer):
    """Weight and state of each connection, by its cell."""
    layers, state = network.layers, network.state
    here, n_inputs = connections_of(layers, layer), layers.sizes[layer]
    degrees = np.diff(layer_indptr(layers, layer))
    cells = np.repeat(np.arange(len(degrees)) * n_inputs, degrees)
    weights = layers.weights + state.held if len(state.held) else layers.weights
    arrays = weights, state.first, state.second, state.importances
    numbers = [array[here] for array in arrays if len(array)]
    assert all(len(each) == len(cells) for each in numbers)
    cells = (cells + layers.indices[here]).tolist()
    return dict(zip(cells, np.stack(numbers, axis=1).tolist()))


def _expect_moved(before, after, cells, weights):
    """Kept connections keep their numbers; new ones have their weight and zeros."""
    grown = dict(zip(cells.tolist(), weights.tolist()))
    for cell, (weight, *state) in after.items():
        if cell in grown:
            assert weight == grown[cell] and not any(state)
        else:
            assert [weight, *state] == before[cell]
    assert grown.keys() <= after.keys()


@all_pairs
def test_connections_are_counted_sorted_and_moved_with_their_state(
    monkeypatch, name, estimator
):
    X, y = samples()
    rule, per_layer, in_all = RULES[name]
    estimator.set_params(evolution=clone(rule))
    start = set_epochs(clone(estimator), 1).set_params(evolution="static").fit(X, y)
    begun = np.diff(network_of(start).layers.indptr[network_of(start).layers.first])
    watch = Watch(monkeypatch, type(network_of(start)))
    set_epochs(estimator, 4).fit(X, y)
    layers = network_of(estimator).layers
    check_layers(layers)
    now = np.diff(layers.indptr[layers.first])
    assert watch.n_rewired > 0 or name == "static"
    # A network without hidden layers has no neuron that may lose its connections.
    alone = name == "importance_pruning" and len(now) == 1
    if per_layer or alone:
        np.testing.assert_array_equal(now, begun)
    elif in_all:
        assert now.sum() == begun.sum()
    else:
        assert now.sum() < begun.sum()


@all_pairs
def test_results_repeat_for_any_number_of_threads_and_through_a_pickle(name, estimator):
    results = []
    for n_jobs, sent in ((1, False), (2, False), (1, True)):
        other = clone(estimator).set_params(evolution=_rule(name), n_jobs=n_jobs)
        for seed in range(3):
            X, y = samples(n_samples=130, seed=seed)
            train_part(other, X.astype(float) if seed else X, y)
            other = pickle.loads(pickle.dumps(other)) if sent else other
        results.append(outputs(other, samples()[0]))
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@pytest.fixture(scope="module")
def compiled():
    """All compiled functions, after `warm_up`."""
    warm_up()
    return [
        each
        for each in gc.get_objects()
        if issubclass(type(each), Dispatcher)
        and each.py_func.__module__.startswith("sklearn_sparse_nn.")
    ]


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@with_solvers
def test_rules_work_with_each_solver_and_compile_nothing(
    name, solver, estimator, compiled
):
    before = [len(each.signatures) for each in compiled]
    X, y = samples()
    estimator.set_params(evolution=_rule(name), solver=solver)
    check_is_fitted(estimator.set_params(n_jobs=2).fit(X, y))
    assert [len(each.signatures) for each in compiled] == before


@all_pairs
def test_dense_layers_have_nothing_to_grow(name, estimator):
    X, y = samples(n_features=6)
    estimator.set_params(topology=Dense(), evolution=_rule(name)).fit(X, y)
    layers = network_of(estimator).layers
    check_layers(layers)
    if RULES[name][2]:
        assert len(layers.indices) == (layers.sizes[1:] * layers.sizes[:-1]).sum()


class Emptied(EvolutionRule):
    """Removes all connections of a layer, and leaves it to another rule."""

    uses_gradient = False

    def prune(self, layer):
        return np.full(layer.n_connections, layer.index == 0)

    def n_grown(self, layers):
        return [0] * len(layers)


@all_pairs
def test_a_layer_without_connections_stays_usable(name, estimator):
    estimator.set_params(evolution=Emptied())
    for seed in range(2):
        train_part(estimator, *samples(seed=seed))
    layers = network_of(estimator).layers
    assert layers.indptr[layers.first[1]] == 0
    train_part(estimator.set_params(evolution=_rule(name)), *samples())
    assert np.isfinite(outputs(estimator, samples()[0])).all()
    check_layers(network_of(estimator).layers)


def _peak(kind, rule):
    """Bytes that a chunk of training takes in which it rewires."""
    X, y = np.random.default_rng(0).random((64, 2000), dtype=np.float32), [0, 1] * 32
    model = kind(2000, epsilon=12, zeta=0.3, evolution=rule, batch_size=8)
    train_part(model, X, y)
    train_part(model, X, y)
    with Peak() as peak:
        train_part(model, X, y)
        return peak.bytes()


@pytest.fixture(scope="module")
def peaks_without_a_rule():
    warm_up()
    return {kind: _peak(kind, "static") for kind in (SETClassifier, SETAutoencoder)}


@all_rules
def test_memory_is_proportional_to_connections(monkeypatch, peaks_without_a_rule, name):
    """A layer of 2,000 by 2,000 has 4 million cells, and 48,000 connections."""
    # Those that look at all cells do so in blocks.
    monkeypatch.setattr(choosing, "_CELLS", 2**14)
    monkeypatch.setattr(layer, "_GATHERED", 2**14)
    monkeypatch.setattr(paths, "_CELLS", 2**14)
    rule = _rule(name)
    kind = SETAutoencoder if rule.needs_autoencoder else SETClassifier
    # Some numbers beside each connection; what all neurons did with a sample, twice.
    n_layers, n_neurons = (2, 6000) if rule.needs_autoencoder else (1, 4000)
    more = 60 * 48_000 * n_layers + 4 * 4 * n_neurons * max(8, rule.sample_size or 0)
    assert _peak(kind, rule) < peaks_without_a_rule[kind] + more
