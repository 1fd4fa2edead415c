import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_sparse_nn.topology import TOPOLOGIES
from sklearn_sparse_nn.topology.amount import Amount

sizes = st.lists(st.integers(1, 60), min_size=2, max_size=5)


@given(
    sizes=sizes,
    density=st.floats(0.001, 1),
    name=st.sampled_from(["xbm", "erdos_renyi"]),
)
def test_a_density_is_that_of_each_layer(sizes, density, name):
    topology, rng = TOPOLOGIES[name](), np.random.default_rng(0)
    epsilons = Amount(20, density).epsilons(sizes)
    for n_inputs, n_neurons, epsilon in zip(sizes, sizes[1:], epsilons):
        spread = lambda n=n_inputs: np.ones(n)  # noqa: E731
        _, indices = topology.connect(n_inputs, n_neurons, epsilon, rng, spread)
        assert abs(len(indices) - density * n_inputs * n_neurons) <= 0.5 + 1e-9


@given(sizes=sizes, epsilon=st.floats(0.001, 20))
def test_one_unit_is_the_other(sizes, epsilon):
    n = np.asarray(sizes, dtype=float)
    in_densities = Amount(20, 0.5).in_its_unit(epsilon, sizes)
    expected = epsilon * (n[1:] + n[:-1]) / (n[1:] * n[:-1])
    np.testing.assert_allclose(in_densities, expected)
    assert (Amount(epsilon).epsilons(sizes) == epsilon).all()
    assert Amount(epsilon).in_its_unit(3.0, sizes) == 3.0


@pytest.mark.parametrize(
    "density",
    [[0.5], [0.5, 0.2, 0.1], [[0.5, 0.2]], [0.5, 0], [0.5, 1.1], [0.5, np.nan]],
)
def test_what_is_no_density_is_refused(density):
    with pytest.raises(
        ValueError, match=r"in \(0, 1\], or one for each of the 2 layers"
    ):
        Amount(20, density).epsilons([5, 4, 3])
