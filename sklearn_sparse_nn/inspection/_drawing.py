"""What the displays have in common."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar
from sklearn.utils._optional_dependencies import check_matplotlib_support


def axes_for(display, ax):
    """The axes to draw on: those given, or those of a new figure.

    They become the attributes `ax_` and `figure_` of the display.
    """
    check_matplotlib_support(f"{type(display).__name__}.plot")
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    display.ax_, display.figure_ = ax, ax.figure
    return ax


def draw_bars(ax, values, names, label, n_features, **kwargs):
    """Draw the features of the largest values as bars, the largest on top."""
    check_scalar(n_features, "n_features", Integral, min_val=1)
    largest = np.argsort(values, kind="stable")[-n_features:]
    # Names may repeat: what is at one place is not drawn there twice.
    ax.barh(np.arange(len(largest)), values[largest], **kwargs)
    ax.set_yticks(np.arange(len(largest)), [str(names[i]) for i in largest])
    ax.ticklabel_format(axis="x", scilimits=(-3, 4))
    ax.set_xlabel(label)


def draw_image(ax, values, shape, label, **kwargs):
    """Draw a value for each pixel of an image."""
    image = ax.imshow(np.reshape(values, shape), **kwargs)
    ax.set_axis_off()
    ax.figure.colorbar(image, ax=ax, label=label)


def label_epochs(ax):
    """Let the horizontal axis count epochs."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("Epoch")
