"""The selector as users meet it."""

import pickle
import signal
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from sklearn_sparse_nn import QuickSelectionSelector, SETAutoencoder
from sklearn_sparse_nn.evolution import SET
from sklearn_sparse_nn.networks.importance import IMPORTANCES, knee
from sklearn_sparse_nn.topology import Dense

N_INFORMATIVE = 12


@pytest.fixture(scope="module")
def digits():
    """Images of 64 pixels from 0 to 16, float32, and their digits."""
    X, y = load_digits(return_X_y=True)
    return X[:500].astype(np.float32), y[:500]


@pytest.fixture(scope="module")
def groups():
    """Twelve features that three factors make, then 28 of noise, then 2 constants."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(400, 3))
    together = np.repeat(factors, N_INFORMATIVE // 3, axis=1)
    together += 0.3 * rng.normal(size=together.shape)
    noise = rng.normal(size=(400, 28))
    X = np.hstack([together, noise, np.full((400, 2), 7)])
    return X.astype(np.float32)


def make_selector(n_features_to_select=10, **parameters):
    defaults = {
        "hidden_layer_sizes": (30,),
        "epsilon": 4,
        "max_iter": 4,
        "random_state": 0,
        "stability_selection": 1,
    }
    return QuickSelectionSelector(n_features_to_select, **(defaults | parameters))


def results_of(selector):
    names = "importances_", "strength_", "ranking_", "support_"
    return [getattr(selector, name).tobytes() for name in names]


def informative(selector):
    """How many of the selected features belong to a group."""
    return selector.get_support()[:N_INFORMATIVE].sum()


@pytest.mark.parametrize("importance", IMPORTANCES)
def test_attributes_belong_together(digits, importance):
    X, _ = digits
    selector = make_selector(importance=importance).fit(X)
    assert selector.n_features_to_select_ == selector.support_.sum() == 10
    assert selector.support_.dtype == bool and selector.support_.shape == (64,)
    assert sorted(selector.ranking_) == list(range(1, 65))
    np.testing.assert_array_equal(selector.support_, selector.ranking_ <= 10)
    np.testing.assert_array_equal(selector.get_support(), selector.support_)
    np.testing.assert_array_equal(
        selector.get_support(indices=True), np.flatnonzero(selector.support_)
    )
    for values in (selector.importances_, selector.strength_):
        assert values.shape == (64,) and values.dtype == np.float64
        assert np.isfinite(values).all() and (values >= 0).all()
    # The first choice has no rival yet.
    most_important = np.argmax(selector.importances_)
    assert selector.ranking_[selector.feature_groups_[most_important]] == 1
    assert selector.n_features_in_ == 64 and selector.n_iter_ == 4
    assert not hasattr(selector, "strength_history_")


def test_the_network_is_an_autoencoder_with_the_parameters_given(digits):
    X, _ = digits
    selector = make_selector(
        zeta=0.4, activation="relu", noise="masking", standardize=False, dropout=0.0
    ).fit(X / 16)
    autoencoder = selector.autoencoder_
    assert type(autoencoder) is SETAutoencoder
    assert autoencoder.coefs_[0].shape == (64, 30) and autoencoder.n_iter_ == 4
    for name in ("zeta", "activation", "noise", "standardize", "dropout", "epsilon"):
        assert getattr(autoencoder, name) == getattr(selector, name)
    np.testing.assert_allclose(
        selector.strength_, autoencoder.feature_strength_, rtol=1e-6
    )
    seed = autoencoder.random_state
    twin = clone(autoencoder).set_params(random_state=seed).fit(X / 16)
    np.testing.assert_array_equal(twin.transform(X), autoencoder.transform(X))


def test_every_parameter_of_the_network_reaches_it():
    shared = set(QuickSelectionSelector().get_params()) & set(
        SETAutoencoder().get_params()
    )
    # Logistic neurons choose better features, tanh ones restore better.
    defaults = SETAutoencoder().get_params() | {"activation": "logistic"}
    for name in shared:
        assert getattr(QuickSelectionSelector(), name) == defaults[name]
    X = np.random.default_rng(0).normal(size=(20, 5))
    others = {
        "activation": "relu",
        "all_relu_slope": 0.5,
        "alpha": 0.3,
        "batch_size": 7,
        "density": 0.5,
        "dropout": 0.1,
        "epsilon": 2,
        "evolution": "static",
        "hidden_layer_sizes": (4, 3),
        "learning_rate_init": 0.02,
        "max_iter": 3,
        "momentum": 0.5,
        "n_jobs": 2,
        "noise": "masking",
        "noise_factor": 0.3,
        "solver": "adam",
        "standardize": False,
        "topology": "dense",
        "verbose": 1,
        "zeta": 0.5,
    }
    assert set(others) == shared - {"random_state"}
    fitted = QuickSelectionSelector(2, **others).fit(X).autoencoder_
    assert fitted.get_params() | others == fitted.get_params()


def test_strength_without_diversity_is_the_order_of_the_paper(digits):
    X, _ = digits
    selector = make_selector(importance="strength").fit(X)
    varies = X.std(axis=0) > 0
    expected = np.where(varies, selector.strength_, 0)
    np.testing.assert_array_equal(selector.importances_, expected)
    np.testing.assert_array_equal(
        np.argsort(selector.ranking_), np.argsort(-expected, kind="stable")
    )
    np.testing.assert_array_equal(selector.feature_groups_, np.arange(64))
    other = make_selector(importance="strength", diversity=0.0).fit(X)
    assert results_of(other) == results_of(selector)
    diverse = make_selector(importance="strength", diversity=0.9).fit(X)
    assert (diverse.ranking_ != selector.ranking_).any()
    np.testing.assert_array_equal(diverse.strength_, selector.strength_)


@pytest.mark.parametrize("importance", ["communality", "attribution"])
def test_diversity_is_automatic_for_other_importances(digits, importance):
    X, _ = digits
    auto, plain = (
        make_selector(importance=importance, diversity=diversity).fit(X)
        for diversity in ("auto", 0)
    )
    assert (auto.ranking_ != plain.ranking_).any()
    np.testing.assert_array_equal(auto.importances_, plain.importances_)
    constant = X.std(axis=0) == 0
    np.testing.assert_array_equal(
        np.argsort(plain.ranking_), np.lexsort((-plain.importances_, constant))
    )


def test_diversity_spreads_the_selection_over_the_groups(groups):
    parameters = {"max_iter": 30, "epsilon": 15}
    one_of_each = make_selector(3, diversity=1.0, **parameters).fit(groups)
    chosen = one_of_each.get_support(indices=True)
    assert sorted(chosen // (N_INFORMATIVE // 3)) == [0, 1, 2]


@pytest.mark.parametrize("random_state", range(5))
@pytest.mark.parametrize("n_features_to_select", [3, N_INFORMATIVE])
def test_features_that_go_together_are_preferred_to_noise(
    groups, n_features_to_select, random_state
):
    selector = make_selector(
        n_features_to_select, max_iter=30, epsilon=15, random_state=random_state
    ).fit(groups)
    assert informative(selector) == n_features_to_select
    # Noise comes next, constants last.
    assert selector.ranking_[N_INFORMATIVE:-2].max() <= 40
    assert selector.importances_[:N_INFORMATIVE].min() > 3 * (
        selector.importances_[N_INFORMATIVE:].max()
    )


@pytest.mark.parametrize("random_state", range(5))
def test_the_automatic_number_is_that_of_the_features_that_matter(groups, random_state):
    selector = make_selector(
        "auto", max_iter=30, epsilon=15, random_state=random_state
    ).fit(groups)
    assert selector.n_features_to_select_ == selector.support_.sum()
    assert abs(selector.n_features_to_select_ - N_INFORMATIVE) <= 2
    assert selector.n_features_to_select_ == knee(np.sort(selector.importances_)[::-1])


@pytest.mark.parametrize("importance", IMPORTANCES)
@pytest.mark.parametrize("constant", [0.0, 7.0, -1e6])
def test_constant_features_come_last(digits, importance, constant):
    X = digits[0][:, digits[0].std(axis=0) > 0].copy()
    varies = np.arange(X.shape[1]) % 6 > 0
    X[:, ~varies] = constant
    selector = make_selector(importance=importance, max_iter=60).fit(X)
    assert (selector.importances_[~varies] == 0).all()
    assert np.count_nonzero(selector.importances_) > 0.9 * varies.sum()
    assert selector.ranking_[~varies].min() == varies.sum() + 1


@settings(max_examples=30)
@given(data=st.data())
def test_what_varies_never_comes_after_what_does_not(data):
    n_samples, n_features = data.draw(st.tuples(st.integers(2, 9), st.integers(2, 90)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    X = rng.normal(size=(n_samples, n_features))
    constant = rng.random(n_features) < data.draw(st.sampled_from([0.1, 0.9]))
    values = data.draw(st.floats(-1e6, 1e6))
    # A sum of many parts is not the same to the last bit in any order of them.
    rounding = rng.choice([-1, 0, 1], size=X.shape) * np.spacing(values)
    X = np.where(constant, values + rounding, X)
    selector = make_selector(
        hidden_layer_sizes=(5,),
        importance=data.draw(st.sampled_from(list(IMPORTANCES))),
        diversity=data.draw(st.sampled_from([0, 0.5, 1, "auto"])),
        standardize=data.draw(st.booleans()),
        learning_rate_init=1e-9,
        max_iter=2,
    )
    make = data.draw(st.sampled_from([np.asarray, sparse.csr_array]))
    for fit in (selector.fit, selector.partial_fit):
        ranking = fit(make(X)).ranking_
        assert (
            sorted(ranking[constant])
            == [*range(n_features + 1)][n_features + 1 - constant.sum() :]
        )


@pytest.mark.parametrize("importance", IMPORTANCES)
def test_many_constants_among_few_samples_come_last(importance):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3000)).astype(np.float32)
    constant = rng.random(3000) < 0.5
    X[:, constant] = 0.1
    ranking = make_selector(importance=importance).fit(X).ranking_
    assert ranking[constant].min() > ranking[~constant].max()


def test_what_varied_in_an_earlier_chunk_is_not_constant(digits):
    X = digits[0][:, 20:40]
    late = X.copy()
    late[:, 3] = late[0, 3]
    selector = make_selector(importance="strength").partial_fit(X).partial_fit(late)
    assert selector.importances_[3] > 0


@pytest.mark.parametrize(
    "wanted, number",
    [(1, 1), (7, 7), (64, 64), (1000, 64), (0.5, 32), (0.01, 1), (1.0, 64)],
)
def test_number_of_features(digits, wanted, number):
    X, _ = digits
    selector = make_selector(wanted).fit(X)
    assert selector.n_features_to_select_ == number
    assert selector.transform(X).shape == (500, number)


def test_the_number_of_features_may_change_after_the_fit(digits):
    X, _ = digits
    selector = make_selector(10).fit(X)
    ranking = selector.ranking_
    for wanted, number in [(3, 3), (0.5, 32), (1000, 64)]:
        selector.set_params(n_features_to_select=wanted)
        assert selector.n_features_to_select_ == selector.support_.sum() == number
        assert selector.transform(X).shape[1] == number
        assert len(selector.get_feature_names_out()) == number
        assert selector.ranking_ is ranking
        twin = make_selector(wanted).fit(X)
        np.testing.assert_array_equal(selector.support_, twin.support_)
    selector.set_params(n_features_to_select="auto")
    expected = knee(np.sort(selector.importances_)[::-1])
    assert pickle.loads(pickle.dumps(selector)).n_features_to_select_ == expected
    for wrong in (0, 1.5, "all", None):
        with pytest.raises(ValueError, match="'n_features_to_select' parameter"):
            selector.set_params(n_features_to_select=wrong).transform(X)


def count_fits(monkeypatch):
    """A list that grows by one with each network that is fitted in this process."""
    fits, fit = [], SETAutoencoder.fit

    def counted(self, X, y=None):
        fits.append(X.shape)
        return fit(self, X, y)

    monkeypatch.setattr(SETAutoencoder, "fit", counted)
    return fits


def test_a_grid_over_the_number_trains_once_with_memory(digits, monkeypatch, tmp_path):
    X, y = digits
    fits = count_fits(monkeypatch)
    grid = {
        "quickselectionselector__n_features_to_select": [2, 10, 30],
        "quickselectionselector__importance": ["strength", "communality"],
    }
    results = []
    for memory in (None, str(tmp_path), str(tmp_path)):
        fits.clear()
        selector = make_selector(memory=memory, stability_selection=2)
        model = make_pipeline(selector, LogisticRegression(C=0.1, max_iter=100))
        search = GridSearchCV(model, grid, cv=2).fit(X, y)
        results.append((len(fits), search.cv_results_["mean_test_score"].tolist()))
    n_fits, scores = zip(*results)
    # Two networks for each of two parts and for the whole.
    assert n_fits == (2 * (2 * 6 + 1), 2 * 3, 0)
    assert scores[0] == scores[1] == scores[2]


def test_memory_keeps_what_was_asked_for_only(digits, monkeypatch, tmp_path):
    X, _ = digits
    fits = count_fits(monkeypatch)
    selector = make_selector(memory=str(tmp_path))
    results = results_of(selector.fit(X))
    assert results_of(clone(selector).fit(X)) == results and len(fits) == 1
    clone(selector).set_params(zeta=0.7).fit(X)
    clone(selector).fit(X[:300])
    assert len(fits) == 3
    for _ in range(2):
        clone(selector).set_params(random_state=None).fit(X)
    assert len(fits) == 5


def test_memory_keeps_no_network_that_was_interrupted(digits, monkeypatch, tmp_path):
    X, _ = digits
    train = SETAutoencoder._train_epoch

    def interrupted(self, *args):
        raise KeyboardInterrupt

    selector = make_selector(memory=str(tmp_path), stability_selection=2)
    with monkeypatch.context() as patch:
        patch.setattr(SETAutoencoder, "_train_epoch", interrupted)
        with pytest.warns(UserWarning, match="interrupted"):
            selector.fit(X)
    assert SETAutoencoder._train_epoch is train
    assert results_of(selector.fit(X)) == results_of(
        clone(selector).set_params(memory=None).fit(X)
    )


def test_callbacks_see_a_fit_that_trains_nothing(digits, tmp_path):
    X, y = digits
    selector = make_selector(memory=str(tmp_path)).fit(X, y)
    diary = Diary()
    other = clone(selector).set_callbacks(diary).fit(X, y)
    tasks = [(place, name) for place, _, name in diary.entries]
    assert tasks == [("begin", "fit"), ("end", "fit")]
    assert results_of(other) == results_of(selector)
    diary.entries.clear()
    other.set_params(zeta=0.6).fit(X, y)
    assert ("end", "epoch") in [(place, name) for place, _, name in diary.entries]


def test_groups_do_not_depend_on_the_seed(groups):
    selectors = [
        make_selector(3, max_iter=30, epsilon=15, random_state=seed).fit(groups)
        for seed in range(3)
    ]
    size = N_INFORMATIVE // 3
    for selector in selectors:
        found = selector.feature_groups_
        np.testing.assert_array_equal(found, selectors[0].feature_groups_)
        np.testing.assert_array_equal(found[found], found)
        for first in range(0, N_INFORMATIVE, size):
            assert len(set(found[first : first + size])) == 1
        # Noise and constants are like nothing else.
        alone = np.arange(N_INFORMATIVE, groups.shape[1])
        np.testing.assert_array_equal(found[alone], alone)
        # One of each group, and the same one.
        expected = set(found[:N_INFORMATIVE].tolist())
        assert set(selector.get_support(indices=True).tolist()) == expected
    one_of_all = make_selector(group_correlation=1.0).fit(groups).feature_groups_
    np.testing.assert_array_equal(one_of_all, np.arange(groups.shape[1]))


def test_a_smaller_selection_is_part_of_a_larger_one(digits):
    X, _ = digits
    small, large = (make_selector(n).fit(X) for n in (5, 20))
    np.testing.assert_array_equal(small.ranking_, large.ranking_)
    assert large.support_[small.support_].all()


def test_transform_keeps_the_columns_as_they_are(digits):
    X, _ = digits
    selector = make_selector().fit(X)
    expected = X[:, selector.support_]
    np.testing.assert_array_equal(selector.transform(X), expected)
    np.testing.assert_array_equal(make_selector().fit_transform(X), expected)
    for dtype in (np.float32, np.float64, np.int64):
        assert selector.transform(X.astype(dtype)).dtype == dtype


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_inverse_transform_puts_the_columns_back(digits, make):
    X, _ = digits
    selector = make_selector().fit(X)
    back = selector.inverse_transform(selector.transform(make(X)))
    back = back.toarray() if sparse.issparse(back) else back
    np.testing.assert_array_equal(back, X * selector.support_)


@pytest.mark.parametrize("scaler", [StandardScaler, MinMaxScaler, MaxAbsScaler])
def test_the_scale_of_the_features_does_not_matter_to_their_strength(digits, scaler):
    X, _ = digits
    plain = make_selector(20, importance="strength", max_iter=20).fit(X)
    other = make_selector(20, importance="strength", max_iter=20)
    other.fit(scaler().fit_transform(X))
    np.testing.assert_allclose(other.strength_, plain.strength_, rtol=0.01)
    assert (plain.support_ & other.support_).sum() >= 19


def test_without_standardisation_the_scale_of_the_features_matters(groups):
    X = groups.copy()
    X[:, 5] *= 10
    parameters = {"importance": "strength", "learning_rate_init": 1e-3, "max_iter": 20}
    for standardize in (True, False):
        plain, wide = (
            make_selector(standardize=standardize, **parameters).fit(data).strength_
            for data in (groups, X)
        )
        assert np.allclose(plain, wide, rtol=0.01) == standardize


def test_counts_do_not_make_it_diverge():
    rng = np.random.default_rng(0)
    counts = rng.negative_binomial(0.1, 1e-5, size=(100, 300))
    assert counts.max() > 1e5 and np.median(counts) < 100
    for importance in IMPORTANCES:
        selector = make_selector(importance=importance, max_iter=30)
        selector.fit(sparse.csr_matrix(counts, dtype=float))
        assert np.isfinite(selector.importances_).all()


def test_evolution_selects_by_what_the_rule_has_learned(digits):
    X, _ = digits
    selector = make_selector(evolution="wast", importance="evolution").fit(X)
    varies, rule = X.std(axis=0) > 0, selector.autoencoder_._rule
    # The last update is counted too.
    assert (selector.importances_[varies] > rule.importances_[0][varies]).all()
    assert not selector.importances_[~varies].any()
    order = np.lexsort((-selector.importances_, ~varies))
    np.testing.assert_array_equal(np.argsort(selector.ranking_), order)
    np.testing.assert_array_equal(selector.feature_groups_, np.arange(64))
    other = make_selector(evolution="wast").fit(X)
    assert (other.importances_ != selector.importances_).any()


@pytest.mark.parametrize("form", [np.float32, np.float64, None])
def test_what_a_rule_has_learned_is_the_same_to_the_bit(digits, tmp_path, form):
    X, _ = digits
    parameters = {"evolution": "wast", "importance": "evolution"}
    parameters["stability_selection"] = 2
    expected = results_of(make_selector(**parameters).fit(X))
    X = sparse.csr_array(X) if form is None else X.astype(form)
    parameters.update(n_jobs=2, memory=str(tmp_path))
    for _ in range(2):  # the second time, from memory
        assert results_of(make_selector(**parameters).fit(X)) == expected


@pytest.mark.parametrize("evolution", ["set", "static", SET()])
def test_rules_that_know_no_importances_are_refused(digits, evolution):
    selector = make_selector(evolution=evolution, importance="evolution")
    for train in (selector.fit, selector.partial_fit):
        with pytest.raises(ValueError, match="needs an evolution rule that knows"):
            train(digits[0])


def test_what_a_rule_has_learned_goes_on_in_parts(digits):
    X, _ = digits
    selector = make_selector(evolution="wast", importance="evolution")
    totals = []
    for _ in range(3):
        selector.partial_fit(X[:50])
        totals.append(selector.importances_.sum())
        sent = pickle.loads(pickle.dumps(selector))
    assert totals[0] < totals[1] < totals[2]
    assert results_of(sent.partial_fit(X)) == results_of(selector.partial_fit(X))


def test_strength_history(digits):
    X, _ = digits
    selector = make_selector(strength_history=True, max_iter=6).fit(X)
    history = selector.strength_history_
    assert history.shape == (6, 64)
    np.testing.assert_allclose(history[-1], selector.strength_, rtol=1e-6)
    assert (np.diff(history, axis=0) != 0).any(axis=1).all()
    assert results_of(selector) == results_of(make_selector(max_iter=6).fit(X))
    first = make_selector(strength_history=True, max_iter=2).fit(X)
    np.testing.assert_array_equal(first.strength_history_, history[:2])
    many = make_selector(strength_history=True, stability_selection=2).fit(X)
    np.testing.assert_array_equal(
        many.strength_history_[-1], many.autoencoder_.feature_strength_
    )


@pytest.mark.parametrize("importance", IMPORTANCES)
def test_stability_selection_averages(digits, importance):
    X, _ = digits
    parameters = {"importance": importance, "diversity": 0.0}
    both = make_selector(stability_selection=2, **parameters).fit(X)
    first, second = both._networks
    assert both.autoencoder_ is first
    strengths = [first.feature_strength_, second.feature_strength_]
    assert (strengths[0] != strengths[1]).any()
    np.testing.assert_allclose(both.strength_, np.mean(strengths, axis=0), rtol=1e-6)
    assert both.importances_.sum() == pytest.approx(1)
    if importance == "strength":
        varying = [values * (X.std(axis=0) > 0) for values in strengths]
        shares = [values / values.sum() for values in varying]
        np.testing.assert_allclose(
            both.importances_, np.mean(shares, axis=0), rtol=1e-6
        )


@pytest.mark.parametrize("n_samples, n_networks", [(499, 5), (500, 1)])
def test_few_samples_get_more_networks(digits, n_samples, n_networks):
    X = digits[0][:n_samples]
    auto, fixed = (
        make_selector(stability_selection=number).fit(X)
        for number in ("auto", n_networks)
    )
    assert results_of(auto) == results_of(fixed)
    again = clone(fixed).set_params(stability_selection=6 - n_networks).fit(X)
    assert results_of(auto) != results_of(again)
    assert auto.partial_fit(X).importances_.shape == (64,)


def test_chunks_get_one_network(digits):
    auto, one = (
        make_selector(stability_selection=number).partial_fit(digits[0][:100])
        for number in ("auto", 1)
    )
    assert results_of(auto) == results_of(one)


def test_stability_selection_depends_less_on_random_state(digits):
    X, _ = digits

    def disagreement(n_networks):
        importances = [
            make_selector(
                importance="strength",
                stability_selection=n_networks,
                random_state=random_state,
            )
            .fit(X)
            .importances_
            for random_state in range(4)
        ]
        return np.mean(np.std(importances / np.mean(importances), axis=0))

    assert disagreement(8) < 0.6 * disagreement(1)


def test_network_parameters_matter(digits):
    X, _ = digits
    start = results_of(make_selector().fit(X))
    for change in (
        {"zeta": 0.5, "evolution": SET(min_updates=1)},
        {"epsilon": 8},
        {"topology": Dense()},
        {"solver": "adam"},
        {"noise": "masking"},
        {"hidden_layer_sizes": (31,)},
    ):
        assert results_of(make_selector(**change).fit(X)) != start


def test_partial_fit_in_chunks(groups):
    selector = make_selector(N_INFORMATIVE, epsilon=15, diversity=0)
    for _ in range(12):
        for chunk in np.split(groups, 4):
            assert selector.partial_fit(chunk) is selector
    assert informative(selector) == N_INFORMATIVE
    np.testing.assert_allclose(
        selector.autoencoder_.mean_, groups.mean(axis=0), rtol=1e-4, atol=1e-5
    )
    assert selector.n_iter_ == 48


@pytest.mark.parametrize("importance", IMPORTANCES)
def test_partial_fit_updates_everything(digits, importance):
    X, _ = digits
    selector = make_selector(
        importance=importance, stability_selection=2, strength_history=True
    )
    previous = results_of(selector.partial_fit(X))
    for n_passes in (2, 3):
        selector.partial_fit(X)
        assert [each.n_iter_ for each in selector._networks] == [n_passes] * 2
        assert selector.strength_history_.shape == (n_passes, 64)
        assert results_of(selector) != previous
        previous = results_of(selector)
    assert selector.support_.sum() == 10


@pytest.mark.parametrize(
    "name, value", [("hidden_layer_sizes", 20), ("stability_selection", 2)]
)
def test_partial_fit_refuses_other_networks_than_it_began(digits, name, value):
    X, _ = digits
    selector = make_selector().partial_fit(X)
    before = results_of(selector)
    with pytest.raises(ValueError, match=f"{name}={value}(, but| asks for)"):
        selector.set_params(**{name: value}).partial_fit(X)
    for ours, expected in zip(results_of(selector), before, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_partial_fit_goes_on_with_the_parameters_of_now(digits):
    X, _ = digits
    selector = make_selector(evolution="set").partial_fit(X)
    selector.set_params(evolution="static", learning_rate_init=1e-9, momentum=0)
    before = selector.strength_
    selector.partial_fit(X)
    np.testing.assert_allclose(selector.strength_, before, rtol=1e-3)


def test_partial_fit_goes_on_after_fit_and_fit_starts_anew(digits):
    X, _ = digits
    selector = make_selector().fit(X)
    before = results_of(selector)
    selector.partial_fit(X)
    assert selector.autoencoder_.n_iter_ == 5 and results_of(selector) != before
    assert results_of(selector.fit(X)) == before
    assert selector.autoencoder_.n_iter_ == 4


@settings(max_examples=30)
@given(data=st.data())
def test_data_of_any_shape(data):
    shape = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 8)))
    X = np.random.default_rng(0).normal(size=shape)
    X[:, data.draw(st.integers(0, shape[1] - 1))] = data.draw(st.floats(-1e6, 1e6))
    selector = make_selector(
        data.draw(st.sampled_from([1, 3, 0.4, "auto"])),
        hidden_layer_sizes=data.draw(st.lists(st.integers(1, 5), min_size=1)),
        importance=data.draw(st.sampled_from(list(IMPORTANCES))),
        diversity=data.draw(st.sampled_from([0, 0.5, 1, "auto"])),
        stability_selection=data.draw(st.integers(1, 2)),
        max_iter=2,
    )
    make = data.draw(st.sampled_from([np.asarray, sparse.csr_array]))
    for fit in (selector.fit, selector.partial_fit):
        fit(make(X))
        assert np.isfinite(selector.importances_).all()
        assert sorted(selector.ranking_) == list(range(1, shape[1] + 1))
        n_selected = selector.n_features_to_select_
        assert 1 <= n_selected == selector.support_.sum() <= shape[1]


def test_names_of_features_without_names(digits):
    selector = make_selector(3).fit(digits[0])
    expected = [f"x{i}" for i in selector.get_support(indices=True)]
    assert list(selector.get_feature_names_out()) == expected


def test_grid_search_in_a_pipeline(digits):
    X, y = digits
    model = make_pipeline(make_selector(), LogisticRegression(C=0.1, max_iter=100))
    grid = {
        "quickselectionselector__n_features_to_select": [2, 30],
    }
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 2
    assert search.best_params_["quickselectionselector__n_features_to_select"] == 30
    assert search.best_score_ > 0.7


def test_scoring_monitor_sees_the_fit(digits):
    X, y = digits
    monitor = ScoringMonitor(
        scoring={"kept": lambda model, X, y: model.transform(X).sum()}
    )
    selector = make_selector(stability_selection=2).set_callbacks(monitor).fit(X, y)
    logged = monitor.get_logs().data_as_pandas["kept"].to_numpy()
    np.testing.assert_allclose(logged, [selector.transform(X).sum()])


class Diary:
    """A callback that writes down which tasks begin and end."""

    max_propagation_depth = None

    def __init__(self):
        self.entries = []

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context):
        self.entries.append(("begin", type(estimator).__name__, context.task_name))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.entries.append(("end", type(estimator).__name__, context.task_name))


@pytest.mark.parametrize("strength_history", [False, True])
def test_callbacks_see_each_epoch_of_each_network(digits, strength_history):
    diary = Diary()
    selector = make_selector(
        stability_selection=3, max_iter=2, strength_history=strength_history
    )
    selector.set_callbacks(diary).fit(digits[0])
    tasks = [(place, name) for place, _, name in diary.entries]
    network = [("begin", "fit")] + [("begin", "epoch"), ("end", "epoch")] * 2
    # To scikit-learn, a task and the fit in it are one, which ends once.
    network = [("begin", "network"), *network, ("end", "fit")]
    assert tasks == [("begin", "fit"), *network * 3, ("end", "fit")]
    owners = {owner for _, owner, name in diary.entries if name == "network"}
    assert owners == {"QuickSelectionSelector"}


# Trouble


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_divergence_names_the_likely_cause(digits):
    X, _ = digits
    parameters = {"activation": "relu", "learning_rate_init": 1e4, "max_iter": 50}
    with pytest.raises(ValueError, match=r"learning_rate_init=10000\.0 is too large"):
        make_selector(**parameters).fit(X)
    with pytest.raises(ValueError, match=r"features may need to be scaled: standardiz"):
        make_selector(standardize=False, **parameters).fit(X)


def test_an_interrupt_ends_all_networks(digits):
    X, _ = digits
    make_selector(max_iter=1).fit(X)  # compiled before the clock starts
    selector = make_selector(max_iter=10**6, stability_selection=3)
    threading.Timer(1.5, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        selector.fit(X)
    assert len(selector._networks) == 1
    assert selector.transform(X).shape == (500, 10)
    # What is left goes on.
    n_epochs = selector.n_iter_
    assert selector.partial_fit(X).n_iter_ == n_epochs + 1
    assert len(selector._networks) == 1
