"""Annealed importance sampling: the partition function of a Boltzmann machine."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import expit, logsumexp

# Shares of the inverse temperatures below 0.5, from there to 0.9, and to 1, near which
# the machine changes most (Salakhutdinov and Murray, 2008).
_SCHEDULE = [(0.0, 0.5, 1 / 29), (0.5, 0.9, 8 / 29), (0.9, 1.0, 20 / 29)]


def inverse_temperatures(n):
    """About `n` numbers from 0 to 1, ascending."""
    pieces = [
        np.linspace(start, stop, max(2, round(n * share)), endpoint=False)
        for start, stop, share in _SCHEDULE
    ]
    return np.append(np.concatenate(pieces), 1.0)


class Energy(NamedTuple):
    """What a machine is made of.

    The probability of visible states `v` and hidden states `h` is proportional to
    ``exp(b·v + c·h + h·Wv)``, times ``exp(-v·v / 2)`` if visible neurons are Gaussian.
    """

    components: sparse.csr_array  # W, hidden × visible
    hidden: np.ndarray  # c
    visible: np.ndarray  # b
    gaussian: bool


def log_partition(energy, base, n_chains, n_temperatures, rng):
    """Estimate the logarithm of the partition function.

    Chains walk from a machine without connections, whose partition function is known,
    to the given one, through machines in between [1]_.

    Parameters
    ----------
    energy : Energy
    base : ndarray of shape (n_visible,)
        Intercepts of the visible neurons of the machine without connections.
    n_chains : int
        At least 2.
    n_temperatures : int
    rng : numpy.random.Generator

    Returns
    -------
    log_partition : float
    standard_error : float
        Of the logarithm, from the scatter of the chains.

    References
    ----------
    .. [1] Salakhutdinov and Murray, "On the quantitative analysis of deep belief
       networks", ICML 2008.
    """
    n_hidden, n_visible = energy.components.shape
    components = energy.components.astype(np.float32)
    transposed = components.T.tocsr()
    if 2 * components.nnz >= n_hidden * n_visible:
        # As dense arrays they are no larger, and BLAS is faster.
        components, transposed = components.toarray(), transposed.toarray()
    hidden, visible, base = (
        np.asarray(intercepts, dtype=np.float64)[:, np.newaxis]
        for intercepts in (energy.hidden, energy.visible, base)
    )

    def draw(scores):
        # One column for each chain.
        drawn = rng.random(scores.shape, dtype=np.float32)
        return (drawn < expit(scores)).astype(np.float32)

    def draw_visible(scores):
        if energy.gaussian:
            return rng.standard_normal(scores.shape, np.float32) + np.float32(scores)
        return draw(scores)

    def log_probability(v, scores, beta):
        # Without the square of Gaussian neurons, which is the same in all machines.
        on = ((1 - beta) * base + beta * visible).T @ v
        return on[0] + np.logaddexp(0, beta * scores).sum(axis=0)

    betas = inverse_temperatures(n_temperatures)
    v = draw_visible(np.broadcast_to(base, (n_visible, n_chains)))
    log_weights = np.zeros(n_chains)
    for previous, beta in pairwise(betas):
        scores = components @ v + hidden
        log_weights += log_probability(v, scores, beta)
        log_weights -= log_probability(v, scores, previous)
        h = draw(beta * scores)
        v = draw_visible(beta * (transposed @ h + visible) + (1 - beta) * base)
    if energy.gaussian:
        log_base = 0.5 * (base**2 + np.log(2 * np.pi)).sum()
    else:
        log_base = np.logaddexp(0, base).sum()
    log_mean = logsumexp(log_weights) - np.log(n_chains)
    weights = np.exp(log_weights - log_mean)
    error = weights.std(ddof=1) / np.sqrt(n_chains)
    return n_hidden * np.log(2) + log_base + log_mean, error
