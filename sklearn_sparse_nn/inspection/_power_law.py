"""Whether numbers follow a power law, and which: the method of Clauset et al."""

from __future__ import annotations

from functools import lru_cache
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import zeta
from sklearn.utils import check_array, check_random_state, check_scalar

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sklearn_sparse_nn._types import Ints, RandomState

# Exponents among which the likelihood is maximised, and the range of a table of the
# distribution; what is beyond the table is drawn from a continuous law.
_EXPONENTS = np.linspace(1.01, 10, 900)
_TABLE = 10_000


class PowerLawFit(NamedTuple):
    """A power law fitted to numbers: see `fit_power_law`.

    Attributes
    ----------
    exponent : float
        Numbers `x` from `minimum` on have a probability in proportion to
        ``x ** -exponent``.
    minimum : int
        The least number that follows the law.
    n_tail : int
        How many numbers are `minimum` or more.
    distance : float
        Largest distance of the cumulative distributions of these numbers and of the
        law (Kolmogorov-Smirnov), from 0 to 1.
    p_value : float or None
        Share of sets of numbers drawn from the law that are at least as far from the
        law that fits them best. Of 0.1 or less, the law is no plausible model; more
        does not prove it. None if it was not asked for.
    """

    exponent: float
    minimum: int
    n_tail: int
    distance: float
    p_value: float | None


def fit_power_law(
    numbers: ArrayLike,
    *,
    minimum: int | None = None,
    n_draws: int = 100,
    random_state: RandomState = None,
) -> PowerLawFit:
    """Fit a power law to positive integers, such as the degrees of neurons.

    Of each possible minimum the exponent is the most likely one; the minimum is that
    whose law is nearest to the numbers from there on [1]_.

    Parameters
    ----------
    numbers : array-like of int of shape (n,)
        Zeros are allowed, and lie below any minimum.
    minimum : int, default=None
        The least number that is to follow the law. If None, the one that fits best.
    n_draws : int, default=100
        How many sets to draw for `p_value`, which they tell within about ``0.5 /
        sqrt(n_draws)``. The fit is repeated for each. If 0, `p_value` is None.
    random_state : int, RandomState instance or None, default=None
        Of these sets. Pass an int for reproducible results.

    Returns
    -------
    fit : PowerLawFit
        A named tuple `exponent`, `minimum`, `n_tail`, `distance`, `p_value`.

    Raises
    ------
    ValueError
        If a number is negative or not whole, or if there are not two different numbers
        from the minimum on.

    Notes
    -----
    Exponents are looked for from 1 to 10. Fits to less than about 50 numbers say
    little.

    References
    ----------
    .. [1] Clauset, Shalizi and Newman, "Power-law distributions in empirical data",
       SIAM Review 51, 2009. :arxiv:`0706.1062`

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sparse_nn.inspection import fit_power_law
    >>> numbers = np.random.default_rng(0).zipf(2.5, size=2000)
    >>> fit = fit_power_law(numbers, minimum=1, random_state=0)
    >>> round(fit.exponent, 1), fit.p_value > 0.1
    (2.5, True)
    """
    numbers = _checked(numbers)
    check_scalar(n_draws, "n_draws", Integral, min_val=0)
    if minimum is not None:
        check_scalar(minimum, "minimum", Integral, min_val=1)
    fit = _best_fit(numbers, minimum)
    if fit is None:
        raise ValueError(
            "A power law needs two different numbers, from "
            f"{'1' if minimum is None else f'minimum={minimum}'} on."
        )
    if not n_draws:
        return fit
    random_state, below = check_random_state(random_state), numbers[numbers < fit[1]]
    n_farther = 0
    for _ in range(n_draws):
        drawn = _best_fit(_draw_like(fit, numbers, below, random_state), minimum)
        # A set of one number only is its own law.
        n_farther += drawn is not None and drawn.distance >= fit.distance
    return fit._replace(p_value=n_farther / n_draws)


def _checked(numbers: Any) -> Ints:
    numbers = check_array(
        numbers, ensure_2d=False, dtype="numeric", ensure_all_finite=True
    )
    if numbers.ndim != 1 or (numbers < 0).any() or (numbers % 1 != 0).any():
        raise ValueError("numbers must be one-dimensional, whole and not negative.")
    return numbers.astype(np.int64)


def _best_fit(numbers, minimum=None):
    """The law that fits best, without its p-value; None if there is none."""
    values, counts = np.unique(numbers[numbers >= (minimum or 1)], return_counts=True)
    if len(values) < 2:
        return None
    first = values[:-1] if minimum is None else [minimum]
    fits = [_fit_from(least, values, counts) for least in first]
    return min(fits, key=lambda fit: fit.distance)


def _fit_from(minimum, values, counts):
    """The law of the numbers from `minimum` on: distinct values and their counts."""
    here = np.searchsorted(values, minimum)
    values, counts = values[here:], counts[here:]
    n = counts.sum()
    exponent = _most_likely_exponent(counts @ np.log(values) / n, minimum)
    # Both distributions are steps: they are farthest apart at a value, or before it.
    beyond = zeta(exponent, [values, values + 1]) / zeta(exponent, minimum)
    observed = 1 - np.cumsum(counts) / n
    before = np.append(1, observed[:-1])
    distance = np.abs([before - beyond[0], observed - beyond[1]]).max()
    return PowerLawFit(float(exponent), int(minimum), int(n), float(distance), None)


def _most_likely_exponent(mean_logarithm, minimum):
    """The exponent that makes numbers of this mean logarithm most likely."""
    likelihood = -_EXPONENTS * mean_logarithm - _log_zeta(minimum)
    best = np.argmax(likelihood)
    if not 0 < best < len(_EXPONENTS) - 1:
        return _EXPONENTS[best]
    # The peak of the parabola through the best and its neighbours.
    left, peak, right = likelihood[best - 1 : best + 2]
    step = _EXPONENTS[1] - _EXPONENTS[0]
    return _EXPONENTS[best] + step * (left - right) / (2 * (left - 2 * peak + right))


@lru_cache(maxsize=1024)
def _log_zeta(minimum):
    return np.log(zeta(_EXPONENTS, minimum))


def _draw_like(fit, numbers, below, random_state):
    """As many numbers: some of those below the minimum, the others from the law."""
    n_tail = random_state.binomial(len(numbers), fit.n_tail / len(numbers))
    tail = _draw(fit, n_tail, random_state)
    if not len(below):
        return tail
    return np.append(tail, random_state.choice(below, len(numbers) - n_tail))


def _draw(fit, n, random_state):
    """Draw `n` numbers from a law."""
    table = np.arange(fit.minimum, fit.minimum + _TABLE)
    beyond = zeta(fit.exponent, table + 1) / zeta(fit.exponent, fit.minimum)
    uniform = random_state.uniform(size=n)
    place = np.searchsorted(-beyond, -uniform)
    # Far out, a discrete law is as good as continuous.
    ratio = beyond[-1] / np.maximum(uniform, 2.0**-53)
    far = table[-1] * np.maximum(ratio, 1) ** (1 / (fit.exponent - 1))
    far = np.minimum(far, 2.0**53).astype(np.int64)
    return np.where(place < _TABLE, table[np.minimum(place, _TABLE - 1)], far)
