import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from sklearn_sparse_nn import (
    QuickSelectionSelector,
    SETClassifier,
    SETRBMTransformer,
)
from sklearn_sparse_nn.inspection import FeatureStrengthDisplay

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def digits_network():
    X, y = load_digits(return_X_y=True)
    return SETClassifier((50,), epsilon=5, max_iter=3, random_state=0).fit(X / 16, y)


def test_display_draws_bars_or_an_image(digits_network):
    display = FeatureStrengthDisplay.from_estimator(digits_network, n_features=7)
    assert len(display.ax_.patches) == 7
    assert max(p.get_width() for p in display.ax_.patches) == pytest.approx(
        digits_network.feature_strength_.max()
    )
    image = FeatureStrengthDisplay.from_estimator(digits_network, image_shape=(8, 8))
    assert image.ax_.images[0].get_array().shape == (8, 8)
    plt.close("all")


def test_display_of_a_boltzmann_machine():
    X, _ = load_digits(return_X_y=True)
    rbm = SETRBMTransformer(20, epsilon=5, n_iter=1, random_state=0).fit(X / 16)
    display = FeatureStrengthDisplay.from_estimator(rbm, image_shape=(8, 8))
    drawn = display.ax_.images[0].get_array()
    np.testing.assert_allclose(drawn.ravel(), rbm.visible_strength_)


def test_display_of_an_unfitted_estimator():
    with pytest.raises(NotFittedError):
        FeatureStrengthDisplay.from_estimator(SETClassifier())


def test_display_of_a_selector_draws_its_importances():
    X, _ = load_digits(return_X_y=True)
    selector = QuickSelectionSelector(
        5, hidden_layer_sizes=(20,), max_iter=3, random_state=0
    )
    display = FeatureStrengthDisplay.from_estimator(selector.fit(X), n_features=5)
    widths = [p.get_width() for p in display.ax_.patches]
    np.testing.assert_allclose(widths, np.sort(selector.importances_)[-5:])
    assert display.ax_.get_xlabel() == "Importance"
    plt.close("all")
