import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2
from sklearn.base import clone

from sklearn_sparse_nn.topology import TOPOLOGIES, Dense, ErdosRenyi, initial
from sklearn_sparse_nn.topology.asking import ask_for_layer


def _expect_csr(indptr, indices, n_inputs, n_neurons):
    """Valid CSR structure, ascending and distinct within each row."""
    assert indptr.dtype == np.int64 and indices.dtype == np.uint32
    assert len(indptr) == n_neurons + 1
    assert indptr[0] == 0 and indptr[-1] == len(indices)
    assert (np.diff(indptr) >= 0).all()
    assert not len(indices) or indices.max() < n_inputs
    neurons = np.repeat(np.arange(n_neurons), np.diff(indptr))
    assert (np.diff(neurons * n_inputs + indices) > 0).all()


@pytest.fixture(params=[2**22, 10, 1], ids=lambda size: f"blocks of {size}")
def block(request, monkeypatch):
    monkeypatch.setattr(initial, "_BLOCK", request.param)


@settings(max_examples=60)
@given(
    n_inputs=st.integers(1, 60),
    n_neurons=st.integers(1, 60),
    epsilon=st.floats(0, 30),
    block=st.sampled_from([2**22, 100, 7]),
)
def test_erdos_renyi_has_the_exact_number_of_connections(
    n_inputs, n_neurons, epsilon, block
):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(initial, "_BLOCK", block)
        rng = np.random.default_rng(0)
        indptr, indices = ErdosRenyi().connect(n_inputs, n_neurons, epsilon, rng)
    _expect_csr(indptr, indices, n_inputs, n_neurons)
    expected = min(n_inputs * n_neurons, round(epsilon * (n_inputs + n_neurons)))
    assert len(indices) == expected


@pytest.mark.parametrize("topology", [ErdosRenyi(), Dense()])
@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (20, 30)])
def test_full_density_connects_everything(topology, shape, block):
    n_inputs, n_neurons = shape
    rng = np.random.default_rng(0)
    indptr, indices = topology.connect(n_inputs, n_neurons, 1e3, rng)
    _expect_csr(indptr, indices, n_inputs, n_neurons)
    assert len(indices) == n_inputs * n_neurons


def test_dense_ignores_epsilon():
    _, indices = Dense().connect(20, 30, 0.01, np.random.default_rng(0))
    assert len(indices) == 600


def test_every_cell_is_equally_likely(block):
    n_inputs, n_neurons, n_draws = 7, 9, 3000
    rng = np.random.default_rng(0)
    counts = np.zeros(n_inputs * n_neurons)
    for _ in range(n_draws):
        indptr, indices = ErdosRenyi().connect(n_inputs, n_neurons, 1.5, rng)
        neurons = np.repeat(np.arange(n_neurons), np.diff(indptr))
        counts[neurons * n_inputs + indices] += 1
    share = 24 / 63
    variance = n_draws * share * (1 - share) * 63 / 62
    statistic = np.sum((counts - n_draws * share) ** 2) / variance
    assert 1e-4 < chi2.sf(statistic, 62) < 1 - 1e-4


def test_rows_are_as_uneven_with_blocks_as_without(monkeypatch):
    def variance_of_first_rows(block):
        monkeypatch.setattr(initial, "_BLOCK", block)
        rng = np.random.default_rng(0)
        draws = (ErdosRenyi().connect(20, 20, 2.5, rng)[0][10] for _ in range(3000))
        return np.var(list(draws))

    # Of 400 cells, 100 connected, those in a half of the rows: hypergeometric.
    expected = 100 * 0.5 * 0.5 * 300 / 399
    for block in (2**22, 50, 5):
        assert abs(variance_of_first_rows(block) / expected - 1) < 0.15


def test_a_layer_of_more_than_a_billion_cells_is_cut_into_blocks(monkeypatch):
    monkeypatch.setattr(initial, "_BLOCK", 2**15)
    n_inputs, n_neurons = 60_000, 40_000
    rng = np.random.default_rng(0)
    indptr, indices = ErdosRenyi().connect(n_inputs, n_neurons, 2, rng)
    _expect_csr(indptr, indices, n_inputs, n_neurons)
    assert len(indices) == 200_000
    assert abs(indptr[n_neurons // 2] / 100_000 - 1) < 0.02


@settings(max_examples=100)
@given(data=st.data())
def test_what_is_split_fits_into_its_blocks(data):
    cells = data.draw(st.lists(st.integers(1, 2 * 10**9), min_size=1, max_size=6))
    n_drawn = data.draw(st.integers(0, sum(cells)))
    rng = np.random.default_rng(0)
    shares = initial._split(n_drawn, np.array(cells), rng)
    assert sum(shares) == n_drawn
    assert all(0 <= share <= n for share, n in zip(shares, cells, strict=True))


def test_same_generator_state_gives_the_same_connections():
    draws = [ErdosRenyi().connect(30, 20, 3, np.random.default_rng(5)) for _ in "ab"]
    for first, second in zip(*draws, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_names_stand_for_topologies(name):
    rng, topology = np.random.default_rng(0), TOPOLOGIES[name]()
    if hasattr(topology, "of_data"):
        topology = topology.of_data(rng.random((9, 8)))
    topology = ask_for_layer(topology, 0, [8, 6])
    _expect_csr(*topology.connect(8, 6, 2, rng), 8, 6)


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_topologies_have_parameters_like_estimators(name):
    topology = TOPOLOGIES[name]()
    topology._validate_params()
    assert repr(topology) == f"{type(topology).__name__}()"
    for other in (clone(topology), pickle.loads(pickle.dumps(topology))):
        assert type(other) is type(topology) and vars(other) == vars(topology)
