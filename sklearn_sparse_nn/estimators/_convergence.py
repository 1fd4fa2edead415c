"""When the training of a perceptron ends, and how fast it learns until then."""

from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_sparse_nn.engine.warning import warn_user

# The adaptive schedule of scikit-learn's MLP: divide by five, end below one millionth.
_ADAPTIVE_DIVISOR, _SMALLEST_RATE = 5.0, 1e-6
# Where samples are few, an epoch may be one update: to patience, so many are one epoch.
_UPDATES_OF_AN_EPOCH = 20

# On the panel, twice the epochs make a difference where the second half of them brought
# a larger share than this.
_LARGE_SHARE, _FEW_EPOCHS = 0.05, 4


class Watched(NamedTuple):
    """What early stopping sees of a network.

    Attributes
    ----------
    losses : ndarray of float64, shape (n_samples,)
        Those of the validation samples.
    weights : ndarray of float32, shape (n_samples,), or None
    """

    losses: np.ndarray
    weights: np.ndarray

    def is_clearly_worse_than(self, losses):
        """Whether the mean is larger than another's by two standard errors."""
        weights = np.ones_like(losses) if self.weights is None else self.weights
        shares = weights / weights.sum(dtype=np.float64)
        differences = self.losses - losses
        mean = shares @ differences
        return mean > 2 * np.sqrt(shares**2 @ (differences - mean) ** 2)


class ConvergenceMixin:
    """Learning rate, patience, the score of early stopping and the last epoch."""

    def _start_fit(self):
        """Start the optimiser and the search for convergence anew."""
        self._network.reset_optimiser(self.solver)
        self._start_rate()
        self._n_updates_in_vain = 0
        self.n_iter_ = 0
        self.loss_ = np.inf
        early = self.early_stopping
        self.best_loss_ = None if early else np.inf
        self.validation_scores_ = [] if early else None
        self.validation_loss_curve_ = [] if early else None
        self.best_validation_score_ = -np.inf if early else None
        self._best = self._last = None
        self._best_is_settled = False

    def _start_rate(self):
        """Begin the schedule of the learning rate."""
        self._rate = self._first_rate = self.learning_rate_init

    def _report(self, progress):
        """Print what this epoch came to, if verbose."""
        figures = [f"loss = {self.loss_:.8f}"]
        if self.validation_scores_:
            figures.append(f"validation score = {self.validation_scores_[-1]:f}")
        progress.report(self.n_iter_, *figures)

    def _follow_progress(self, n_updates, validation=None, team=None, scorer=None):
        """Note whether this epoch was better than all before, and its network if so.

        As long as the rule has yet to remove connections, the last epoch is the best:
        the networks before are not what the fit is to end with.
        """
        settles = self._rule.settles
        settled = settles is None or self._network.rewired_at >= settles
        # Whether the best so far is one to compare with.
        counts, self._best_is_settled = settled and self._best_is_settled, settled
        if validation is None:
            best = self.best_loss_ if counts else np.inf
            enough = self.loss_ <= best - self.tol
            self.best_loss_ = min(self.loss_, best)
        else:
            score = self._watch(validation, team, scorer)
            loss = self.validation_loss_curve_[-1]
            best = self.best_validation_score_ if counts else -np.inf
            enough = score >= best + self.tol
            # Of few samples, many networks get all right: the last is not the worst.
            # If the score is NaN, it is no better.
            if score > best or (score == best and loss < self._best_validation_loss):
                self.best_validation_score_, self._best_validation_loss = score, loss
                self._best = self._network.copy(), self._last.losses
        n_updates = min(n_updates, _UPDATES_OF_AN_EPOCH)
        self._n_updates_in_vain = 0 if enough else self._n_updates_in_vain + n_updates
        if self.solver == "sgd" and self.learning_rate == "invscaling":
            self._rate = self.learning_rate_init / (self.t_ + 1) ** self.power_t

    def _watch(self, validation, team, scorer):
        """Score the network of now, and note its loss."""
        outputs = self._network.decision(validation.X, validation.samples, team)
        if not np.isfinite(outputs).all():
            self._raise_divergence()
        losses = self._network.losses(outputs, validation.targets)
        self._last = Watched(losses, validation.sample_weight)
        loss = float(np.average(losses, weights=self._last.weights))
        if scorer is not None:
            score = scorer(self)
        elif self.scoring == "loss":
            score = -loss
        else:
            score = self._validation_score(
                validation.y, self._predict_scores(outputs), validation.sample_weight
            )
        self.validation_loss_curve_.append(loss)
        self.validation_scores_.append(score)
        return score

    def _choose_network(self):
        """After early stopping, go back to the best network, if it was better.

        Where the learning rate has fallen to 0, the last network is better than those
        before, but for overfitting. That another had a better score on a few
        validation samples is chance, as long as their losses do not tell the two apart.
        """
        (best, last), self._best, self._last = (self._best, self._last), None, None
        if best is None:
            return
        network, losses = best
        at_rest = self.learning_rate == "linear" and self.n_iter_ >= self._fall.end
        if not at_rest or last.is_clearly_worse_than(losses):
            self._network = network

    def _epochs_in_vain(self):
        """For how many epochs there has been no improvement."""
        return self._n_updates_in_vain / _UPDATES_OF_AN_EPOCH

    def _has_converged(self, n_updates):
        """Whether to stop, after `n_iter_no_change` epochs without improvement."""
        patience = self.n_iter_no_change * _UPDATES_OF_AN_EPOCH
        if self._n_updates_in_vain <= patience:
            return self._has_come_to_rest()
        watched = "Validation score" if self.early_stopping else "Training loss"
        message = (
            f"{watched} did not improve more than tol={self.tol:f} for "
            f"{self.n_iter_no_change} consecutive epochs."
        )
        adaptive = self.solver == "sgd" and self.learning_rate == "adaptive"
        self._n_updates_in_vain = 0
        stops = False
        if self.learning_rate == "linear":
            n_epochs = -(-patience // min(n_updates, _UPDATES_OF_AN_EPOCH))
            self._fall = self._fall.end_earlier(self.n_iter_, n_epochs)
            message += f" The learning rate falls to 0 by iteration {self._fall.end}."
        elif adaptive and self._rate > _SMALLEST_RATE:
            self._rate /= _ADAPTIVE_DIVISOR
            message += f" Setting learning rate to {self._rate:f}"
        else:
            stops = True
            message += " Stopping."
        if self.verbose:
            print(message)
        return stops or self._has_come_to_rest()

    def _has_come_to_rest(self):
        """Whether the learning rate has fallen to 0 before `max_iter`."""
        return self.learning_rate == "linear" and (
            self.n_iter_ >= self._fall.end < self.max_iter
        )

    def _warn_if_unfinished(self):
        """Warn, after all epochs, if more of them would have made a difference."""
        losses = self.loss_curve_[-self.n_iter_ :]
        # The learning rate has fallen to 0, and the loss has come to rest anyhow.
        if self.learning_rate == "linear" and not _falls_to_the_end(losses):
            return
        warn_user(
            f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and "
            "the optimization hasn't converged yet.",
            ConvergenceWarning,
        )


def _falls_to_the_end(losses):
    """Whether the second half of the epochs brought much of what the loss has lost."""
    if len(losses) < _FEW_EPOCHS:
        return True
    middle, last = losses[len(losses) // 2], losses[-1]
    return middle - last > _LARGE_SHARE * (losses[0] - last)
