"""Output layers: what they predict, what they cost, what they send back.

Of several real numbers the losses are averaged. Their gradients are not, as in
scikit-learn.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, huber, kl_div, log_softmax, softmax

from sklearn_sparse_nn.engine.compilation import inner

SOFTMAX, LOGISTIC, SQUARED, ABSOLUTE, HUBER, QUANTILE, POISSON = range(7)
# For each of these outputs the error term of a neuron is ``prediction - target``.
OUTPUT_LOSSES = {
    "softmax": SOFTMAX,
    "logistic": LOGISTIC,
    "identity": SQUARED,
    "exp": POISSON,
}
REGRESSION_LOSSES = {
    "squared_error": SQUARED,
    "absolute_error": ABSOLUTE,
    "huber": HUBER,
    "quantile": QUANTILE,
    "poisson": POISSON,
}


class Loss(NamedTuple):
    """A loss as the kernels know it.

    `kind` is one of the numbers above. `parameter` is the quantile, or the error from
    which on Huber's loss is linear; other losses have none.
    """

    kind: int
    parameter: np.float32


def activate_output(scores, kind):
    """Predictions from the outputs of the network, shape (n_samples, n_outputs)."""
    if kind == "softmax":
        return softmax(scores, axis=1)
    if kind == "logistic":
        return expit(scores)
    return np.exp(scores) if kind == "exp" else scores


class Targets(NamedTuple):
    """What the network should say.

    `labels` (int32, one class per sample) serves a softmax output, `values` (float32,
    one column per output) the others; the other one is empty. `weights` (float32) is
    empty when all samples count the same.
    """

    labels: np.ndarray
    values: np.ndarray
    weights: np.ndarray


def output_losses(outputs, targets, loss):
    """The loss of each sample that training minimises, without the L2 term.

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_outputs)
        Outputs of the network.
    targets : Targets
        Of these samples.
    loss : Loss

    Returns
    -------
    losses : ndarray of float64, shape (n_samples,)
        Not weighed.
    """
    z, (labels, values, _) = outputs.astype(np.float64), targets
    if loss.kind == SOFTMAX:
        return -log_softmax(z, axis=1)[np.arange(len(z)), labels]
    if loss.kind == LOGISTIC:
        return np.sum(np.logaddexp(0, z) - z * values, axis=1)
    return np.mean(_costs(z, values.astype(np.float64), loss), axis=1)


def _costs(z, y, loss):
    """The loss of each of several real numbers."""
    error = z - y
    if loss.kind == SQUARED:
        return error**2 / 2
    if loss.kind == ABSOLUTE:
        return np.abs(error)
    if loss.kind == HUBER:
        return huber(loss.parameter, error)
    if loss.kind == QUANTILE:
        return np.maximum((1 - loss.parameter) * error, -loss.parameter * error)
    return kl_div(y, np.exp(z))  # half the Poisson deviance


@inner
def _softmax_delta(outputs, deltas, n_outputs, stride, label):
    """Cross entropy of one sample; `outputs` and `deltas` start at its column."""
    largest = outputs[0]
    for o in range(1, n_outputs):
        largest = max(largest, outputs[o * stride])
    total = np.float32(0)
    for o in range(n_outputs):
        exponential = np.exp(outputs[o * stride] - largest)
        deltas[o * stride] = exponential
        total += exponential
    for o in range(n_outputs):
        deltas[o * stride] /= total
    deltas[label * stride] -= np.float32(1)
    return np.log(total) + (largest - outputs[label * stride])


@inner
def _logistic_delta(outputs, deltas, stride, target):
    loss = np.float32(0)
    one = np.float32(1)
    for o in range(len(target)):
        z = outputs[o * stride]
        decay = np.exp(-abs(z))
        probability = (one if z >= 0 else decay) / (one + decay)
        deltas[o * stride] = probability - target[o]
        loss += max(z, np.float32(0)) - z * target[o] + np.log1p(decay)
    return loss


@inner
def _poisson_delta(outputs, deltas, stride, target):
    """Half the deviance from the exponentials of the outputs."""
    loss = np.float32(0)
    for o in range(len(target)):
        z, y = outputs[o * stride], target[o]
        mean = np.exp(z)
        deltas[o * stride] = mean - y
        if y > 0:
            # The difference of mean and y would round, where both are large.
            distance = z - np.log(y)
            loss += y * (np.expm1(distance) - distance)
        else:
            loss += mean
    return loss / np.float32(len(target))


@inner
def _slope(loss, error):
    """Derivative of a loss that depends on ``output - target`` alone."""
    one = np.float32(1)
    if loss.kind == SQUARED:
        return error
    if loss.kind == HUBER:
        return min(max(error, -loss.parameter), loss.parameter)
    quantile = loss.kind == QUANTILE
    if error > 0:
        return one - loss.parameter if quantile else one
    if error < 0:
        return -loss.parameter if quantile else -one
    return np.float32(0)


@inner
def _error_delta(loss, outputs, deltas, stride, target):
    cost = np.float32(0)
    quadratic = loss.kind == SQUARED or loss.kind == HUBER
    share = np.float32(0.5) if quadratic else np.float32(0)
    for o in range(len(target)):
        error = outputs[o * stride] - target[o]
        slope = _slope(loss, error)
        deltas[o * stride] = slope
        cost += slope * (error - share * slope)
    return cost / np.float32(len(target))


@inner
def output_delta(loss, outputs, deltas, n_outputs, stride, targets, sample):
    """Loss of a sample and the error terms of the output neurons.

    Parameters
    ----------
    loss : Loss
    outputs, deltas : ndarrays of float32
        Output of the network and error terms, from the column of the sample on; output
        `o` is at `o * stride`.
    n_outputs, stride : int
    targets : Targets
    sample : int
        Row of the targets.

    Returns
    -------
    cost : float32
    """
    if loss.kind == SOFTMAX:
        label = targets.labels[sample]
        return _softmax_delta(outputs, deltas, n_outputs, stride, label)
    target = targets.values[sample]
    if loss.kind == LOGISTIC:
        return _logistic_delta(outputs, deltas, stride, target)
    if loss.kind == POISSON:
        return _poisson_delta(outputs, deltas, stride, target)
    return _error_delta(loss, outputs, deltas, stride, target)
