import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_sparse_nn.networks.averaging import learned, set_learned, weighted_sum
from sklearn_sparse_nn.networks.mlp import MLP
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi


@given(
    st.lists(st.integers(1, 1000), min_size=1, max_size=6),
    st.lists(st.integers(0, 7), min_size=1, max_size=4),
    st.integers(0, 2**31 - 1),
)
def test_sums_are_those_of_numpy(shares, sizes, seed):
    rng = np.random.default_rng(seed)
    parts = [[rng.normal(size=n).astype(np.float32) for n in sizes] for _ in shares]
    before = [[array.copy() for array in part] for part in parts]
    sums = weighted_sum(parts, shares)
    for i, total in enumerate(sums):
        expected = sum(s * part[i].astype(float) for s, part in zip(shares, parts))
        np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-3)
        assert total.dtype == np.float32
    for part, old in zip(parts, before):
        for array, other in zip(part, old):
            np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_network_has_learned_what_another_has(solver):
    one, two = (
        MLP([5, 8, 3], Start(ErdosRenyi(), 3, seed=0), "relu", "softmax")
        for _ in range(2)
    )
    rng = np.random.default_rng(0)
    for network in one, two:
        network.reset_optimiser(solver)
    for array in learned(one):
        array[:] = rng.normal(size=len(array))
    set_learned(two, learned(one))
    for a, b in zip(learned(one), learned(two), strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.shares_memory(a, b)
    assert len(learned(one)) == 2 + len(one.state)
