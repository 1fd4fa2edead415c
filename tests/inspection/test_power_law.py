import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.special import zeta

from sklearn_sparse_nn.inspection import degree_distribution, fit_power_law
from sklearn_sparse_nn.inspection._power_law import PowerLawFit, _draw
from tests.inspection.helpers import Network

numbers_with_a_tail = st.lists(st.integers(1, 30), min_size=3, max_size=60).filter(
    lambda numbers: len(set(numbers)) > 1
)


def twin(numbers, minimum):
    """Exponent and distance of the law from `minimum` on, by the definitions."""
    tail = np.array([x for x in numbers if x >= minimum])

    def unlikelihood(exponent):
        return exponent * np.log(tail).mean() + np.log(zeta(exponent, minimum))

    exponent = minimize_scalar(unlikelihood, bounds=(1.01, 10), method="bounded").x
    xs = np.arange(minimum, tail.max() + 1)
    law = np.cumsum(xs**-exponent) / zeta(exponent, minimum)
    observed = np.array([(tail <= x).mean() for x in xs])
    return exponent, np.abs(law - observed).max()


@given(numbers_with_a_tail, st.integers(1, 5))
def test_a_fit_from_a_given_minimum_is_that_of_a_slow_twin(numbers, minimum):
    if len({x for x in numbers if x >= minimum}) < 2:
        with pytest.raises(ValueError, match=f"minimum={minimum}"):
            fit_power_law(numbers, minimum=minimum, n_draws=0)
        return
    fit = fit_power_law(numbers, minimum=minimum, n_draws=0)
    exponent, distance = twin(numbers, minimum)
    if exponent < 9.9:  # at the end of the range both are only near
        assert fit.exponent == pytest.approx(exponent, abs=2e-3)
        assert fit.distance == pytest.approx(distance, abs=2e-3)
    assert fit.minimum == minimum
    assert fit.n_tail == sum(x >= minimum for x in numbers)
    assert fit.p_value is None


@settings(max_examples=30)
@given(numbers_with_a_tail)
def test_the_minimum_is_that_of_the_nearest_law(numbers):
    fit = fit_power_law(numbers, n_draws=0)
    each = [
        fit_power_law(numbers, minimum=least, n_draws=0).distance
        for least in sorted(set(numbers))[:-1]
    ]
    assert fit.distance == pytest.approx(min(each))
    # Zeros lie below any minimum.
    assert fit_power_law([0, 0, *numbers], n_draws=0) == fit


@pytest.mark.parametrize("exponent, minimum", [(1.6, 1), (2.5, 1), (3.2, 6)])
def test_what_is_drawn_from_a_law_has_its_distribution(exponent, minimum):
    law = PowerLawFit(exponent, minimum, 0, 0.0, None)
    drawn = _draw(law, 20_000, np.random.RandomState(0))
    assert drawn.min() == minimum
    for x in minimum + np.array([0, 1, 2, 5, 20, 100, 20_000]):
        beyond = zeta(exponent, x + 1) / zeta(exponent, minimum)
        n = stats.binom(len(drawn), beyond)
        assert n.ppf(1e-6) <= (drawn > x).sum() <= n.ppf(1 - 1e-6)
    fit = fit_power_law(drawn, minimum=minimum, n_draws=0)
    assert fit.exponent == pytest.approx(exponent, abs=0.05)


def test_a_law_is_plausible_for_its_own_numbers_and_not_for_others():
    rng = np.random.default_rng(0)
    of_law = fit_power_law(rng.zipf(2.3, 800), n_draws=40, random_state=0)
    assert of_law.p_value > 0.1
    others = fit_power_law(rng.poisson(30, 800), minimum=1, n_draws=40, random_state=0)
    assert others.p_value == 0


def test_the_minimum_is_found_where_numbers_below_follow_no_law():
    rng = np.random.default_rng(0)
    law = PowerLawFit(2.5, 10, 0, 0.0, None)
    tail = _draw(law, 3000, np.random.RandomState(0))
    fit = fit_power_law([*rng.integers(1, 10, 3000), *tail], n_draws=20, random_state=0)
    assert 8 <= fit.minimum <= 13
    assert fit.exponent == pytest.approx(2.5, abs=0.1)
    assert fit.p_value > 0.1


def test_the_same_random_state_gives_the_same_p_value():
    numbers = np.random.default_rng(0).zipf(2.3, 100)
    one, same = (fit_power_law(numbers, n_draws=9, random_state=3) for _ in range(2))
    assert one == same


@pytest.mark.parametrize(
    "numbers, match",
    [
        ([1, 2, -1], "not negative"),
        ([1.5, 2], "whole"),
        ([[1, 2]], "one-dimensional"),
        ([3, 3, 3], "two different numbers"),
        ([0, 4, 4], "two different numbers"),
        ([1, np.nan], "NaN"),
    ],
)
def test_numbers_that_no_law_can_fit_are_refused(numbers, match):
    with pytest.raises(ValueError, match=match):
        fit_power_law(numbers)


def test_the_distribution_of_degrees_of_both_sides():
    mask = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])
    inputs = degree_distribution(Network([mask]), n_draws=0)
    np.testing.assert_array_equal(inputs.degrees, [0, 1, 4])
    np.testing.assert_array_equal(inputs.counts, [1, 2, 1])
    np.testing.assert_allclose(inputs.at_least, [1, 0.75, 0.25])
    assert inputs.power_law == fit_power_law([4, 1, 1, 0], n_draws=0)
    neurons = degree_distribution(Network([mask]), side="neurons")
    np.testing.assert_array_equal(neurons.degrees, [1, 3])
    np.testing.assert_array_equal(neurons.counts, [3, 1])
    assert neurons.power_law.p_value is not None


def test_equal_degrees_follow_no_law():
    assert degree_distribution(Network([np.ones((3, 4))])).power_law is None
    assert degree_distribution(Network([np.eye(3, 4)])).power_law is None


def test_the_sides_of_a_layer_are_inputs_and_neurons():
    with pytest.raises(ValueError, match="'side'"):
        degree_distribution(Network([np.ones((3, 4))]), side="outputs")
