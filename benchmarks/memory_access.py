"""What it brings to ask for rows ahead of their use, and to go over inputs in bands.

Both change only when rows of activations come from memory, never a bit of the result.
Networks learn noise by SGD, on one thread, in turns with a copy that does without:

- look-ahead: two hidden layers of as many neurons as there are inputs, `epsilon=20`.
  Layers of 1,000 neurons are near enough, and no row is asked for;
- bands: a layer whose neurons have very many inputs, more than the last cache holds.

::

    python benchmarks/memory_access.py
"""

from contextlib import ExitStack
from unittest.mock import patch

import numpy as np
from common import (
    argument_parser,
    class_targets,
    describe_machine,
    format_ratio,
    interleave,
    print_table,
    ratio,
    report,
    stopwatch,
)
from rewiring import PARAMETERS

from sklearn_sparse_nn.engine import bands
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.networks import batches
from sklearn_sparse_nn.networks.mlp import MLP
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi

# What each side does without, as a function that is replaced.
WITHOUT = {
    "look-ahead": (batches, "look_ahead", lambda sizes, stride: 0),
    "bands": (bands, "rows_in_cache", lambda stride: np.iinfo(np.int64).max),
}
N_CLASSES = 10
# Layers, epsilon, samples.
NETWORKS = {
    "look-ahead": [
        ([4_000] * 3 + [N_CLASSES], 20, 12_800),
        ([50_000] * 3 + [N_CLASSES], 20, 512),
        ([250_000] * 3 + [N_CLASSES], 20, 128),
    ],
    "bands": [
        ([54_675, 500_000, 18], 10, 256),
        ([300_000, 1_000, 1_000, N_CLASSES], 10, 256),
    ],
}


def epochs(sizes, epsilon, n_samples, team, without=None):
    """A function that trains a new network for one epoch, and returns its seconds."""
    rng = np.random.default_rng(0)
    X = rng.random((n_samples, sizes[0]), dtype=np.float32)
    targets = class_targets(rng.integers(0, sizes[-1], n_samples))
    network = MLP(sizes, Start(ErdosRenyi(), epsilon, seed=0), "relu", "softmax")
    network.reset_optimiser("sgd")
    order = np.arange(n_samples)

    def epoch():
        network.train_epoch(X, targets, order, PARAMETERS, team)

    with ExitStack() as stack:
        if without:
            stack.enter_context(patch.object(*WITHOUT[without]))
        epoch()  # what is patched decides here, for all epochs
    return stopwatch(epoch)


def measure(what, network, n_rounds):
    with ThreadTeam(1) as team:
        sides = {
            "with": epochs(*network, team),
            "without": epochs(*network, team, without=what),
        }
        seconds = interleave(sides, n_rounds)
    return {
        "sizes": network[0],
        "seconds": seconds,
        "gain": ratio(seconds["without"], seconds["with"]),
    }


def main():
    args = argument_parser(__doc__, n_rounds=7).parse_args()
    results = {
        what: [measure(what, network, args.rounds) for network in networks]
        for what, networks in NETWORKS.items()
    }
    rows = [
        [f"{what}, {'-'.join(map(str, found['sizes']))}", format_ratio(found["gain"])]
        for what, networks in results.items()
        for found in networks
    ]
    print_table(["", "without / with"], rows)
    report(describe_machine(), results, args)


if __name__ == "__main__":
    main()
