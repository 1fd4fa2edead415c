import copy
import os
import signal

import numpy as np
import pytest
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.evolution import RigL, Static
from sklearn_sparse_nn.networks.averaging import cells_of, shared_cells
from sklearn_sparse_nn.networks.evolving import Evolution
from sklearn_sparse_nn.networks.mlp import Targets, TrainingParameters
from tests.dask.helpers import (
    CLASSES,
    DIGITS,
    Stop,
    classifier,
    fail,
    on_dask,
    then,
    weights_of,
)

from sklearn_sparse_nn.dask import WASAPSGD  # isort: skip
from sklearn_sparse_nn.dask import wasap_sgd
from sklearn_sparse_nn.dask._tasks import Lesson, Model, Piece, begin_apart


def sgd(**changes):
    return classifier(**{"solver": "sgd", "learning_rate_init": 0.05} | changes)


@pytest.mark.parametrize("n_updates", [1, 7])
@pytest.mark.parametrize("nesterov", [False, True])
def test_one_part_is_one_process(client, n_updates, nesterov):
    """Nobody is in between: what is added are the updates themselves."""
    options = dict(
        evolution="static", shuffle=False, max_iter=2, nesterovs_momentum=nesterov
    )
    algorithm = WASAPSGD(n_updates=n_updates, local_fraction=0)
    clf = sgd(**options, algorithm=algorithm).fit(*on_dask(DIGITS, CLASSES, n=600))
    ordinary = SETClassifier(
        (30,),
        solver="sgd",
        learning_rate_init=0.05,
        batch_size=20,
        random_state=0,
        **options,
    ).fit(DIGITS, CLASSES)
    for a, b in zip(weights_of(clf), weights_of(ordinary), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("local_fraction", [0, 0.3, 1])
def test_parts_learn_what_one_process_learns(client, local_fraction):
    options = dict(max_iter=30, tol=0, n_iter_no_change=99)
    algorithm = WASAPSGD(n_updates=5, local_fraction=local_fraction)
    clf = sgd(**options, algorithm=algorithm).fit(*on_dask(DIGITS, CLASSES))
    ordinary = SETClassifier(
        (30,),
        solver="sgd",
        learning_rate_init=0.05,
        batch_size=20,
        random_state=0,
        **options,
    ).fit(DIGITS, CLASSES)
    assert clf.n_iter_ == 30 and clf.t_ == 30 * 600
    assert clf.score(DIGITS, CLASSES) > ordinary.score(DIGITS, CLASSES) - 0.05
    np.testing.assert_array_equal(clf.n_connections_, ordinary.n_connections_)
    assert clf.n_rewired_.sum() > 0
    silent = [sent == 0 for sent in clf.bytes_per_round_]
    assert any(silent) == (local_fraction > 0)
    assert all(silent) == (local_fraction == 1)


def lesson_of(**changes):
    parameters = TrainingParameters("sgd", 0.1, 10, momentum=0.9)
    evolution = Evolution(None, 0.3, 1, 10)
    return Lesson(parameters, evolution, 0, 1, False, None)._replace(**changes)


def trained():
    return SETClassifier(
        (30,), solver="sgd", max_iter=2, batch_size=20, random_state=0
    ).fit(DIGITS, CLASSES)


def model_of():
    """A network that has been trained, and samples as it reads them."""
    clf = trained()
    empty = np.zeros((0, 0), dtype=np.float32), np.zeros(0, dtype=np.float32)
    samples = DIGITS, Targets(CLASSES.astype(np.int32), *empty)
    return Model(clf._network, clf._rule), samples


def test_updates_of_connections_that_are_gone_are_left_out():
    model, samples = model_of()
    lesson = lesson_of()
    piece = Piece(0, 0, 0, 40)
    contribution = wasap_sgd._contribute(model, samples, piece, lesson, True)
    later = copy.deepcopy(model)
    clock = Evolution(later.rule, 0.3, 1, 10).clock(0.0, later.network)
    with ThreadTeam(1) as team:
        later.network.evolve(later.rule, 0.3, clock, team)
    before = copy.deepcopy(later.network)
    network = wasap_sgd._add(later, contribution, lesson, 0.5, 1).network
    assert network.n_updates == before.n_updates + 4
    old, new = cells_of(model.network.layers), cells_of(network.layers)
    stayed, places = shared_cells(new, old)
    assert 0 < len(stayed) < len(new)
    # What nobody has learned anything of moves on by its velocity alone.
    powers = 0.9 ** np.arange(1, 5)
    expected = before.layers.weights + powers.sum() * before.state.first
    velocities = powers[-1] * before.state.first
    expected[stayed] += contribution.steps[0][places]
    velocities[stayed] += contribution.velocities[0][places]
    np.testing.assert_allclose(network.layers.weights, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(network.state.first, velocities, rtol=1e-5, atol=1e-6)
    begun = np.setdiff1d(np.arange(len(new)), stayed)
    assert (network.state.first[begun] == 0).all()
    np.testing.assert_array_equal(
        network.layers.weights[begun], before.layers.weights[begun]
    )


def test_growth_by_gradient_waits_for_a_mini_batch():
    model, samples = model_of()
    model = Model(model.network, RigL(interval=1))
    model.network.follow(model.rule)
    before = cells_of(model.network.layers)
    for keeps_batch in (False, True):
        task = model, samples, Piece(1, 0, 0, 40), lesson_of(), keeps_batch
        network = wasap_sgd._add(
            model, wasap_sgd._contribute(*task), lesson_of(), 0.5, 1
        ).network
        changed = not np.array_equal(cells_of(network.layers), before)
        assert changed == keeps_batch


def test_to_add_is_to_make_the_updates():
    """A network of now that is the one of before comes to what the worker has."""
    model, samples = model_of()
    lesson, piece = lesson_of(), Piece(0, 0, 0, 50)
    contribution = wasap_sgd._contribute(model, samples, piece, lesson, True)
    network = wasap_sgd._add(model, contribution, lesson, 0.5, 1).network
    alone = copy.deepcopy(model.network)
    with ThreadTeam(1) as team:
        alone.train_epoch(*samples, np.arange(50), lesson.parameters, team)
    for a, b in zip(network.layers, alone.layers):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    for a, b in zip(network.state, alone.state):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


def test_what_is_learned_at_the_same_time_is_averaged():
    """The sum would lead as many times too far as there are parts."""
    model, samples = model_of()
    lesson = lesson_of(parameters=TrainingParameters("sgd", 0.1, 10, momentum=0.0))
    pieces = [Piece(part, 0, 40 * part, 40 * part + 40) for part in range(4)]
    alone, network = [], Model(model.network, Static())
    for piece in pieces:
        task = model, samples, piece, lesson, False
        network = wasap_sgd._add(network, wasap_sgd._contribute(*task), lesson, 0.5, 4)
        alone.append(copy.deepcopy(model.network))
        with ThreadTeam(1) as team:
            order = np.arange(piece.first, piece.last)
            alone[-1].train_epoch(*samples, order, lesson.parameters, team)
    for numbers, *others in zip(
        network.network.layers, *(each.layers for each in alone), strict=True
    ):
        np.testing.assert_allclose(
            numbers, np.mean(others, axis=0), rtol=1e-4, atol=1e-6
        )


def test_many_parts_that_wait_for_nobody_do_not_swing():
    """Each learns from a network that three others have changed when it is heard.

    When what they had learned was added undivided, the network ended at chance.
    """
    model, samples = model_of()
    algorithm = WASAPSGD(warm_up=0)
    rate = algorithm.rate(0.02, "sgd", 0, n_parts=4)
    lesson = lesson_of(parameters=TrainingParameters("sgd", rate, 10, momentum=0.9))
    current, begun = Model(model.network, Static()), []
    for turn in range(60):
        part = turn % 4
        piece = Piece(part, 0, 150 * part, 150 * part + 150)
        begun.append(wasap_sgd._contribute(current, samples, piece, lesson, False))
        if len(begun) == 4:
            current = wasap_sgd._add(current, begun.pop(0), lesson, 0.5, 4)
    clf = trained()
    clf._network = current.network
    assert clf.score(DIGITS, CLASSES) > 0.9


def test_each_part_has_connections_of_its_own():
    model, samples = model_of()
    evolution = Evolution(None, 0.3, 7, 10)
    networks = []
    for part in range(2):
        own = begin_apart(model, part)
        piece = Piece(part, part, 0, 300)
        own = wasap_sgd._train_on(own, samples, piece, lesson_of(), evolution)
        networks.append(own.network)
    one, two = (cells_of(each.layers) for each in networks)
    n_shared = len(shared_cells(one, two)[0])
    assert len(one) == len(two) and 0.3 * len(one) < n_shared < 0.9 * len(one)
    average = wasap_sgd._average([Model(each, model.rule) for each in networks], [1, 1])
    assert len(average.network.layers.weights) == len(one)


def test_what_is_not_sgd_is_refused(client):
    with pytest.raises(InvalidParameterError, match="solver='sgd'"):
        classifier(algorithm=WASAPSGD()).fit(*on_dask(DIGITS, CLASSES))
    with pytest.raises(InvalidParameterError):
        sgd(algorithm=WASAPSGD(n_updates=0)).fit(*on_dask(DIGITS, CLASSES))


@pytest.mark.parametrize("epoch", [2, 4])
def test_training_goes_on_from_a_checkpoint(client, tmp_path, epoch):
    """In both phases: that of one network, and that of one for each part."""
    options = dict(
        max_iter=6,
        algorithm=WASAPSGD(n_updates=5, local_fraction=0.5),
        checkpoint=tmp_path / "state",
        tol=0,
        n_iter_no_change=99,
    )
    with pytest.raises(KeyError):
        sgd(**options).set_callbacks(Stop(epoch)).fit(*on_dask(DIGITS, CLASSES))
    clf = sgd(**options).fit(*on_dask(DIGITS, CLASSES))
    assert clf.n_iter_ == 6 and clf.t_ == 6 * 600
    assert [sent == 0 for sent in clf.bytes_per_round_[-6:]] == [True] * 6


@pytest.mark.parametrize("local_fraction", [0, 1])
def test_training_goes_on_within_an_epoch(client, tmp_path, local_fraction):
    data = on_dask(DIGITS, CLASSES, 30)
    kept = dict(checkpoint=tmp_path / "state", checkpoint_interval=3)

    def fit(fails=None):
        algorithm = WASAPSGD(n_updates=1, local_fraction=local_fraction)
        if fails is not None:
            then(algorithm, fails, fail)
        return sgd(max_iter=2, algorithm=algorithm, tol=0, **kept).fit(*data)

    with pytest.raises(KeyError):
        fit(fails=2)
    with pytest.raises(KeyError):
        fit(fails=1)
    clf = fit()
    assert clf.n_iter_ == 2 and clf.t_ == 2 * 600
    # Of each block of 30 samples, mini-batches of 20 and 10, or one piece.
    assert len(clf.bytes_per_round_) == 2 * 20 * (2 - local_fraction)


@pytest.mark.parametrize("epoch", [1, 4])
def test_a_worker_is_lost_in_either_phase(processes_client, epoch):
    data = on_dask(DIGITS, CLASSES)
    client = processes_client
    pids = list(client.run(os.getpid).values())
    kill = Stop(epoch, lambda: os.kill(pids[0], signal.SIGKILL))
    algorithm = WASAPSGD(n_updates=5, local_fraction=0.5)
    clf = sgd(max_iter=6, algorithm=algorithm, tol=0)
    with pytest.warns(UserWarning, match="was lost"):
        clf.set_callbacks(kill).fit(*data)
    assert clf.t_ == 6 * 600


@pytest.mark.parametrize("evolution", ["rigl", "chts", "mest"])
def test_rules(client, evolution):
    algorithm = WASAPSGD(n_updates=5)
    clf = sgd(evolution=evolution, max_iter=6, algorithm=algorithm)
    clf.fit(*on_dask(DIGITS, CLASSES))
    assert np.isfinite(clf.loss_)
