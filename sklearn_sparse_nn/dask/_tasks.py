"""What runs on the workers. No task changes what it is given: others have it, too."""

import copy
from typing import NamedTuple

import numpy as np
from dask.sizeof import sizeof

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.estimators._parallel import n_threads
from sklearn_sparse_nn.networks.autoencoder import Corruption
from sklearn_sparse_nn.networks.evolving import Evolution
from sklearn_sparse_nn.networks.mlp import Targets, TrainingParameters
from sklearn_sparse_nn.networks.network import SparseNetwork


class Figures(NamedTuple):
    """What is to be known of a round.

    Attributes
    ----------
    loss : float
        Mean over its samples.
    n_samples, n_updates : int
        How many samples, and how many updates of a part at most.
    n_bytes : int
        What parts have sent and got: numbers and connections of networks.
    """

    loss: float
    n_samples: int
    n_updates: int
    n_bytes: int


class Model(NamedTuple):
    """A network and the rule that changes its connections.

    Attributes
    ----------
    network : SparseNetwork
    rule : EvolutionRule
    figures : Figures or None
        Of the round that it comes from.
    """

    network: object
    rule: object
    figures: Figures | None = None


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

    @property
    def n_samples(self):
        """How many samples these are."""
        return self.last - self.first


class Lesson(NamedTuple):
    """How an epoch trains.

    Attributes
    ----------
    parameters : TrainingParameters
    evolution : Evolution
        Without a rule: that is the model's.
    seed : int
    n_jobs : int or None
    shuffle : bool
    corruption : Corruption or None
        What is done to the inputs of an autoencoder.
    """

    parameters: TrainingParameters
    evolution: Evolution
    seed: int
    n_jobs: int | None
    shuffle: bool
    corruption: Corruption | None


class _NoRewiring(Evolution):
    """The rule changes updates, but no connections."""

    def due(self, share, network):
        return None


def begin(model, *key):
    """A copy of a model to train, with noise of its own for each `key`.

    Parameters
    ----------
    model : Model
    *key : int
        Such as the part of the data.

    Returns
    -------
    model : Model
    """
    network, rule, _ = copy.deepcopy(model)
    network.observers = []
    network.noise_seed = seed_of(network.noise_seed, *key)
    return Model(network, rule)


def begin_apart(model, *key):
    """The same for a network whose connections change by themselves."""
    model = begin(model, *key)
    network = model.network
    network.streams = [
        np.random.default_rng(seed_of(network.noise_seed, layer))
        for layer in range(len(network.streams))
    ]
    return model


def seed_of(*key):
    """A seed for each combination of some numbers."""
    return int(np.random.SeedSequence(key).generate_state(1)[0] // 2)


def learn(model, samples, piece, lesson, evolution=None):
    """Train a model on some samples of a block, in place.

    Parameters
    ----------
    model : Model
    samples : tuple
        X and targets of the block, as a network reads them.
    piece : Piece
    lesson : Lesson
    evolution : Evolution or None
        How connections change meanwhile; None if they do not.

    Returns
    -------
    figures : Figures
        Without bytes.
    """
    X, targets = samples
    network, rule, _ = model
    if evolution is None:
        evolution = _NoRewiring(*lesson.evolution)
    evolution = evolution._replace(rule=rule)
    order, n_before = np.arange(X.shape[0]), network.n_updates
    if lesson.shuffle:
        seed = [lesson.seed, lesson.evolution.epoch, piece.block]
        order = np.random.default_rng(seed).permutation(X.shape[0])
    order = order[piece.first : piece.last]
    parameters = lesson.parameters
    size = min(parameters.batch_size, len(order))
    parameters = parameters._replace(batch_size=size)
    if lesson.corruption is None:
        # What has come from another process cannot be written to, which is another type
        # of array: kernels would be compiled anew for it.
        targets = Targets(*(np.require(each, requirements="CWA") for each in targets))
        task = X, targets, order, parameters
    else:
        task = X, order, parameters, lesson.corruption
    with ThreadTeam(n_threads(lesson.n_jobs)) as team:
        loss = network.train_epoch(*task, team, evolution)
    return Figures(loss, len(order), network.n_updates - n_before, 0)


def rewire_if_due(model, evolution, share):
    """Let the rule rewire the network, at the first average after its interval."""
    network, rule, _ = model
    n_updates = network.updates_since_rewiring
    asked = share == 0 if rule.interval is None else n_updates >= rule.interval
    clock = evolution.clock(share, network)
    # The part that sends its mini-batch need not be the first to be heard.
    sees = network._batch is not None or not rule.uses_gradient
    if n_updates and asked and sees and rule.is_due(clock):
        with ThreadTeam(1) as team:
            network.evolve(rule, evolution.zeta, clock, team)


def rewired(model, evolution, share):
    """A copy of a model, rewired if that is due."""
    model = copy.deepcopy(model)
    rewire_if_due(model, evolution, share)
    return model


def size_of(network):
    """Bytes of the numbers and of the connections of a network."""
    arrays = [*network.layers]
    if network.state is not None:
        arrays += network.state
    return sum(array.nbytes for array in arrays)


# The scheduler asks what it would cost to move a network.
sizeof.register(SparseNetwork, size_of)


def pooled(figures):
    """The figures of what several parts have learned at the same time."""
    n_samples = sum(each.n_samples for each in figures)
    loss = sum(each.loss * each.n_samples for each in figures) / n_samples
    n_updates = max(each.n_updates for each in figures)
    return Figures(loss, n_samples, n_updates, sum(each.n_bytes for each in figures))


def figures_of(model):
    """The figures of the round that a model comes from."""
    return model.figures
