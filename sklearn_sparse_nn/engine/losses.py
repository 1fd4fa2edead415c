"""Output layers: what they predict, what they cost, what they send back.

Softmax with cross entropy, logistic with binary cross entropy, identity with half the
squared error. For each of these pairs the error term of an output neuron is
``prediction - target``.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_softmax, softmax

from sklearn_sparse_nn.engine.compilation import inner

SOFTMAX, LOGISTIC, IDENTITY = range(3)
OUTPUT_KINDS = {"softmax": SOFTMAX, "logistic": LOGISTIC, "identity": IDENTITY}


def activate_output(scores, kind):
    """Predictions from the outputs of the network, shape (n_samples, n_outputs)."""
    if kind == "softmax":
        return softmax(scores, axis=1)
    if kind == "logistic":
        return expit(scores)
    return scores


class Targets(NamedTuple):
    """What the network should say.

    `labels` (int32, one class per sample) serves a softmax output, `values` (float32,
    one column per output) the others; the other one is empty. `weights` (float32) is
    empty when all samples count the same.
    """

    labels: np.ndarray
    values: np.ndarray
    weights: np.ndarray


def mean_output_loss(scores, targets, kind):
    """Mean over samples of the loss that training minimises, without the L2 term.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_outputs)
        Outputs of the network.
    targets : Targets
        Of these samples.
    kind : str
        A key of `OUTPUT_KINDS`.

    Returns
    -------
    loss : float
        Weighed by `targets.weights`, if any of them is not zero.
    """
    z, (labels, values, weights) = scores.astype(np.float64), targets
    if kind == "softmax":
        losses = -log_softmax(z, axis=1)[np.arange(len(z)), labels]
    elif kind == "logistic":
        losses = np.sum(np.logaddexp(0, z) - z * values, axis=1)
    else:
        losses = 0.5 * np.mean((z - values) ** 2, axis=1)
    return float(np.average(losses, weights=weights if weights.any() else None))


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
def _identity_delta(outputs, deltas, stride, target):
    loss = np.float32(0)
    for o in range(len(target)):
        error = outputs[o * stride] - target[o]
        deltas[o * stride] = error
        loss += error * error
    return np.float32(0.5) * loss / np.float32(len(target))


@inner
def output_delta(kind, outputs, deltas, n_outputs, stride, targets, sample):
    """Loss of a sample and the error terms of the output neurons.

    Parameters
    ----------
    kind : int
        One of the values of `OUTPUT_KINDS`.
    outputs, deltas : ndarrays of float32
        Output of the network and error terms, from the column of the sample on; output
        `o` is at `o * stride`.
    n_outputs, stride : int
    targets : Targets
    sample : int
        Row of the targets.

    Returns
    -------
    loss : float32
    """
    if kind == SOFTMAX:
        label = targets.labels[sample]
        return _softmax_delta(outputs, deltas, n_outputs, stride, label)
    target = targets.values[sample]
    if kind == LOGISTIC:
        return _logistic_delta(outputs, deltas, stride, target)
    return _identity_delta(outputs, deltas, stride, target)
