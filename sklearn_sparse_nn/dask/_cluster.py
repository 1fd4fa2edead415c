"""Blocks of the data on the workers of a cluster, and tasks beside them."""

from concurrent.futures import CancelledError
from typing import NamedTuple

import numpy as np
from dask import delayed
from distributed import wait

from sklearn_sparse_nn.engine.warning import warn_user

# Blocks stay in memory, as the network reads them, if they take less than this share of
# that of all workers.
_SHARE_OF_MEMORY = 0.3


class Block(NamedTuple):
    """A block of samples: its number among all, and how many they are."""

    number: int
    n_samples: int


class Cluster:
    """The workers, the parts of the data that they learn from, and what is lost.

    Parameters
    ----------
    client : distributed.Client
    blocks : list of tuple of Delayed
        X, y and the weights of each block.
    sizes, n_bytes : list of int
        Of each block: how many samples, and how much memory the network's view of it
        takes.
    prepare : callable
        ``prepare(estimator, X, y, weights)`` is what a network reads.
    estimator : estimator
        To prepare blocks with.

    Attributes
    ----------
    parts : list of list of Block
        One for each worker, of consecutive blocks and about equally many samples.
    blocks_stay : bool
        Whether all blocks are in memory; if not, each is computed when its turn comes.
    """

    def __init__(self, client, blocks, sizes, n_bytes, prepare, estimator):
        self._client, self._blocks, self._prepare = client, blocks, prepare
        self._workers = sorted(client.nthreads())
        if not self._workers:
            raise ValueError("The cluster has no workers.")
        self._estimator = client.scatter(estimator, broadcast=True, hash=False)
        n_parts = min(len(self._workers), len(blocks))
        middles = np.cumsum(sizes) - np.asarray(sizes) / 2
        owners = np.minimum(middles * n_parts // sum(sizes), n_parts - 1).astype(int)
        parts = [
            [Block(i, sizes[i]) for i in np.flatnonzero(owners == part)]
            for part in range(n_parts)
        ]
        self.parts = [blocks for blocks in parts if blocks]
        self._homes = self._workers[: len(self.parts)]
        memory = self._memory()
        self.blocks_stay = sum(n_bytes) < _SHARE_OF_MEMORY * memory
        self._kept, self._open = {}, {}
        if self.blocks_stay:
            for number, blocks in enumerate(self.parts):
                for block in blocks:
                    self._kept[block.number] = self._prepared(block.number, number)
            wait(list(self._kept.values()))

    def _memory(self):
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        limits = [worker["memory_limit"] for worker in workers]
        return sum(limits) if all(limits) else float("inf")

    def _prepared(self, block, part):
        task = delayed(self._prepare)(self._estimator, *self._blocks[block])
        return self._client.compute(
            task, workers=[self._homes[part]], allow_other_workers=True
        )

    def samples(self, piece):
        """What a network reads of a block: a future."""
        if self.blocks_stay:
            return self._kept[piece.block]
        block, _ = self._open.get(piece.part, (None, None))
        if block != piece.block:
            samples = self._prepared(piece.block, piece.part)
            self._open[piece.part] = piece.block, samples
        return self._open[piece.part][1]

    def forget_lost(self):
        """Go on without the blocks that nobody can compute again.

        Returns
        -------
        are_left : bool
            Whether any are left. Those that others can compute are there again.
        """
        lost = {n for n, block in self._kept.items() if not _comes_back(block)}
        n_samples = self.n_samples
        self.parts = [[b for b in p if b.number not in lost] for p in self.parts]
        if lost:
            warn_user(
                f"{n_samples - self.n_samples} samples were lost with a worker, and "
                "nobody can compute them anew. Training goes on with the other "
                f"{self.n_samples}."
            )
        return self.n_samples > 0

    @property
    def n_samples(self):
        """Number of samples to train on."""
        return sum(block.n_samples for part in self.parts for block in part)

    def send(self, data):
        """Bring data to all workers; a future."""
        if self._client.status != "running":
            raise ConnectionError("The client is closed.")
        return self._client.scatter(data, broadcast=True, hash=False)

    def submit(self, function, *arguments):
        """Run a function on some worker; a future."""
        return self._client.submit(function, *arguments, pure=False)

    def submit_near(self, part, function, *arguments):
        """Run a function where a part of the data is, or else elsewhere; a future."""
        return self._client.submit(
            function,
            *arguments,
            workers=[self._homes[part]],
            allow_other_workers=True,
            pure=False,
        )

    def gather(self, futures):
        """Wait for results, and say which workers have been lost meanwhile."""
        results = self._client.gather(futures)
        self._look_for_workers()
        return results

    def is_reached(self):
        """Whether there is still a scheduler."""
        if self._client.status != "running":
            return False
        try:
            return bool(self._client.nthreads())
        except (OSError, TimeoutError):
            return False

    def wait_for(self, future):
        """Wait for a result where it is."""
        wait(future)

    def _look_for_workers(self):
        workers = sorted(self._client.nthreads())
        for lost in set(self._workers) - set(workers):
            warn_user(
                f"Worker {lost} was lost. Others train on its part of the data, as far "
                "as they can compute it anew."
            )
        if workers != self._workers:
            self._workers = workers
            self._homes = [
                home if home in workers else workers[i % len(workers)]
                for i, home in enumerate(self._homes)
            ]


def _comes_back(future):
    """Wait until what a worker has lost is there again, if that is possible."""
    try:
        wait(future)
    except CancelledError:
        return False
    return future.status == "finished"
