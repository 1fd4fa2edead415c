"""Small-world, scale-free, receptive-field and correlated connections."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.utils._param_validation import InvalidParameterError
from threadpoolctl import threadpool_limits

from sklearn_sparse_nn import (
    SETAutoencoder,
    SETClassifier,
    SETRBMTransformer,
    SETRegressor,
)
from sklearn_sparse_nn.topology import (
    BRF,
    CSTI,
    BarabasiAlbert,
    ErdosRenyi,
    WattsStrogatz,
    correlated,
    ring,
)

GRAPHS = [
    WattsStrogatz(),
    WattsStrogatz(shortcuts=0),
    WattsStrogatz(shortcuts=1),
    BarabasiAlbert(),
    BRF(),
    BRF(randomness=0),
    BRF(randomness=0.02),
    BRF(randomness=1),
]
all_graphs = pytest.mark.parametrize("topology", GRAPHS, ids=repr)


def _connect(topology, n_inputs=400, n_neurons=300, epsilon=5, seed=0):
    rng = np.random.default_rng(seed)
    indptr, indices = topology.connect(n_inputs, n_neurons, epsilon, rng)
    return np.repeat(np.arange(n_neurons), np.diff(indptr)), indices.astype(int)


def _distances(neurons, inputs, n_inputs=400, n_neurons=300):
    """Between each neuron and its inputs, on a ring of length 1."""
    around = (neurons + 0.5) / n_neurons - (inputs + 0.5) / n_inputs
    return np.abs((around + 0.5) % 1 - 0.5)


def _expect_as_erdos_renyi(topology, n_inputs, n_neurons, epsilon, seed=0):
    """As many connections, in a valid CSR structure."""
    shape = n_inputs, n_neurons, epsilon
    indptr, indices = topology.connect(*shape, np.random.default_rng(seed))
    expected = ErdosRenyi().connect(*shape, np.random.default_rng(seed))
    assert indptr.dtype == np.int64 and indices.dtype == np.uint32
    assert indptr.shape == (n_neurons + 1,) and indptr[0] == 0
    assert indptr[-1] == len(indices) == len(expected[1])
    assert (np.diff(indptr) >= 0).all() and (indices < n_inputs).all()
    neurons = np.repeat(np.arange(n_neurons), np.diff(indptr))
    assert (np.diff(neurons * n_inputs + indices) > 0).all()


@settings(max_examples=200)
@given(
    topology=st.sampled_from(GRAPHS),
    n_inputs=st.integers(1, 60),
    n_neurons=st.integers(1, 60),
    epsilon=st.floats(0, 30),
)
def test_there_are_as_many_connections_as_with_erdos_renyi(
    topology, n_inputs, n_neurons, epsilon
):
    _expect_as_erdos_renyi(topology, n_inputs, n_neurons, epsilon)


@all_graphs
@pytest.mark.parametrize("shape", [(3, 50_000), (50_000, 3), (10_000, 10_000)])
def test_large_layers_have_as_many_connections(topology, shape):
    _expect_as_erdos_renyi(topology, *shape, 2)


@all_graphs
def test_the_seed_decides(topology):
    first, second, other = (_connect(topology, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, second)
    is_random = getattr(topology, "shortcuts", True) and getattr(
        topology, "randomness", True
    )
    assert is_random != all(map(np.array_equal, first, other))


@pytest.mark.parametrize("topology", [WattsStrogatz(shortcuts=0), BRF(randomness=0)])
@pytest.mark.parametrize("n_inputs, n_neurons", [(400, 300), (30, 500), (500, 30)])
def test_without_chance_every_neuron_has_the_nearest_inputs(
    topology, n_inputs, n_neurons
):
    neurons, inputs = _connect(topology, n_inputs, n_neurons)
    shape, degrees = (n_inputs, n_neurons), np.bincount(neurons)
    assert np.ptp(degrees) <= 1
    distances = _distances(
        *np.divmod(np.arange(n_inputs * n_neurons), n_inputs), *shape
    )
    far = np.sort(distances.reshape(n_neurons, n_inputs), axis=1)
    farthest = np.zeros(n_neurons)
    np.maximum.at(farthest, neurons, _distances(neurons, inputs, *shape))
    nearest = far[np.arange(n_neurons), degrees - 1]
    assert (farthest <= nearest + 1 / n_inputs + 1e-9).all()
    # Inputs, too, are treated alike.
    assert (
        np.ptp(np.bincount(inputs, minlength=n_inputs)) <= 2 + 2 * n_neurons / n_inputs
    )


@pytest.mark.parametrize("shortcuts", [0, 0.1, 0.5, 1])
def test_a_fraction_of_the_connections_are_shortcuts(shortcuts):
    neurons, inputs = _connect(WattsStrogatz(shortcuts), epsilon=8)
    is_long = _distances(neurons, inputs) > 12 / 400
    # 5.3 of 100 random places are near.
    assert np.mean(is_long) == pytest.approx(shortcuts * 0.94, abs=0.03)


@pytest.mark.parametrize("rounds", [8, 1, 0])
@pytest.mark.parametrize("randomness", [0.1, 0.3, 0.6, 1])
def test_receptive_fields_fall_with_distance_as_the_paper_says(
    monkeypatch, randomness, rounds
):
    """The first of few inputs of a neuron is drawn as the formula says."""
    monkeypatch.setattr(ring, "_ROUNDS", rounds)
    n_inputs, n_neurons = 20, 20_000
    epsilon = n_neurons / (n_inputs + n_neurons)  # one for each
    neurons, inputs = _connect(BRF(randomness), n_inputs, n_neurons, epsilon)
    np.testing.assert_array_equal(np.bincount(neurons), 1)
    centers = np.floor((neurons + 0.5) * n_inputs / n_neurons).astype(int)
    steps = np.abs(inputs - centers)
    distances = np.minimum(steps, n_inputs - steps)
    found = np.bincount(distances, minlength=11) / n_neurons
    chances = (1.0 + np.arange(11)) ** (-(1 - randomness) / randomness)
    chances *= np.array([1, *[2] * 9, 1])
    np.testing.assert_allclose(found, chances / chances.sum(), atol=0.015)


@pytest.mark.parametrize("rounds", [8, 1, 0])
def test_receptive_fields_are_drawn_without_replacement(monkeypatch, rounds):
    monkeypatch.setattr(ring, "_ROUNDS", rounds)
    n_inputs, n_neurons = 4, 20_000
    epsilon = 2 * n_neurons / (n_inputs + n_neurons)
    neurons, inputs = _connect(BRF(0.5), n_inputs, n_neurons, epsilon)
    np.testing.assert_array_equal(np.bincount(neurons), 2)
    centers = np.floor((neurons + 0.5) * n_inputs / n_neurons).astype(int)
    found = np.bincount((inputs - centers) % n_inputs) / n_neurons
    p = np.array([1, 1 / 2, 1 / 3, 1 / 2])
    p /= p.sum()
    expected = [
        p[i] + sum(p[j] * p[i] / (1 - p[j]) for j in range(4) if j != i)
        for i in range(4)
    ]
    np.testing.assert_allclose(found, expected, atol=0.015)


def test_preferential_attachment_gives_a_power_law_of_exponent_three():
    neurons, inputs = _connect(BarabasiAlbert(), 30_000, 30_000, 6)
    for degrees in (np.bincount(neurons), np.bincount(inputs)):
        tail = np.array([12, 24, 48, 96])
        counts = [(degrees >= degree).mean() for degree in tail]
        slope = np.polyfit(np.log(tail), np.log(counts), 1)[0]
        assert slope == pytest.approx(-2, abs=0.25)  # of the cumulative distribution
        assert degrees.min() >= 4 and np.median(degrees) < 12


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shape", [(1000, 10), (10, 1000), (5000, 50)])
def test_the_few_nodes_of_a_side_have_shares_of_unlike_size(shape, seed):
    ends = _connect(BarabasiAlbert(), *shape, 2, seed)
    degrees = np.bincount(ends[shape[0] < shape[1]], minlength=min(shape))
    # Of equal chances, the variance would be at most the mean; none takes nearly all.
    assert degrees.var() > 5 * degrees.mean()
    assert degrees.max() < 0.8 * max(shape)


def test_hubs_may_be_anywhere():
    neurons, inputs = _connect(BarabasiAlbert(), seed=1)
    for ends, n in ((neurons, 300), (inputs, 400)):
        degrees = np.bincount(ends, minlength=n)
        assert abs(np.corrcoef(np.arange(n), degrees)[0, 1]) < 0.2
        assert degrees.var() / degrees.mean() > 4


def _features(n_samples=300, n_features=12, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)) @ rng.normal(size=(n_features,) * 2)
    X[:, 4] = 7  # constant
    return X


def _correlations(X):
    with np.errstate(invalid="ignore"):
        return np.abs(np.nan_to_num(np.corrcoef(X.T)))


def _csti(X, layer, sizes, epsilon, seed=0):
    part = CSTI().of_data(X).of_layer(layer, sizes)
    shape = sizes[layer], sizes[layer + 1]
    indptr, indices = part.connect(*shape, epsilon, np.random.default_rng(seed))
    mask = np.zeros(shape[::-1], dtype=bool)
    mask[np.repeat(np.arange(shape[1]), np.diff(indptr)), indices] = True
    return mask


@pytest.mark.parametrize("cells", [2**18, 30])
@pytest.mark.parametrize("layer, sizes", [(0, [12, 24, 6, 3]), (1, [12, 24, 6, 3])])
def test_csti_connects_what_is_most_correlated(monkeypatch, layer, sizes, cells):
    monkeypatch.setattr(correlated, "_CELLS", cells)
    X, (n_inputs, n_neurons) = _features(), sizes[layer : layer + 2]
    mask = _csti(X, layer, sizes, epsilon=1.1)
    of_inputs = np.arange(n_inputs) * 12 // n_inputs
    of_neurons = np.arange(n_neurons) * 12 // n_neurons
    correlations = _correlations(X)
    np.fill_diagonal(correlations, 0)
    scores = correlations[np.ix_(of_neurons, of_inputs)]
    assert mask.sum() == round(1.1 * (n_inputs + n_neurons))
    assert scores[mask].min() >= scores[~mask].max() - 1e-6 > 0


def test_csti_leaves_the_output_of_a_perceptron_to_chance():
    X, rng = _features(), np.random.default_rng(0)
    y = rng.integers(0, 12, (len(X), 12))  # as many outputs as features
    options = {"topology": "csti", "epsilon": 1.1, "random_state": 0}
    network = {"evolution": "static", "max_iter": 1, **options}
    correlations = _correlations(X)
    np.fill_diagonal(correlations, 0)
    strongest = np.sort(correlations.ravel())[-26:].mean()  # 1.1 * (12 + 12)

    def mean_correlation(coefs):
        rows, columns = coefs.tocoo().coords
        return correlations[rows, columns].mean()

    deep = SETRegressor((12,), **network).fit(X, y).coefs_
    shallow = SETRegressor((), **network).fit(X, y).coefs_
    assert mean_correlation(deep[0]) == pytest.approx(strongest)
    for outputs in (deep[1], shallow[0]):
        assert mean_correlation(outputs) < 0.9 * strongest
    # Neurons that restore features stand for them, and so do hidden ones.
    for coefs in SETAutoencoder((12,), **network).fit(X).coefs_:
        assert mean_correlation(coefs) == pytest.approx(strongest)
    rbm = SETRBMTransformer(12, n_iter=0, **options).fit(X > X.mean(axis=0))
    assert rbm.n_connections_ == 26


@pytest.mark.parametrize("epsilon", [0, 0.01, 3, 100])
def test_csti_begins_as_many_connections_where_nothing_is_correlated(epsilon):
    masks = [_csti(np.ones((5, 12)), 0, [12, 10], epsilon, seed) for seed in range(2)]
    assert masks[0].sum() == masks[1].sum() == min(120, round(epsilon * 22))
    assert np.array_equal(*masks) == (epsilon != 3)


def test_csti_gives_the_same_bits_for_dense_and_sparse_data_and_any_threads():
    X = np.random.default_rng(0).poisson(0.5, (3000, 200)).astype(np.float32)
    first = _csti(X, 0, [200, 300], 3)
    with threadpool_limits(1):
        second = _csti(sparse.csr_array(X), 0, [200, 300], 3)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "estimator",
    [
        SETClassifier((80, 30), max_iter=2),
        SETAutoencoder((80,), max_iter=2),
        SETRBMTransformer(80, n_iter=2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_estimators_show_csti_their_data(estimator):
    X, y = load_digits(return_X_y=True)
    estimator.set_params(topology="csti", evolution="static", epsilon=2, random_state=0)
    estimator.fit(X / 16, y)
    first = (
        estimator.coefs_[0] if hasattr(estimator, "coefs_") else estimator.components_.T
    )
    mask = first.toarray() != 0
    scores = _correlations(X[np.linspace(0, len(X) - 1, 1000).astype(int)])
    np.fill_diagonal(scores, 0)
    scores = scores[:, np.arange(80) * 64 // 80]
    assert mask.sum() == 2 * (64 + 80)
    assert scores[mask].min() > scores[~mask].max() - 1e-5


@pytest.mark.parametrize(
    "topology, name", [(WattsStrogatz, "shortcuts"), (BRF, "randomness")]
)
@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_wrong_parameters_are_named(topology, name, value):
    message = (
        f"The {name!r} parameter of {topology.__name__} must be a float in the range "
        f"[0.0, 1.0]. Got {value!r} instead."
    )
    with pytest.raises(InvalidParameterError, match=re.escape(message)):
        topology(value)._validate_params()
