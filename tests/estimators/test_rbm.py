"""The restricted Boltzmann machine as users meet it."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_sparse_nn import SETRBMTransformer
from sklearn_sparse_nn.networks import gaussian_rbm
from sklearn_sparse_nn.networks.batches import columns_side_by_side
from sklearn_sparse_nn.networks.rbm import ContrastiveDivergence
from sklearn_sparse_nn.topology import XBM, FromArrays
from tests import naive
from tests.estimators.battery import samples
from tests.memory import Peak


@pytest.fixture(scope="module")
def digits():
    """Images of 64 pixels in [0, 1], float32, and their digits."""
    X, y = load_digits(return_X_y=True)
    return (X[:600] / 16).astype(np.float32), y[:600]


@pytest.fixture(scope="module")
def tiny():
    """States of eight neurons, some of which go together."""
    rng = np.random.default_rng(0)
    pairs = rng.random((400, 4)) < [0.2, 0.4, 0.5, 0.8]
    return np.repeat(pairs, 2, axis=1) ^ (rng.random((400, 8)) < 0.1)


def make_rbm(n_components=30, **parameters):
    defaults = {
        "epsilon": 4,
        "learning_rate": 0.1,
        "momentum": 0.9,
        "persistent": False,
        "n_iter": 3,
        "batch_size": 10,
        "random_state": 0,
    }
    return SETRBMTransformer(n_components, **(defaults | parameters))


def machine_of(rbm):
    """The dense twin of a fitted estimator, in its units."""
    intercepts = rbm.intercept_visible_, rbm.intercept_hidden_
    gaussian = rbm.visible_ == "gaussian"
    kind = naive.GaussianMachine if gaussian else naive.BoltzmannMachine
    return kind(rbm.components_.toarray().T, *intercepts)


def parameters_of(rbm):
    components = rbm.components_
    return (
        components.data.tobytes(),
        components.indices.tobytes(),
        rbm.intercept_hidden_.tobytes(),
        rbm.intercept_visible_.tobytes(),
    )


def connected(rbm):
    return rbm.components_.toarray() != 0


def test_attributes(digits):
    X, _ = digits
    rbm = make_rbm(epsilon=3.5).fit(X)
    assert isinstance(rbm.components_, sparse.csr_array)
    assert rbm.components_.shape == (30, 64) and rbm.components_.dtype == np.float32
    assert rbm.intercept_hidden_.shape == (30,)
    assert rbm.intercept_visible_.shape == (64,)
    assert rbm.n_connections_ == rbm.components_.nnz == 329
    assert rbm.density_ == pytest.approx(329 / (30 * 64))
    present = np.diff(rbm.components_.tocsc().indptr)
    np.testing.assert_array_equal(rbm.visible_degree_, present)
    np.testing.assert_allclose(
        rbm.visible_strength_, abs(rbm.components_).sum(axis=0), rtol=1e-5
    )
    assert rbm.n_iter_ == len(rbm.reconstruction_error_curve_) == 3
    assert rbm.n_features_in_ == 64
    assert list(rbm.get_feature_names_out()[:2]) == [
        "setrbmtransformer0",
        "setrbmtransformer1",
    ]
    assert len(rbm.get_feature_names_out()) == 30


def test_probabilities_are_those_of_the_dense_twin(digits):
    X, _ = digits
    rbm = make_rbm().fit(X)
    twin, close = machine_of(rbm), {"rtol": 1e-4, "atol": 1e-6}
    H = rbm.transform(X)
    np.testing.assert_allclose(H, twin.hidden(X), **close)
    np.testing.assert_allclose(rbm.inverse_transform(H), twin.visible(H), **close)
    np.testing.assert_array_equal(rbm.reconstruct(X), rbm.inverse_transform(H))
    np.testing.assert_array_equal(make_rbm().fit_transform(X), H)
    assert rbm.reconstruction_error_curve_[-1] == pytest.approx(
        np.mean((X - rbm.reconstruct(X)) ** 2), rel=1e-4
    )


@pytest.mark.parametrize("make", [sparse.csr_array, sparse.coo_array, pd.DataFrame])
def test_sparse_and_dense_samples_are_judged_alike(digits, make):
    X, _ = digits
    rbm = make_rbm().fit(X)
    V = (X > 0.5).astype(np.float32)
    few = {"n_chains": 5, "n_temperatures": 20}
    for judge in (
        rbm.score_samples,
        lambda V: rbm.log_likelihood(V, **few)[0],
    ):
        np.testing.assert_allclose(judge(make(V)), judge(V), rtol=1e-5)
    assert rbm.score(make(V)) == pytest.approx(rbm.score(V))
    first, second = (copy.deepcopy(rbm).gibbs(v) for v in (V, make(V)))
    np.testing.assert_array_equal(first, second)


def test_reconstruction_error_falls(digits):
    X, _ = digits
    curve = make_rbm(100, n_iter=20).fit(X).reconstruction_error_curve_
    assert curve[-1] < 0.7 * curve[0]
    assert curve[-1] < 0.7 * X.var(axis=0).mean()


@pytest.mark.parametrize("persistent, learning_rate", [(False, 0.1), (True, 0.05)])
def test_learned_digits_are_more_likely(digits, persistent, learning_rate):
    V = (digits[0] > 0.5).astype(np.float32)
    means = []
    for n_iter in (0, 20):
        rbm = make_rbm(
            50,
            n_iter=n_iter,
            persistent=persistent,
            learning_rate=learning_rate,
            momentum=0.5,
        ).fit(V)
        likelihood, error = rbm.log_likelihood(V, n_chains=50, n_temperatures=500)
        assert likelihood.shape == (len(V),) and error < 0.2
        means.append(likelihood.mean())
    assert means[1] > means[0] + 2


@pytest.mark.parametrize("topology", ["erdos_renyi", "dense"])
def test_log_likelihood_equals_enumeration(tiny, topology):
    rbm = make_rbm(6, epsilon=2, topology=topology, n_iter=30, learning_rate=0.05)
    twin = machine_of(rbm.fit(tiny))
    likelihood, error = rbm.log_likelihood(tiny, n_chains=200, n_temperatures=1000)
    assert likelihood.dtype == np.float64
    exact = np.log(twin.probabilities(tiny.astype(float)))
    np.testing.assert_allclose(likelihood, exact, atol=4 * error + 1e-5)
    assert error < 0.05


def test_samples_are_as_probable_as_the_machine_says(tiny):
    rbm = make_rbm(6, epsilon=2, n_iter=30, learning_rate=0.05).fit(tiny)
    n = 5000
    V = rbm.sample(n, n_gibbs_steps=50)
    assert V.shape == (n, 8) and V.dtype == bool
    numbers, counts = np.unique(V @ 2 ** np.arange(8)[::-1], return_counts=True)
    shares = np.zeros(256)
    shares[numbers] = counts / n
    expected = machine_of(rbm).probabilities(naive.all_states(8))
    assert expected.max() > 3 / 256
    error = np.sqrt(expected * (1 - expected) / n)
    assert (abs(shares - expected) < 5 * error + 2 / n).all()
    np.testing.assert_array_equal(rbm.sample(3, 10), rbm.sample(3, 10))


def test_gibbs_goes_on_in_one_stream_of_random_numbers(digits):
    X, _ = digits
    rbm = make_rbm().fit(X)
    first, second = rbm.gibbs(X), rbm.gibbs(X)
    assert first.shape == X.shape and first.dtype == bool
    assert (first != second).any()
    np.testing.assert_array_equal(make_rbm().fit(X).gibbs(X), first)
    many = np.mean([rbm.gibbs(X[:20]) for _ in range(300)])
    assert many == pytest.approx(rbm.reconstruct(X[:20]).mean(), abs=0.05)


def test_score_samples_is_that_of_scikit_learn(digits):
    V = (digits[0] > 0.5).astype(np.float64)
    rbm = make_rbm(topology="dense", random_state=3).fit(V)
    model = BernoulliRBM(30, n_iter=1, random_state=3).fit(V)
    model.components_ = rbm.components_.toarray().astype(np.float64)
    model.intercept_hidden_ = rbm.intercept_hidden_.astype(np.float64)
    model.intercept_visible_ = rbm.intercept_visible_.astype(np.float64)
    expected = model.score_samples(V)
    np.testing.assert_allclose(rbm.score_samples(V), expected, rtol=1e-6, atol=1e-9)
    assert rbm.score(V) == pytest.approx(expected.mean())


@pytest.mark.parametrize("topology", ["xbm", XBM(2.5, 0.1), XBM(2.0, shortcuts=0.5)])
def test_xbm_connects_the_pixels_that_vary(digits, topology):
    X, _ = digits
    parameters = {"evolution": "static", "n_iter": 1}
    rbm = make_rbm(100, topology=topology, **parameters).fit(X)
    assert rbm.n_connections_ == make_rbm(100, **parameters).fit(X).n_connections_
    varies = X.std(axis=0) > np.median(X.std(axis=0))
    degrees = rbm.visible_degree_
    assert degrees[varies].mean() > 1.2 * degrees[~varies].mean()


def test_fit_without_epochs_knows_the_means(digits):
    X, _ = digits
    rbm = make_rbm(n_iter=0).fit(X)
    assert rbm.n_iter_ == 0 and rbm.reconstruction_error_curve_ == []
    logits = rbm.intercept_visible_
    np.testing.assert_allclose(
        1 / (1 + np.exp(-logits)), np.clip(X.mean(axis=0), 0.01, 0.99), rtol=1e-4
    )
    assert rbm.transform(X).shape == (len(X), 30)
    before = parameters_of(rbm)
    assert parameters_of(rbm.set_params(warm_start=True).fit(X)) == before


def test_a_warm_start_does_not_dream_the_same_again(digits):
    X, _ = digits
    # A step too small to change a weight, so that noise alone tells two fits apart.
    rbm = make_rbm(n_iter=1, warm_start=True, learning_rate=1e-30, batch_size=600)
    rbm.fit(X)
    gradients = [rbm.fit(X)._network.visible.gradient.copy() for _ in range(2)]
    assert not np.array_equal(*gradients)


def test_persistent_chains_go_on_through_partial_fit(digits):
    X, _ = digits
    # A step too small to change a weight: chains depend on nothing but themselves.
    rbm = make_rbm(
        persistent=True, batch_size=300, learning_rate=1e-30, evolution="static"
    )
    for _ in range(2):
        rbm.partial_fit(X)
    network = rbm._network
    twin, updates = machine_of(rbm), ContrastiveDivergence(0, 0, 0, 300, 1, True)
    for update in range(4):
        twin.divergence_gradients(X, network.noise_seed, update, updates)
    work = network._workspace
    dreams = work.activations[len(work.activations) // 2 :]
    rows = columns_side_by_side(dreams, work.stride, slice(None))
    np.testing.assert_array_equal(rows[:, : len(twin.chains)].T, twin.chains)


@pytest.mark.parametrize(
    "change", [{"momentum": 0.0}, {"n_gibbs_steps": 3}, {"persistent": True}]
)
def test_parameters_of_training_matter(digits, change):
    X, _ = digits
    changed = make_rbm(**change).fit(X)
    assert parameters_of(changed) != parameters_of(make_rbm().fit(X))
    assert np.isfinite(changed.transform(X)).all()


def test_data_are_scaled_as_the_error_message_advises(digits):
    X, _ = digits
    model = make_pipeline(MinMaxScaler(clip=True), make_rbm()).fit(X[:300] * 16 - 3)
    assert model.transform(X * 50).shape == (600, 30)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(
    "value, message", [(-0.25, "the minimum is -0.25"), (16, "the maximum is 16")]
)
def test_data_out_of_range(digits, make, value, message):
    X = digits[0].copy()
    good = make_rbm().fit(X)
    X[3, 4] = value
    message = rf"needs X in the range \[0, 1\], but {message}.*MinMaxScaler.*gaussian"
    binary = make_rbm(visible="bernoulli")
    uses = [binary.fit, binary.partial_fit, good.partial_fit]
    uses += [good.gibbs, good.score_samples, good.score, good.log_likelihood]
    for use in uses:
        with pytest.raises(ValueError, match=message):
            use(make(X))
    assert good.transform(make(X) * 0.1).shape == (len(X), good.n_components)


@pytest.mark.parametrize(
    "method, parameters",
    [
        ("sample", {"n_samples": 0}),
        ("sample", {"n_gibbs_steps": -1}),
        ("log_likelihood", {"n_chains": 1}),
        ("log_likelihood", {"n_temperatures": 0}),
    ],
)
def test_argument_out_of_range(digits, method, parameters):
    X, _ = digits
    rbm, (name,) = make_rbm(n_iter=0).fit(X), parameters
    data = (X,) if method == "log_likelihood" else ()
    with pytest.raises(ValueError, match=f"{name} == "):
        getattr(rbm, method)(*data, **parameters)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_divergence_names_the_likely_cause(digits, method):
    # Weight decay by more than the whole weight makes the weights explode.
    rbm = make_rbm(learning_rate=1e6, alpha=1.0)
    with pytest.raises(ValueError, match=r"learning_rate=1000000\.0 is too large"):
        getattr(rbm, method)(digits[0])


def test_without_weight_decay_a_huge_learning_rate_stays_finite(digits):
    X, _ = digits
    rbm = make_rbm(learning_rate=1e6, alpha=0.0).fit(X)
    assert np.isfinite(rbm.components_.data).all()
    assert np.isfinite(rbm.reconstruct(X)).all()


@pytest.mark.parametrize("n_chunks", [2, 3])
def test_chains_of_a_machine_go_on_in_chunks_of_several_sizes(n_chunks):
    kept = SETRBMTransformer(30, batch_size=40, evolution="static", random_state=0)
    sent = clone(kept)
    for n_samples in [300, 20, 300, 17, 64][: n_chunks + 2]:
        X, _ = samples(n_samples)
        kept.partial_fit(X)
        sent = pickle.loads(pickle.dumps(sent.partial_fit(X)))
    np.testing.assert_array_equal(kept.transform(X), sent.transform(X))


@pytest.fixture(scope="module")
def numbers():
    """Real numbers of several scales, some of which go together."""
    rng = np.random.default_rng(0)
    causes = rng.random((400, 3)) < 0.5
    X = causes @ rng.normal(size=(3, 8)) * 2 + rng.normal(size=(400, 8))
    return X * 10.0 ** np.arange(-4, 4) + np.arange(8) * 100


def make_gaussian(n_components=6, **parameters):
    defaults = {"epsilon": 2, "n_iter": 30, "learning_rate": 0.05, "momentum": 0.5}
    return make_rbm(n_components, **(defaults | parameters))


def standardised(rbm, X):
    return (X - rbm.mean_) / rbm.scale_


@pytest.mark.parametrize(
    "low, high, expected",
    [
        (0, 1, "bernoulli"),
        (-1e-8, 1 + 1e-7, "bernoulli"),  # as a scaler may round
        (0, 0, "bernoulli"),
        (0.2, 0.3, "bernoulli"),
        (-1e-8, 1e-8, "gaussian"),
        (-1e-3, 1, "gaussian"),
        (0, 1.001, "gaussian"),
        (0, 255, "gaussian"),
        (-3, 3, "gaussian"),
    ],
)
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_the_kind_of_visible_neurons_follows_the_first_data(low, high, expected, make):
    X = np.random.default_rng(0).uniform(low, high, size=(20, 5))
    X[0, 0], X[1, 1] = low, high
    X = make(X)
    assert make_rbm(5).fit(X).visible_ == expected
    assert make_rbm(5).partial_fit(X).visible_ == expected
    assert make_rbm(5, visible="gaussian").fit(X).visible_ == "gaussian"


def test_data_that_follow_do_not_change_the_kind(digits):
    X, _ = digits
    rbm = make_rbm(visible="gaussian").partial_fit(X).partial_fit(X)
    assert rbm.visible_ == "gaussian"
    with pytest.raises(ValueError, match="visible='bernoulli', but the machine to go"):
        rbm.set_params(visible="bernoulli").partial_fit(X)
    warm = make_rbm(warm_start=True).fit(X)
    with pytest.raises(ValueError, match=r"in the range \[0, 1\]"):
        warm.fit(X * 3)
    with pytest.raises(ValueError, match="visible='gaussian', but the machine to go"):
        warm.set_params(visible="gaussian").fit(X * 3)
    assert warm.visible_ == "bernoulli"


def test_features_are_standardised(numbers):
    rbm = make_gaussian().fit(numbers)
    np.testing.assert_allclose(rbm.mean_, numbers.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(rbm.scale_, numbers.std(axis=0), rtol=1e-12)
    twin, Z = machine_of(rbm), standardised(rbm, numbers)
    H = rbm.transform(numbers)
    np.testing.assert_allclose(H, twin.hidden(Z), rtol=1e-4, atol=1e-6)
    V = rbm.inverse_transform(H)
    np.testing.assert_allclose(standardised(rbm, V), twin.visible(H), atol=1e-5)
    np.testing.assert_array_equal(rbm.reconstruct(numbers), V)
    assert rbm.reconstruction_error_curve_[-1] == pytest.approx(
        np.mean((Z - standardised(rbm, V)) ** 2), rel=1e-4
    )


def test_binary_neurons_are_not_standardised(digits):
    rbm = make_rbm().fit(digits[0])
    assert (rbm.mean_ == 0).all() and (rbm.scale_ == 1).all()


def test_the_units_of_the_features_do_not_matter(numbers):
    # Powers of two: no number is rounded.
    factors = 2.0 ** np.arange(-20, 20, 5)
    first, second = make_gaussian().fit(numbers), make_gaussian().fit(numbers * factors)
    assert parameters_of(first) == parameters_of(second)
    np.testing.assert_array_equal(
        second.transform(numbers * factors), first.transform(numbers)
    )
    np.testing.assert_array_equal(second.sample(5, 10), first.sample(5, 10) * factors)
    for judge in ("score_samples", "log_likelihood"):
        one, two = (
            np.ravel(getattr(rbm, judge)(X)[0])
            if judge == "log_likelihood"
            else getattr(rbm, judge)(X)
            for rbm, X in ((first, numbers), (second, numbers * factors))
        )
        np.testing.assert_allclose(two + np.log(factors).sum(), one, rtol=1e-6)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_numbers_far_from_zero_are_read_as_they_are(numbers, offset):
    X = np.random.default_rng(0).normal(size=(300, 8))
    near, far = make_gaussian().fit(X), make_gaussian().fit(X + offset)
    np.testing.assert_allclose(far.transform(X + offset), near.transform(X), atol=1e-3)


@pytest.mark.parametrize("topology", ["erdos_renyi", "dense", "xbm"])
def test_log_density_equals_enumeration(numbers, topology):
    rbm = make_gaussian(topology=topology).fit(numbers)
    twin, Z = machine_of(rbm), standardised(rbm, numbers)
    density, error = rbm.log_likelihood(numbers, n_chains=200, n_temperatures=1000)
    exact = -twin.free_energy(Z) - twin.log_partition() - np.log(rbm.scale_).sum()
    np.testing.assert_allclose(density, exact, atol=4 * error + 1e-4)
    assert error < 0.05


@pytest.mark.parametrize("topology", ["erdos_renyi", "dense"])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_pseudo_likelihood_is_that_of_all_values_of_one_feature(
    numbers, topology, make
):
    rbm = make_gaussian(topology=topology, learning_rate=0.2).fit(numbers)
    twin, X = machine_of(rbm), numbers[:30]
    Z, values = standardised(rbm, X), np.linspace(-40, 40, 40_001)
    features = np.random.RandomState(0).randint(0, 8, len(X))
    expected = []
    for z, feature in zip(Z, features):
        others = np.tile(z, (len(values), 1))
        others[:, feature] = values
        energies = -twin.free_energy(others)
        whole = naive.logsumexp(energies) + np.log(values[1] - values[0])
        expected.append(-twin.free_energy(z[np.newaxis])[0] - whole)
    expected = 8 * np.array(expected) - np.log(rbm.scale_).sum()
    np.testing.assert_allclose(rbm.score_samples(make(X)), expected, rtol=1e-6)


def test_the_integral_of_a_large_feature_is_done_in_parts(numbers, monkeypatch):
    rbm = make_gaussian(20, topology="dense").fit(numbers)
    whole = rbm.score_samples(numbers)
    monkeypatch.setattr(gaussian_rbm, "_CELLS", 100)
    np.testing.assert_allclose(rbm.score_samples(numbers), whole, rtol=1e-9)


def test_samples_are_distributed_as_the_machine_says(numbers):
    rbm = make_gaussian(learning_rate=0.1).fit(numbers)
    n, twin = 4000, machine_of(rbm)
    Z = standardised(rbm, rbm.sample(n, n_gibbs_steps=100))
    h, logarithms = twin.hidden_states()
    shares = np.exp(logarithms - twin.log_partition())
    means = twin.visible(h)
    mean = shares @ means
    second = np.einsum("s,si,sj->ij", shares, means, means) + np.eye(8)
    covariance = second - np.outer(mean, mean)
    assert abs(covariance - np.diag(np.diag(covariance))).max() > 0.3
    deviation = np.sqrt(np.diag(covariance))
    assert (abs(Z.mean(axis=0) - mean) < 4.5 * deviation / np.sqrt(n)).all()
    error = np.sqrt(2 / n) * np.outer(deviation, deviation)
    assert (abs(np.cov(Z.T) - covariance) < 5 * error).all()
    np.testing.assert_array_equal(rbm.sample(3, 10), rbm.sample(3, 10))


def test_learned_numbers_are_more_likely(numbers):
    likelihoods = []
    for n_iter in (0, "auto"):
        rbm = SETRBMTransformer(30, epsilon=4, n_iter=n_iter, random_state=0)
        density, error = rbm.fit(numbers).log_likelihood(
            numbers, n_chains=50, n_temperatures=1000
        )
        assert error < 0.2
        likelihoods.append(density.mean())
    assert likelihoods[1] > likelihoods[0] + 1


def test_chunks_bring_the_means_and_variances_of_all(numbers):
    whole, parts = make_gaussian().fit(numbers), make_gaussian()
    for chunk in (numbers[:1], numbers[1:150], numbers[150:]):
        parts.partial_fit(chunk)
    np.testing.assert_allclose(parts.mean_, whole.mean_, rtol=1e-9)
    np.testing.assert_allclose(parts.scale_, whole.scale_, rtol=1e-9)
    assert np.isfinite(parts.transform(numbers)).all()


def test_features_that_are_constant_do_no_harm(numbers):
    X = numbers.copy()
    X[:, 3] = 7
    rbm = make_gaussian().fit(X)
    assert rbm.scale_[3] == 1
    assert np.isfinite(rbm.score(X)) and np.isfinite(rbm.transform(X)).all()


def test_the_topology_of_correlations_does_not_depend_on_units(numbers):
    plain, moved, scaled = (
        make_gaussian(8, topology="csti", n_iter=0).fit(X)
        for X in (numbers, numbers + 1e9, numbers * 1e-60)
    )
    for other in (moved, scaled):
        np.testing.assert_array_equal(connected(other), connected(plain))


def test_numbers_too_large_for_a_step_of_sampling_are_refused(numbers):
    rbm = make_gaussian().fit(numbers)
    for large in (1e60, 1e300):
        with pytest.raises(ValueError, match="too large"):
            rbm.gibbs(np.full((1, 8), large))


def test_a_rate_that_is_too_large_is_put_beside_the_automatic_one(numbers):
    with pytest.raises(ValueError, match=r"=5\.0 is too large. 'auto' would be 0\.0"):
        make_gaussian(100, learning_rate=5.0).fit(numbers)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_numbers_that_overflow(numbers):
    with pytest.raises(ValueError, match="squares overflow"):
        make_gaussian().fit(numbers * 1e200)


def test_wide_gaussian_machines_take_smaller_steps_and_more_of_them():
    X = np.random.default_rng(0).normal(size=(60, 4))
    narrow = SETRBMTransformer(4, random_state=0).fit(X)
    assert narrow.n_iter_ == 100
    wide = SETRBMTransformer(256, random_state=0).fit(X)
    assert wide.n_connections_ == 4 * 256
    # 1 / 256 per connection, and ten times the passes at most.
    assert wide.n_iter_ == 1000
    assert wide._effective_rate() == 1 / 256
    binary = SETRBMTransformer(256, random_state=0).fit(X > 0)
    assert binary._effective_rate() == 0.05 and binary.n_iter_ == 100
    given = SETRBMTransformer(256, learning_rate=0.01, random_state=0).fit(X)
    assert given.n_iter_ == 100


def test_a_feature_of_many_connections_does_not_run_away():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 1)) + rng.normal(size=(100, 400))
    mask = rng.random((400, 400)) < 0.03
    mask[0] = True  # as scale-free topologies have them, and rewiring makes them
    rbm = SETRBMTransformer(
        400,
        topology=FromArrays([sparse.csr_array(mask)], weights="random"),
        evolution="static",
        n_iter=20,
        random_state=0,
    )
    curve = rbm.fit(X).reconstruction_error_curve_
    assert rbm.visible_degree_.max() > 5 * rbm.visible_degree_.mean()
    assert curve[-1] < 0.8 * curve[0]
    # It would with a rate that suits the mean.
    with pytest.raises(ValueError, match=r"learning_rate=0\.05 is too large"):
        rbm.set_params(learning_rate=0.05).fit(X)


@pytest.mark.parametrize(
    "n_samples, batch_size, n_iter", [(64, 32, 100), (3200, 32, 30), (6400, 1, 10)]
)
def test_passes_over_the_data_follow_their_number(n_samples, batch_size, n_iter):
    rbm = SETRBMTransformer(2, batch_size=batch_size, random_state=0)
    X = np.random.default_rng(0).random((n_samples, 3))
    assert rbm.fit(X).n_iter_ == n_iter == len(rbm.reconstruction_error_curve_)


@pytest.mark.parametrize(
    "visible, persistent", [("bernoulli", True), ("gaussian", False)]
)
def test_which_chains_go_on_follows_the_visible_neurons(digits, visible, persistent):
    X, _ = digits
    auto, explicit, other = (
        make_rbm(visible=visible, persistent=p).fit(X)
        for p in ("auto", persistent, not persistent)
    )
    assert parameters_of(auto) == parameters_of(explicit) != parameters_of(other)


def test_new_data_on_another_scale_are_noticed(digits):
    X, _ = digits
    with pytest.warns(UserWarning, match="binary visible neurons, for X in .* to 16"):
        make_rbm().fit(X).transform(X * 16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_rbm().fit(X).transform(X * 1.5 - 0.3)
        make_rbm(visible="gaussian").fit(X).transform(X * 16)


def test_gibbs_begins_a_stream_of_its_own_after_each_fit(digits):
    X, _ = digits
    rbm = make_rbm().fit(X)
    first = rbm.gibbs(X)
    rbm.gibbs(X)
    np.testing.assert_array_equal(rbm.fit(X).gibbs(X), first)


def test_sparse_numbers_are_not_made_dense():
    X = sparse.random_array(
        (2000, 20_000), density=1e-3, format="csr", dtype=np.float32, random_state=0
    )
    X.data += 1
    rbm = SETRBMTransformer(
        20, epsilon=1, n_iter=1, batch_size=64, random_state=0, density=0.02
    )
    with Peak() as peak:
        rbm.fit(X)
        rbm.score_samples(X)
        assert peak.bytes() < 0.6 * X.shape[0] * X.shape[1] * 4
    assert rbm.visible_ == "gaussian"
