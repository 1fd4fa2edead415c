"""In-time over-parameterization against a dense record of what has been tried."""

import numpy as np

from sklearn_sparse_nn.evolution import ITOP, EvolvingLayer
from tests.evolution.seen import ask, seen_layer


def _connected(layer, mask):
    """The same layer, connected where `mask` says."""
    n = int(mask.sum())
    return EvolvingLayer(
        indptr=np.concatenate([[0], np.cumsum(mask.sum(axis=1))]),
        indices=np.nonzero(mask)[1].astype(np.uint32),
        weights=layer.rng.normal(size=n).astype(np.float32),
        index=layer.index,
        n_inputs=layer.n_inputs,
        zeta=layer.zeta,
        clock=layer.clock,
        gain=1.0,
        rng=layer.rng,
    )


def test_cells_without_a_past_come_first():
    layer, mask, *_ = seen_layer((30, 20), 0.2, zeta=0.5)
    rule, tried, n = ITOP(), mask.copy(), mask.sum()
    full = 0
    for _ in range(15):
        (goes,), (grows,) = ask(rule, [layer])
        n_new = min(goes.sum(), (~tried).sum())
        assert (grows & ~tried).sum() == n_new
        assert not (grows & mask).any()
        full += n_new < goes.sum()
        mask = (mask & ~goes) | grows
        tried |= grows
        explored = rule.explored_[0]
        assert (explored is None) == tried.all()
        if explored is not None:
            np.testing.assert_array_equal(explored, np.flatnonzero(tried))
        assert mask.sum() == n
        layer = _connected(layer, mask)
    assert tried.all() and full > 1
