"""What an evolution rule adds to each update of the weights, and notes of it."""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.random import add_noise


class UpdateTerms(NamedTuple):
    """What happens to each weight after each update, in this order.

    Attributes
    ----------
    noise : float, default=0.0
        Standard deviation of normal noise that is added to it.
    l1 : float, default=0.0
        How far it comes nearer to zero, where it stops.
    keeps_signs : bool, default=False
        Whether a weight that changes its sign becomes zero, and a weight of zero stays
        there. New connections then begin at a tiny weight of the sign that they are to
        have.
    """

    noise: float = 0.0
    l1: float = 0.0
    keeps_signs: bool = False


NO_TERMS = UpdateTerms(np.float32(0), np.float32(0), False)


def checked_terms(terms):
    """Terms as compiled code takes them.

    Raises
    ------
    ValueError
        If a number is negative or not finite.
    """
    numbers = np.float32([terms.noise, terms.l1])
    if not np.isfinite(numbers).all() or (numbers < 0).any():
        raise ValueError(
            f"The terms of an update must be finite and at least 0, got {terms}."
        )
    return UpdateTerms(*numbers, bool(terms.keeps_signs))


@inner
def remember(before, weights):
    """Copy some weights before an update."""
    for i in range(len(weights)):
        before[i] = weights[i]


@inner
def add_terms(weights, before, terms, key, position):
    """Change some weights after an update.

    `before` are their values before it, `position` is the number of the first: what is
    drawn depends on nothing else, no matter how many threads there are.
    """
    zero = np.float32(0)
    if terms.noise > 0:
        add_noise(weights, 0, len(weights), key, position, np.float64(terms.noise))
    for i in range(len(weights)):
        weight = weights[i]
        size = abs(weight) - terms.l1
        if size < zero:  # NaN stays
            size = zero
        weight = size if weight >= 0 else -size
        # A product of the two would lose tiny weights.
        above, below = min(weight, before[i]) > 0, max(weight, before[i]) < 0
        if terms.keeps_signs and not (above or below or np.isnan(weight)):
            weight = zero
        weights[i] = weight


@inner
def note_importances(importances, weights, before, gradient):
    """Add up what the changes of weights did to the loss, as the gradient has it.

    `importances` may be empty: nobody asks for them then.
    """
    for i in range(len(importances)):
        importances[i] += abs((weights[i] - before[i]) * gradient[i])
