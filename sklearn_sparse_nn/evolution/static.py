"""No evolution."""

from sklearn_sparse_nn.evolution.rule import EvolutionRule


class Static(EvolutionRule):
    """Keep the initial connections: the baseline of every evolution rule.

    Examples
    --------
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import Static
    >>> clf = SETClassifier(evolution=Static())  # the same as evolution="static"
    """

    uses_gradient = False

    def is_due(self, clock):
        """Never."""
        return False
