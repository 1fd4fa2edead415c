"""The sparse multi-layer perceptron for numbers of any size and unit.

It learns standardised targets. What counts is that nobody notices: predictions are in
the unit of the targets, and data that change the unit change no prediction.
"""

import numpy as np

from sklearn_sparse_nn.engine.layers import connections_of, n_layers, require
from sklearn_sparse_nn.engine.losses import REGRESSION_LOSSES, Loss, activate_output
from sklearn_sparse_nn.networks.mlp import MLP
from sklearn_sparse_nn.networks.targets import Location, locate, merge

# These heed outliers: their targets are located by mean and standard deviation.
_HEEDFUL = "squared_error", "poisson"


def locates_robustly(loss):
    """Whether targets are standardised by quantiles: see `targets.locate`."""
    return loss not in _HEEDFUL


def output_of(loss):
    """Activation of the output layer for one of `engine.losses.REGRESSION_LOSSES`."""
    return "exp" if loss == "poisson" else "identity"


class RegressionMLP(MLP):
    """A sparse multi-layer perceptron for real numbers.

    Parameters
    ----------
    sizes, start, activation
        See `MLP`.
    loss : str
        One of `engine.losses.REGRESSION_LOSSES`.
    all_relu_slope : float
        See `MLP`.

    Attributes
    ----------
    loss_parameter : float
        See `engine.losses.Loss`. May change between epochs.
    n_targets : int
        Samples whose targets were seen.
    centers, spreads : ndarray of float64, shape (n_outputs,)
        Of these targets: see `targets.locate`.
    """

    def __init__(self, sizes, start, activation, loss, all_relu_slope=0.6):
        output = output_of(loss)
        super().__init__(sizes, start, activation, output, all_relu_slope)
        self.loss, self.loss_parameter = loss, 0.0
        self.n_targets = 0
        self.centers, self.spreads = np.zeros((2, sizes[-1]))

    def _loss(self):
        return Loss(REGRESSION_LOSSES[self.loss], np.float32(self.loss_parameter))

    def _check(self):
        super()._check()
        if self.loss not in REGRESSION_LOSSES or self.output != output_of(self.loss):
            raise ValueError("The network is damaged: it has an unknown loss.")
        located = self.centers, self.spreads
        require(located, ["f8", "f8"], "The scale of the targets is damaged: ")
        if not len(self.centers) == len(self.spreads) == self.layers.sizes[-1]:
            raise ValueError("The scale of the targets is damaged: it does not fit.")

    @property
    def scales(self):
        """What a standardised target is multiplied by; 0 where all were equal.

        Ratios are what counts for an exponential output, so that its targets keep
        their zero.
        """
        if self.output == "exp":
            return np.where(self.spreads > 0, self.centers, 0)
        return self.spreads

    def see(self, y, weights):
        """Take targets into the centers and spreads; no prediction changes.

        Parameters
        ----------
        y : ndarray of float64, shape (n_samples, n_outputs)
        weights : ndarray, shape (n_samples,), or None
            Of the samples; None if all count the same.
        """
        before = Location(self.n_targets, self.centers, self.spreads)
        now = locate(y, weights, locates_robustly(self.loss))
        if before.n_samples:
            now = merge(before, now)
        self.n_targets, self.centers, self.spreads = now
        self._keep_predictions(before)

    def _keep_predictions(self, before):
        """Change the output layer, such that it predicts what it did before."""
        # Where all targets were equal, so are the predictions, whatever the layer says.
        known = before.spreads > 0
        factors, shifts = np.ones(len(known)), np.zeros(len(known))
        if self.output == "exp":
            shifts[known] = np.log(before.centers[known] / self.centers[known])
        else:
            spreads = self.spreads[known]
            factors[known] = before.spreads[known] / spreads
            shifts[known] = (before.centers[known] - self.centers[known]) / spreads
        layers, here = self.layers, slice(-len(known), None)
        degrees = np.diff(layers.indptr)[here]
        last = connections_of(layers, n_layers(layers) - 1)
        layers.weights[last] *= np.repeat(factors, degrees)
        if self.state is not None and self.holds_weights:
            self.state.held[last] *= np.repeat(factors, degrees)
        layers.intercepts[here] = factors * layers.intercepts[here] + shifts

    def standardise(self, y):
        """Targets as the network learns them, float64, in units of their spread."""
        y = y.reshape(len(y), -1)
        with np.errstate(over="ignore"):  # whoever needs them looks
            if self.output == "exp":
                return y / self.centers
            return (y - self.centers) / np.where(self.spreads > 0, self.spreads, 1)

    def predictions(self, outputs):
        """Predictions in the unit of the targets, float64, for outputs of the network.

        Of an exponential output, they are positive.
        """
        outputs, scales = outputs.astype(np.float64), self.scales
        with np.errstate(over="ignore", invalid="ignore"):  # whoever needs them looks
            predicted = scales * activate_output(outputs, self.output)
        if self.output == "exp":
            smallest = np.finfo(np.float64).tiny
            return np.where(scales > 0, np.maximum(predicted, smallest), self.centers)
        return self.centers + predicted
