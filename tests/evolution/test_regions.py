from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import chi2
from sklearn.base import clone
from sklearn.datasets import load_digits

from sklearn_sparse_nn import SETClassifier, SETRBMTransformer
from sklearn_sparse_nn.engine.layers import connections_of, layer_indptr
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.evolution import (
    CTRE,
    EVOLUTIONS,
    ITOP,
    SET,
    DeepR,
    ImportancePruning,
    Inputs,
    Pattern,
    Ranges,
    Region,
    RigL,
    TrainingClock,
)
from sklearn_sparse_nn.inspection import TopologyMonitor
from sklearn_sparse_nn.topology.sampling import sample_empty_cells, sorted_sample
from tests.estimators.battery import (
    assert_same,
    network_of,
    samples,
    set_epochs,
    small,
)
from tests.evolution.test_layer import layer_of


def _inside(layer, first, last):
    """The cells of `Ranges`, as a matrix of shape (n_neurons, n_inputs)."""
    first, last = (np.broadcast_to(each, layer.n_neurons) for each in (first, last))
    inside = np.zeros((layer.n_neurons, layer.n_inputs), dtype=bool)
    for neuron, input in np.ndindex(inside.shape):
        inside[neuron, input] = first[neuron] <= input < last[neuron]
    return inside


def _pattern_of(layer, inside, reserved=None):
    return Pattern(layer, sparse.csr_array(inside.T.astype(float)), reserved)


@st.composite
def regions(draw):
    """A layer with a region, and which of its cells are connected, inside, reserved."""
    shape = n_neurons, n_inputs = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    mask = rng.random(shape) < draw(st.floats(0, 1))
    layer, kind = layer_of(mask), draw(st.sampled_from(["one", "many", "pattern"]))
    if kind == "pattern":
        inside = rng.random(shape) < draw(st.floats(0, 1))
    else:
        # Some are empty, some reach beyond the layer.
        size = 1 if kind == "one" else n_neurons
        first, last = rng.integers(-3, n_inputs + 4, (2, size))
        inside = _inside(layer, first, last)
    reserved = inside & (rng.random(shape) < draw(st.sampled_from([0, 0.3, 1])))
    cells = np.flatnonzero(reserved) if draw(st.booleans()) or reserved.any() else None
    if kind == "pattern":
        region = _pattern_of(layer, inside, cells)
    elif kind == "one":
        region = Ranges(layer, int(first[0]), int(last[0]), cells)
    else:
        region = Ranges(layer, first, last, cells)
    return replace(layer, region=region), mask, inside, reserved


@settings(max_examples=200)
@given(regions())
def test_a_region_numbers_its_cells_in_ascending_order(layer_and_masks):
    layer, _, inside, _ = layer_and_masks
    region, expected = layer.region, np.flatnonzero(inside)
    assert isinstance(region, Region)
    assert region.n_cells == len(expected)
    cells = region.cells(np.arange(len(expected)))
    assert cells.dtype == np.int64
    np.testing.assert_array_equal(cells, expected)


@settings(max_examples=200)
@given(regions(), st.data())
def test_a_region_finds_the_numbers_of_its_cells(layer_and_masks, data):
    layer, _, inside, reserved = layer_and_masks
    chosen = st.sets(st.integers(0, inside.size - 1))
    some = np.array(sorted(data.draw(chosen)), dtype=np.int64)
    all_numbers = np.cumsum(inside) - 1
    for cells in (some, np.arange(inside.size)):
        found, numbers = layer.region.find(cells)
        np.testing.assert_array_equal(found, inside.ravel()[cells])
        np.testing.assert_array_equal(numbers, all_numbers[cells[found]])
        assert found.dtype == bool and numbers.dtype == np.int64
        allowed = (inside & ~reserved).ravel()[cells]
        np.testing.assert_array_equal(layer.region.allows(cells), allowed)


@settings(max_examples=200)
@given(regions(), st.data())
def test_cells_are_drawn_where_the_region_is_free(layer_and_masks, data):
    layer, mask, inside, reserved = layer_and_masks
    free = np.flatnonzero(inside & ~mask & ~reserved)
    assert layer.n_empty_cells == len(free)
    n = data.draw(st.integers(0, len(free)))
    cells = replace(layer, rng=np.random.default_rng(1)).sample_empty_cells(n)
    assert cells.dtype == np.int64
    # Those of the ranks that are drawn.
    expected = free[sorted_sample(len(free), n, np.random.default_rng(1))]
    np.testing.assert_array_equal(cells, expected)
    np.testing.assert_array_equal(layer.sample_empty_cells(len(free)), free)


@settings(max_examples=100)
@given(regions())
def test_a_rule_prunes_what_has_room_in_the_region(layer_and_masks):
    layer, mask, inside, reserved = layer_and_masks
    n_free = (inside & ~mask & ~reserved).sum()
    layer = replace(layer, zeta=0.5)
    assert layer.n_to_prune == min(mask.sum() // 2, n_free)


@settings(max_examples=200)
@given(regions(), st.data())
def test_cells_are_drawn_outside_of_others(layer_and_masks, data):
    layer, _, inside, reserved = layer_and_masks
    chosen = st.sets(st.integers(0, inside.size - 1))
    given = np.array(sorted(data.draw(chosen)), dtype=np.int64)
    free = (inside & ~reserved).ravel()
    allowed = layer.allowed(np.arange(inside.size))
    np.testing.assert_array_equal(allowed, np.flatnonzero(free))
    free[given] = False
    assert layer.n_cells_outside(given) == free.sum()
    drawn = layer.sample_outside(given, int(free.sum()))
    np.testing.assert_array_equal(drawn, np.flatnonzero(free))
    everywhere = replace(layer, region=None)
    assert everywhere.n_cells_outside(given) == inside.size - len(given)
    drawn = everywhere.sample_outside(given, 1 if len(given) < inside.size else 0)
    assert not np.isin(drawn, given).any()
    assert everywhere.allowed(given) is given


class _Half:
    """Connections of the first layer begin at the first 40 inputs only."""

    def region(self, layer):
        return None if layer.index else Inputs(layer, np.arange(layer.n_inputs) < 40)


# They grow nothing, choose themselves where, or not within so few updates.
_LEFT_OUT = {"static", "gmp", "lamp", "neurofs", "wast", "topkast", "itop"}


@pytest.mark.parametrize(
    "rule",
    [EVOLUTIONS[name]() for name in EVOLUTIONS if name not in _LEFT_OUT]
    + [
        CTRE("simultaneous"),
        DeepR(l1=1.0, interval=20),
        ImportancePruning(0.2, begin=0, period=1),
        ITOP(interval=5),
        RigL(interval=5, candidates=3),
    ],
    ids=repr,
)
def test_every_rule_keeps_to_a_region(rule):
    X, y = load_digits(return_X_y=True)
    names = {"uses_gradient": rule.uses_gradient}
    kind = type(type(rule).__name__, (_Half, type(rule)), names)
    monitor = TopologyMonitor()
    clf = SETClassifier((60,), density=0.3, zeta=0.5, max_iter=12, random_state=0)
    clf.set_params(evolution=kind(**rule.get_params(deep=False)))
    clf.set_callbacks(monitor).fit(X[:500] / 16, y[:500])
    before, now = (monitor.get_history().topology(epoch) for epoch in (0, 12))
    outside = now.toarray()[40:] & ~before.toarray()[40:]
    assert not outside.any()
    assert monitor.get_history().n_grown.sum() > 0


def _expect_drawn_equally_often(layer, free, n, n_draws=3000):
    counts = np.zeros(layer.n_cells)
    for _ in range(n_draws):
        counts[layer.sample_empty_cells(n)] += 1
    assert counts[free].sum() == counts.sum() == n * n_draws
    share = n / len(free)
    # Without replacement, counts are a little less scattered than binomial ones.
    variance = n_draws * share * (1 - share) * len(free) / (len(free) - 1)
    statistic = np.sum((counts[free] - n_draws * share) ** 2) / variance
    assert 1e-4 < chi2.sf(statistic, len(free) - 1) < 1 - 1e-4


@pytest.mark.parametrize("kind", [Ranges, Pattern])
@pytest.mark.parametrize("n", [1, 3, 12])
def test_every_free_cell_of_a_region_is_drawn_equally_often(kind, n):
    mask = np.random.default_rng(0).random((9, 8)) < 0.3
    layer = layer_of(mask)
    # One neuron has no range.
    first, last = [0, 2, 8, 5, 0, 7, 3, 3, 1], [8, 5, 8, 6, 8, 8, 6, 7, 5]
    inside = _inside(layer, first, last)
    reserved = np.array([0, 10, 58, 59])
    if kind is Ranges:
        layer.region = Ranges(layer, np.array(first), np.array(last), reserved)
    else:
        layer.region = _pattern_of(layer, inside, reserved)
    free = np.setdiff1d(np.flatnonzero(inside & ~mask), reserved)
    assert 12 < len(free) < inside.sum() - len(reserved)
    _expect_drawn_equally_often(layer, free, n)


def test_ranges_go_over_all_inputs_unless_told():
    layer = layer_of(np.eye(4, 6, dtype=bool))
    assert Ranges(layer).n_cells == 24
    assert Ranges(layer, 2).n_cells == Ranges(layer, last=4).n_cells == 16
    assert Ranges(layer, [0, 1, 2, 3]).n_cells == 24 - 6
    assert Ranges(layer, last=[0, 1, 2, 3]).n_cells == 6


@pytest.mark.parametrize("first, last", [([0, 1], 6), (0, [5, 5, 5, 5, 5])])
def test_ranges_of_another_number_of_neurons_are_refused(first, last):
    with pytest.raises(ValueError, match="shape"):
        Ranges(layer_of(np.eye(4, 6, dtype=bool)), first, last)


def test_a_region_of_a_huge_layer_costs_no_memory():
    indptr = np.zeros(100_001, dtype=np.int64)
    indptr[1:] = 3
    layer = replace(
        layer_of(np.ones((1, 3), dtype=bool)),
        indptr=indptr,
        indices=np.uint32([0, 5, 2_999_999_999]),
        n_inputs=3_000_000_000,
    )
    layer.region = Ranges(layer, first=5, reserved=np.array([7, 9]))
    assert layer.region.n_cells == 100_000 * 2_999_999_995
    # Two are connected, two reserved.
    assert layer.n_empty_cells == layer.region.n_cells - 4
    cells = layer.sample_empty_cells(1000)
    assert len(cells) == 1000 and (np.diff(cells) > 0).all()
    assert layer.region.allows(cells).all()
    assert 0.4 < np.mean(cells < layer.n_cells // 2) < 0.6


@pytest.mark.parametrize("shape", [(4, 6), (6, 5), (5, 4), (24, 1)])
def test_a_pattern_of_another_shape_than_the_layer_is_refused(shape):
    layer = layer_of(np.eye(4, 6, dtype=bool), index=3)
    message = rf"pattern of layer 3 must be of shape \(6, 4\), got \({shape[0]}, "
    with pytest.raises(ValueError, match=message):
        Pattern(layer, sparse.csr_array(np.ones(shape)))


@pytest.mark.parametrize(
    "kind", [sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix]
)
def test_the_entries_of_a_pattern_count_whatever_their_values(kind):
    layer = layer_of(np.eye(4, 6, dtype=bool))
    rows, columns = [0, 2, 2, 5, 2], [1, 3, 0, 0, 3]  # one of them twice
    matrix = sparse.coo_array(([0.0, -1, np.nan, 2, 1], (rows, columns)), shape=(6, 4))
    region = Pattern(layer, kind(matrix))
    np.testing.assert_array_equal(region.cells(np.arange(4)), [2, 5, 6, 20])
    assert region.n_cells == 4


class Inside(SET):
    """SET whose connections begin in regions."""

    uses_gradient = False

    def __init__(self, region_of):
        super().__init__(min_updates=1)
        self.region_of = region_of

    def region(self, layer):
        return self.region_of(layer)


def _diagonal(layer):
    """Two groups of neurons, each with its half of the inputs."""
    second = np.arange(layer.n_neurons) >= layer.n_neurons // 2
    half = layer.n_inputs // 2
    reserved = np.arange(0, half, 3)
    return Ranges(layer, half * second, half * (1 + second), reserved)


def _checkered(layer):
    inputs, neurons = np.indices((layer.n_inputs, layer.n_neurons))
    return Pattern(layer, sparse.csc_array((inputs + neurons) % 2))


def _mixed(layer):
    """Another region in each layer, and none in the last."""
    kinds = [_diagonal, _checkered, lambda layer: None]
    return kinds[layer.index](layer)


def _cells(network, layer):
    layers = network.layers
    degrees = np.diff(layer_indptr(layers, layer))
    neurons = np.repeat(np.arange(len(degrees)), degrees)
    inputs = layers.indices[connections_of(layers, layer)]
    return neurons * int(layers.sizes[layer]) + inputs


def _changes(start, end, layer):
    """Cells that are connected later and not before."""
    return np.setdiff1d(_cells(end, layer), _cells(start, layer))


def _samples():
    """For networks of which each layer is sparse: of ten classes."""
    X, _ = samples()
    return X, (10 * X[:, 0]).astype(int)


def _fitted(estimator, rule, **parameters):
    """The estimator before its connections change, and after some rewirings."""
    estimator.set_params(evolution=rule, zeta=0.5, **parameters)
    return (set_epochs(clone(estimator), n).fit(*_samples()) for n in (1, 5))


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("kind", [SETClassifier, SETRBMTransformer])
@pytest.mark.parametrize("region_of", [_diagonal, _checkered, _mixed])
def test_connections_begin_in_the_region_only(kind, region_of, n_jobs):
    start, end = map(network_of, _fitted(small(kind), Inside(region_of), n_jobs=n_jobs))
    assert end.n_rewired[0] > 0
    for index, sizes in enumerate(zip(end.layers.sizes[1:], end.layers.sizes)):
        view = layer_of(np.zeros(sizes, dtype=bool), index=index)
        region, changes = region_of(view), _changes(start, end, index)
        assert len(_cells(end, index)) == len(_cells(start, index))
        assert region is None or region.allows(changes).all()
        assert len(changes) > 20


@pytest.mark.parametrize("kind", [SETClassifier, SETRBMTransformer])
def test_regions_give_the_same_bits_for_any_number_of_threads(kind):
    one, two = (
        list(_fitted(small(kind), Inside(_mixed), n_jobs=n_jobs))[1]
        for n_jobs in (1, 2)
    )
    assert_same(one, two, _samples()[0])


class Outside(Inside):
    """Grows where it said it would not."""

    def grow(self, layer, n_grown):
        rows = layer.indptr, layer.indices, layer.n_inputs
        return sample_empty_cells(*rows, n_grown, layer.rng)


class Reserved(Inside):
    """Grows at cells that are reserved."""

    def grow(self, layer, n_grown):
        return layer.region.reserved[:n_grown]


def _reserved(layer):
    empty = np.setdiff1d(np.arange(layer.n_cells), layer.cells)
    return Ranges(layer, reserved=empty[::2])


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    "rule", [Outside(_diagonal), Outside(_checkered), Reserved(_reserved)]
)
def test_a_rule_that_grows_out_of_its_region_is_refused(rule, n_jobs):
    name = type(rule).__name__
    with pytest.raises(ValueError, match=f"{name}.grow must return cells of the reg"):
        small(SETClassifier, evolution=rule, n_jobs=n_jobs).fit(*_samples())


class LeftAlone(SET):
    """Says which layers evolve."""

    uses_gradient = False

    def __init__(self, numbers):
        super().__init__(min_updates=1)
        self.numbers = numbers

    def evolves(self, layer):
        return layer.index in self.numbers

    def region(self, layer):
        assert self.evolves(layer)


def _rewired(rule):
    """A network of three sparse layers, before a rewiring and after it."""
    clf = small(SETClassifier).fit(*_samples())
    network, clock = network_of(clf), TrainingClock(1, 10, 100, 100)
    assert (clf.density_ < 0.5).all()
    before = network.copy()
    with ThreadTeam(1) as team:
        network.evolve(rule, 0.5, clock, team)
    return before, network


def _expect_the_same_bits(one, other, index):
    """Check that a layer of two networks is the same, with all that belongs to it."""
    rows = [layer_indptr(network.layers, index) for network in (one, other)]
    np.testing.assert_array_equal(*np.diff(rows))
    numbers = [
        [array[connections_of(network.layers, index)] for array in arrays]
        for network in (one, other)
        for arrays in [
            (network.layers.indices, network.layers.weights, *_moments(network))
        ]
    ]
    np.testing.assert_equal(*numbers)
    states = [network.streams[index].bit_generator.state for network in (one, other)]
    assert states[0] == states[1]


def _moments(network):
    return [a for a in (network.state.first, network.state.second) if len(a)]


@pytest.mark.parametrize("numbers", [[], [0], [1], [0, 2], [0, 1, 2]])
def test_layers_that_do_not_evolve_stay_as_they_are(numbers):
    before, after = _rewired(LeftAlone(numbers))
    changed = np.flatnonzero(after.n_rewired - before.n_rewired)
    assert changed.tolist() == numbers
    for index in range(3):
        if index in numbers:
            assert len(_changes(before, after, index)) > 20
        else:
            _expect_the_same_bits(before, after, index)


@pytest.mark.parametrize("kind", [SETClassifier, SETRBMTransformer])
def test_layers_that_do_not_evolve_keep_their_connections_in_a_fit(kind):
    start, end = map(network_of, _fitted(small(kind), LeftAlone([1])))
    assert not len(_changes(start, end, 0))
    assert kind is SETRBMTransformer or len(_changes(start, end, 1)) > 20


def _no_range(layer):
    return Ranges(layer, 3, 3)


def _no_entry(layer):
    return _pattern_of(layer, np.zeros((layer.n_neurons, layer.n_inputs)))


def _all_reserved(layer):
    return Ranges(layer, 0, 5, np.flatnonzero(_inside(layer, 0, 5)))


def _all_connected(layer):
    inside = np.zeros((layer.n_neurons, layer.n_inputs), dtype=bool)
    inside.ravel()[layer.cells] = True
    return _pattern_of(layer, inside)


@pytest.mark.parametrize(
    "region_of", [_no_range, _no_entry, _all_reserved, _all_connected]
)
def test_a_region_without_room_leaves_its_layer_alone(region_of):
    rule = Inside(lambda layer: region_of(layer) if layer.index == 1 else None)
    before, after = _rewired(rule)
    _expect_the_same_bits(before, after, 1)
    for index in (0, 2):
        assert len(_changes(before, after, index)) > 20


def test_little_room_in_a_region_is_filled():
    def region_of(layer):
        if layer.index:
            return _no_range(layer)
        room = np.setdiff1d(np.arange(layer.n_cells), layer.cells)[::100]
        inside = np.zeros((layer.n_neurons, layer.n_inputs), dtype=bool)
        inside.ravel()[room] = True
        rooms.append(room)
        return _pattern_of(layer, inside)

    rooms = []
    before, after = _rewired(Inside(region_of))
    # SET rounds down for either sign.
    changes = _changes(before, after, 0)
    assert np.isin(changes, rooms[0]).all()
    assert 0 <= len(rooms[0]) - len(changes) < 2


@pytest.mark.parametrize("reserved", [None, [], [1, 2]])
def test_numbers_of_a_region_may_be_of_any_kind(reserved):
    layer = layer_of(np.eye(4, 10, dtype=bool))
    first, last = np.zeros(4, dtype=np.uint32), np.full(4, 4, dtype=np.uint8)
    layer.region = Ranges(layer, first, last, reserved)
    cells = layer.sample_empty_cells(layer.n_empty_cells)
    assert cells.dtype == np.int64
    assert len(cells) == 4 * 4 - 4 - len(reserved or [])


def test_how_many_to_prune_follows_the_region():
    layer = layer_of(np.ones((4, 10), dtype=bool), zeta=0.5)
    layer.indices, layer.weights = layer.indices[:-4], layer.weights[:-4]
    layer.indptr = layer.indptr.copy()
    layer.indptr[-1] -= 4
    assert layer.n_to_prune == 4
    layer.region = Ranges(layer, 8)
    assert layer.n_to_prune == 2
