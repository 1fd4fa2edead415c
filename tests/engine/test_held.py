import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_sparse_nn.engine.held import hold, hold_again, release
from tests.engine.helpers import called

_release, _hold_again = called(release), called(hold_again)
NOTHING = np.zeros(0, dtype=np.float32)
TINY = np.finfo(np.float32).tiny


def _float32(*values):
    return tuple(np.array(each, dtype=np.float32) for each in values)


@given(
    st.lists(st.tuples(st.floats(-3, 3, width=32), *[st.booleans()] * 2), max_size=30)
)
def test_what_is_held_is_chosen_anew_and_values_stay(rows):
    values, before, after = np.array(rows, dtype=float).reshape(-1, 3).T
    values = np.where(np.abs(values) < TINY, 0, values)
    before, after = before.astype(bool), after.astype(bool)
    weights, held = _float32(np.where(before, 0, values), np.where(before, values, 0))
    hold(weights, held, after)
    np.testing.assert_array_equal(held != 0, after)
    assert not weights[after].any()
    np.testing.assert_allclose(weights + held, values, rtol=0, atol=TINY)


def test_held_weights_are_updated_in_their_place():
    weights, held = _float32([1, 0, 0, 3, 0], [0, 2, -2, 0, 0.5])
    _release(weights, held)
    assert weights.tolist() == [1, 2, -2, 3, 0.5]
    assert held.tolist() == [0, 2, -2, 0, 0.5]
    weights -= np.float32(0.5)
    _hold_again(weights, held)
    assert weights.tolist() == [0.5, 0, 0, 2.5, 0]
    # What has become zero is still held.
    assert held.tolist() == [0, 1.5, -2.5, 0, TINY]
    weights[4] = 1  # an update
    _release(weights, held)
    assert weights[4] == 1


def test_where_nothing_is_held_weights_stay():
    weights = np.arange(5, dtype=np.float32)
    for update in (_release, _hold_again):
        update(weights, NOTHING)
    assert weights.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_held_too(value):
    weights, held = _float32([value, 1], [0, 0])
    hold(weights, held, np.array([True, False]))
    np.testing.assert_array_equal(weights, [0, 1])
    np.testing.assert_array_equal(held, [value, 0])
    _release(weights, held)
    _hold_again(weights, held)
    np.testing.assert_array_equal(held, [value, 0])
