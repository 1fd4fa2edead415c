"""The workers of a cluster: blocks of data, tasks beside them, and what they hold."""

import uuid
from concurrent.futures import CancelledError
from typing import NamedTuple

import numpy as np
from dask import delayed
from distributed import Variable, get_worker, wait, worker_client

from sklearn_sparse_nn.dask._graphs import as_one, renamed, shared_keys
from sklearn_sparse_nn.dask._pieces import in_rounds
from sklearn_sparse_nn.engine.warning import warn_user

# Blocks stay in memory, as the network reads them, if they take less than this share of
# that of all workers.
_SHARE_OF_MEMORY = 0.3
# Of so many results, one is made at one worker; of more, on the way to it.
_FAN_IN = 8
# How many workers hold what nobody could compute again.
_N_COPIES = 2
# Seconds after which to look whether a worker that is waited for is still there.
_PATIENCE = 2.0
# What a future says when there is a result, or an error, and when there will be none.
_DONE, _GONE = ("finished", "error"), ("cancelled", "lost")


class Block(NamedTuple):
    """A block of samples: its number among all, and how many they are."""

    number: int
    n_samples: int


class Held(NamedTuple):
    """Futures of the same thing at different workers."""

    copies: list


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
        ``prepare(X, y, weights)`` is what a network reads.
    homes : list of str or None
        Where each block is, if it is a part of its own, which never leaves its worker:
        see `apart`.

    Attributes
    ----------
    parts : list of list of Block
        One for each worker, of consecutive blocks and about equally many samples; one
        for each block if these are apart. What is lost leaves an empty list.
    blocks_stay : bool
        Whether all blocks are in memory; if not, each is computed when its turn comes.
    """

    def __init__(self, client, blocks, sizes, n_bytes, prepare, homes=None):
        self._client, self._blocks, self._prepare = client, blocks, prepare
        self._shared = shared_keys(blocks)
        self._apart = homes is not None
        self._workers = sorted(client.nthreads())
        if not self._workers:
            raise ValueError("The cluster has no workers.")
        self._name, self._names = f"sparse-nn-{uuid.uuid4().hex}", set()
        if self._apart:
            self.parts = [[Block(i, size)] for i, size in enumerate(sizes)]
            self._homes = homes
        else:
            self.parts = _split(sizes, len(self._workers))
            self._homes = self._workers[: len(self.parts)]
        self._preparing = self.send(prepare)
        self.blocks_stay = sum(n_bytes) < _SHARE_OF_MEMORY * self._memory()
        self._kept, self._open = {}, {}
        if self.blocks_stay:
            for number, blocks in enumerate(self.parts):
                for block in blocks:
                    self._kept[block.number] = self._prepared(block.number, number)

    def _memory(self):
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        limits = [worker["memory_limit"] for worker in workers]
        return sum(limits) if all(limits) else float("inf")

    def _prepared(self, block, part):
        prepare = self.one_of(self._preparing)
        task = delayed(_prepared)(prepare, *self._blocks[block])
        return self._client.compute(as_one(task, self._shared), **self._at(part))

    def _at(self, part):
        """Where what is done with a part of the data is to be done."""
        return {
            "workers": [self._homes[part]],
            "allow_other_workers": not self._apart,
        }

    def samples(self, piece):
        """What a network reads of a block: a future."""
        if self.blocks_stay:
            return self._kept[piece.block]
        if self._apart:  # its turn comes once in a round
            return self._prepared(piece.block, piece.part)
        block, _ = self._open.get(piece.part, (None, None))
        if block != piece.block:
            samples = self._prepared(piece.block, piece.part)
            self._open[piece.part] = piece.block, samples
        return self._open[piece.part][1]

    def turns(self, parts):
        """Parts that may train at the same time, one after the other.

        If blocks do not stay, a worker has one at a time.
        """
        if self.blocks_stay:
            return [parts]
        queues = {}
        for part in parts:
            queues.setdefault(self._homes[part], []).append(part)
        return in_rounds(queues.values())

    def forget_lost(self):
        """Go on without the blocks that nobody can compute again.

        Returns
        -------
        are_left : bool
            Whether any are left. Those that others can compute are there again.
        """
        self._open, self._preparing = {}, self.send(self._prepare)
        lost = self._lost_apart() if self._apart else self._lost_together()
        n_samples = self.n_samples
        self.parts = [[b for b in p if b.number not in lost] for p in self.parts]
        self._kept = {n: b for n, b in self._kept.items() if n not in lost}
        if n_samples > self.n_samples:
            warn_user(
                f"{n_samples - self.n_samples} samples were lost with a worker, and "
                "nobody can compute them anew. Training goes on with the other "
                f"{self.n_samples}."
            )
        return self.n_samples > 0

    def _lost_together(self):
        """Numbers of the blocks that nobody can compute again."""
        lost = set()
        for number, blocks in enumerate(self.parts):
            for block in blocks if self.blocks_stay else ():
                if not _comes_back(self._kept[block.number]):
                    # Perhaps what was lost is only what prepares it.
                    self._kept[block.number] = self._prepared(block.number, number)
                    if not _comes_back(self._kept[block.number]):
                        lost.add(block.number)
        return lost

    def _lost_apart(self):
        """Numbers of the blocks whose worker is gone."""
        workers, pairs = self._client.nthreads(), zip(self.parts, self._homes)
        return {b.number for p, home in pairs if home not in workers for b in p}

    @property
    def n_samples(self):
        """Number of samples to train on."""
        return sum(block.n_samples for part in self.parts for block in part)

    @property
    def n_parts(self):
        """Number of parts that have samples."""
        return sum(bool(part) for part in self.parts)

    def send(self, data):
        """Bring data from here to two workers."""
        if self._client.status != "running":
            raise ConnectionError("The client is closed.")
        self._look_for_workers()
        return Held(
            [
                self._client.scatter([data], workers=[worker], hash=False)[0]
                for worker in self._workers[:_N_COPIES]
            ]
        )

    def hold(self, future, slot=0):
        """Have two workers hold a result, and forget how it came about.

        What was computed from what would grow with each epoch, and to lose a worker
        would mean to do all of it again.

        Parameters
        ----------
        future : Future
        slot : int, default=0
            Of results that are held at the same time, which one.

        Returns
        -------
        held : Held
        """
        self._look_for_workers()
        n = len(self._workers)
        places = [self._workers[(slot + i) % n] for i in range(min(n, _N_COPIES))]
        names = [f"{self._name}-{slot}-{i}" for i in range(len(places))]
        self._names.update(names)
        done = [
            self._client.submit(
                _hold,
                future,
                name,
                workers=[place],
                allow_other_workers=True,  # if it is lost meanwhile
                pure=False,
            )
            for name, place in zip(names, places)
        ]
        self.wait_for(done)
        self._client.gather(done)
        return Held([Variable(name, self._client).get(timeout=30) for name in names])

    def close(self):
        """Let the workers forget what they hold."""
        if self._client.status == "running":
            for name in self._names:
                Variable(name, self._client).delete()
        self._names = set()
        self._kept, self._open = {}, {}

    def one_of(self, held):
        """A future of what is held that is still there."""
        for future in held.copies:
            if future.status == "finished":
                return future
        raise ConnectionError("All workers that held the network are gone.")

    def submit(self, function, *arguments):
        """Run a function on some worker; a future."""
        return self._client.submit(function, *arguments, pure=False)

    def submit_near(self, part, function, *arguments):
        """Run a function where a part of the data is; a future.

        Where the worker is gone, another one does it, unless the parts are apart.
        """
        return self._client.submit(function, *arguments, pure=False, **self._at(part))

    def reduce(self, function, futures):
        """``function(results)`` of many results, a few at a time; a future."""
        while len(futures) > _FAN_IN:
            futures = [
                self.submit(function, futures[i : i + _FAN_IN])
                for i in range(0, len(futures), _FAN_IN)
            ]
        return self.submit(function, futures)

    def gather(self, futures):
        """Wait for results, and say which workers have been lost meanwhile."""
        self.wait_for(futures)
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

    def wait_for(self, futures):
        """Wait for results where they are.

        Raises
        ------
        ConnectionError
            If parts that are apart were lost with their worker: nobody else would do
            what is waited for.
        """
        while True:
            try:
                wait(futures, timeout=_PATIENCE)
            except TimeoutError:
                if self._apart and self._lost_apart():
                    raise ConnectionError("Parts were lost.") from None
            else:
                return

    def first_of(self, futures):
        """Wait until some of the results are there: those that are."""
        done, _ = wait(futures, return_when="FIRST_COMPLETED")
        return [future for future in futures if future in done]

    def _look_for_workers(self):
        workers = sorted(self._client.nthreads())
        for lost in set(self._workers) - set(workers):
            goes_on = (
                "Others train on its part of the data, as far as they can compute it "
                "anew."
            )
            if self._apart:
                goes_on = "Training goes on without the parts of the data it had."
            warn_user(f"Worker {lost} was lost. {goes_on}")
        if workers != self._workers and not self._apart:
            self._homes = [
                home if home in workers else workers[i % len(workers)]
                for i, home in enumerate(self._homes)
            ]
        self._workers = workers


def _split(sizes, n_workers):
    """Consecutive blocks of about equally many samples for each worker."""
    n_parts = min(n_workers, len(sizes))
    middles = np.cumsum(sizes) - np.asarray(sizes) / 2
    owners = np.minimum(middles * n_parts // sum(sizes), n_parts - 1).astype(int)
    parts = [
        [Block(i, sizes[i]) for i in np.flatnonzero(owners == part)]
        for part in range(n_parts)
    ]
    return [blocks for blocks in parts if blocks]


def apart(client, blocks):
    """Blocks that are to be computed where they are, and nowhere else.

    Parameters
    ----------
    client : distributed.Client
    blocks : list of tuple of Delayed or None

    Returns
    -------
    blocks : list of tuple of Delayed or None
        The same by names of their own. The scheduler keeps where a task may run by its
        name: others who need the same data would wait for a worker that is lost.
    homes : list of str
        For each block, a worker that has it, or what it is computed from. Of what no
        worker has yet, the workers have the same number each.
    """
    name = uuid.uuid4().hex
    named = [
        tuple(each if each is None else renamed(each, name) for each in block)
        for block in blocks
    ]
    return named, _homes_of(client, blocks)


def _homes_of(client, blocks):
    workers, known = sorted(client.nthreads()), client.who_has()
    homes = []
    for number, (block, *_) in enumerate(blocks):
        graph = block.__dask_graph__()
        keys = set(graph)
        for task in graph.values():
            keys.update(getattr(task, "dependencies", ()))
        found = sorted({w for key in keys for w in known.get(key, ())})
        homes.append((found or [workers[number % len(workers)]])[0])
    return homes


def gather_left(client, tasks, homes=None):
    """Results of tasks on blocks, without those that nobody can do any more.

    Parameters
    ----------
    client : distributed.Client
    tasks : list of Delayed
    homes : list of str or None
        The only worker that may do each. If None, any may.

    Returns
    -------
    results : dict of int to object
        By the number of the task, in the order of the tasks.
    """
    shared = shared_keys([(task,) for task in tasks])
    tasks = [as_one(task, shared) for task in tasks]
    if homes is None:
        waiting = dict(enumerate(client.compute(tasks)))
    else:
        waiting = {
            number: client.compute(task, workers=[home], allow_other_workers=False)
            for number, (task, home) in enumerate(zip(tasks, homes))
        }
    results, patience = {}, _PATIENCE
    while waiting:
        try:
            wait(
                list(waiting.values()), timeout=_PATIENCE, return_when="FIRST_COMPLETED"
            )
        except (TimeoutError, CancelledError):
            pass  # what has come of each is seen below
        done = [n for n, each in waiting.items() if each.status in _DONE]
        for number in done:
            if waiting[number].status == "error":
                waiting[number].result()  # raises, perhaps a TimeoutError of the task
        try:
            for number in done:
                results[number] = waiting[number].result(timeout=patience)
        except TimeoutError:  # a worker is lost with its result, or is slow to send it
            patience *= 2
        except CancelledError:
            pass
        workers = client.nthreads()
        waiting = {
            number: future
            for number, future in waiting.items()
            if number not in results
            and future.status not in _GONE
            and (homes is None or homes[number] in workers)
        }
    return dict(sorted(results.items()))


def _prepared(prepare, *block):
    return prepare(*block)


def _hold(result, name):
    """Keep a result at this worker, as if it had come from elsewhere."""
    with worker_client(separate_thread=False) as client:
        here = [get_worker().address]
        [future] = client.scatter([result], workers=here, direct=True, hash=False)
        Variable(name, client).set(future)


def _comes_back(future):
    """Wait until what a worker has lost is there again, if that is possible."""
    try:
        wait(future)
    except CancelledError:
        return False
    return future.status == "finished"
