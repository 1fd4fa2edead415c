"""A picture of the distribution of degrees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from scipy.special import zeta
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_sparse_nn.inspection._degree_distribution import (
    DegreeDistribution,
    degree_distribution,
)
from sklearn_sparse_nn.inspection._drawing import axes_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from sklearn.base import BaseEstimator

    from sklearn_sparse_nn._types import RandomState

_SIDES = {"inputs": "Share of inputs", "neurons": "Share of neurons"}


class DegreeDistributionDisplay:
    """Degrees of one side of a layer, and the power law that fits best.

    Use :meth:`from_estimator` to make a display. Both axes are logarithmic: a power law
    is a straight line. Neurons without a connection count, but are not drawn.

    Parameters
    ----------
    distribution : DegreeDistribution
        See :func:`degree_distribution`.
    label : str, default='Share of inputs'
        What the share of is drawn.

    Attributes
    ----------
    line_ : matplotlib Line2D
        The points of the degrees.
    law_ : matplotlib Line2D or None
        The line of the power law. None if there is none.
    ax_ : matplotlib Axes
        Where the display was drawn.
    figure_ : matplotlib Figure
        Its figure.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import DegreeDistributionDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier((100,), epsilon=5, max_iter=20, random_state=0)
    >>> clf = clf.fit(X / 16, y)
    >>> display = DegreeDistributionDisplay.from_estimator(clf, random_state=0)
    """

    line_: Line2D
    law_: Line2D | None
    ax_: Axes
    figure_: Figure

    def __init__(
        self, *, distribution: DegreeDistribution, label: str = "Share of inputs"
    ) -> None:
        self.distribution = distribution
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        layer: int = 0,
        side: Literal["inputs", "neurons"] = "inputs",
        n_draws: int = 100,
        random_state: RandomState = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the degrees of one side of a layer of a fitted estimator.

        Parameters
        ----------
        estimator, layer, side, n_draws, random_state
            See :func:`degree_distribution`.
        ax : matplotlib Axes, default=None
            Where to draw. If None, a new figure.
        **kwargs : dict
            Passed to `plot`, of the degrees.

        Returns
        -------
        display : DegreeDistributionDisplay

        Raises
        ------
        TypeError
            If the estimator holds no network, or more than one.
        ValueError
            If there is no such layer.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        distribution = degree_distribution(
            estimator, layer, side=side, n_draws=n_draws, random_state=random_state
        )
        display = cls(distribution=distribution, label=_SIDES[side])
        return display.plot(ax=ax, **kwargs)

    def plot(self, *, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw the display; the parameters are those of `from_estimator`."""
        ax = axes_for(self, ax)
        degrees, at_least = self.distribution.degrees, self.distribution.at_least
        shown = degrees > 0
        options: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 4}
        options |= _without_aliases(kwargs)
        (self.line_,) = ax.plot(degrees[shown], at_least[shown], **options)
        self.law_ = self._draw_law(ax)
        if shown.any():
            ax.set(xscale="log", yscale="log")
            _write_numbers(ax.xaxis)
        ax.set(xlabel="Number of connections, or more", ylabel=self.label)
        return self

    def _draw_law(self, ax):
        law = self.distribution.power_law
        if law is None:
            return None
        last = self.distribution.degrees[-1]
        degrees = np.unique(np.geomspace(law.minimum, last, 200).astype(int))
        share = law.n_tail / self.distribution.counts.sum()
        beyond = zeta(law.exponent, degrees) / zeta(law.exponent, law.minimum)
        label = f"power law, exponent {law.exponent:.2f}"
        if law.p_value is not None:
            label += f", p = {law.p_value:.2f}"
        (line,) = ax.plot(degrees, share * beyond, color="black", label=label)
        ax.legend(loc="lower left")
        return line


def _without_aliases(kwargs):
    """Options of a line by their full names, such as linestyle for ls."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return normalize_kwargs(kwargs, Line2D)


def _write_numbers(axis):
    """Write whole numbers, and not powers of ten that overlap."""
    from matplotlib.ticker import LogFormatter

    axis.set_major_formatter(LogFormatter())
    axis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))
