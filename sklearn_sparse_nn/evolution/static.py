"""No evolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn_sparse_nn.evolution.rule import EvolutionRule

if TYPE_CHECKING:
    from sklearn_sparse_nn.evolution.layer import TrainingClock


class Static(EvolutionRule):
    """Keep the initial connections: the baseline of every evolution rule.

    Examples
    --------
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import Static
    >>> clf = SETClassifier(evolution=Static())  # the same as evolution="static"
    """

    uses_gradient = False

    def is_due(self, clock: TrainingClock) -> bool:
        """Never."""
        return False
