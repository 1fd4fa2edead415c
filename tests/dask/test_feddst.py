import gc
import os
import signal
import threading
import time
from operator import getitem

import numpy as np
import pytest
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.networks.mlp import MLP
from tests.dask.helpers import (
    CLASSES,
    DIGITS,
    Stop,
    assert_same,
    classifier,
    da,
    on_dask,
    then,
    weights_of,
)

from dask import delayed  # isort: skip
from sklearn_sparse_nn.dask import FedDST, LocalSGD  # isort: skip
from sklearn_sparse_nn.dask import _cluster  # isort: skip
from sklearn_sparse_nn.dask._cluster import gather_left  # isort: skip


def test_one_client_in_one_round_is_one_process(client):
    options = dict(evolution="static", shuffle=False, learning_rate="constant")
    algorithm = FedDST(local_epochs=3)
    clf = classifier(**options | {"max_iter": 1}, algorithm=algorithm)
    clf.fit(*on_dask(DIGITS, CLASSES, n=600))
    ordinary = SETClassifier(
        (30,), max_iter=3, batch_size=20, random_state=0, **options
    )
    ordinary.fit(DIGITS, CLASSES)
    assert clf.t_ == 1800 and clf.n_iter_ == 1
    for a, b in zip(weights_of(clf), weights_of(ordinary), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_clients_learn_together_what_they_have_not_each(client):
    """Each client has three classes. Connections that change learn all of them."""
    order = np.argsort(CLASSES, kind="stable")
    X, y = on_dask(DIGITS[order], CLASSES[order])
    options = dict(learning_rate_init=0.003, max_iter=30, tol=0)
    algorithm = FedDST(local_epochs=3, interval=2)
    changing, static = (
        classifier(**options, evolution=evolution, algorithm=algorithm).fit(X, y)
        for evolution in ("rigl", "static")
    )
    assert changing.score(X, y) > 0.6 > static.score(X, y) + 0.05
    assert changing.n_rewired_.sum() > 0 == static.n_rewired_.sum()
    np.testing.assert_array_equal(changing.n_connections_, static.n_connections_)


def test_some_clients_take_part_in_each_round(client):
    clf = classifier(algorithm=FedDST(participation=0.5, local_epochs=2), max_iter=6)
    clf.fit(*on_dask(DIGITS, CLASSES))
    assert clf.t_ == 6 * 2 * 300
    least = classifier(algorithm=FedDST(participation=0.01, local_epochs=1))
    assert least.fit(*on_dask(DIGITS, CLASSES)).t_ == 4 * 150


def test_the_same_data_give_the_same_bits(client):
    algorithm = FedDST(participation=0.5, local_epochs=2, interval=1)
    one, two = (
        classifier(dropout=0.2, algorithm=algorithm).fit(*on_dask(DIGITS, CLASSES))
        for _ in "ab"
    )
    assert_same(one, two)


class Rewirings(Stop):
    """Connections that have begun, after each round."""

    def __init__(self):
        super().__init__(10**9)
        self.numbers = [0]

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            self.numbers.append(estimator.n_rewired_.sum())


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({"interval": 2}, [2, 4]),
        ({"interval": 2, "rewiring_share": 1.0}, [2, 4, 6, 8]),
        ({"interval": 3, "rewiring_share": 0.7}, [3, 6]),
        ({"interval": None}, []),
        ({"interval": 1, "rewiring_share": 0.0}, []),
    ],
)
def test_rounds_in_which_clients_rewire(client, changes, expected):
    rewirings = Rewirings()
    clf = classifier(max_iter=8, algorithm=FedDST(local_epochs=1, **changes), tol=0)
    clf.set_callbacks(rewirings).fit(*on_dask(DIGITS, CLASSES))
    rounds = np.flatnonzero(np.diff(rewirings.numbers)) + 1
    assert rounds.tolist() == expected


def _sent(dask_worker):
    log = dask_worker.transfer_outgoing_log
    return [str(key) for entry in log for key in entry["keys"]]


def _forget_sent(dask_worker):
    dask_worker.transfer_outgoing_log.clear()


def test_samples_stay_where_they_are(processes_client):
    """What workers have sent to each other are models, and no blocks."""
    client = processes_client
    workers = sorted(client.nthreads())
    parts = []
    for i in range(6):
        here = slice(100 * i, 100 * (i + 1))
        where = [workers[i % 2]]
        X, y = (
            client.scatter(each[here], workers=where, hash=False)
            for each in (DIGITS, CLASSES)
        )
        parts.append(
            (
                da.from_delayed(X, (100, 64), np.float32),
                da.from_delayed(y, (100,), int),
            )
        )
    X, y = (da.concatenate(each) for each in zip(*parts))
    client.run(_forget_sent)
    clf = classifier(algorithm=FedDST(local_epochs=1, interval=1)).fit(X, y)
    assert clf.t_ == 4 * 600
    sent = [key for keys in client.run(_sent).values() for key in keys]
    kinds = {key.split("-")[0] for key in sent}
    networks = {"_train_here", "_aggregate", "_ready", "_hold", "Model"}
    assert kinds <= networks | {"summarise", "figures_of", "partial"}
    assert "_train_here" in kinds


def test_a_lost_client_is_left_out(processes_client):
    client = processes_client
    pids = client.run(os.getpid)
    lost = sorted(client.nthreads())[1]
    kill = Stop(2, lambda: os.kill(pids[lost], signal.SIGKILL))
    clf = classifier(max_iter=4, algorithm=FedDST(local_epochs=1), tol=0)
    with pytest.warns(UserWarning, match="300 samples were lost"):
        clf.set_callbacks(kill).fit(*on_dask(DIGITS, CLASSES))
    assert clf.t_ == 2 * 600 + 2 * 300


@pytest.mark.parametrize("share", [0, 0.3])
def test_a_lost_client_does_not_keep_others_waiting(
    processes_client, monkeypatch, share
):
    """Another fit of the same data, while what the first waited for is still known."""
    monkeypatch.setattr(_cluster, "_SHARE_OF_MEMORY", share)
    data = on_dask(DIGITS, CLASSES, 50)
    pids = processes_client.run(os.getpid)
    lost = sorted(processes_client.nthreads())[1]
    kill = Stop(2, lambda: os.kill(pids[lost], signal.SIGKILL))
    clf = classifier(max_iter=4, algorithm=FedDST(local_epochs=1), tol=0)
    gc.disable()
    try:
        with pytest.warns(UserWarning, match="300 samples were lost"):
            clf.set_callbacks(kill).fit(*data)
        assert classifier(max_iter=1).fit(*data).t_ == 600
    finally:
        gc.enable()


@pytest.mark.parametrize("share", [0, 0.3])
def test_blocks_that_do_not_stay_are_not_kept(client, monkeypatch, share):
    data, counts = on_dask(DIGITS, CLASSES, 50), []
    expected = classifier(max_iter=1, algorithm=FedDST(local_epochs=1)).fit(*data)
    monkeypatch.setattr(_cluster, "_SHARE_OF_MEMORY", share)

    def count():
        keys = [str(key) for held in client.has_what().values() for key in held]
        counts.append(sum(key.startswith("_prepared") for key in keys))

    algorithm = then(FedDST(local_epochs=1), 1, count)
    assert_same(classifier(max_iter=1, algorithm=algorithm).fit(*data), expected)
    assert counts[0] == 12 if share else counts[0] <= 2


def _rows_or_death(first):
    """Some rows, by a worker that dies when it is asked for those of block 1."""
    if first == 150:
        os.kill(os.getpid(), signal.SIGKILL)
    return DIGITS[first : first + 150]


def test_a_client_that_is_lost_before_training_is_left_out(processes_client):
    blocks = [
        da.from_delayed(delayed(_rows_or_death)(first), (150, 64), np.float32)
        for first in range(0, 600, 150)
    ]
    y = da.from_array(CLASSES, chunks=150)
    clf = classifier(algorithm=FedDST(local_epochs=1), tol=0)
    with pytest.warns(UserWarning, match="2 of 4 blocks of the data were lost"):
        clf.fit(da.concatenate(blocks), y)
    assert clf.t_ == 4 * 300


class _Open:
    """A block that counts how many of them there are at the same time."""

    now = most = 0
    lock = threading.Lock()

    def __init__(self):
        with self.lock:
            _Open.now += 1
            _Open.most = max(self.most, self.now)
        time.sleep(0.01)

    def __del__(self):
        with self.lock:
            _Open.now -= 1


@pytest.mark.parametrize("have_homes", [False, True])
def test_a_worker_has_one_block_at_a_time(client, have_homes):
    tasks = [delayed(bool)(delayed(list)([delayed(_Open)()])) for _ in range(20)]
    homes = 10 * sorted(client.nthreads()) if have_homes else None
    _Open.most = 0
    assert gather_left(client, tasks, homes) == dict.fromkeys(range(20), True)
    assert _Open.most <= 2


_READ = []


def _read_table():
    _READ.append("table")
    return [1, 2, 3]


def test_what_blocks_share_is_computed_once(client):
    table = delayed(_read_table)()
    tasks = [delayed(getitem)(table, n) for n in range(3)]
    assert gather_left(client, tasks) == {0: 1, 1: 2, 2: 3}
    assert _READ == ["table"]


@pytest.mark.parametrize("algorithm", [LocalSGD(), FedDST(local_epochs=1)])
def test_blocks_may_be_tuples_and_data(client, algorithm):
    """As graphs were written before Dask had classes for tasks."""
    chunks = (300, 300), (64,)
    graph = {("x", 0, 0): (np.array, DIGITS[:300]), ("x", 1, 0): DIGITS[300:600]}
    X = da.Array(graph, "x", chunks, np.float32)
    y = da.from_array(CLASSES[:600], chunks=300)
    clf = classifier(algorithm=algorithm, max_iter=2).fit(X, y)
    assert clf.t_ == 1200


def _rows(first):
    return DIGITS[first : first + 150] + np.float32(0)


@pytest.mark.parametrize("algorithm", [LocalSGD(), FedDST(local_epochs=1)])
def test_each_block_is_one_task(client, monkeypatch, algorithm):
    blocks = [
        da.from_delayed(delayed(_rows)(first), (150, 64), np.float32)
        for first in range(0, 600, 150)
    ]
    y = da.concatenate(
        [da.from_array(CLASSES[i : i + 150], chunks=150) for i in range(0, 600, 150)]
    )
    tasks, compute = [], client.compute

    def watched(computed, **options):
        tasks.extend(computed if isinstance(computed, list) else [computed])
        return compute(computed, **options)

    monkeypatch.setattr(client, "compute", watched)
    classifier(algorithm=algorithm, max_iter=1).fit(2 * da.concatenate(blocks), y)
    kinds = [task.key.split("-")[0] for task in tasks]
    assert kinds == 4 * ["summarise"] + 4 * ["_prepared"]
    assert [len(task.__dask_graph__()) for task in tasks] == 8 * [1]


class _Deadly:
    """A result that kills the worker from which it is fetched."""

    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_client_that_is_lost_with_its_result_is_left_out(processes_client):
    homes = sorted(processes_client.nthreads())
    tasks = [delayed(int)(7), delayed(_Deadly)()]
    assert gather_left(processes_client, tasks, homes) == {0: 7}


@pytest.mark.parametrize(
    "changes, expected",
    [({}, 2), ({"rewiring_epoch": 4}, 4), ({"rewiring_epoch": 9}, 4)],
)
def test_what_begins_is_trained_before_the_mean(client, monkeypatch, changes, expected):
    """After which of four epochs the clients rewire."""
    n_updates, evolve = [], MLP.evolve

    def note(network, *args):
        n_updates.append(network.n_updates)
        evolve(network, *args)

    monkeypatch.setattr(MLP, "evolve", note)
    algorithm = FedDST(local_epochs=4, interval=1, **changes)
    classifier(max_iter=2, algorithm=algorithm).fit(*on_dask(DIGITS, CLASSES))
    # An epoch of 150 samples are 8 updates.
    assert set(n_updates) == {8 * expected}


def test_what_looks_at_samples_is_refused(client):
    with pytest.raises(InvalidParameterError, match="does not send samples"):
        classifier(topology="csti", algorithm=FedDST()).fit(*on_dask(DIGITS, CLASSES))
    with pytest.raises(InvalidParameterError):
        classifier(algorithm=FedDST(participation=0)).fit(*on_dask(DIGITS, CLASSES))


@pytest.mark.parametrize("evolution", ["granet", "cht", "static"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_rules_and_solvers(client, evolution, solver):
    algorithm = FedDST(local_epochs=1, interval=1, rewiring_share=1.0)
    clf = classifier(evolution=evolution, solver=solver, algorithm=algorithm)
    clf.fit(*on_dask(DIGITS, CLASSES))
    assert np.isfinite(clf.loss_)
    # It can go on where the clients have come to.
    clf.to_local().partial_fit(DIGITS, CLASSES)
