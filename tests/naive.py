"""Slow, obvious twins of the fast code: dense NumPy matrices in float64.

Matrices are samples × neurons and inputs × neurons, as in textbooks. A network is a
list of weight matrices, a list of masks that say which cells hold a connection, and a
list of intercepts; see `Network.of`.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.special import expit, huber, logsumexp, xlogy

from sklearn_sparse_nn.engine.buffers import padded_width, random_span

LEFT_SLOPES = {"relu": 0.0, "leaky_relu": 0.01, "identity": 1.0}


class Network(NamedTuple):
    weights: list
    masks: list
    intercepts: list

    @classmethod
    def of(cls, layers):
        """The dense network of a `SparseLayers`, filled cell by cell."""
        weights, masks, intercepts = [], [], []
        for layer in range(len(layers.sizes) - 1):
            shape = layers.sizes[layer], layers.sizes[layer + 1]
            matrix, mask = np.zeros(shape), np.zeros(shape, dtype=bool)
            start, stop = layers.first[layer : layer + 2]
            for neuron in range(start, stop):
                for k in range(layers.indptr[neuron], layers.indptr[neuron + 1]):
                    matrix[layers.indices[k], neuron - start] = layers.weights[k]
                    mask[layers.indices[k], neuron - start] = True
            weights.append(matrix)
            masks.append(mask)
            intercepts.append(layers.intercepts[start:stop].astype(np.float64))
        return cls(weights, masks, intercepts)


def activate(name, z, layer=0):
    """Values and slopes of an activation function in hidden layer number `layer`."""
    if name == "tanh":
        return np.tanh(z), 4 * expit(2 * z) * expit(-2 * z)
    if name == "logistic":
        return expit(z), expit(z) * expit(-z)
    if name == "all_relu":
        left = -0.6 if layer % 2 == 0 else 0.6
    else:
        left = LEFT_SLOPES[name]
    return np.where(z > 0, z, left * z), np.where(z > 0, 1.0, left)


def forward(network, activation, X):
    """Activations of every layer, input and linear output included, and slopes."""
    activations, slopes = [np.asarray(X, dtype=np.float64)], []
    last = len(network.weights) - 1
    for layer, (W, b) in enumerate(zip(network.weights, network.intercepts)):
        name = "identity" if layer == last else activation
        a, slope = activate(name, activations[-1] @ W + b, layer)
        activations.append(a)
        slopes.append(slope)
    return activations, slopes


def predictions(output, scores):
    if output == "softmax":
        return np.exp(scores - logsumexp(scores, axis=1, keepdims=True))
    if output == "exp":
        return np.exp(scores)
    return expit(scores) if output == "logistic" else scores


def sample_losses(output, scores, Y):
    """Loss of each sample; `Y` holds one column per output."""
    if output == "softmax":
        return -np.sum(Y * (scores - logsumexp(scores, axis=1, keepdims=True)), axis=1)
    if output == "logistic":
        return np.sum(np.logaddexp(0, scores) - Y * scores, axis=1)
    loss = {"identity": "squared_error", "exp": "poisson"}[output]
    return np.mean(regression_losses(loss, scores, Y), axis=1)


def regression_losses(loss, scores, Y, parameter=None):
    """Loss of each number: `parameter` is the quantile or Huber's bound."""
    error = scores - Y
    if loss == "squared_error":
        return 0.5 * error**2
    if loss == "absolute_error":
        return np.abs(error)
    if loss == "huber":
        return huber(parameter, error)
    if loss == "quantile":
        return np.maximum((1 - parameter) * error, -parameter * error)
    return np.exp(scores) - Y - Y * scores + xlogy(Y, Y)


def loss(network, activation, output, X, Y, sample_weight, alpha):
    """Weighted mean of the losses, and the L2 term."""
    scores = forward(network, activation, X)[0][-1]
    losses = sample_losses(output, scores, Y)
    squares = sum(np.sum(W**2) for W in network.weights)
    total = sample_weight @ losses + 0.5 * alpha * squares
    return total / sample_weight.sum()


def objective(network, activation, output, X, Y, sample_weight, alpha):
    """What gradient descent descends.

    As in scikit-learn, losses of several numbers are averaged in the loss but summed in
    its gradient.
    """
    n_summed = Y.shape[1] if output in ("identity", "exp") else 1
    data = loss(network, activation, output, X, Y, sample_weight, 0.0)
    squares = sum(np.sum(W**2) for W in network.weights)
    return n_summed * data + 0.5 * alpha * squares / sample_weight.sum()


def gradients(network, activation, output, X, Y, sample_weight, alpha):
    """Gradients of the objective: of all cells of each layer, and the intercepts."""
    activations, slopes = forward(network, activation, X)
    delta = (predictions(output, activations[-1]) - Y) * sample_weight[:, None]
    total = sample_weight.sum()
    of_weights, of_intercepts = [], []
    for layer in reversed(range(len(network.weights))):
        W = network.weights[layer]
        of_weights.insert(0, (activations[layer].T @ delta + alpha * W) / total)
        of_intercepts.insert(0, delta.sum(axis=0) / total)
        if layer:
            delta = delta @ W.T * slopes[layer - 1]
    return of_weights, of_intercepts


def central_differences(function, array, step=1e-6):
    """Gradient of `function()` with respect to `array`, which it reads."""
    gradient = np.zeros_like(array)
    for i in np.ndindex(array.shape):
        value = array[i]
        array[i] = value + step
        above = function()
        array[i] = value - step
        below = function()
        array[i] = value
        gradient[i] = (above - below) / (2 * step)
    return gradient


def set_pruned(weights, zeta, n_empty):
    """The weights that SET removes, in ascending order: zeros, then from each side."""
    budget = min(int(zeta * len(weights)), n_empty)
    live = [weight for weight in weights.tolist() if weight != 0]
    pruned = [0.0] * min(budget, len(weights) - len(live))
    rest = budget - len(pruned)
    for sign in (1, -1):
        side = sorted(weight * sign for weight in live if weight * sign > 0)
        n_pruned = rest * len(side) // max(len(live), 1)
        pruned += [weight * sign for weight in side[:n_pruned]]
    return sorted(pruned)


def rewired(cells, numbers, pruned, new_cells, new_numbers):
    """Connections after a rewiring, as ascending cells and the numbers beside each."""
    table = {c: n for c, n, gone in zip(cells, numbers, pruned) if not gone}
    table.update(zip(new_cells, new_numbers))
    return sorted(table), [table[cell] for cell in sorted(table)]


def scramble(x):
    """The hash of `engine.random`, of integers or an array of uint64."""
    x = (x ^ (x >> 16)) * 0x7FEB352D & 0xFFFFFFFF
    x = (x ^ (x >> 15)) * 0x846CA68B & 0xFFFFFFFF
    return x ^ (x >> 16)


def random_key(seed, a, b):
    """The key of `engine.random`, whose sums are of 64 bits as all of numba's are."""
    key = scramble(seed ^ scramble(a + 0x9E3779B9))
    return scramble(key + scramble(b ^ 0x9E3779B9))


def random_words(key, positions):
    """The random numbers of 32 bits at these positions."""
    positions = np.asarray(positions, dtype=np.uint64)
    return scramble((key + scramble(positions)) & 0xFFFFFFFF)


def uniform(key, positions):
    """The random numbers in [0, 1) at these positions."""
    return (random_words(key, positions) >> 8) / 2**24


def normal(key, positions):
    """The random numbers of mean 0 and variance 1 at these positions."""
    first = random_words(key, positions)
    second = scramble((first + 0x9E3779B9) & 0xFFFFFFFF)
    total = sum(
        word >> 8 * byte & 0xFF for word in (first, second) for byte in range(4)
    )
    return (total.astype(np.float64) - 8 * 127.5) / np.sqrt(8 * (256**2 - 1) / 12)


def nearly_normal(key, positions):
    """The random numbers at these positions that are normal even in the tails."""
    words = [random_words(key, positions)]
    for _ in range(3):
        words.append(scramble((words[-1] + 0x9E3779B9) & 0xFFFFFFFF))
    total = sum((word & 0xFFFF) + (word >> 16) for word in words).astype(np.float64)
    x = (total - 8 * 32767.5) / np.sqrt(8 * (65536**2 - 1) / 12)
    return 9.81152610e-01 * x + 5.70661593e-03 * x**3 + 1.84654518e-04 * x**5


def masked(key, positions, rate):
    """Whether masking at this rate takes the numbers at these positions."""
    return random_words(key, positions) < int(rate * 0xFFFFFFFF)


def corrupted(Z, noise, factor, seed, n_updates, batch_size):
    """A mini-batch of an autoencoder with the noise of `autoencoder_epoch`."""
    samples, features = np.indices(Z.shape)
    positions = features * random_span(padded_width(batch_size)) + samples
    key = random_key(seed, n_updates, 1)
    if noise == "gaussian":
        return Z + factor * normal(key, positions)
    return np.where(masked(key, positions, factor), 0, Z)


def all_states(n):
    """All 2ⁿ states of `n` binary neurons."""
    return np.array(list(product([0.0, 1.0], repeat=n)))


class BoltzmannMachine:
    """A restricted Boltzmann machine of at most some ten visible neurons.

    `parameters` are the weights, visible × hidden, and the intercepts of the visible
    and of the hidden neurons.
    """

    def __init__(self, weights, visible, hidden, mask=True):
        self.parameters = [np.array(p, dtype=float) for p in (weights, visible, hidden)]
        self.velocities = [np.zeros_like(p) for p in self.parameters]
        self.mask = mask
        self.chains = None

    @classmethod
    def of(cls, rbm):
        """The dense machine of an `RBM`."""
        network = Network.of(rbm.layers)
        intercepts = rbm.visible.intercepts, rbm.layers.intercepts
        kind = GaussianMachine if rbm.gaussian else cls
        return kind(network.weights[0], *intercepts, network.masks[0])

    def hidden(self, v):
        return expit(v @ self.parameters[0] + self.parameters[2])

    def visible(self, h):
        return expit(h @ self.parameters[0].T + self.parameters[1])

    noise = staticmethod(uniform)

    def visible_state(self, h, noise):
        return (noise < self.visible(h)).astype(float)

    def free_energy(self, v):
        weights, visible, hidden = self.parameters
        return -v @ visible - np.logaddexp(0, v @ weights + hidden).sum(axis=1)

    def log_partition(self):
        return logsumexp(-self.free_energy(all_states(len(self.parameters[1]))))

    def probabilities(self, v):
        return np.exp(-self.free_energy(v) - self.log_partition())

    def statistics(self, v, shares=None):
        """What the gradients are made of: means over samples with these shares."""
        shares = np.full(len(v), 1 / len(v)) if shares is None else shares
        h = self.hidden(v)
        return [(v * shares[:, None]).T @ h, shares @ v, shares @ h]

    def likelihood_gradients(self, X):
        """Gradients of the mean log-likelihood, by enumeration."""
        v = all_states(X.shape[1])
        believed = self.statistics(v, self.probabilities(v))
        return [a - b for a, b in zip(self.statistics(X), believed)]

    def divergence_gradients(self, X, seed, n_updates, parameters):
        """Gradients of contrastive divergence, with the draws of `rbm_epoch`."""
        half = padded_width(parameters.batch_size)
        stride = random_span(2 * half)

        def numbers(draw, shape, turn):
            samples, neurons = np.indices(shape)
            key = random_key(seed, n_updates, turn)
            return draw(key, neurons * stride + half + samples)

        if self.chains is None:
            self.chains = np.zeros((half, X.shape[1]))
        h = self.hidden(self.chains if parameters.persistent else X)
        for step in range(parameters.n_gibbs_steps):
            h = (numbers(uniform, h.shape, 2 * step) < h).astype(float)
            shape = len(h), X.shape[1]
            v = self.visible_state(h, numbers(self.noise, shape, 2 * step + 1))
            h = self.hidden(v)
        self.chains = v
        dreamt, seen = self.statistics(v[: len(X)]), self.statistics(X)
        return [a - b for a, b in zip(dreamt, seen)]

    def update(self, X, seed, n_updates, parameters):
        """One step of contrastive divergence."""
        gradients = self.divergence_gradients(X, seed, n_updates, parameters)
        gradients[0] += parameters.alpha * self.parameters[0]
        gradients[0] *= self.mask
        for array, velocity, gradient in zip(
            self.parameters, self.velocities, gradients
        ):
            velocity *= parameters.momentum
            velocity -= parameters.learning_rate * gradient
            array += velocity


class GaussianMachine(BoltzmannMachine):
    """The same with Gaussian visible neurons of variance 1."""

    noise = staticmethod(nearly_normal)

    def visible(self, h):
        return h @ self.parameters[0].T + self.parameters[1]

    def visible_state(self, h, noise):
        return self.visible(h) + noise

    def free_energy(self, v):
        return 0.5 * (v**2).sum(axis=1) + super().free_energy(v)

    def hidden_states(self):
        """All states of the hidden neurons, and the logarithms of their weights."""
        h = all_states(len(self.parameters[2]))
        squares = (self.visible(h) ** 2).sum(axis=1)
        n_visible = len(self.parameters[1])
        logarithms = h @ self.parameters[2] + 0.5 * squares
        return h, logarithms + 0.5 * n_visible * np.log(2 * np.pi)

    def log_partition(self):
        return logsumexp(self.hidden_states()[1])

    def likelihood_gradients(self, X):
        """Gradients of the mean log-likelihood, by enumeration of hidden states."""
        h, logarithms = self.hidden_states()
        shares = np.exp(logarithms - self.log_partition())[:, np.newaxis]
        v = self.visible(h)
        believed = (
            (shares * v).T @ h,
            (shares * v).sum(axis=0),
            (shares * h).sum(axis=0),
        )
        return [a - b for a, b in zip(self.statistics(X), believed)]
