import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sparse_nn.engine.columns import Columns, share_of, within
from sklearn_sparse_nn.engine.simd import LINE
from tests.engine.helpers import called

_share_of = called(share_of)


@settings(max_examples=200)
@given(n_threads=st.integers(1, 70), n_lines=st.integers(0, 200))
def test_threads_share_all_columns_in_whole_cache_lines(n_threads, n_lines):
    width = n_lines * LINE
    shares = [_share_of(thread, n_threads, width) for thread in range(n_threads)]
    takers = np.zeros(width, dtype=int)
    for first, last in shares:
        assert first % LINE == last % LINE == 0
        takers[first:last] += 1
    assert (takers == 1).all()
    lengths = np.diff(shares)
    assert 0 <= lengths.min() and lengths.max() - lengths.min() <= LINE


def test_columns_within_others_differ_by_their_limits_alone():
    columns = Columns(16, 96, 128, 5)
    expected = columns._replace(first=32, last=64)
    assert within.py_func(columns, 32, 64) == expected
