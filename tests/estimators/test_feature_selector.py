"""The supervised selector as users meet it."""

import pickle
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier, SETFeatureSelector, SETRegressor
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.estimators import _feature_selector
from sklearn_sparse_nn.estimators._feature_selector import IMPORTANCES
from sklearn_sparse_nn.evolution import NeuroFS

N_TRUE = 6
WAYS = list(product(IMPORTANCES, [False, True]))


@pytest.fixture(scope="module")
def data():
    """Six features of eighty decide about the class; two more are constant."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 82))
    X[:, [40, 41]] = 0, 7
    y = X[:, :N_TRUE] @ [1, -1, 1, -1, 1, -1] > 0
    return X.astype(np.float32), y.astype(int)


def make_selector(n_features_to_select=N_TRUE, **parameters):
    defaults = {
        "hidden_layer_sizes": (30,),
        "epsilon": 5,
        "max_iter": 4,
        "stability_selection": 2,
        "random_state": 0,
    }
    return SETFeatureSelector(n_features_to_select, **(defaults | parameters))


def results_of(selector):
    names = "importances_", "strength_", "ranking_", "support_"
    return [getattr(selector, name).tobytes() for name in names]


def precision(selector):
    return selector.get_support()[:N_TRUE].mean()


@pytest.mark.parametrize("importance, over_training", WAYS)
def test_attributes_belong_together(data, importance, over_training):
    X, y = data
    selector = make_selector(importance=importance, over_training=over_training)
    selector.fit(X, y)
    assert sorted(selector.ranking_) == list(range(1, 83))
    assert selector.n_features_to_select_ == selector.support_.sum() == N_TRUE
    np.testing.assert_array_equal(selector.support_, selector.ranking_ <= N_TRUE)
    np.testing.assert_array_equal(selector.transform(X), X[:, selector.support_])
    assert selector.importances_.dtype == np.float64
    assert selector.importances_.sum() == pytest.approx(1)
    np.testing.assert_array_equal(
        np.argsort(selector.ranking_[:40]), np.argsort(-selector.importances_[:40])
    )
    assert selector.task_ == "classification" and selector.n_iter_ == 4


@pytest.mark.parametrize("importance, over_training", WAYS)
@pytest.mark.parametrize("random_state", range(3))
def test_what_decides_is_found(data, importance, over_training, random_state):
    X, y = data
    parameters = {"importance": importance, "over_training": over_training}
    parameters |= {"max_iter": 50, "epsilon": 10, "hidden_layer_sizes": (60,)}
    parameters["random_state"] = random_state
    # What training begins with is noise, and counts too.
    least = 0.8 if over_training else 1
    assert precision(make_selector(**parameters).fit(X, y)) >= least
    numbers = X[:, :N_TRUE].astype(float) @ [1, -1, 1, -1, 1, -1] * 1e6 + 1e9
    selector = make_selector(**parameters).fit(X, numbers)
    assert selector.task_ == "regression" and precision(selector) >= least


def test_what_tells_nothing_alone_is_found():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 12))
    y = X[:, 0] * X[:, 1] > 0
    selector = make_selector(
        2, hidden_layer_sizes=(100,), alpha=0.01, epsilon=20, max_iter=60
    )
    assert selector.fit(X, y).get_support(indices=True).tolist() == [0, 1]


@pytest.mark.parametrize("importance, over_training", WAYS)
@pytest.mark.parametrize("evolution", ["set", "neurofs"])
@pytest.mark.parametrize("standardize", [True, False])
def test_constant_features_are_last(
    data, importance, over_training, evolution, standardize
):
    selector = make_selector(
        importance=importance,
        over_training=over_training,
        evolution=evolution,
        standardize=standardize,
    ).fit(*data)
    assert sorted(selector.ranking_[[40, 41]]) == [81, 82]
    assert (selector.importances_[[40, 41]] == 0).all()


def test_the_number_may_change_after_fit(data):
    X, y = data
    selector = make_selector().fit(X, y)
    ranking = selector.ranking_.copy()
    for wanted, number in ((1, 1), (9, 9), (0.5, 41), (1000, 82), (1.0, 82)):
        selector.set_params(n_features_to_select=wanted)
        assert selector.n_features_to_select_ == number
        assert selector.transform(X).shape == (200, number)
        fresh = make_selector(wanted).fit(X, y)
        np.testing.assert_array_equal(fresh.support_, selector.support_)
    assert 1 <= selector.set_params(n_features_to_select="auto").support_.sum() < 82
    np.testing.assert_array_equal(selector.ranking_, ranking)
    with pytest.raises(InvalidParameterError, match="'n_features_to_select' parameter"):
        selector.set_params(n_features_to_select=0).transform(X)


def test_an_unfitted_selector_says_so(data):
    selector = make_selector()
    for ask in (selector.get_support, lambda: selector.transform(data[0])):
        with pytest.raises(NotFittedError):
            ask()
    assert not hasattr(selector, "support_") and not hasattr(selector, "estimator_")


@pytest.mark.parametrize("evolution", ["set", "neurofs"])
@pytest.mark.parametrize("over_training", [False, True])
def test_the_same_bits_for_any_n_jobs_sparse_or_dense(data, evolution, over_training):
    X, y = data
    parameters = {"evolution": evolution, "over_training": over_training}
    expected = results_of(make_selector(**parameters).fit(X, y))
    for n_jobs, make in product((1, 2), (np.asarray, sparse.csr_array)):
        selector = make_selector(**parameters, n_jobs=n_jobs).fit(make(X), y)
        assert results_of(selector) == expected
        assert results_of(pickle.loads(pickle.dumps(selector))) == expected
    assert results_of(make_selector(**parameters, random_state=1).fit(X, y)) != expected


def test_neither_scale_nor_shift_matters(data):
    X, y = data
    expected = make_selector().fit(X, y).importances_
    other = X.astype(float) * np.logspace(-6, 6, 82) + 1e9 * np.logspace(-6, 6, 82)
    found = make_selector().fit(other, y).importances_
    np.testing.assert_allclose(found, expected, rtol=0.05, atol=1e-3)


@pytest.mark.parametrize(
    "y, task",
    [
        ([0, 1], "classification"),
        (["a", "b"], "classification"),
        ([0.0, 1.0], "classification"),
        ([1, 2, 3], "classification"),
        ([0.5, 1.0], "regression"),
        ([[0.5, 1.0], [2.0, 3.0]], "regression"),
        ([[0, 1], [1, 1]], "classification"),
    ],
)
def test_tasks_are_told_by_the_target(y, task):
    X = np.random.default_rng(0).normal(size=(60, 5))
    y = np.repeat(np.array(y), 60 // len(y), axis=0)
    selector = make_selector(2).fit(X, y)
    kinds = {"classification": SETClassifier, "regression": SETRegressor}
    assert selector.task_ == task and isinstance(selector.estimator_, kinds[task])


def test_counts_may_be_numbers_and_codes_may_not(data):
    X, _ = data
    counts = np.arange(200) % 5
    assert make_selector().fit(X, counts).task_ == "classification"
    assert make_selector(task="regression").fit(X, counts).task_ == "regression"
    pairs = np.column_stack([counts, counts + 1])
    with pytest.raises(ValueError, match="task='regression' if it is numbers"):
        make_selector().fit(X, pairs)
    assert make_selector(task="regression").fit(X, pairs).estimator_.n_outputs_ == 2
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        make_selector(task="classification").fit(X, counts + 0.5)
    with pytest.raises(ValueError, match="requires y to be passed"):
        make_selector().fit(X, None)


def test_samples_that_weigh_nothing_are_not_there(data):
    X, y = data
    X, y = np.vstack([X, 100 + X[:50]]), np.append(y, 1 - y[:50])
    weights = np.where(np.arange(250) < 200, 0.7, 0)
    plain = make_selector().fit(*data)
    assert results_of(make_selector().fit(X, y, sample_weight=weights)) != results_of(
        make_selector().fit(X, y)
    )
    np.testing.assert_allclose(
        make_selector().fit(X, y, sample_weight=weights).importances_,
        plain.importances_,
        rtol=1e-4,
    )


def test_several_networks_are_averaged(data):
    both = make_selector().fit(*data)
    shares = []
    rng = np.random.default_rng(0)
    for network in both._networks:
        measure = IMPORTANCES[both.importance]
        values = measure(network._network, data[0], np.zeros(0), rng, 2**13)
        values[[40, 41]] = 0
        shares.append(values / values.sum())
    assert (shares[0] != shares[1]).any()
    np.testing.assert_allclose(both.importances_, np.mean(shares, axis=0), rtol=1e-6)


@pytest.mark.parametrize("importance", IMPORTANCES)
def test_importances_over_training_are_summed_over_epochs(
    monkeypatch, data, importance
):
    seen, measure = [], IMPORTANCES[importance]

    def watched(*task):
        seen.append(measure(*task))
        return seen[-1]

    monkeypatch.setitem(_feature_selector.IMPORTANCES, importance, watched)
    selector = make_selector(
        importance=importance, over_training=True, stability_selection=1, max_iter=10
    ).fit(*data)
    assert len(seen) == 3  # after epochs 1, 5 and 9
    total = np.sum(seen, axis=0)
    total[[40, 41]] = 0
    np.testing.assert_allclose(selector.importances_, total / total.sum(), rtol=1e-6)


def test_the_learning_rate_falls_to_zero(monkeypatch, data):
    rates, train = [], SETClassifier._train_epoch

    def watched(self, *task):
        rates.append(self._rate)
        return train(self, *task)

    monkeypatch.setattr(SETClassifier, "_train_epoch", watched)
    make_selector(stability_selection=1).fit(*data)
    np.testing.assert_allclose(rates, 0.003 * np.array([1, 0.75, 0.5, 0.25]))


@pytest.mark.parametrize(
    "n_samples, size", [(20, 20), (50, 32), (1600, 32), (5000, 100), (30_000, 200)]
)
def test_mini_batches_are_a_share_of_the_samples(n_samples, size):
    X = sparse.csr_array((n_samples, 2), dtype=np.float32)
    assert make_selector()._network_parameters(X)["batch_size"] == size
    chosen = make_selector(batch_size=25)._network_parameters(X)
    assert chosen["batch_size"] == min(25, n_samples)


def test_neurofs_leaves_as_many_inputs_as_are_selected(data):
    selector = make_selector(evolution="neurofs", stability_selection=1, max_iter=30)
    selector.fit(*data)
    connected = np.flatnonzero(selector.strength_)
    np.testing.assert_array_equal(connected, selector.get_support(indices=True))
    assert selector.estimator_._rule.n_features == N_TRUE
    other = make_selector(evolution=NeuroFS(3), stability_selection=1, max_iter=30)
    assert np.count_nonzero(other.fit(*data).strength_) == 3
    with pytest.raises(ValueError, match="Pass n_features_to_select as a number"):
        make_selector("auto", evolution="neurofs").fit(*data)


def test_diversity_passes_over_copies(data):
    X, y = data
    X = np.hstack([X, X[:, :N_TRUE]])
    plain, diverse = (
        make_selector(diversity=d, max_iter=40).fit(X, y) for d in (0.0, 1.0)
    )
    assert len(set(diverse.get_support(indices=True) % 82)) == N_TRUE
    assert len(set(plain.get_support(indices=True) % 82)) < N_TRUE


def test_groups_are_of_correlated_features(data):
    X, y = data
    X = np.hstack([X, X[:, :3] + 0.5 * np.random.default_rng(1).normal(size=(200, 3))])
    selector = make_selector(diversity=0.5).fit(X, y)
    groups = selector.feature_groups_
    for feature in range(3):
        assert groups[feature] == groups[82 + feature] != groups[3]
    default = make_selector().fit(X, y)
    assert results_of(default) == results_of(selector)
    for parameters in (
        {"group_correlation": 0.95},
        {"diversity": 0.0},
        {"importance": "strength"},
        {"over_training": True},
        {"evolution": "neurofs"},
        {"evolution": NeuroFS(N_TRUE)},
    ):
        other = make_selector(**parameters).fit(X, y)
        np.testing.assert_array_equal(other.feature_groups_, np.arange(85))


def test_memory_trains_once_for_what_is_asked_afterwards(data, monkeypatch, tmp_path):
    fits, fit = [], SETClassifier.fit

    def counted(self, X, y, sample_weight=None):
        fits.append(X.shape)
        return fit(self, X, y, sample_weight=sample_weight)

    monkeypatch.setattr(SETClassifier, "fit", counted)
    plain = make_selector(importance="strength", diversity=0.5).fit(*data)
    fits.clear()
    for parameters in ({}, {"importance": "strength", "diversity": 0.5}):
        selector = make_selector(10, memory=str(tmp_path), **parameters).fit(*data)
    assert results_of(selector)[:3] == results_of(plain)[:3]
    assert len(fits) == 2
    make_selector(memory=str(tmp_path)).fit(*data, sample_weight=np.arange(200))
    make_selector(memory=str(tmp_path), over_training=True).fit(*data)
    make_selector(memory=str(tmp_path), evolution="neurofs").fit(*data)
    make_selector(10, memory=str(tmp_path), evolution="neurofs").fit(*data)
    assert len(fits) == 10


def test_what_an_interrupt_left_goes_on(data, monkeypatch):
    X, y = data
    train = SETClassifier._train_epoch

    def interrupted(self, *task):
        if self.n_iter_ == 2:
            raise KeyboardInterrupt
        return train(self, *task)

    selector = make_selector()
    with monkeypatch.context() as patch:
        patch.setattr(SETClassifier, "_train_epoch", interrupted)
        with pytest.warns(UserWarning, match="interrupted"):
            selector.fit(X, y)
    assert len(selector._networks) == 1
    assert selector.partial_fit(X, y).n_iter_ == 3 and len(selector._networks) == 1


def test_partial_fit_in_chunks(data):
    X, y = data
    selector = make_selector()
    for _ in range(30):
        for rows in np.split(np.arange(200), 4):
            selector.partial_fit(X[rows], y[rows], classes=[0, 1])
    assert precision(selector) == 1 and selector.n_iter_ == 120
    network = selector.estimator_._network
    np.testing.assert_allclose(network.shifts, X.mean(axis=0), rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="stability_selection=3, but"):
        selector.set_params(stability_selection=3).partial_fit(X, y)


def test_a_chunk_may_lack_classes_that_were_named(data):
    X, y = data
    selector = make_selector().partial_fit(X, y, classes=[0, 1, 2])
    assert selector.estimator_.classes_.tolist() == [0, 1, 2]
    selector = make_selector().partial_fit(X, y)
    with pytest.raises(ValueError, match="classes not in"):
        selector.partial_fit(X, y + 1)


@settings(max_examples=25)
@given(data=st.data())
def test_data_of_any_shape(data):
    n_samples, n_features = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 8))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, n_features))
    X[:, data.draw(st.integers(0, n_features - 1))] = data.draw(st.floats(-1e6, 1e6))
    selector = make_selector(
        data.draw(st.sampled_from([1, 3, 0.4])),
        hidden_layer_sizes=data.draw(st.sampled_from([(1,), 5, (4, 3), ()])),
        importance=data.draw(st.sampled_from(list(IMPORTANCES))),
        over_training=data.draw(st.booleans()),
        evolution=data.draw(st.sampled_from(["set", "neurofs"])),
        diversity=data.draw(st.sampled_from([0.0, 0.5])),
        task=data.draw(st.sampled_from(["classification", "regression"])),
        max_iter=3,
    )
    y = rng.integers(3, size=n_samples)
    make = data.draw(st.sampled_from([np.asarray, sparse.csr_array]))
    selector.fit(make(X), y)
    assert np.isfinite(selector.importances_).all()
    assert sorted(selector.ranking_) == list(range(1, n_features + 1))
    varies = X.std(axis=0) > 1e-12
    assert selector.ranking_[varies].max(initial=0) <= varies.sum()


def test_grid_search_in_a_pipeline(data):
    model = make_pipeline(make_selector(max_iter=20), LogisticRegression())
    grid = {"setfeatureselector__n_features_to_select": [1, N_TRUE]}
    search = GridSearchCV(model, grid, cv=3).fit(*data)
    assert search.best_params_ == {"setfeatureselector__n_features_to_select": N_TRUE}


def test_the_network_predicts_from_raw_features(data):
    X, y = data
    network = make_selector(max_iter=40).fit(5 + 3 * X, y).estimator_
    assert network.score(5 + 3 * X, y) > 0.9
    with ThreadTeam(1) as team:
        outputs = network._network.decision(5 + 3 * X, np.arange(200), team)
    np.testing.assert_array_equal(network.predict(5 + 3 * X), outputs[:, 0] > 0)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_divergence_names_the_likely_cause(data):
    X, y = data
    wild = {"solver": "sgd", "learning_rate_init": 1e6, "alpha": 0.0}
    with pytest.raises(ValueError, match=r"epoch \d+\. learning_rate_init=1000000"):
        make_selector(**wild, task="regression").fit(X, y)
    with pytest.raises(ValueError, match="scaled: standardize=True does it"):
        make_selector(**wild, task="regression", standardize=False).fit(X, y)
