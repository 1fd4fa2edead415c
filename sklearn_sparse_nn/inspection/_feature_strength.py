"""A picture of which features a network is connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_sparse_nn.inspection._drawing import axes_for, draw_bars, draw_image
from sklearn_sparse_nn.inspection._fitted import find_part, input_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray
    from sklearn.base import BaseEstimator

# What an estimator may have, and what it is called in the picture.
_ATTRIBUTES = {
    "feature_strength_": "Feature strength",
    "visible_strength_": "Feature strength",
    "importances_": "Importance",
}
_WANTED = "a fitted estimator with " + " or ".join(_ATTRIBUTES)


def _attribute(estimator):
    """Which of the attributes a fitted estimator has; None if it has none."""
    return next((name for name in _ATTRIBUTES if hasattr(estimator, name)), None)


class FeatureStrengthDisplay:
    """Strength of the features of a fitted network.

    The strength of a feature is the sum of the magnitudes of its connections [1]_.
    Use :meth:`from_estimator` to make a display.

    Parameters
    ----------
    strength : ndarray of shape (n_features,)
        Strength of each feature.
    feature_names : array-like of str of shape (n_features,)
        Name of each feature.
    label : str, default='Feature strength'
        What the numbers are called.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the display was drawn.
    figure_ : matplotlib Figure
        Its figure.

    References
    ----------
    .. [1] Atashgahi et al., "Quick and robust feature selection: the strength of
       energy-efficient sparse training for autoencoders", Machine Learning, 2022.
       :arxiv:`2012.00560`

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import FeatureStrengthDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier((100,), max_iter=5, random_state=0).fit(X / 16, y)
    >>> display = FeatureStrengthDisplay.from_estimator(clf, image_shape=(8, 8))
    """

    ax_: Axes
    figure_: Figure

    def __init__(
        self,
        *,
        strength: NDArray[Any],
        feature_names: ArrayLike,
        label: str = "Feature strength",
    ) -> None:
        self.strength = strength
        self.feature_names = feature_names
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        n_features: int = 20,
        image_shape: tuple[int, int] | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the strength of the features of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the attribute `feature_strength_`, or `visible_strength_` as
            `SETRBMTransformer`, or `importances_` as selectors; or a search or a
            pipeline that holds one.
        n_features : int, default=20
            How many of the strongest features to draw as bars.
        image_shape : tuple of int, default=None
            Where the features are the pixels of an image, its (height, width): draws
            all of them as a heat map instead.
        ax : matplotlib Axes, default=None
            Where to draw. If None, a new figure.
        **kwargs : dict
            Passed to `barh`, or to `imshow`.

        Returns
        -------
        display : FeatureStrengthDisplay

        Raises
        ------
        TypeError
            If the estimator has none of the attributes, or holds more than one that
            has.
        """
        check_matplotlib_support("FeatureStrengthDisplay.from_estimator")
        part = find_part(estimator, _attribute, cls.__name__, _WANTED).estimator
        attribute = _attribute(part)
        strength = getattr(part, attribute)
        display = cls(
            strength=strength,
            feature_names=input_names(estimator, len(strength), _attribute),
            label=_ATTRIBUTES[attribute],
        )
        return display.plot(
            n_features=n_features, image_shape=image_shape, ax=ax, **kwargs
        )

    def plot(
        self,
        *,
        n_features: int = 20,
        image_shape: tuple[int, int] | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the display; the parameters are those of `from_estimator`."""
        ax = axes_for(self, ax)
        if image_shape is None:
            names = self.feature_names
            draw_bars(ax, self.strength, names, self.label, n_features, **kwargs)
        else:
            draw_image(ax, self.strength, image_shape, self.label, **kwargs)
        return self
