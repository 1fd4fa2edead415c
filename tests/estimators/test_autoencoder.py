"""The autoencoder as users meet it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETAutoencoder
from tests import naive


@pytest.fixture(scope="module")
def digits():
    """Images of 64 pixels from 0 to 16, float32, and their digits."""
    X, y = load_digits(return_X_y=True)
    return X[:500].astype(np.float32), y[:500]


def make_autoencoder(hidden=(30,), **parameters):
    defaults = {"epsilon": 4, "max_iter": 4, "random_state": 0}
    return SETAutoencoder(hidden, **(defaults | parameters))


def parameters_of(autoencoder):
    arrays = [*autoencoder.intercepts_, autoencoder.mean_, autoencoder.scale_]
    for coefs in autoencoder.coefs_:
        arrays += [coefs.data, coefs.indices, coefs.indptr]
    return [array.tobytes() for array in arrays]


def connected(autoencoder):
    return [coefs.toarray() != 0 for coefs in autoencoder.coefs_]


def test_attributes(digits):
    X, _ = digits
    autoencoder = make_autoencoder((30, 10, 20), epsilon=3.5).fit(X)
    shapes = [(64, 30), (30, 10), (10, 20), (20, 64)]
    numbers = [329, 140, 105, 294]
    assert [coefs.shape for coefs in autoencoder.coefs_] == shapes
    assert [len(b) for b in autoencoder.intercepts_] == [30, 10, 20, 64]
    assert all(coefs.dtype == np.float32 for coefs in autoencoder.coefs_)
    np.testing.assert_array_equal(autoencoder.n_connections_, numbers)
    np.testing.assert_allclose(
        autoencoder.density_, np.divide(numbers, [64 * 30, 300, 200, 20 * 64])
    )
    np.testing.assert_allclose(
        autoencoder.feature_strength_,
        abs(autoencoder.coefs_[0]).sum(axis=1),
        rtol=1e-5,
    )
    assert autoencoder.n_iter_ == len(autoencoder.loss_curve_) == 4
    assert autoencoder.loss_ == autoencoder.loss_curve_[-1]
    assert autoencoder.n_features_in_ == 64
    names = autoencoder.get_feature_names_out()
    assert list(names[:2]) == ["setautoencoder0", "setautoencoder1"]
    assert len(names) == 10


@pytest.mark.parametrize(
    "hidden, code", [((9, 8), 8), ((9, 8, 7), 8), ((9, 8, 7, 6), 7)]
)
def test_the_code_is_the_layer_in_the_middle(digits, hidden, code):
    X, _ = digits
    autoencoder = make_autoencoder(hidden).fit(X)
    H = autoencoder.transform(X)
    assert H.shape == (500, code) and len(autoencoder.get_feature_names_out()) == code
    Z = (X - autoencoder.mean_) / autoencoder.scale_
    dense = naive.Network(
        [coefs.toarray() for coefs in autoencoder.coefs_], [], autoencoder.intercepts_
    )
    activations, _ = naive.forward(dense, "tanh", Z)
    close = {"rtol": 1e-3, "atol": 1e-4}
    np.testing.assert_allclose(H, activations[1 + hidden.index(code)], **close)
    outputs = activations[-1] * autoencoder.scale_ + autoencoder.mean_
    np.testing.assert_allclose(autoencoder.inverse_transform(H), outputs, **close)
    np.testing.assert_array_equal(
        autoencoder.reconstruct(X), autoencoder.inverse_transform(H)
    )
    assert autoencoder.score(X) == pytest.approx(
        -np.mean((activations[-1] - Z) ** 2), rel=1e-4
    )
    np.testing.assert_array_equal(make_autoencoder(hidden).fit_transform(X), H)


def test_features_are_standardised_as_by_the_standard_scaler(digits):
    X, _ = digits
    assert (X.std(axis=0) == 0).any()
    scaler = StandardScaler().fit(X.astype(np.float64))
    autoencoder = make_autoencoder().fit(X)
    np.testing.assert_allclose(autoencoder.mean_, scaler.mean_, rtol=1e-6)
    np.testing.assert_allclose(autoencoder.scale_, scaler.scale_, rtol=1e-6)
    plain = make_autoencoder(standardize=False, learning_rate_init=1e-3).fit(X)
    assert (plain.mean_ == 0).all() and (plain.scale_ == 1).all()


def test_the_scale_of_the_features_does_not_matter(digits):
    X, _ = digits
    rng = np.random.default_rng(0)
    scaled = (X * rng.exponential(100, 64) + rng.normal(0, 50, 64)).astype(np.float32)
    plain, other = make_autoencoder().fit(X), make_autoencoder().fit(scaled)
    np.testing.assert_allclose(other.loss_curve_, plain.loss_curve_, rtol=1e-3)
    np.testing.assert_allclose(
        other.feature_strength_, plain.feature_strength_, rtol=1e-2
    )
    assert other.score(scaled) == pytest.approx(plain.score(X), rel=1e-2)
    np.testing.assert_allclose(other.transform(scaled), plain.transform(X), atol=0.02)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"noise": "masking"},
        {"solver": "adam", "learning_rate_init": 3e-3},
        {"hidden": (40, 20, 40)},
        {"activation": "all_relu"},
    ],
)
def test_reconstruction_gets_better(digits, parameters):
    X, _ = digits
    autoencoder = make_autoencoder(max_iter=25, **parameters).fit(X)
    curve = autoencoder.loss_curve_
    assert curve[-1] < 0.75 * curve[0]
    assert autoencoder.score(X) > -0.7  # means alone would score -1
    varies = X.std(axis=0) > 0
    errors = np.mean((X - autoencoder.reconstruct(X))[:, varies] ** 2, axis=0)
    assert np.mean(errors / X[:, varies].var(axis=0)) < 0.7


def test_score_of_a_network_that_restores_means_is_minus_1(digits):
    X, _ = digits
    X = X[:, X.std(axis=0) > 0]
    # Almost no connections and a huge penalty on their weights.
    autoencoder = make_autoencoder(epsilon=0.02, alpha=100, max_iter=10).fit(X)
    assert autoencoder.score(X) == pytest.approx(-1, abs=0.03)


def test_score_is_the_same_in_many_small_pieces(digits, monkeypatch):
    X, _ = digits
    autoencoder = make_autoencoder().fit(X)
    score = autoencoder.score(X)
    monkeypatch.setattr("sklearn_sparse_nn.estimators._autoencoder._SCORE_CELLS", 500)
    assert autoencoder.score(X) == pytest.approx(score, rel=1e-6)


def test_a_noisy_image_is_restored(digits):
    X, _ = digits
    autoencoder = make_autoencoder(
        (200,), epsilon=20, max_iter=40, noise_factor=1.0
    ).fit(X)
    rng = np.random.default_rng(0)
    noisy = X + autoencoder.scale_ * rng.normal(size=X.shape).astype(np.float32)
    varies = X.std(axis=0) > 0
    errors = [
        np.mean(((V - X) / autoencoder.scale_)[:, varies] ** 2)
        for V in (noisy, autoencoder.reconstruct(noisy))
    ]
    assert errors[1] < 0.6 * errors[0]


@pytest.mark.parametrize(
    "change",
    [
        {"noise_factor": 0.5},
        {"noise": "masking"},
        {"dropout": 0.0},
        {"momentum": 0.0},
        {"batch_size": 50},
        {"alpha": 5.0},
        {"activation": "relu"},
        {"solver": "adam"},
        {"topology": "dense"},
        {"topology": "xbm"},
        {"standardize": False, "learning_rate_init": 1e-4},
    ],
)
def test_parameters_of_training_matter(digits, change):
    X, _ = digits
    changed = make_autoencoder(**change).fit(X)
    assert parameters_of(changed) != parameters_of(make_autoencoder().fit(X))
    assert np.isfinite(changed.reconstruct(X)).all()


def test_a_warm_start_does_not_repeat_its_noise(digits):
    X, _ = digits
    # A step too small to change a weight, and one batch: noise alone tells fits apart.
    autoencoder = make_autoencoder(
        warm_start=True, learning_rate_init=1e-30, max_iter=1, batch_size=len(X)
    )
    losses = {autoencoder.fit(X).loss_ for _ in range(3)}
    assert len(losses) == 3


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_partial_fit_standardises_by_all_data_so_far(digits, make):
    X, _ = digits
    X = X + np.linspace(0, 50, 500, dtype=np.float32)[:, None]
    autoencoder, start = make_autoencoder(), 0
    for size in (1, 99, 150, 250):
        autoencoder.partial_fit(make(X[start : start + size]))
        start += size
        seen = StandardScaler().fit(X[:start].astype(np.float64))
        np.testing.assert_allclose(autoencoder.mean_, seen.mean_, rtol=1e-5)
        np.testing.assert_allclose(autoencoder.scale_, seen.scale_, rtol=1e-4)
    plain = make_autoencoder(standardize=False, learning_rate_init=1e-5)
    plain.partial_fit(X[:9]).partial_fit(X)
    assert (plain.mean_ == 0).all() and (plain.scale_ == 1).all()


@settings(max_examples=25)
@given(data=st.data())
def test_data_of_any_shape(data):
    shape = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 8)))
    X = np.random.default_rng(0).normal(size=shape)
    X[:, data.draw(st.integers(0, shape[1] - 1))] = data.draw(st.floats(-1e6, 1e6))
    make = data.draw(st.sampled_from([np.asarray, sparse.csr_array]))
    autoencoder = make_autoencoder(
        data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)),
        noise=data.draw(st.sampled_from(["gaussian", "masking"])),
        batch_size=data.draw(st.sampled_from([1, 5, "auto"])),
    )
    autoencoder.fit(make(X))
    assert autoencoder.transform(X).shape == (
        shape[0],
        len(autoencoder.get_feature_names_out()),
    )
    assert autoencoder.partial_fit(make(X)).reconstruct(make(X)).shape == shape
    assert np.isfinite(autoencoder.score(X))


@pytest.mark.parametrize("constant", [0.0, 0.1, -3e5, 1e7])
def test_constant_features_are_restored(digits, constant):
    X = digits[0].copy()
    X[:, 20] = constant
    autoencoder = make_autoencoder(max_iter=20).fit(X)
    assert autoencoder.scale_[20] == 1
    restored = autoencoder.reconstruct(X)[:, 20]
    np.testing.assert_allclose(restored, constant, rtol=1e-5, atol=0.5)


def test_grid_search_by_its_own_score(digits):
    X, _ = digits
    # A pixel that hardly varies in one half may be far out in the other one.
    X = X[:, (X[:250].std(axis=0) > 1) & (X[250:].std(axis=0) > 1)]
    search = GridSearchCV(make_autoencoder(max_iter=15), {"epsilon": [0.1, 10]}, cv=2)
    assert search.fit(X).best_params_ == {"epsilon": 10}
    assert -1 < search.best_score_ < 0


# Trouble


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("standardize", [True, False])
def test_divergence_names_the_likely_cause(digits, method, standardize):
    autoencoder = make_autoencoder(
        activation="relu", learning_rate_init=1e4, standardize=standardize, max_iter=50
    )
    with pytest.raises(
        ValueError, match=r"learning_rate_init=10000\.0 is too large"
    ) as caught:
        for _ in range(50):
            getattr(autoencoder, method)(digits[0])
    # If they are standardised, the scale of the features is not to blame.
    assert ("standardize=True" in str(caught.value)) == (not standardize)


def test_features_of_any_scale_do_not_make_it_diverge(digits):
    X = digits[0] * np.logspace(-6, 12, 64, dtype=np.float32)
    autoencoder = make_autoencoder(max_iter=20).fit(X)
    assert autoencoder.score(X) > -0.8
