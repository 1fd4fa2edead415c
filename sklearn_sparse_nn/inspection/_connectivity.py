"""A picture of the connections of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils._param_validation import StrOptions

from sklearn_sparse_nn.estimators._decorators import validate_params
from sklearn_sparse_nn.inspection._degrees import degrees_of
from sklearn_sparse_nn.inspection._drawing import axes_for, draw_bars, draw_image
from sklearn_sparse_nn.inspection._fitted import (
    checked_layer,
    input_names,
    layer_matrices,
)
from sklearn_sparse_nn.inspection._monitor import find_history

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike
    from scipy.sparse import csr_array
    from sklearn.base import BaseEstimator

_LABEL = "Number of connections"
# Rows and columns of a matrix at most: those of larger layers are taken together.
_PIXELS = 500


class ConnectivityDisplay:
    """Connections of a layer of a network.

    Use :meth:`from_estimator` to make a display.

    Parameters
    ----------
    connections : csr_array of shape (n_inputs, n_neurons)
        What is stored is a connection.
    feature_names : array-like of str of shape (n_inputs,)
        Name of each input.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the display was drawn.
    figure_ : matplotlib Figure
        Its figure.

    See Also
    --------
    FeatureStrengthDisplay : The magnitudes of the connections, too.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import ConnectivityDisplay, TopologyMonitor
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier((100,), epsilon=5, max_iter=5, random_state=0)
    >>> clf = clf.set_callbacks(TopologyMonitor()).fit(X / 16, y)
    >>> display = ConnectivityDisplay.from_estimator(clf, image_shape=(8, 8))
    >>> before = ConnectivityDisplay.from_estimator(clf, epoch=0, kind="matrix")
    """

    ax_: Axes
    figure_: Figure

    def __init__(self, *, connections: csr_array, feature_names: ArrayLike) -> None:
        self.connections = connections
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        layer: int = 0,
        epoch: int | None = None,
        kind: Literal["inputs", "matrix", "bipartite"] = "inputs",
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the connections of a layer of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            See :func:`neuron_degrees`.
        layer : int, default=0
            Index into `coefs_`; 0 is the layer of the features, -1 that of the outputs.
        epoch : int, default=None
            After which epoch of the fit, 0 being its beginning; the estimator must have
            been fitted with a :class:`TopologyMonitor`. If None, the connections of
            now.
        kind : {"inputs", "matrix", "bipartite"}, default="inputs"
            What to draw: how many connections each input has; which inputs each neuron
            is connected to, as a matrix, in which many cells of a large layer share a
            pixel; or neurons, inputs and lines between them, for a small layer.
        ax : matplotlib Axes, default=None
            Where to draw. If None, a new figure.
        **kwargs : dict
            With ``kind="inputs"``, `n_features` and `image_shape`, which :meth:`plot`
            explains. Others are passed to `barh`, to `imshow`, or to the
            `LineCollection` of the connections.

        Returns
        -------
        display : ConnectivityDisplay

        Raises
        ------
        TypeError
            If the estimator holds no network, or more than one.
        ValueError
            If there is no such layer, or if that epoch is not recorded.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        layers = layer_matrices(estimator, cls.__name__)
        layer = checked_layer(layer, len(layers))
        connections = layers[layer]
        if epoch is not None:
            connections = find_history(estimator, cls.__name__).topology(epoch, layer)
        names = [f"neuron {number}" for number in range(connections.shape[0])]
        if layer == 0:
            names = input_names(estimator, connections.shape[0])
        display = cls(connections=connections, feature_names=names)
        return display.plot(kind=kind, ax=ax, **kwargs)

    @validate_params(
        {"kind": [StrOptions({"inputs", "matrix", "bipartite"})]},
    )
    def plot(
        self,
        *,
        kind: Literal["inputs", "matrix", "bipartite"] = "inputs",
        n_features: int = 20,
        image_shape: tuple[int, int] | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the display.

        Parameters
        ----------
        kind : {"inputs", "matrix", "bipartite"}, default="inputs"
            What to draw: see `from_estimator`.
        n_features : int, default=20
            With ``kind="inputs"``, how many inputs to draw as bars, those of the most
            connections.
        image_shape : tuple of int, default=None
            With ``kind="inputs"``, where the inputs are the pixels of an image, its
            (height, width): draws all of them as a heat map instead.
        ax : matplotlib Axes, default=None
            Where to draw. If None, a new figure.
        **kwargs : dict
            See `from_estimator`.

        Returns
        -------
        self : ConnectivityDisplay

        Raises
        ------
        ValueError
            If there is an `image_shape` for another kind than "inputs".
        """
        if kind != "inputs" and image_shape is not None:
            raise ValueError(
                f"image_shape is for kind='inputs', and kind={kind!r} has none."
            )
        ax = axes_for(self, ax)
        if kind == "matrix":
            _draw_matrix(ax, self.connections, **kwargs)
        elif kind == "bipartite":
            _draw_lines(ax, self.connections, **kwargs)
        else:
            degrees, _ = degrees_of(self.connections)
            if image_shape is None:
                names = self.feature_names
                draw_bars(ax, degrees, names, _LABEL, n_features, **kwargs)
            else:
                draw_image(ax, degrees, image_shape, _LABEL, **kwargs)
        return self


def _draw_matrix(ax, connections, **kwargs):
    sides = [-(-size // _PIXELS) for size in connections.shape]
    shares = _shares(connections, sides)
    # The last pixel may stand for fewer cells, and is cut.
    right, bottom = (n * side - 0.5 for n, side in zip(shares.shape, sides))
    options = {
        "cmap": "Greys",
        "aspect": "auto",
        "interpolation": "nearest",
        "vmin": 0,
        "extent": (-0.5, right, bottom, -0.5),
    }
    image = ax.imshow(shares.T, **(options | kwargs))
    n_inputs, n_neurons = connections.shape
    ax.set(xlim=(-0.5, n_inputs - 0.5), ylim=(n_neurons - 0.5, -0.5))
    ax.set(xlabel="Input", ylabel="Neuron")
    if sides != [1, 1]:
        ax.figure.colorbar(image, ax=ax, label="Share of connections")


def _shares(connections, sides):
    """Share of the cells of each pixel that hold a connection."""
    places = [end // side for end, side in zip(connections.tocoo().coords, sides)]
    sizes = [
        np.bincount(np.arange(size) // side)
        for size, side in zip(connections.shape, sides)
    ]
    pixels = [len(size) for size in sizes]
    here = np.ravel_multi_index(places, pixels)
    counts = np.bincount(here, minlength=pixels[0] * pixels[1])
    return counts.reshape(pixels) / np.outer(*sizes)


def _draw_lines(ax, connections, **kwargs):
    from matplotlib.collections import LineCollection

    inputs, neurons = connections.tocoo().coords
    heights = [_heights(size) for size in connections.shape]
    left, right = heights[0][inputs], heights[1][neurons]
    ends = np.stack([np.zeros_like(left), left, np.ones_like(right), right], axis=1)
    # Many lines are drawn the fainter, so that dense places can be told from others.
    alpha = float(np.clip(12 / np.sqrt(len(ends) or 1), 0.03, 0.8))
    options = {"linewidths": 0.6, "colors": "C0", "alpha": alpha, "zorder": 1}
    lines = LineCollection(ends.reshape(-1, 2, 2), **(options | kwargs))
    ax.add_collection(lines)
    for x, ys in enumerate(heights):
        size = np.clip(1500 / len(ys), 2, 40)
        ax.scatter(np.full(len(ys), x), ys, s=size, color="black", zorder=2)
    ax.set_xticks([0, 1], ["Inputs", "Neurons"])
    ax.set_yticks([])
    ax.set_xlim(-0.1, 1.1)
    for side in ax.spines.values():
        side.set_visible(False)


def _heights(n):
    """Places from top to bottom."""
    return 1 - (np.arange(n) + 0.5) / n
