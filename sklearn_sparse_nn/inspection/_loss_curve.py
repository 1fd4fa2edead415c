"""A picture of how the loss fell in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_sparse_nn.inspection._drawing import axes_for, label_epochs
from sklearn_sparse_nn.inspection._fitted import find_part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from sklearn.base import BaseEstimator

# What an estimator may have followed, and what it is called in the picture.
_CURVES = {
    "loss_curve_": "Training loss",
    "validation_loss_curve_": "Validation loss",
    "reconstruction_error_curve_": "Reconstruction error",
}


def _curves_of(estimator):
    """The curves of a fitted estimator, by their labels."""
    found = {label: getattr(estimator, name, None) for name, label in _CURVES.items()}
    return {label: curve for label, curve in found.items() if curve is not None}


class LossCurveDisplay:
    """Loss of a network after each epoch.

    Use :meth:`from_estimator` to make a display.

    Parameters
    ----------
    curves : dict of str to array-like of shape (n_epochs,)
        Of each curve, its label and what it was after each epoch. All end with the last
        epoch; a shorter one begins later.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        The curves.
    ax_ : matplotlib Axes
        Where the display was drawn.
    figure_ : matplotlib Figure
        Its figure.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import LossCurveDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier((100,), max_iter=20, early_stopping=True, random_state=0)
    >>> display = LossCurveDisplay.from_estimator(clf.fit(X / 16, y))
    >>> [line.get_label() for line in display.lines_]
    ['Training loss', 'Validation loss']
    """

    lines_: list[Line2D]
    ax_: Axes
    figure_: Figure

    def __init__(self, *, curves: Mapping[str, Sequence[float]]) -> None:
        self.curves = curves

    @classmethod
    def from_estimator(
        cls, estimator: BaseEstimator, *, ax: Axes | None = None, **kwargs: Any
    ) -> Self:
        """Draw the loss of a fitted estimator.

        With early stopping, the loss of the validation data, too; of
        `SETRBMTransformer`, the reconstruction error.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the attribute `loss_curve_` or `reconstruction_error_curve_`;
            or a selector, a search or a pipeline that holds one.
        ax : matplotlib Axes, default=None
            Where to draw. If None, a new figure.
        **kwargs : dict
            Passed to `plot`, of each curve.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        TypeError
            If the estimator has no such attribute, or holds more than one that has.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        wanted = "a fitted estimator with loss_curve_ or reconstruction_error_curve_"
        part = find_part(estimator, _curves_of, cls.__name__, wanted).estimator
        return cls(curves=_curves_of(part)).plot(ax=ax, **kwargs)

    def plot(self, *, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw the display; the parameters are those of `from_estimator`."""
        ax = axes_for(self, ax)
        self.lines_ = []
        last = max(map(len, self.curves.values()))
        for label, curve in self.curves.items():
            options = {"label": label, **kwargs}
            epochs = range(last - len(curve) + 1, last + 1)
            self.lines_ += ax.plot(epochs, curve, **options)
        label_epochs(ax)
        if len(self.curves) > 1:
            ax.set_ylabel("Loss")
            ax.legend()
        else:
            ax.set_ylabel(next(iter(self.curves)))
        return self
