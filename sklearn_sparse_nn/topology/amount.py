"""How many connections the layers of a network begin with."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Amount(NamedTuple):
    """Connections per neuron, or the density of each layer.

    Attributes
    ----------
    epsilon : float
        Connections per neuron: see `initial.ErdosRenyi`. Used without a density.
    density : float, array-like of shape (n_layers,) or None
        Fraction of all connections of each layer.
    """

    epsilon: float
    density: ArrayLike | None = None

    @property
    def parameter(self):
        """The parameter that counts, "epsilon" or "density"."""
        return "epsilon" if self.density is None else "density"

    def __str__(self):
        return f"{self.parameter}={getattr(self, self.parameter)}"

    def epsilons(self, sizes):
        """Connections per neuron of each layer.

        Parameters
        ----------
        sizes : sequence of int, length n_layers + 1

        Returns
        -------
        epsilons : ndarray of float64, shape (n_layers,)

        Raises
        ------
        ValueError
            If the density is not one, or one for each layer, in (0, 1].
        """
        n_layers = len(sizes) - 1
        if self.density is None:
            return np.full(n_layers, float(self.epsilon))
        density = np.asarray(self.density, dtype=np.float64)
        if density.shape not in ((), (n_layers,)) or not np.all(
            (density > 0) & (density <= 1)
        ):
            raise ValueError(
                "density must be a number in (0, 1], or one for each of the "
                f"{n_layers} layers, got {self.density!r}."
            )
        return density / self._per_epsilon(sizes)

    def in_its_unit(self, epsilons, sizes):
        """Connections per neuron of each layer as epsilons, or as densities."""
        return epsilons * (1 if self.density is None else self._per_epsilon(sizes))

    @staticmethod
    def _per_epsilon(sizes):
        """Density of each layer for one connection per neuron."""
        sizes = np.asarray(sizes, dtype=np.float64)
        return 1 / sizes[:-1] + 1 / sizes[1:]
