import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from sklearn_sparse_nn.evolution import (
    DISTRIBUTIONS,
    Distribution,
    ErdosRenyiDensity,
    GlobalMagnitude,
    UniformDensity,
    distribution_of,
    share_out,
)
from tests.evolution.test_layer import layer_of

SHARES = st.one_of(st.just(0.0), st.floats(1e-3, 1e3))


@st.composite
def shares_and_room(draw, shares=SHARES, most=100):
    n = draw(st.integers(1, 8))
    room = draw(st.lists(st.integers(0, most), min_size=n, max_size=n))
    return draw(st.lists(shares, min_size=n, max_size=n)), room


def _filled(total, shares, room):
    """What each layer has, no matter that it is a whole number: as water rises."""
    shares, room = np.array(shares, dtype=float), np.array(room, dtype=float)
    low, high = 0.0, 1e7  # how high it stands
    for _ in range(200):
        middle = (low + high) / 2
        enough = np.minimum(middle * shares, room).sum() >= total
        low, high = (low, middle) if enough else (middle, high)
    return np.minimum(high * shares, room)


@settings(max_examples=300)
@given(shares_and_room(), st.integers(0, 1000))
def test_all_is_shared_out_that_there_is_room_for(shares_and_room, total):
    shares, room = shares_and_room
    numbers = share_out(total, shares, room)
    assert numbers.dtype == np.int64
    assert numbers.sum() == min(total, sum(room))
    assert ((0 <= numbers) & (numbers <= room)).all()


@settings(max_examples=300)
@given(shares_and_room(shares=st.floats(1e-3, 1e3)), st.integers(0, 10**6))
def test_numbers_are_in_proportion_where_there_is_room_for_all(shares_and_room, total):
    shares, _ = shares_and_room
    numbers = share_out(total, shares, [total + 1] * len(shares))
    expected = total * np.array(shares) / sum(shares)
    assert (abs(numbers - expected) < 1 + 1e-6).all()


@settings(max_examples=300)
@given(shares_and_room(), st.integers(0, 1000))
def test_what_does_not_fit_goes_to_the_others_in_proportion(shares_and_room, total):
    shares, room = shares_and_room
    takes = np.array(shares) > 0
    assume(total <= sum(np.array(room)[takes]))
    numbers = share_out(total, shares, room)
    assert (abs(numbers - _filled(total, shares, room)) < 1 + 1e-6).all()
    assert not numbers[~takes].any()


@pytest.mark.parametrize(
    "total, shares, room, expected",
    [
        (10, [1, 1], [2, 20], [2, 8]),
        (12, [1, 1, 1], [2, 4, 20], [2, 4, 6]),
        (12, [4, 2, 1], [2, 5, 20], [2, 5, 5]),
        (30, [1, 2], [10, 20], [10, 20]),
        (31, [1, 2], [10, 20], [10, 20]),
        (0, [1, 2], [10, 20], [0, 0]),
        (5, [1], [10], [5]),
        (5, [], [], []),
        (6, [1, 1, 1], [0, 10, 10], [0, 3, 3]),
        # Those without a share have what the others have no room for.
        (7, [1, 0], [9, 9], [7, 0]),
        (12, [1, 0, 0], [4, 6, 18], [4, 2, 6]),
        (8, [0, 0], [4, 12], [2, 6]),
        (3, [0, 0], [0, 12], [0, 3]),
        (3, [0, 1], [12, 0], [3, 0]),
    ],
)
def test_small_numbers_are_shared_out_as_by_hand(total, shares, room, expected):
    assert share_out(total, shares, room).tolist() == expected


def test_what_is_left_over_goes_where_most_was_lost():
    # 10 / 8 for each share: 1.25, 2.5 and 6.25.
    assert share_out(10, [1, 2, 5], [99] * 3).tolist() == [1, 3, 6]
    # 3.5, 1.75 and 1.75.
    assert share_out(7, [2, 1, 1], [99] * 3).tolist() == [3, 2, 2]


def test_huge_numbers_are_shared_out_exactly():
    room = [10**15, 10**12, 7]
    numbers = share_out(10**15 + 12_345, [1, 1, 1], room)
    assert numbers.sum() == 10**15 + 12_345
    assert numbers[1] == 10**12 and numbers[2] == 7


@st.composite
def layers(draw):
    """Some layers of a network, of few neurons."""
    sizes = draw(st.lists(st.integers(1, 15), min_size=2, max_size=6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    density = draw(st.floats(0, 1))
    shapes = zip(sizes[1:], sizes)
    return [layer_of(rng.random(shape) < density, seed=3) for shape in shapes]


def _room(layers):
    return np.array([layer.n_neurons * layer.n_inputs for layer in layers])


@settings(max_examples=200)
@given(layers(), st.floats(0, 1.2))
def test_a_uniform_density_is_the_same_in_all_layers(layers, density):
    room = _room(layers)
    total = int(density * room.sum())
    numbers = UniformDensity()(layers, total)
    assert numbers.sum() == min(total, room.sum())
    expected = room * min(total / room.sum(), 1)
    assert (abs(numbers - expected) < 1 + 1e-6).all()


@settings(max_examples=200)
@given(layers(), st.floats(0, 1.2))
def test_erdos_renyi_densities_are_in_proportion_to_neurons(layers, density):
    room = _room(layers)
    total = int(density * room.sum())
    numbers = ErdosRenyiDensity()(layers, total)
    assert numbers.sum() == min(total, room.sum())
    shares = [layer.n_neurons + layer.n_inputs for layer in layers]
    expected = _filled(min(total, room.sum()), shares, room)
    assert (abs(numbers - expected) < 1 + 1e-6).all()


def _dense(*sizes):
    return [layer_of(np.ones(shape, dtype=bool)) for shape in zip(sizes[1:], sizes)]


def test_layers_that_would_be_more_than_dense_are_dense_and_the_others_share_the_rest():
    layers = _dense(200, 100, 100, 10, 2)
    # In proportion, they would have 600, 400, 220 and 24: the last has room for 20.
    numbers = ErdosRenyiDensity()(layers, 1244)
    assert numbers[3] == 20
    rest = 1224 * np.array([300, 200, 110]) / 610
    assert (abs(numbers[:3] - rest) < 1).all()
    # With more, the third is dense, too.
    numbers = ErdosRenyiDensity()(layers, 8020)
    assert numbers[2:].tolist() == [1000, 20]
    assert numbers[:2].tolist() == [4200, 2800]


@st.composite
def weighted_layers(draw):
    """Layers with weights of distinct magnitudes, and all of these."""
    found, rng = draw(layers()), np.random.default_rng(draw(st.integers(0, 2**32)))
    n = [layer.n_connections for layer in found]
    magnitudes = 1 + rng.permutation(sum(n))
    signed = magnitudes * rng.choice([-1, 1], sum(n))
    for layer, weights in zip(found, np.split(signed, np.cumsum(n)[:-1])):
        layer.weights = weights.astype(np.float32)
    return found


@settings(max_examples=200)
@given(weighted_layers(), st.floats(0, 1.2))
def test_the_largest_weights_of_the_network_stay(layers, share):
    # Magnitudes are 1, 2, ...
    n = sum(layer.n_connections for layer in layers)
    n_stay = min(int(share * n), n)
    numbers = GlobalMagnitude()(layers, int(share * n))
    expected = [(np.abs(layer.weights) > n - n_stay).sum() for layer in layers]
    assert numbers.tolist() == expected


def test_the_largest_of_many_weights_stay():
    # NumPy sorts small arrays where it should only select.
    rng, masks = np.random.default_rng(0), np.ones((3, 100, 150), dtype=bool)
    layers = [
        layer_of(mask, scale * rng.normal(size=mask.sum()))
        for mask, scale in zip(masks, (1, 2, 0.5))
    ]
    everything = sorted(np.abs(np.concatenate([layer.weights for layer in layers])))
    numbers = GlobalMagnitude()(layers, 4000)
    least = everything[-4000]
    assert numbers.tolist() == [(abs(each.weights) >= least).sum() for each in layers]


def test_of_equal_weights_each_layer_keeps_its_share():
    layers = [layer_of(np.ones((2, n), dtype=bool), np.ones(2 * n)) for n in (3, 7)]
    for layer in layers:
        layer.weights[:2] = 2
    # All four of 2, then a third or so of 4 and 12 that are 1.
    for n, expected in [(3, [2, 1]), (4, [2, 2]), (8, [3, 5]), (12, [4, 8])]:
        for _ in range(3):  # rules ask again
            assert GlobalMagnitude()(layers, n).tolist() == expected


def test_weights_that_are_no_numbers_do_not_stay():
    weights = np.array([np.nan, 1, -3, 2, np.nan, -np.inf])
    layers = [layer_of(np.ones((2, 3), dtype=bool), weights * f) for f in (1, 10)]
    # 2 infinite, then 30, 20, 10, 3, 2 and 1.
    for n, expected in [(2, [1, 1]), (5, [1, 4]), (7, [3, 4]), (8, [4, 4])]:
        assert GlobalMagnitude()(layers, n).tolist() == expected


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_names_stand_for_distributions(name):
    distribution = distribution_of(name)
    assert isinstance(distribution, Distribution)
    assert type(distribution) is DISTRIBUTIONS[name]
    assert distribution_of(distribution) is distribution
    assert type(clone(distribution)) is type(distribution)
    numbers = distribution(_dense(6, 5, 4), 20)
    assert numbers.dtype == np.int64 and numbers.sum() == 20


def test_there_are_three_distributions():
    kinds = {UniformDensity, ErdosRenyiDensity, GlobalMagnitude}
    assert set(DISTRIBUTIONS.values()) == kinds


def test_the_base_class_is_no_distribution():
    with pytest.raises(TypeError, match="abstract"):
        Distribution()


@pytest.mark.parametrize("shares", [[np.nan, 1], [np.inf, 1], [0, 1], [1e-320, 1e-320]])
def test_shares_need_not_be_sensible_numbers(shares):
    expected = [500_000, 500_000] if shares[0] == shares[1] else [0, 1_000_000]
    assert share_out(10**6, shares, [10**6] * 2).tolist() == expected


def test_no_layers_share_nothing():
    for name in DISTRIBUTIONS:
        assert len(DISTRIBUTIONS[name]()([], 10)) == 0
