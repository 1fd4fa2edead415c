"""Where targets are and how far they spread, whatever their size.

Nothing overflows that float64 holds: squares are those of numbers below 1.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

# The robust spread looks at what is between these quantiles: up to a tenth of outliers
# on either side do not count. It is the standard deviation of a normal distribution.
_BETWEEN = [0.1, 0.5, 0.9]
_WIDTH = ndtri(0.9) - ndtri(0.1)


class Location(NamedTuple):
    """Center and spread of each output, float64, and of how many samples.

    The spread of equal numbers is 0, and their center is that number.
    """

    n_samples: int
    centers: np.ndarray
    spreads: np.ndarray


def locate(y, weights, robust):
    """Find out where samples are.

    Parameters
    ----------
    y : ndarray of float64, shape (n_samples, n_outputs)
    weights : ndarray, shape (n_samples,), or None
        Of the samples, at least 0. If None, or all are 0, all samples count the same.
    robust : bool
        Whether to take the median and the distance between quantiles, rather than mean
        and standard deviation. Where the quantiles are equal, their distance is not
        taken, unless all targets are.

    Returns
    -------
    location : Location
    """
    n_samples = len(y)
    if weights is None or not weights.any():
        weights = np.ones(n_samples)
    y, weights = y[weights > 0], weights[weights > 0]
    # To multiply by a power of two rounds nothing.
    _, exponents = np.frexp(np.abs(y).max(axis=0))
    y = np.ldexp(y, -exponents)
    rest = y - y[0]
    shifts = np.average(rest, axis=0, weights=weights)
    variances = np.average((rest - shifts) ** 2, axis=0, weights=weights)
    centers, spreads = y[0] + shifts, np.sqrt(variances)
    if robust:
        options = {"axis": 0, "weights": weights, "method": "inverted_cdf"}
        low, centers, high = np.quantile(y, _BETWEEN, **options)
        spreads = np.where(high > low, (high - low) / _WIDTH, spreads)
    centers, spreads = np.ldexp(centers, exponents), np.ldexp(spreads, exponents)
    return Location(n_samples, centers, spreads)


@np.errstate(over="ignore")  # whoever needs the location looks
def merge(a, b):
    """Location of two sets of samples together: exact, if they are not robust."""
    n_samples, difference = a.n_samples + b.n_samples, b.centers - a.centers
    share = b.n_samples / n_samples
    within = np.hypot(np.sqrt(1 - share) * a.spreads, np.sqrt(share) * b.spreads)
    between = np.sqrt(share * (1 - share)) * difference
    centers = a.centers + share * difference
    return Location(n_samples, centers, np.hypot(within, between))
