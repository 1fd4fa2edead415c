"""What runs on the workers. No task changes what it is given: others have it, too."""

import copy
from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.estimators._parallel import n_threads
from sklearn_sparse_nn.networks.averaging import learned, set_learned, weighted_sum
from sklearn_sparse_nn.networks.evolving import Evolution
from sklearn_sparse_nn.networks.mlp import Targets, TrainingParameters


class Model(NamedTuple):
    """A network and the rule that changes its connections."""

    network: object
    rule: object


class Piece(NamedTuple):
    """Samples of a block that one part of the data learns from in a round.

    Attributes
    ----------
    part : int
        Which part.
    block : int
        Which block of all.
    first, last : int
        From which to which sample, in the order of this epoch.
    """

    part: int
    block: int
    first: int
    last: int


class Lesson(NamedTuple):
    """How an epoch trains."""

    parameters: TrainingParameters
    evolution: Evolution
    seed: int
    n_jobs: int | None
    shuffle: bool


class Learned(NamedTuple):
    """What a part, or several together, have learned in a round, and from how much.

    Attributes
    ----------
    arrays : list of ndarray
        What training changes: the mean over the parts.
    n_samples, n_updates : int
        Number of all samples, and most updates of a part.
    loss : float
        Mean over the samples.
    batch : tuple or None
        The last mini-batch of the first part that took part.
    """

    arrays: list
    n_samples: int
    n_updates: int
    loss: float
    batch: tuple | None


class _ApartEvolution(Evolution):
    """The rule changes updates, but no connections: those are of all parts."""

    def due(self, share, network):
        return None


def train(model, samples, piece, lesson, keeps_batch):
    """Train a copy of a network on some samples of a block.

    Parameters
    ----------
    model : Model
    samples : tuple
        X and targets of the block, as a network reads them.
    piece : Piece
    lesson : Lesson
    keeps_batch : bool
        Whether a rule that looks at gradients sees the last mini-batch of this piece.

    Returns
    -------
    learned : Learned
    """
    X, targets = samples
    # What has come from another process cannot be written to, which is another type of
    # array: kernels would be compiled anew for it.
    targets = Targets(*(np.require(each, requirements="CWA") for each in targets))
    network, rule = copy.deepcopy(model)
    # Each part has noise of its own.
    seeds = np.random.SeedSequence([network.noise_seed, piece.part])
    network.noise_seed = int(seeds.generate_state(1)[0] // 2)
    order, n_before = np.arange(X.shape[0]), network.n_updates
    if lesson.shuffle:
        seed = [lesson.seed, lesson.evolution.epoch, piece.block]
        order = np.random.default_rng(seed).permutation(X.shape[0])
    order = order[piece.first : piece.last]
    parameters = lesson.parameters
    size = min(parameters.batch_size, len(order))
    evolution = _ApartEvolution(*lesson.evolution)._replace(rule=rule)
    with ThreadTeam(n_threads(lesson.n_jobs)) as team:
        loss = network.train_epoch(
            X, targets, order, parameters._replace(batch_size=size), team, evolution
        )
    batch = network.last_batch() if keeps_batch and rule.uses_gradient else None
    n_updates = network.n_updates - n_before
    return Learned(learned(network), len(order), n_updates, loss, batch)


def mean(parts):
    """The mean of what parts have learned, by their samples and in their order."""
    n_samples = sum(part.n_samples for part in parts)
    shares = [part.n_samples / n_samples for part in parts]
    return Learned(
        weighted_sum([part.arrays for part in parts], shares),
        n_samples,
        max(part.n_updates for part in parts),
        sum(part.loss * share for part, share in zip(parts, shares)),
        parts[0].batch,
    )


def go_on(model, together, lesson, share):
    """The network of the average, rewired if that is due.

    Parameters
    ----------
    model : Model
        The network with which the parts began.
    together : Learned
        By all parts.
    lesson : Lesson
    share : float
        At which share of the epoch this is. At its end, nothing is rewired.

    Returns
    -------
    model : Model
    """
    network, rule = copy.deepcopy(model)
    set_learned(network, together.arrays)
    network.n_updates += together.n_updates
    network.updates_since_rewiring += together.n_updates
    network._batch = together.batch
    model = Model(network, rule)
    if share < 1:
        rewire_if_due(model, lesson.evolution, share)
    return model


def rewire_if_due(model, evolution, share):
    """Let the rule rewire the network, at the first average after its interval."""
    network, rule = model
    n_updates = network.updates_since_rewiring
    asked = share == 0 if rule.interval is None else n_updates >= rule.interval
    clock = evolution.clock(share, network)
    if n_updates and asked and rule.is_due(clock):
        with ThreadTeam(1) as team:
            network.evolve(rule, evolution.zeta, clock, team)


def figures(together):
    """What is to be known of a round: its mean loss, its samples and its updates."""
    return together.loss, together.n_samples, together.n_updates
