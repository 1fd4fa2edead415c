import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sparse_nn.engine.terms import (
    NO_TERMS,
    UpdateTerms,
    add_l2,
    add_terms,
    checked_terms,
    note_importances,
    remember,
)
from tests import naive
from tests.engine.helpers import called

KEY = np.uint32(7)

_remember, _note_importances = called(remember), called(note_importances)
_add_terms, _add_l2 = called(add_terms), called(add_l2)


def _changed(weights, before, terms, key=KEY, position=0):
    """What `add_terms` makes of weights."""
    weights = weights.copy()
    _add_terms(weights, before, checked_terms(terms, 1), np.uint32(key), position)
    return weights


def _changed_by_the_twin(weights, before, terms, key=7, position=0):
    positions = (position + np.arange(len(weights))) % 2**32
    changed = weights + terms.noise * naive.normal(key, positions)
    changed = np.sign(changed) * np.maximum(np.abs(changed) - terms.l1, 0)
    if terms.keeps_signs:
        changed[np.sign(changed) != np.sign(before)] = 0
    return changed


def _random(n=1000, seed=0):
    """Weights after and before an update; some are, or were, zero."""
    rng = np.random.default_rng(seed)
    weights, before = rng.normal(size=(2, n)).astype(np.float32)
    weights[rng.random(n) < 0.1] = 0
    before[rng.random(n) < 0.1] *= 0  # of either sign
    return weights, before


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("l1", [0.0, 0.2, 100.0])
@pytest.mark.parametrize("keeps_signs", [False, True])
@pytest.mark.parametrize("position", [0, 12345, 2**32 - 50])
def test_terms_are_those_of_the_slow_twin(noise, l1, keeps_signs, position):
    weights, before = _random()
    terms = UpdateTerms(noise, l1, keeps_signs)
    expected = _changed_by_the_twin(weights, before, terms, position=position)
    changed = _changed(weights, before, terms, position=position)
    np.testing.assert_allclose(changed, expected, rtol=1e-5, atol=1e-6)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(*[st.floats(-3, 3, width=32)] * 2), max_size=20),
    st.floats(0, 2, width=32),
    st.booleans(),
)
def test_terms_without_noise_are_those_of_the_slow_twin(pairs, l1, keeps_signs):
    weights, before = np.array(pairs, dtype=np.float32).reshape(-1, 2).T.copy()
    terms = UpdateTerms(0.0, l1, keeps_signs)
    expected = _changed_by_the_twin(weights, before, terms)
    changed = _changed(weights, before, terms)
    np.testing.assert_allclose(changed, expected, rtol=1e-6, atol=1e-6)


def test_without_terms_weights_stay_as_they_are():
    weights, before = _random()
    changed = weights.copy()
    _add_terms(changed, before, NO_TERMS, KEY, 0)
    np.testing.assert_array_equal(changed, weights)
    np.testing.assert_array_equal(_changed(weights, before, UpdateTerms()), weights)


def test_l1_brings_weights_nearer_to_zero_where_they_stop():
    weights = np.float32([2, 0.75, 0.5, 0.25, 0, -0.25, -0.5, -0.75, -2])
    changed = _changed(weights, weights, UpdateTerms(l1=0.5))
    assert changed.tolist() == [1.5, 0.25, 0, 0, 0, 0, 0, -0.25, -1.5]


def test_weights_that_change_their_signs_become_zero_if_signs_are_kept():
    before = np.float32([1, 1, 1, 0, 0, 0, -0.0, -1, -1, -1])
    weights = np.float32([2, 0, -2, 2, 0, -2, 2, 2, 0, -2])
    changed = _changed(weights, before, UpdateTerms(keeps_signs=True))
    assert changed.tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, -2]


def test_noise_comes_first_then_l1_then_signs():
    before = np.ones(10_000, dtype=np.float32)
    weights = np.full(10_000, 0.5, dtype=np.float32)
    noise, l1 = 1.0, 0.25
    changed = _changed(weights, before, UpdateTerms(noise, l1, True))
    noisy = weights + naive.normal(7, np.arange(10_000))
    np.testing.assert_allclose(changed, np.maximum(noisy - l1, 0), rtol=0, atol=1e-5)
    assert 0.5 < (changed > 0).mean() < 0.7  # by noise, it would be 0.69 and not 0.6


def test_weights_that_are_no_numbers_stay_to_be_seen():
    weights = np.float32([np.nan, np.inf, -np.inf])
    for terms in (UpdateTerms(), UpdateTerms(0.1, 0.1), UpdateTerms(0.1, 0.1, True)):
        np.testing.assert_array_equal(_changed(weights, weights, terms), weights)


def test_mean_and_deviation_of_the_noise():
    n, deviation = 10**6, 0.3
    weights = np.full(n, 2, dtype=np.float32)
    noise = _changed(weights, weights, UpdateTerms(noise=deviation)).astype(float) - 2
    assert abs(noise.mean()) < 5 * deviation / np.sqrt(n)
    # The variance of a sample variance: (kurtosis - 1) / n, here some 1.85 / n.
    assert abs(noise.var() / deviation**2 - 1) < 5 * np.sqrt(1.85 / n)
    # It is nearly normal.
    for deviations, share in [(0.5, 0.3829), (1, 0.6827), (2, 0.9545)]:
        assert abs((abs(noise) < deviations * deviation).mean() - share) < 0.01


@pytest.mark.parametrize("keeps_signs", [False, True])
@pytest.mark.parametrize("cut", [1, 16, 77, 99])
def test_what_is_drawn_depends_on_key_and_position_alone(cut, keeps_signs):
    weights, before = _random(100)
    terms, position = UpdateTerms(0.3, 0.1, keeps_signs), 1000
    whole = _changed(weights, before, terms, 42, position)
    first = _changed(weights[:cut], before[:cut], terms, 42, position)
    second = _changed(weights[cut:], before[cut:], terms, 42, position + cut)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)


@pytest.mark.parametrize("other", [{"key": 43}, {"key": 42, "position": 1}])
def test_other_keys_and_positions_draw_independently(other):
    weights, terms = np.zeros(100_000, dtype=np.float32), UpdateTerms(noise=1.0)
    one = _changed(weights, weights, terms, key=42)
    both = np.corrcoef(one, _changed(weights, weights, terms, **other))
    assert abs(both[0, 1]) < 5 / np.sqrt(len(weights))


def test_weights_before_are_remembered_at_the_beginning_of_their_room():
    weights, _ = _random(10)
    room = np.full(13, 7, dtype=np.float32)
    _remember(room, weights)
    np.testing.assert_array_equal(room[:10], weights)
    assert (room[10:] == 7).all()


@pytest.mark.parametrize("n_more", [0, 3])
def test_terms_take_no_more_than_the_weights(n_more):
    weights, before = _random(10)
    more = np.append(before, np.ones(n_more, dtype=np.float32))
    terms = UpdateTerms(0.3, 0.1, True)
    changed = _changed(weights, more, terms)
    np.testing.assert_array_equal(changed, _changed(weights, before, terms))
    np.testing.assert_array_equal(more[:10], before)
    assert (more[10:] == 1).all()


def test_importances_add_up_what_changes_did_to_the_loss():
    rng = np.random.default_rng(0)
    importances, expected = np.zeros(100, dtype=np.float32), np.zeros(100)
    for _ in range(20):
        weights, before, gradient = rng.normal(size=(3, 100)).astype(np.float32)
        before[:10], gradient[10:20] = weights[:10], 0
        changes = weights.astype(float) - before
        expected += np.abs(changes * gradient)
        kept = weights.copy(), before.copy(), gradient.copy()
        _note_importances(importances, weights, before, gradient)
        np.testing.assert_array_equal((weights, before, gradient), kept)
        np.testing.assert_allclose(importances, expected, rtol=1e-4, atol=1e-6)
    assert not importances[:20].any() and (importances[20:] > 0).all()


def test_the_importances_of_few_steps_are_what_the_loss_fell_by():
    # Of a quadratic loss without interaction: each weight goes half the way to 0.
    curvature = np.float32([1, 2, 4])
    weights, importances = np.ones(3, dtype=np.float32), np.zeros(3, dtype=np.float32)
    for _ in range(1000):
        before, gradient = weights.copy(), curvature * weights
        weights = weights - np.float32(0.01) * gradient
        _note_importances(importances, weights, before, gradient)
    np.testing.assert_allclose(importances, curvature / 2, rtol=0.03)


def test_where_nobody_asks_for_importances_there_are_none_to_add_to():
    weights = np.ones(5, dtype=np.float32)
    nothing = np.zeros(0, dtype=np.float32)
    # Its neighbours in memory stay as they are.
    room = np.zeros(5, dtype=np.float32)
    _note_importances(room[:2], weights, weights - 1, weights)
    _note_importances(nothing, weights, weights - 1, weights)
    assert room.tolist() == [1, 1, 0, 0, 0]


@pytest.mark.parametrize("terms", [UpdateTerms(), UpdateTerms(1, np.float64(2), 1)])
def test_right_terms_are_as_compiled_code_takes_them(terms):
    checked = checked_terms(terms, 2)
    assert tuple(checked[:3]) == tuple(terms[:3])
    for each in (checked, NO_TERMS):
        types = [np.float32, np.float32, bool, np.ndarray, np.ndarray]
        assert [type(number) for number in each] == types


@pytest.mark.parametrize("l2, expected", [(0.5, [0.5] * 3), ([1, 0, 2], [1, 0, 2])])
def test_an_l2_term_is_one_for_all_layers_or_one_for_each(l2, expected):
    for name in ("l2", "held_l2"):
        array = getattr(checked_terms(UpdateTerms(**{name: l2}), 3), name)
        assert array.dtype == np.float32 and array.tolist() == expected
    with pytest.raises(ValueError, match="broadcast"):
        checked_terms(UpdateTerms(l2=[1, 2]), 3)


@pytest.mark.parametrize("holds", [False, True])
@pytest.mark.parametrize("l2, held_l2", [(0, 0), (0.25, 0), (0, 0.5), (0.25, 0.5)])
def test_an_l2_term_adds_weights_to_gradients(holds, l2, held_l2):
    weights, gradient = _random()
    held = np.where(np.arange(1000) % 3, 0, weights) if holds else np.zeros(0)
    factors = np.full(1000, float(l2))
    factors[np.flatnonzero(held)] = held_l2
    expected = gradient + factors * weights
    numbers = np.float32([l2, held_l2])
    _add_l2(gradient, weights, held.astype(np.float32), *numbers)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("value", [-1e-6, -np.inf, np.inf, np.nan, 1e39])
@pytest.mark.parametrize("name", ["noise", "l1", "l2", "held_l2"])
def test_terms_that_are_negative_or_not_finite_are_refused(name, value):
    with pytest.raises(ValueError, match="must be finite and at least 0, got Update"):
        checked_terms(UpdateTerms(**{name: value}), 1)
