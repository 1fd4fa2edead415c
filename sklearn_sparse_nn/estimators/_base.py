"""What all estimators share: one sparse network inside, its epochs, its evolution."""

import copy
import warnings
from abc import ABC
from numbers import Integral, Real

import numpy as np
from joblib import effective_n_jobs
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.topology import EVOLUTIONS, TOPOLOGIES, TrainingClock

# An array of fewer numbers is checked faster than validated: see `_validate_samples`.
_FEW_NUMBERS = 2**16


class BaseSparseNetwork(CallbackSupportMixin, BaseEstimator, ABC):
    """Base class of the estimators: `_network` is what they fit."""

    _parameter_constraints: dict = {
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "zeta": [Interval(Real, 0, 1, closed="both")],
        "topology": [StrOptions(set(TOPOLOGIES)), HasMethods("connect")],
        "evolution": [
            StrOptions(set(EVOLUTIONS)),
            HasMethods(["is_due", "prune", "grow", "new_weights"]),
        ],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "n_jobs": [Integral, None],
    }

    # What to blame when the weights become infinite.
    _rate_parameter = "learning_rate"
    _scaling_hint = ""

    def _fitted_layers(self):
        check_is_fitted(self, "_network")
        return self._network.layers

    def _initial_topology(self):
        """The topology as an object, whether its name or itself was given."""
        named = isinstance(self.topology, str)
        return TOPOLOGIES[self.topology]() if named else self.topology

    def _new_rule(self):
        """A copy of the evolution rule for this fit, as a rule may keep state."""
        named = isinstance(self.evolution, str)
        return EVOLUTIONS[self.evolution]() if named else copy.deepcopy(self.evolution)

    def _run_epochs(self, max_epochs, run_epoch, X, y, metadata=None):
        """Run epochs of `fit`, with callbacks, and rewire after each of them.

        `run_epoch` takes a `ThreadTeam` and returns whether training has converged.
        Returns whether it ended before `max_epochs` were over.
        """
        context = self._init_callback_context(max_subtasks=max_epochs)
        hook = {"estimator": self, "X": X, "y": y, "metadata": metadata or {}}
        context.call_on_fit_task_begin(**hook)
        ended = False
        try:
            with ThreadTeam(effective_n_jobs(self.n_jobs)) as team:
                for epoch in range(1, max_epochs + 1):
                    task = context.subcontext(task_name="epoch")
                    task.call_on_fit_task_begin(**hook)
                    ended = run_epoch(team)
                    ended |= task.call_on_fit_task_end(
                        **hook, reconstruction_attributes=self._snapshot
                    )
                    if ended:
                        break
                    self._evolve(epoch, max_epochs, team)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=3)
            ended = True
        self._finish()
        self._check_finite()
        context.call_on_fit_task_end(**hook, reconstruction_attributes=self._snapshot)
        return ended

    def _finish(self):
        """What is left to do after the last epoch of `fit`."""
        self._network.forget_batch()

    def _evolve(self, epoch, max_epochs, team):
        """Rewire the network if its rule says so."""
        clock = TrainingClock(
            epoch=epoch,
            max_epochs=max_epochs,
            n_updates=self._network.n_updates,
            updates_since_rewiring=self._network.updates_since_rewiring,
        )
        if self._rule.is_due(clock):
            self._network.evolve(self._rule, self.zeta, clock, team)

    def _snapshot(self):
        """What makes a copy of this estimator independent of further training."""
        return {"_network": self._network.copy()}

    def _check_finite(self):
        if not self._network.is_finite():
            self._raise_divergence()

    def _raise_divergence(self):
        rate = self._rate_parameter
        raise ValueError(
            f"Solver produced a non-finite loss or non-finite weights in epoch "
            f"{self.n_iter_}. {self._scaling_hint}{rate}={getattr(self, rate)} is too "
            "large."
        )

    def _n_useful_threads(self, n_samples):
        # Below some thousand samples a thread costs more than it brings.
        most = 1 + n_samples // 1024
        return 1 if most == 1 else min(effective_n_jobs(self.n_jobs), most)

    def _validate_samples(self, X):
        """Check that X is like the X of `fit`; return it as float32.

        One row costs `validate_data` more time than it costs the network. What can be
        seen at a glance to be right is not validated.
        """
        if self._looks_right(X):
            with np.errstate(over="ignore"):
                single = X.astype(np.float32, copy=False)
            if np.isfinite(single).all():
                return single
        check_is_fitted(self, "_network")
        return validate_data(self, X, **as_float32(X), reset=False)

    def _looks_right(self, X):
        """Whether X is a small array of floats with as many features as `fit` saw."""
        return (
            type(X) is np.ndarray
            and X.dtype in (np.float32, np.float64)
            and X.ndim == 2
            and 0 < X.size <= _FEW_NUMBERS
            and X.shape[1] == getattr(self, "n_features_in_", None)
            and hasattr(self, "_network")
            and not hasattr(self, "feature_names_in_")
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def as_float32(X):
    """What `validate_data` should make of X: float32, sample after sample if copied.

    X that is float32 already stays as it is. But where a feature of all samples is
    contiguous, as in a data frame, an epoch on MNIST takes 2.7 times as long.
    """
    order = None if getattr(X, "dtype", None) == np.float32 else "C"
    return {"accept_sparse": "csr", "dtype": np.float32, "order": order}


def mean_of_powers(X, power):
    """Mean of each feature to a power, the same bits for dense and for sparse X."""
    if sparse.issparse(X):
        powers = X.data.astype(np.float64) ** power
        return np.bincount(X.indices, powers, X.shape[1]) / X.shape[0]
    # Row by row, as `bincount` does, and without a copy of X.
    subscripts = ",".join(["ij"] * power) + "->j"
    return np.einsum(subscripts, *[X] * power, dtype=np.float64) / X.shape[0]


def standard_deviation(X):
    """Standard deviation of each feature, float64; 0 where it is but rounding."""
    moments = RunningMoments(X.shape[1])
    moments.add(X)
    return moments.standard_deviation()


class RunningMoments:
    """Mean and variance of each feature over all samples so far."""

    def __init__(self, n_features):
        self.n_samples = 0
        self.sums = np.zeros((2, n_features))

    def add(self, X):
        """Count the samples X in."""
        n_samples = X.shape[0]
        self.n_samples += n_samples
        for power in (1, 2):
            self.sums[power - 1] += mean_of_powers(X, power) * n_samples

    def standard_deviation(self):
        """Standard deviation of each feature, float64; 0 where it is but rounding."""
        means, squares = self.sums / self.n_samples
        variances = squares - means**2
        rounding = 10 * self.n_samples * np.finfo(np.float64).eps * means**2
        return np.sqrt(np.where(variances > rounding, variances, 0))

    def standardiser(self):
        """What to subtract from each feature, and to multiply it by then, float32."""
        deviations = self.standard_deviation()
        scales = 1 / np.where(deviations > 0, deviations, 1)
        means = self.sums[0] / self.n_samples
        return means.astype(np.float32), scales.astype(np.float32)
