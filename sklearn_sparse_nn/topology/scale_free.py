"""Scale-free connections by growth and preferential attachment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_sparse_nn.topology.cells import number_of_connections
from sklearn_sparse_nn.topology.sampling import rows_filled_up, sorted_sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from sklearn_sparse_nn._types import Floats, Structure

# Nodes that enter together, as a fraction of those that are there.
_SHARE = 0.1
# How often connections are drawn again that are there already.
_ROUNDS = 8


class BarabasiAlbert(BaseEstimator):
    """Bipartite scale-free connections of Barabási and Albert.

    Inputs and neurons enter in random order [1]_. Each brings as many connections as
    the others, but for one, and connects with nodes of the other side, those that have
    many connections being preferred in proportion to their number. Early nodes become
    hubs: where both sides are of like size, the degrees follow a power law of the
    exponent 3. Of unlike sides, few of the larger one become hubs, as the other brings
    them little; and the smaller one has shares of unlike size, but no power law, once
    all of its nodes are early. As many connections begin as with `ErdosRenyi`. In [2]_
    it is BSF.

    A few nodes enter at a time, and do not see each other's connections, so that this
    takes time in proportion to the number of connections, but for a sort. The core they
    come to is random, with as many nodes of each side, or all there are. Connections
    that would be there twice are drawn anew, with preference on both sides, or at last
    at random.

    References
    ----------
    .. [1] Barabási and Albert, "Emergence of scaling in random networks", Science 286,
       1999.
    .. [2] Zhang et al., "Brain network science modelling of sparse neural networks
       enables Transformers and LLMs to perform as fully connected", NeurIPS 2025.
       :arxiv:`2501.19107`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sparse_nn.topology import BarabasiAlbert
    >>> rng = np.random.default_rng(0)
    >>> indptr, _ = BarabasiAlbert().connect(1000, 1000, epsilon=5, rng=rng)
    >>> bool(np.diff(indptr).max() > 10 * np.median(np.diff(indptr)))
    True
    """

    _parameter_constraints: dict = {}

    def connect(
        self,
        n_inputs: int,
        n_neurons: int,
        epsilon: float,
        rng: Generator,
        spread: Callable[[], Floats] | None = None,
    ) -> Structure:
        """Draw the connections; see `ErdosRenyi.connect`."""
        n_connections = number_of_connections(n_inputs, n_neurons, epsilon)
        n_nodes, n_each = n_inputs + n_neurons, int(4 * epsilon) + 1
        nodes = _in_order(n_inputs, n_neurons, n_each, rng)
        brought = np.diff(np.arange(n_nodes + 1) * n_connections // n_nodes)
        n_entered = min(n_inputs, n_each) + min(n_neurons, n_each)
        core = nodes[:n_entered]
        cells = _core(core, brought[:n_entered].sum(), n_inputs, rng)
        while n_entered < n_nodes and len(cells):
            n_more = max(1, int(_SHARE * n_entered))
            more = np.repeat(
                nodes[n_entered : n_entered + n_more],
                brought[n_entered : n_entered + n_more],
            )
            partners = rng.choice(cells, len(more))
            is_input = more < n_inputs
            neurons = np.where(is_input, partners // n_inputs, more - n_inputs)
            inputs = np.where(is_input, more, partners % n_inputs)
            cells = np.concatenate([cells, np.unique(neurons * n_inputs + inputs)])
            n_entered += n_more
        return _completed(cells, n_connections, (n_inputs, n_neurons), rng)


def _in_order(n_inputs, n_neurons, n_each, rng):
    """Inputs and neurons, which have the higher numbers, in the order they enter.

    The core has up to `n_each` of both, as those that come need both to connect with.
    """
    inputs, neurons = rng.permutation(n_inputs), n_inputs + rng.permutation(n_neurons)
    core = np.append(inputs[:n_each], neurons[:n_each])
    others = np.append(inputs[n_each:], neurons[n_each:])
    return np.append(core, rng.permutation(others))


def _core(nodes, n, n_inputs, rng):
    """Cells of random connections, at most `n`, between the first nodes."""
    inputs = np.sort(nodes[nodes < n_inputs])
    neurons = np.sort(nodes[nodes >= n_inputs]) - n_inputs
    n_cells = len(inputs) * len(neurons)
    chosen = sorted_sample(n_cells, min(n, n_cells), rng)
    return neurons[chosen // len(inputs)] * n_inputs + inputs[chosen % len(inputs)]


def _completed(cells, n_connections, shape, rng):
    """The CSR structure with as many connections as there are to be."""
    n_inputs = shape[0]
    cells = np.sort(cells)
    for _ in range(_ROUNDS if len(cells) else 0):
        n_missing = n_connections - len(cells)
        # An end of a random connection is a node in proportion to its degree.
        neurons = rng.choice(cells, n_missing) // n_inputs
        inputs = rng.choice(cells, n_missing) % n_inputs
        cells = np.union1d(cells, neurons * n_inputs + inputs)
    return rows_filled_up(cells, n_connections, shape, rng)
