import inspect
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import zeta
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from sklearn_sparse_nn import SETClassifier, SETRBMTransformer, inspection
from sklearn_sparse_nn.inspection import (
    ConnectivityDisplay,
    DegreeDistributionDisplay,
    FeatureStrengthDisplay,
    LossCurveDisplay,
    TopologyEvolutionDisplay,
    TopologyMonitor,
    degree_distribution,
    neuron_degrees,
)
from sklearn_sparse_nn.inspection._connectivity import _PIXELS, _shares
from tests.estimators.battery import digits, samples
from tests.inspection.helpers import Network

matplotlib.use("Agg")

DISPLAYS = [
    getattr(inspection, name) for name in inspection.__all__ if name.endswith("Display")
]
all_displays = pytest.mark.parametrize(
    "display", DISPLAYS, ids=lambda display: display.__name__
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def network():
    X, y = digits()
    clf = SETClassifier((40, 30), epsilon=5, max_iter=6, zeta=0.4, random_state=0)
    return clf.set_callbacks(TopologyMonitor()).fit(X, y)


@all_displays
def test_a_display_takes_axes_or_makes_a_figure(display, network):
    _, (left, right) = plt.subplots(1, 2)
    drawn = display.from_estimator(network, ax=right)
    assert isinstance(drawn, display)
    assert drawn.ax_ is right and drawn.figure_ is right.figure
    assert not left.has_data() and right.has_data()
    assert drawn.plot() is drawn and drawn.ax_ is not right


@all_displays
def test_a_display_is_made_of_its_parameters(display, network):
    drawn = display.from_estimator(network)
    names = inspect.signature(display).parameters
    again = display(**{name: getattr(drawn, name) for name in names}).plot()
    for one, other in zip(drawn.ax_.lines, again.ax_.lines):
        np.testing.assert_array_equal(one.get_data(), other.get_data())
    for one, other in zip(drawn.ax_.patches, again.ax_.patches):
        assert one.get_bbox().bounds == other.get_bbox().bounds


@all_displays
def test_without_matplotlib_it_says_so(display, network, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=f"{display.__name__}.*requires matplotlib"):
        display.from_estimator(network)


@pytest.mark.parametrize(
    "display, kwargs, artists",
    [
        (LossCurveDisplay, {"color": "red"}, "lines"),
        (DegreeDistributionDisplay, {"color": "red"}, "lines"),
        (ConnectivityDisplay, {"color": "red"}, "patches"),
        (FeatureStrengthDisplay, {"color": "red"}, "patches"),
        (TopologyEvolutionDisplay, {"color": "red"}, "patches"),
        (ConnectivityDisplay, {"kind": "bipartite", "colors": "red"}, "collections"),
    ],
)
def test_options_of_matplotlib_pass_through(display, kwargs, artists, network):
    drawn = display.from_estimator(network, **kwargs)
    artist = getattr(drawn.ax_, artists)[0]
    color = artist.get_facecolor() if artists == "patches" else artist.get_color()
    color = color[0] if artists == "collections" else color
    assert matplotlib.colors.to_rgb(color) == (1, 0, 0)


def test_curves_of_the_loss():
    X, y = digits()
    clf = SETClassifier((20,), max_iter=5, early_stopping=True, random_state=0)
    clf.fit(X, y)
    lines = LossCurveDisplay.from_estimator(clf).lines_
    for line, curve in zip(lines, (clf.loss_curve_, clf.validation_loss_curve_)):
        np.testing.assert_array_equal(line.get_data(), [range(1, 6), curve])
    labels = [line.get_label() for line in lines]
    assert labels == ["Training loss", "Validation loss"]


def test_curves_of_a_warm_start_end_together():
    X, y = digits()
    clf = SETClassifier((20,), max_iter=3, early_stopping=True, warm_start=True)
    clf.set_params(random_state=0).fit(X, y).fit(X, y)
    training, validation = LossCurveDisplay.from_estimator(clf).lines_
    assert training.get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    assert validation.get_xdata().tolist() == [4, 5, 6]


def test_one_curve_needs_no_legend():
    X, y = digits()
    rbm = SETRBMTransformer(9, n_iter=3, random_state=0).fit(X)
    for estimator, label, curve in (
        (rbm, "Reconstruction error", rbm.reconstruction_error_curve_),
        (MLPClassifier((9,), max_iter=3).fit(X, y), "Training loss", None),
    ):
        display = LossCurveDisplay.from_estimator(estimator)
        (line,) = display.lines_
        expected = estimator.loss_curve_ if curve is None else curve
        np.testing.assert_array_equal(line.get_ydata(), expected)
        assert display.ax_.get_ylabel() == label
        assert display.ax_.get_legend() is None


def test_inputs_of_the_most_connections_are_bars(network):
    display = ConnectivityDisplay.from_estimator(network, n_features=7)
    degrees, _ = neuron_degrees(network)
    widths = [bar.get_width() for bar in display.ax_.patches]
    np.testing.assert_array_equal(widths, np.sort(degrees)[-7:])
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names[-1] == f"x{np.flatnonzero(degrees == degrees.max())[-1]}"
    deeper = ConnectivityDisplay.from_estimator(network, layer=-1, n_features=3)
    names = [text.get_text() for text in deeper.ax_.get_yticklabels()]
    assert len(names) == 3 and all(name.startswith("neuron ") for name in names)


@pytest.mark.parametrize("epoch", [None, 0, 3])
def test_inputs_of_any_epoch_are_an_image(network, epoch):
    display = ConnectivityDisplay.from_estimator(
        network, epoch=epoch, image_shape=(8, 8)
    )
    if epoch is None:
        expected, _ = neuron_degrees(network)
    else:
        history = network._skl_callbacks[0].get_history()
        expected = history.topology(epoch).sum(axis=1)
    drawn = display.ax_.images[0].get_array()
    np.testing.assert_array_equal(drawn, np.reshape(expected, (8, 8)))


def test_an_epoch_that_is_not_there_and_one_without_history(network):
    with pytest.raises(ValueError, match="after epoch 99 are not kept"):
        ConnectivityDisplay.from_estimator(network, epoch=99)
    X, y = samples()
    plain = SETClassifier((20,), max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="needs the history"):
        ConnectivityDisplay.from_estimator(plain, epoch=0)


def test_a_layer_as_a_matrix(network):
    display = ConnectivityDisplay.from_estimator(network, kind="matrix", layer=1)
    coefs = network.coefs_[1].copy()
    coefs.data[:] = 1
    drawn = display.ax_.images[0].get_array()
    np.testing.assert_array_equal(drawn, coefs.toarray().T)
    assert len(display.figure_.axes) == 1


@given(
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.integers(0, 9),
)
def test_many_cells_share_a_pixel(shape, sides, seed):
    mask = np.random.default_rng(seed).random(shape) < 0.4
    shares = _shares(sparse.csr_array(mask), sides)
    for (i, j), share in np.ndenumerate(shares):
        block = mask[i * sides[0] :, j * sides[1] :][: sides[0], : sides[1]]
        assert share == pytest.approx(block.mean())
    assert shares.shape == tuple(-(-n // side) for n, side in zip(shape, sides))


def test_a_large_layer_is_drawn_small():
    X, y = samples(50, 2 * _PIXELS + 1)
    clf = SETClassifier((_PIXELS,), epsilon=5, max_iter=1, random_state=0).fit(X, y)
    display = ConnectivityDisplay.from_estimator(clf, kind="matrix")
    assert display.ax_.images[0].get_array().shape == (_PIXELS, 334)
    assert display.ax_.get_xlim() == (-0.5, 1000.5)
    assert len(display.figure_.axes) == 2  # with a scale


def test_a_layer_as_lines_between_neurons(network):
    display = ConnectivityDisplay.from_estimator(network, kind="bipartite", layer=2)
    lines, inputs, neurons = display.ax_.collections
    ends = np.array(lines.get_segments())
    assert (ends[:, :, 0] == [0, 1]).all()
    heights = [dots.get_offsets()[:, 1] for dots in (inputs, neurons)]
    found = {
        (int(np.argmin(abs(heights[0] - a))), int(np.argmin(abs(heights[1] - b))))
        for a, b in ends[:, :, 1]
    }
    rows, columns = network.coefs_[2].tocoo().coords
    assert found == set(zip(rows.tolist(), columns.tolist()))


def test_kinds_of_connectivity(network):
    with pytest.raises(ValueError, match="'kind'"):
        ConnectivityDisplay.from_estimator(network, kind="circle")
    with pytest.raises(ValueError, match="image_shape"):
        ConnectivityDisplay.from_estimator(network, kind="matrix", image_shape=(8, 8))


@pytest.mark.parametrize("n_features", [0, -60, 2.5])
@pytest.mark.parametrize("display", [ConnectivityDisplay, FeatureStrengthDisplay])
def test_a_number_of_bars_is_a_positive_integer(display, n_features, network):
    with pytest.raises((TypeError, ValueError), match="n_features"):
        display.from_estimator(network, n_features=n_features)


def test_names_of_inputs_in_a_pipeline():
    X, y = samples()
    frame = pd.DataFrame(X).add_prefix("gene")
    pipeline = make_pipeline(SETClassifier((20,), max_iter=1)).fit(frame, y)
    display = ConnectivityDisplay.from_estimator(pipeline)
    assert list(display.feature_names) == list(frame.columns)


def test_degrees_and_their_law(network):
    display = DegreeDistributionDisplay.from_estimator(
        network, layer=1, side="neurons", random_state=0
    )
    expected = degree_distribution(network, 1, side="neurons", random_state=0)
    _, degrees = neuron_degrees(network, 1)
    x, y = display.line_.get_data()
    for degree, share in zip(x, y):
        assert share == pytest.approx((degrees >= degree).mean())
    law = expected.power_law
    x, y = display.law_.get_data()
    assert x[0] == law.minimum and x[-1] == degrees.max()
    assert y[0] == pytest.approx((degrees >= law.minimum).mean())
    ratio = zeta(law.exponent, x[-1]) / zeta(law.exponent, law.minimum)
    assert y[-1] / y[0] == pytest.approx(ratio)
    assert f"p = {law.p_value:.2f}" in display.law_.get_label()
    assert display.ax_.get_ylabel() == "Share of neurons"


def test_equal_degrees_have_no_law_and_zeros_are_not_drawn():
    X, y = samples()
    dense = MLPClassifier((9,), max_iter=1).fit(X, y)
    display = DegreeDistributionDisplay.from_estimator(dense)
    assert display.law_ is None
    distribution = degree_distribution(dense)._replace(
        degrees=np.array([0, 2]), counts=np.array([1, 3])
    )
    display = DegreeDistributionDisplay(distribution=distribution).plot()
    np.testing.assert_array_equal(display.line_.get_data(), [[2], [0.75]])


def test_degrees_of_a_layer_without_connections_can_be_drawn():
    display = DegreeDistributionDisplay.from_estimator(Network([np.zeros((5, 3))]))
    display.figure_.canvas.draw()
    assert not len(display.line_.get_xdata()) and display.law_ is None


def test_short_names_of_options_do(network):
    display = DegreeDistributionDisplay.from_estimator(network, ls="-", ms=2)
    assert display.line_.get_linestyle() == "-"
    assert display.line_.get_markersize() == 2


@pytest.mark.parametrize("layer", [None, 0, -1])
def test_births_deaths_and_survivors(network, layer):
    monitor = network._skl_callbacks[0]
    history = monitor.get_history()
    for source in (network, monitor, history):
        display = TopologyEvolutionDisplay.from_estimator(source, layer=layer)
    which = slice(None) if layer is None else [layer]
    heights = {
        name: np.array([bar.get_height() for bar in bars])
        for name, bars in display.bars_.items()
    }
    born = history.n_born[1:, which].sum(axis=1)
    died = history.n_died[1:, which].sum(axis=1)
    np.testing.assert_array_equal(heights["born"], born)
    np.testing.assert_array_equal(heights["died"], -died)
    after = history.n_connections[1:, which].sum(axis=1)
    before = history.n_connections[:-1, which].sum(axis=1)
    np.testing.assert_array_equal(heights["survived"] + heights["born"], after)
    np.testing.assert_array_equal(heights["survived"], before - died)
    assert born.any()


def test_evolution_of_a_layer_that_is_not_there_or_not_recorded(network):
    with pytest.raises(ValueError, match="layer"):
        TopologyEvolutionDisplay.from_estimator(network, layer=3)
    X, y = digits()
    plain = clone(network).set_callbacks().fit(X, y)
    with pytest.raises(ValueError, match="TopologyEvolutionDisplay needs the history"):
        TopologyEvolutionDisplay.from_estimator(plain)
