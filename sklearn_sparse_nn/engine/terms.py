"""What an evolution rule adds to each update of the weights, and notes of it."""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.random import add_noise


class UpdateTerms(NamedTuple):
    """What happens to each weight after each update, in this order, and before it.

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
    l2 : float or array-like of shape (n_layers,), default=0.0
        Before the update, the weight times this number is added to its mean gradient:
        one number for all layers of the network, or one for each.
    held_l2 : float or array-like of shape (n_layers,), default=0.0
        The same for a weight that is held: see `EvolutionRule.holds_weights`.
    """

    noise: float = 0.0
    l1: float = 0.0
    keeps_signs: bool = False
    l2: float | np.ndarray = 0.0
    held_l2: float | np.ndarray = 0.0


def checked_terms(terms, n_layers):
    """Terms as compiled code takes them, for a network of so many layers.

    Raises
    ------
    ValueError
        If a number is negative or not finite.
    """
    l2, held_l2 = np.zeros((2, n_layers), dtype=np.float32)
    l2[:], held_l2[:] = terms.l2, terms.held_l2
    numbers = np.float32([terms.noise, terms.l1])
    every = np.concatenate([numbers, l2, held_l2])
    if not np.isfinite(every).all() or (every < 0).any():
        raise ValueError(
            f"The terms of an update must be finite and at least 0, got {terms}."
        )
    return UpdateTerms(*numbers, bool(terms.keeps_signs), l2, held_l2)


NO_TERMS = checked_terms(UpdateTerms(), 1)


@inner
def add_l2(gradient, weights, held, l2, held_l2):
    """Add to the gradient of some weights how fast they are to come nearer to zero.

    `held` says which of them are held, or is empty.
    """
    if l2 > 0:
        for i in range(len(weights)):
            gradient[i] += l2 * weights[i]
    for i in range(len(held)):
        if held[i] != 0:
            gradient[i] += (held_l2 - l2) * weights[i]


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
