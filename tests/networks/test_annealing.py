import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from sklearn_sparse_nn.networks.annealing import (
    Energy,
    inverse_temperatures,
    log_partition,
)
from tests import naive


class Machine:
    """A sparse machine with weights large enough to matter, and its dense twin."""

    def __init__(self, seed, density=0.5, n_visible=10, n_hidden=6, gaussian=False):
        rng = np.random.default_rng(seed)
        weights = rng.normal(size=(n_hidden, n_visible))
        weights[rng.random(weights.shape) > density] = 0
        self.visible, self.hidden = (
            rng.normal(size=n_visible),
            rng.normal(size=n_hidden),
        )
        self.base = rng.normal(size=n_visible)
        if gaussian:
            weights *= 0.4  # the square of their sum is in the exponent
        self.gaussian = gaussian
        self.components = sparse.csr_array(weights.astype(np.float32))
        kind = naive.GaussianMachine if gaussian else naive.BoltzmannMachine
        self.twin = kind(self.components.toarray().T, self.visible, self.hidden)

    def log_partition(self, n_chains=200, n_temperatures=1000, base=None, seed=0):
        return log_partition(
            Energy(self.components, self.hidden, self.visible, self.gaussian),
            self.base if base is None else base,
            n_chains,
            n_temperatures,
            np.random.default_rng(seed),
        )


@pytest.mark.parametrize("gaussian", [False, True])
@pytest.mark.parametrize("density", [0.3, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_partition_function_equals_enumeration(seed, density, gaussian):
    machine = Machine(seed, density, gaussian=gaussian)
    estimate, error = machine.log_partition()
    assert 0 < error < 0.05
    assert abs(estimate - machine.twin.log_partition()) < 4 * error


def test_standard_error_is_that_of_repetitions():
    machine = Machine(0)
    repeated = [machine.log_partition(50, 200, seed=seed) for seed in range(60)]
    estimates, errors = np.array(repeated).T
    assert 0.7 < estimates.std() / errors.mean() < 1.4


def test_more_temperatures_make_a_smaller_error():
    machine = Machine(1, density=1.0)
    errors = [machine.log_partition(n_temperatures=n)[1] for n in (50, 5000)]
    assert errors[1] < errors[0] / 3


@pytest.mark.parametrize("gaussian", [False, True])
@pytest.mark.parametrize("n_temperatures", [1, 100])
def test_without_connections_and_from_its_own_intercepts_it_is_exact(
    n_temperatures, gaussian
):
    machine = Machine(2, density=0.0, gaussian=gaussian)
    estimate, error = machine.log_partition(2, n_temperatures, base=machine.visible)
    assert estimate == pytest.approx(machine.twin.log_partition(), rel=1e-9)
    assert error < 1e-9


def test_the_same_generator_state_gives_the_same_estimate():
    machine = Machine(3)
    assert machine.log_partition(5, 20) == machine.log_partition(5, 20)
    assert machine.log_partition(5, 20) != machine.log_partition(5, 20, seed=1)


@given(st.integers(1, 20_000))
def test_inverse_temperatures_ascend_from_0_to_1(n):
    betas = inverse_temperatures(n)
    assert betas[0] == 0 and betas[-1] == 1
    assert (np.diff(betas) > 0).all()
    assert abs(len(betas) - n) < 8
