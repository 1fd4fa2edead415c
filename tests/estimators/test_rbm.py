"""The restricted Boltzmann machine as users meet it."""

import copy
import os
import pickle
import signal
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETRBMTransformer
from sklearn_sparse_nn.networks.batches import columns_side_by_side
from sklearn_sparse_nn.networks.rbm import ContrastiveDivergence
from sklearn_sparse_nn.topology import SET, XBM, Dense, EvolutionRule
from tests import naive

METHODS = (
    "transform",
    "inverse_transform",
    "reconstruct",
    "gibbs",
    "score_samples",
    "score",
    "log_likelihood",
)


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
        "random_state": 0,
    }
    return SETRBMTransformer(n_components, **(defaults | parameters))


def machine_of(rbm):
    """The dense twin of a fitted estimator."""
    intercepts = rbm.intercept_visible_, rbm.intercept_hidden_
    return naive.BoltzmannMachine(rbm.components_.toarray().T, *intercepts)


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


def test_writing_to_an_attribute_does_not_change_the_machine(digits):
    X, _ = digits
    rbm = make_rbm().fit(X)
    before = rbm.reconstruct(X)
    for array in (
        rbm.components_.data,
        rbm.intercept_hidden_,
        rbm.intercept_visible_,
    ):
        array[:] = 0
    np.testing.assert_array_equal(rbm.reconstruct(X), before)


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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_preserved(digits, dtype):
    X = digits[0].astype(dtype)
    rbm = make_rbm().fit(X)
    for result in (rbm.transform(X), rbm.reconstruct(X), rbm.fit_transform(X)):
        assert result.dtype == dtype
    assert rbm.transform((X > 0.5).astype(int)).dtype == np.float64
    assert rbm.transform((X > 0.5).tolist()).dtype == np.float64


SPARSE = [sparse.csr_array, sparse.csr_matrix, sparse.csc_matrix, sparse.coo_array]


@pytest.mark.parametrize("make", SPARSE)
def test_sparse_and_dense_training_data_give_the_same_machine(digits, make):
    X, _ = digits
    rbm = make_rbm().fit(make(X))
    assert parameters_of(rbm) == parameters_of(make_rbm().fit(X))
    assert rbm.intercept_visible_.shape == (64,)


@pytest.mark.parametrize("make", SPARSE)
def test_sparse_and_dense_training_data_give_the_same_complex_network(digits, make):
    X, _ = digits
    start = make_rbm(topology="xbm", n_iter=0)
    dense, other = (connected(start.fit(data)) for data in (X, make(X)))
    np.testing.assert_array_equal(dense, other)


@pytest.mark.parametrize("make", SPARSE)
def test_sparse_and_dense_samples_are_judged_alike(digits, make):
    X, _ = digits
    rbm = make_rbm().fit(X)
    V = (X > 0.5).astype(np.float32)
    few = {"n_chains": 5, "n_temperatures": 20}
    for judge in (
        rbm.transform,
        rbm.reconstruct,
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


def test_set_changes_connections_and_static_does_not(digits):
    X, _ = digits
    start = make_rbm(n_iter=0).fit(X)
    static = make_rbm(evolution="static").fit(X)
    evolved = make_rbm(evolution="set").fit(X)
    np.testing.assert_array_equal(connected(static), connected(start))
    stayed = connected(evolved) & connected(start)
    assert stayed.sum() < 0.8 * start.n_connections_
    assert evolved.n_connections_ == static.n_connections_ == start.n_connections_


@pytest.mark.parametrize("zeta", [0.0, 0.5])
def test_zeta_is_how_much_is_replaced(digits, zeta):
    X, _ = digits
    start = make_rbm(n_iter=0).fit(X)
    once = make_rbm(n_iter=2, zeta=zeta).fit(X)
    replaced = 1 - (connected(once) & connected(start)).sum() / start.n_connections_
    assert replaced == pytest.approx(zeta, abs=0.02)


def test_last_epoch_is_not_followed_by_rewiring(digits):
    X, _ = digits
    np.testing.assert_array_equal(
        connected(make_rbm(n_iter=0).fit(X)), connected(make_rbm(n_iter=1).fit(X))
    )


@pytest.mark.parametrize("topology", ["xbm", XBM(2.5, 0.1), XBM(2.0, shortcuts=0.5)])
def test_xbm_connects_the_pixels_that_vary(digits, topology):
    X, _ = digits
    parameters = {"evolution": "static", "n_iter": 1}
    rbm = make_rbm(100, topology=topology, **parameters).fit(X)
    assert rbm.n_connections_ == make_rbm(100, **parameters).fit(X).n_connections_
    varies = X.std(axis=0) > np.median(X.std(axis=0))
    degrees = rbm.visible_degree_
    assert degrees[varies].mean() > 1.2 * degrees[~varies].mean()


def test_dense_topology_connects_everything(digits):
    rbm = make_rbm(topology=Dense(), n_iter=2).fit(digits[0])
    assert rbm.density_ == 1 and rbm.n_connections_ == 30 * 64


class Diary(EvolutionRule):
    """Prunes nothing and keeps state, as a rule may."""

    def __init__(self):
        self.epochs = []

    def is_due(self, clock):
        self.epochs.append((clock.epoch, clock.max_epochs, clock.n_updates))
        return True


def test_a_rule_is_copied_for_each_fit(digits):
    X, _ = digits
    rule = Diary()
    rbm = make_rbm(evolution=rule, batch_size=100).fit(X)
    assert rule.epochs == []
    assert rbm._rule.epochs == [(1, 3, 6), (2, 3, 12)]
    assert rbm.fit(X)._rule.epochs == [(1, 3, 6), (2, 3, 12)]


def test_rules_may_ask_for_the_gradient(digits):
    class Greedy(EvolutionRule):
        """Grows where the gradient of the dense layer is largest."""

        def prune(self, layer):
            return np.arange(layer.n_connections) % 10 == 0

        def grow(self, layer, n_pruned):
            gradient = np.abs(layer.gradient(np.arange(layer.n_neurons))).ravel()
            gradient[layer.cells] = 0
            return np.sort(np.argsort(gradient)[-n_pruned:])

    X, _ = digits
    start, rbm = make_rbm(n_iter=0).fit(X), make_rbm(evolution=Greedy()).fit(X)
    assert rbm.n_connections_ == start.n_connections_
    assert (connected(rbm) != connected(start)).any()


def test_fit_without_epochs_knows_the_means(digits):
    X, _ = digits
    rbm = make_rbm(n_iter=0).fit(X)
    assert rbm.n_iter_ == 0 and rbm.reconstruction_error_curve_ == []
    logits = rbm.intercept_visible_
    np.testing.assert_allclose(
        1 / (1 + np.exp(-logits)), np.clip(X.mean(axis=0), 0.01, 0.99), rtol=1e-4
    )
    assert rbm.transform(X).shape == (len(X), 30)


def test_warm_start_goes_on(digits):
    X, _ = digits
    rbm = make_rbm(warm_start=True).fit(X)
    before = parameters_of(rbm)
    assert before == parameters_of(make_rbm().fit(X))
    rbm.set_params(n_iter=0).fit(X)
    assert parameters_of(rbm) == before
    rbm.set_params(n_iter=12).fit(X)
    curve = rbm.reconstruction_error_curve_
    assert len(curve) == 15 and rbm.n_iter_ == 12
    assert curve[-1] < 0.8 * curve[2]
    rbm.set_params(warm_start=False, n_iter=3).fit(X)
    assert parameters_of(rbm) == before
    assert rbm.reconstruction_error_curve_ == curve[:3]


def test_a_warm_start_does_not_dream_the_same_again(digits):
    X, _ = digits
    # A step too small to change a weight, so that noise alone tells two fits apart.
    rbm = make_rbm(n_iter=1, warm_start=True, learning_rate=1e-30, batch_size=600)
    rbm.fit(X)
    gradients = [rbm.fit(X)._network.visible.gradient.copy() for _ in range(2)]
    assert not np.array_equal(*gradients)


def test_fit_frees_its_buffers(digits):
    X, _ = digits
    network = make_rbm().fit(X)._network
    assert not any(name in vars(network) for name in ("_workspace", "_last_batch"))


def test_partial_fit_goes_on(digits):
    X, _ = digits
    rbm = make_rbm(evolution=SET(min_updates=30))
    for epoch in range(15):
        assert rbm.partial_fit(X) is rbm
        assert rbm.n_iter_ == len(rbm.reconstruction_error_curve_) == epoch + 1
    curve = rbm.reconstruction_error_curve_
    assert curve[-1] < 0.8 * curve[0]
    start = make_rbm(n_iter=0).fit(X)
    assert (connected(rbm) != connected(start)).any()
    assert rbm.n_connections_ == start.n_connections_


def test_partial_fit_rewires_after_updates_not_after_calls(digits):
    X, _ = digits
    rbm = make_rbm(evolution=SET(min_updates=5), batch_size=20)
    rbm.partial_fit(X[:20])
    start = rbm.components_.indices.copy()
    for chunk in range(1, 5):
        rbm.partial_fit(X[20 * chunk : 20 * chunk + 20])
        np.testing.assert_array_equal(rbm.components_.indices, start)
    rbm.partial_fit(X[:20])
    assert (rbm.components_.indices != start).any()


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


@pytest.mark.parametrize("persistent", [False, True])
def test_same_bits_for_any_n_jobs(digits, persistent):
    X = np.tile(digits[0], (3, 1))  # enough for transform to take two threads
    one, two = (
        make_rbm(batch_size=64, n_jobs=n_jobs, persistent=persistent).fit(X)
        for n_jobs in (1, 2)
    )
    assert parameters_of(one) == parameters_of(two)
    assert one.reconstruction_error_curve_ == two.reconstruction_error_curve_
    np.testing.assert_array_equal(one.transform(X), two.transform(X))


def test_random_state_decides(digits):
    X, _ = digits
    first = parameters_of(make_rbm().fit(X))
    assert first == parameters_of(make_rbm().fit(X))
    assert first != parameters_of(make_rbm(random_state=1).fit(X))
    stream = np.random.RandomState(0)
    drawn = [parameters_of(make_rbm(random_state=stream).fit(X)) for _ in "ab"]
    assert drawn[0] == first != drawn[1]


def test_more_alpha_makes_smaller_weights(digits):
    X, _ = digits
    norms = [
        (make_rbm(alpha=alpha, n_iter=10).fit(X).components_.data ** 2).sum()
        for alpha in (0, 0.1)
    ]
    assert norms[1] < norms[0] / 2


@pytest.mark.parametrize(
    "change", [{"momentum": 0.0}, {"n_gibbs_steps": 3}, {"persistent": True}]
)
def test_parameters_of_training_matter(digits, change):
    X, _ = digits
    changed = make_rbm(**change).fit(X)
    assert parameters_of(changed) != parameters_of(make_rbm().fit(X))
    assert np.isfinite(changed.transform(X)).all()


@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (7, 2)])
@pytest.mark.parametrize("batch_size", [1, 1000])
def test_small_data(shape, batch_size):
    X = np.random.default_rng(0).random(shape)
    rbm = make_rbm(1, batch_size=batch_size, persistent=True).fit(X)
    assert rbm.transform(X).shape == (len(X), 1)
    assert np.isfinite(rbm.partial_fit(X).reconstruct(X)).all()


def test_frames_keep_their_names(digits):
    X, _ = digits
    frame = pd.DataFrame(X, columns=[f"pixel{i}" for i in range(64)])
    rbm = make_rbm().fit(frame)
    assert list(rbm.feature_names_in_) == list(frame.columns)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(
            rbm.transform(frame), make_rbm().fit(X).transform(X)
        )
        rbm.score_samples(frame)
        rbm.gibbs(frame)
        rbm.log_likelihood(frame, n_chains=2, n_temperatures=5)
        rbm.sample(2, n_gibbs_steps=3)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        rbm.transform(X)


def test_set_output_makes_frames_of_hidden_neurons_only(digits):
    X, _ = digits
    frame = pd.DataFrame(X, columns=[f"pixel{i}" for i in range(64)])
    plain = make_rbm().fit(frame)
    rbm = make_rbm().set_output(transform="pandas")
    hidden = rbm.fit_transform(frame)
    assert list(hidden.columns) == list(rbm.get_feature_names_out())
    np.testing.assert_array_equal(hidden, plain.transform(frame))
    np.testing.assert_array_equal(rbm.reconstruct(frame), plain.reconstruct(frame))
    np.testing.assert_array_equal(rbm.gibbs(frame), plain.gibbs(frame))
    np.testing.assert_array_equal(rbm.sample(2, 5), plain.sample(2, 5))


def test_grid_search_in_a_pipeline(digits):
    X, y = digits
    rbm, classifier = make_rbm(n_iter=10), LogisticRegression(max_iter=300)
    steps = [("rbm", rbm), ("classifier", classifier)]
    grid = {"rbm__zeta": [0.1, 0.3], "rbm__epsilon": [2, 8]}
    search = GridSearchCV(Pipeline(steps), grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_score_ > 0.6


def test_data_are_scaled_as_the_error_message_advises(digits):
    X, _ = digits
    model = make_pipeline(MinMaxScaler(clip=True), make_rbm()).fit(X[:300] * 16 - 3)
    assert model.transform(X * 50).shape == (600, 30)


def test_scoring_monitor_sees_each_epoch(digits):
    X, y = digits
    monitor = ScoringMonitor(scoring={"score": lambda rbm, X, y: rbm.score(X)})
    rbm = make_rbm(n_iter=4).set_callbacks(monitor).fit(X, y)
    logged = monitor.get_logs().data_as_pandas["score"].to_numpy()
    assert len(logged) == 5  # four epochs and the fit
    assert logged[-1] == pytest.approx(rbm.score(X))


def test_progress_bar(digits, capsys):
    pytest.importorskip("rich")
    make_rbm().set_callbacks(ProgressBar()).fit(digits[0])
    assert "SETRBMTransformer - fit" in capsys.readouterr().out


class StopAtEpoch:
    """A callback that stops training and keeps what it was given."""

    def __init__(self, last):
        self.last, self.kept = last, []

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.kept.append(fitted_estimator)
            return context.task_id + 1 == self.last


def test_callback_can_stop_and_keeps_snapshots(digits):
    X, _ = digits
    callback = StopAtEpoch(last=3)
    rbm = make_rbm(n_iter=50).set_callbacks(callback).fit(X)
    assert rbm.n_iter_ == 3 == len(callback.kept)
    first = make_rbm(n_iter=1).fit(X)
    for method in (SETRBMTransformer.transform, SETRBMTransformer.reconstruct):
        np.testing.assert_array_equal(method(callback.kept[0], X), method(first, X))


def test_verbose_prints_each_epoch(digits, capsys):
    make_rbm(n_iter=2, verbose=1).fit(digits[0])
    printed = capsys.readouterr().out
    assert printed.count("Iteration") == printed.count("reconstruction error") == 2
    make_rbm(n_iter=2).fit(digits[0])
    assert capsys.readouterr().out == ""


def test_pickle_joblib_and_clone(digits, tmp_path):
    X, _ = digits
    rbm = make_rbm(n_jobs=2, persistent=True).fit(X)
    joblib.dump(rbm, tmp_path / "model.joblib")
    for other in (
        pickle.loads(pickle.dumps(rbm)),
        joblib.load(tmp_path / "model.joblib"),
        clone(rbm).fit(X),
    ):
        np.testing.assert_array_equal(other.transform(X), rbm.transform(X))
        np.testing.assert_array_equal(other.reconstruct(X), rbm.reconstruct(X))
    assert len(pickle.loads(pickle.dumps(rbm)).partial_fit(X).components_.data)


def test_views_and_memory_maps_are_read_where_they_lie(digits, tmp_path):
    X, _ = digits
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = parameters_of(make_rbm().fit(X))
    for view in (mapped, np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2]):
        assert parameters_of(make_rbm().fit(view)) == expected


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(
    "value, message", [(-0.25, "the minimum is -0.25"), (16, "the maximum is 16")]
)
def test_data_out_of_range(digits, make, value, message):
    X = digits[0].copy()
    good = make_rbm().fit(X)
    X[3, 4] = value
    message = rf"needs X in the range \[0, 1\], but {message}.*MinMaxScaler"
    uses = [make_rbm().fit, make_rbm().partial_fit, good.partial_fit]
    uses += [good.gibbs, good.score_samples, good.score, good.log_likelihood]
    for use in uses:
        with pytest.raises(ValueError, match=message):
            use(make(X))
    assert good.transform(make(X)).shape == (len(X), good.n_components)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_data(digits, value):
    X = digits[0].copy()
    good = make_rbm().fit(X)
    X[3, 4] = value
    message = "contains NaN" if np.isnan(value) else "contains infinity"
    for use in (make_rbm().fit, good.partial_fit, good.transform, good.score_samples):
        with pytest.raises(ValueError, match=message):
            use(X)


def test_wrong_number_of_features(digits):
    X, _ = digits
    rbm = make_rbm().fit(X)
    uses = (rbm.transform, rbm.partial_fit, rbm.score_samples, rbm.gibbs)
    for use in (*uses, rbm.reconstruct, rbm.log_likelihood):
        with pytest.raises(ValueError, match="X has 63 features, but SETRBMTransf"):
            use(X[:, 1:])
    with pytest.raises(ValueError, match=r"X has 64 features, but .* 30 hidden n"):
        rbm.inverse_transform(X)


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_components": 0},
        {"n_components": 2.5},
        {"epsilon": 0},
        {"zeta": 1.1},
        {"evolution": "rigl"},
        {"evolution": object()},
        {"topology": "small_world"},
        {"topology": object()},
        {"learning_rate": 0},
        {"momentum": 1.5},
        {"alpha": -1},
        {"batch_size": 0},
        {"n_iter": -1},
        {"n_gibbs_steps": 0},
        {"persistent": "yes"},
        {"warm_start": "yes"},
        {"n_jobs": 1.5},
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_parameter_out_of_range(digits, parameters, method):
    (name,) = parameters
    with pytest.raises(
        InvalidParameterError, match=f"The '{name}' parameter of SETRBM"
    ):
        getattr(SETRBMTransformer(**parameters), method)(digits[0])


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


@pytest.mark.parametrize("method", METHODS)
def test_unfitted(digits, method):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        getattr(SETRBMTransformer(), method)(digits[0])


def test_unfitted_has_no_fitted_attributes():
    for use in ("sample", "get_feature_names_out"):
        with pytest.raises(NotFittedError):
            getattr(SETRBMTransformer(), use)()
    for name in ("components_", "intercept_visible_", "visible_degree_"):
        assert not hasattr(SETRBMTransformer(), name)


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


def _interrupt_after(seconds):
    timer = threading.Timer(seconds, signal.raise_signal, [signal.SIGINT])
    timer.start()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_interrupt_leaves_a_usable_estimator(digits, n_jobs):
    X, _ = digits
    make_rbm(n_iter=1).fit(X)  # compiled before the clock starts
    rbm = make_rbm(500, n_iter=10**6, batch_size=64, n_jobs=n_jobs)
    _interrupt_after(1.5)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        rbm.fit(X)
    assert 0 < rbm.n_iter_ < 10**6
    error = np.mean((X - rbm.reconstruct(X)) ** 2)
    assert error < 1.1 * rbm.reconstruction_error_curve_[0]
    rbm.partial_fit(X)
    assert np.isfinite(rbm.transform(X)).all()


def test_fits_and_transforms_in_several_threads(digits):
    X, _ = digits
    rbm = make_rbm(n_jobs=2).fit(X)
    expected = rbm.transform(X)

    def work(_):
        other = make_rbm(n_jobs=2).fit(X)
        np.testing.assert_array_equal(other.transform(X), expected)
        np.testing.assert_array_equal(rbm.transform(X), expected)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forked_child_can_fit_and_transform(digits):
    X, _ = digits
    rbm = make_rbm(n_jobs=2).fit(X)
    expected = rbm.transform(X)
    child = os.fork()
    if child == 0:
        again = make_rbm(n_jobs=2).fit(X)
        os._exit(0 if np.array_equal(again.transform(X), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0
