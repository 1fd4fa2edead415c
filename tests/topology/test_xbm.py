import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn.topology import XBM, ErdosRenyi

N_INPUTS, N_NEURONS = 600, 400
# Explicit: the defaults may change.
HEAVY = XBM(exponent=2.0, neighbourhood=0.1, shortcuts=0.1)
SPREAD = np.random.default_rng(9).random(N_INPUTS)


def _connect(topology, epsilon=5, spread=SPREAD, seed=0):
    rng = np.random.default_rng(seed)
    return topology.connect(N_INPUTS, N_NEURONS, epsilon, rng, lambda: spread)


def _input_degrees(topology, **options):
    return np.bincount(_connect(topology, **options)[1], minlength=N_INPUTS)


def _mean_distance(topology):
    indptr, indices = _connect(topology)
    neurons = np.repeat(np.arange(N_NEURONS), np.diff(indptr))
    return np.mean(np.abs(neurons / N_NEURONS - indices / N_INPUTS))


def _dispersion(degrees):
    return degrees.var() / degrees.mean()


@settings(max_examples=150)
@given(
    n_inputs=st.integers(1, 60),
    n_neurons=st.integers(1, 60),
    epsilon=st.floats(0, 30),
    exponent=st.floats(1.1, 5),
    neighbourhood=st.floats(0, 2),
    shortcuts=st.floats(0, 1),
    spread=st.sampled_from([None, "equal", "random"]),
)
def test_there_are_as_many_connections_as_with_erdos_renyi(
    n_inputs, n_neurons, epsilon, exponent, neighbourhood, shortcuts, spread
):
    rng = np.random.default_rng(0)
    spreads = {
        "equal": lambda: np.zeros(n_inputs, dtype=np.float32),
        "random": lambda: rng.random(n_inputs),
    }
    topology = XBM(exponent, neighbourhood, shortcuts)
    shape = n_inputs, n_neurons, epsilon
    indptr, indices = topology.connect(*shape, rng, spreads.get(spread))
    expected_indptr, expected = ErdosRenyi().connect(*shape, rng)
    assert len(indices) == len(expected)
    assert indices.dtype == expected.dtype == np.uint32
    assert indptr.dtype == expected_indptr.dtype == np.int64
    assert indptr.shape == (n_neurons + 1,)
    assert indptr[0] == 0 and indptr[-1] == len(indices)
    assert (np.diff(indptr) >= 0).all()
    assert (indices < n_inputs).all()
    neurons = np.repeat(np.arange(n_neurons), np.diff(indptr))
    assert (np.diff(neurons * n_inputs + indices) > 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (20, 30)])
def test_full_density_connects_everything(shape):
    indptr, indices = XBM().connect(*shape, 1e3, np.random.default_rng(0))
    assert len(indices) == shape[0] * shape[1]
    np.testing.assert_array_equal(np.diff(indptr), shape[0])


@settings(max_examples=100)
@given(
    n=st.integers(1, 60),
    largest=st.integers(1, 60),
    share=st.floats(0, 1),
    exponent=st.floats(1.1, 5),
)
def test_degrees_descend_and_sum_to_the_number_of_connections(
    n, largest, share, exponent
):
    n_connections = round(share * n * largest)
    degrees = XBM(exponent)._degrees(n, n_connections, largest)
    assert len(degrees) == n and degrees.sum() == n_connections
    assert degrees.min() >= 0 and degrees.max() <= largest
    assert np.diff(degrees).max(initial=0) <= 1  # but for rounding


def test_degrees_follow_the_power_law():
    exponent = 2.5
    degrees = XBM(exponent)._degrees(100_000, 10**6, 10**5)
    tail = np.array([10, 20, 40, 80, 160])
    counts = [(degrees >= degree).mean() for degree in tail]
    slope = np.polyfit(np.log(tail), np.log(counts), 1)[0]
    assert slope == pytest.approx(1 - exponent, abs=0.05)


@pytest.mark.parametrize("exponent, correlation", [(2.0, 0.6), (2.5, 0.75), (3, 0.85)])
def test_inputs_that_vary_more_have_more_connections(exponent, correlation):
    degrees = _input_degrees(XBM(exponent, neighbourhood=0.1))
    assert spearmanr(SPREAD, degrees).statistic > correlation
    assert abs(spearmanr(SPREAD, _input_degrees(ErdosRenyi())).statistic) < 0.2


def test_inputs_that_vary_equally_have_degrees_in_random_order():
    degrees = _input_degrees(HEAVY, spread=np.ones(N_INPUTS))
    assert abs(spearmanr(np.arange(N_INPUTS), degrees).statistic) < 0.2
    other = _input_degrees(HEAVY, spread=np.ones(N_INPUTS), seed=1)
    assert abs(spearmanr(degrees, other).statistic) < 0.2


def test_degrees_have_a_heavy_tail_on_both_sides():
    for topology, low, high in [(ErdosRenyi(), 0.7, 1.4), (HEAVY, 5, np.inf)]:
        indptr, indices = _connect(topology)
        assert low < _dispersion(np.bincount(indices, minlength=N_INPUTS)) < high
        assert low < _dispersion(np.diff(indptr)) < high


@pytest.mark.parametrize("small, large", list(pairwise([1.5, 2.0, 2.5, 3.0, 4.0])))
def test_smaller_exponents_make_a_heavier_tail(small, large):
    tails = [
        np.mean(
            [_dispersion(_input_degrees(XBM(e, 0.1), seed=seed)) for seed in range(5)]
        )
        for e in (small, large)
    ]
    assert tails[0] > 1.1 * tails[1]


@pytest.mark.parametrize("small, large", list(pairwise([0.02, 0.1, 0.3, 1.0])))
def test_small_neighbourhoods_make_short_connections(small, large):
    distances = [_mean_distance(XBM(2.0, n, shortcuts=0)) for n in (small, large)]
    assert distances[0] < 0.9 * distances[1]


def test_shortcuts_make_long_connections():
    distances = [_mean_distance(XBM(2.0, 0.05, shortcuts)) for shortcuts in (0, 0.2, 1)]
    assert distances[0] < 0.8 * distances[1] < 0.8 * distances[2]
    assert distances[2] == pytest.approx(1 / 3, abs=0.08)  # of two random places


def test_without_spread_the_degrees_are_as_uneven():
    def uneven(spread):
        rng = np.random.default_rng(0)
        _, indices = HEAVY.connect(N_INPUTS, N_NEURONS, 5, rng, spread)
        return _dispersion(np.bincount(indices, minlength=N_INPUTS))

    assert uneven(None) == pytest.approx(uneven(lambda: SPREAD), rel=0.3)


def test_same_generator_state_gives_the_same_connections():
    first, second, other = (_connect(HEAVY, seed=seed) for seed in (5, 5, 6))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[1], other[1])


@pytest.mark.parametrize(
    "parameters, interval",
    [
        ({"exponent": 1}, "(1.0, inf)"),
        ({"exponent": np.nan}, "(1.0, inf)"),
        ({"neighbourhood": -0.1}, "[0.0, inf)"),
        ({"neighbourhood": np.inf}, "[0.0, inf)"),
        ({"shortcuts": -0.1}, "[0.0, 1.0]"),
        ({"shortcuts": 1.1}, "[0.0, 1.0]"),
    ],
)
def test_wrong_parameters_are_named(parameters, interval):
    ((name, value),) = parameters.items()
    message = (
        f"The {name!r} parameter of XBM must be a float in the range {interval}. "
        f"Got {value!r} instead."
    )
    with pytest.raises(InvalidParameterError, match=re.escape(message)):
        XBM(**parameters)._validate_params()


@pytest.mark.parametrize("parameters", [{"neighbourhood": 0}, {"shortcuts": 1}])
def test_the_ends_of_the_ranges_are_fine(parameters):
    topology = XBM(**parameters)
    topology._validate_params()
    assert len(_connect(topology)[1]) == 5 * (N_INPUTS + N_NEURONS)
