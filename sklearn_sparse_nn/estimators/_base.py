"""What all estimators share: one sparse network inside, its epochs, its evolution."""

import copy
import functools
from abc import ABC
from numbers import Integral, Real
from typing import cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    StrOptions,
)
from sklearn.utils.validation import check_is_fitted

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.engine.warning import warn_user
from sklearn_sparse_nn.estimators._decorators import Function
from sklearn_sparse_nn.estimators._parallel import n_threads
from sklearn_sparse_nn.estimators._samples import dtype_of, validate_samples
from sklearn_sparse_nn.evolution import EVOLUTIONS, EvolutionRule
from sklearn_sparse_nn.networks.evolving import Evolution
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import TOPOLOGIES
from sklearn_sparse_nn.topology.amount import Amount
from sklearn_sparse_nn.topology.asking import ask_for_data

# An array of fewer numbers is checked faster than validated: see `_validate_samples`.
_FEW_NUMBERS = 2**16
# Samples whose outputs are looked at after training, and an output that is too large:
# its square overflows float32.
_N_WATCHED, _LARGEST_OUTPUT = 16, 1e18
# What follows each epoch: a list of the estimator that grows in place.
_HISTORIES = ("loss_curve_", "reconstruction_error_curve_", "history")


def all_or_nothing(method: Function) -> Function:
    """Let a method that trains leave the estimator as it was where it fails.

    It is the outermost decorator: callbacks are to be taken down before.
    """

    @functools.wraps(method)
    def train(self, *args, **kwargs):
        before = self.__dict__.copy()
        goes_on = method.__name__ == "partial_fit" or getattr(self, "warm_start", False)
        try:
            if goes_on:
                self._branch()
            return method(self, *args, **kwargs)
        except BaseException:
            self.__dict__ = before
            raise

    return cast("Function", train)


class BaseSparseNetwork(CallbackSupportMixin, BaseEstimator, ABC):
    """Base class of the estimators: `_network` is what they fit."""

    n_features_in_: int
    n_iter_: int

    _parameter_constraints: dict = {
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "density": [Interval(Real, 0, 1, closed="right"), "array-like", None],
        "zeta": [Interval(Real, 0, 1, closed="both")],
        "topology": [
            StrOptions(set(TOPOLOGIES)),
            HasMethods("connect"),
            HasMethods("of_layer"),
            HasMethods("of_data"),
        ],
        "evolution": [StrOptions(set(EVOLUTIONS)), EvolutionRule],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "n_jobs": [Integral, None],
    }

    # What to blame when the weights become infinite.
    _rate_parameter = "learning_rate"
    # Whether the network reads float64 data as they are.
    _reads_double = False

    def _validate_params(self):
        """Validate the parameters, and those of the topology and of the rule."""
        validate_parts(self)
        super()._validate_params()

    def __setstate__(self, state):
        super().__setstate__(state)
        if hasattr(self, "_network"):
            self._check_fitted()

    def _check_fitted(self):
        """Raise a ValueError if what is fitted, of a file, does not fit its network."""
        n_inputs = int(self._network.layers.sizes[0])
        if self.n_features_in_ != n_inputs:
            raise ValueError(
                f"This {type(self).__name__} is damaged: n_features_in_ is "
                f"{self.n_features_in_}, but its network has {n_inputs} inputs."
            )

    def _fitted_layers(self):
        check_is_fitted(self, "_network")
        return self._network.layers

    def _branch(self):
        """Before training goes on: let it change copies of what is fitted."""
        if hasattr(self, "_network"):
            self._network = self._network.branch()
            self._set_rule(self._rule)
        for name in _HISTORIES:
            if name in self.__dict__:
                setattr(self, name, getattr(self, name).copy())

    def _start(self, sizes, X, random_state, spread):
        """How a network of these sizes begins, for these data."""
        topology = self.topology
        if isinstance(topology, str):
            topology = TOPOLOGIES[topology]()
        return Start(
            ask_for_data(topology, X, predicts=hasattr(self, "predict")),
            self._amount().epsilons(sizes),
            seed=random_state.randint(np.iinfo(np.int32).max),
            spread=spread,
        )

    def _amount(self):
        return Amount(self.epsilon, self.density)

    def _set_network(self, network):
        """Begin with a new network and a rule of its own, which may keep state."""
        network.check_connected(self._amount())
        self._network = network
        self._set_rule()

    def _set_rule(self, previous=None):
        """Take a rule with the parameters of now, and the state of a previous one."""
        named = isinstance(self.evolution, str)
        rule = EVOLUTIONS[self.evolution]() if named else copy.deepcopy(self.evolution)
        if type(rule) is type(previous):
            now = rule.get_params(deep=False)
            rule = copy.deepcopy(previous)
            vars(rule).update(now)
        self._rule = rule
        self._network.follow(rule)

    def _check_sizes(self, sizes, parameter):
        """Check that the network to go on with has the sizes that are asked for."""
        found = self._network.layers.sizes.tolist()
        if found != sizes:
            raise ValueError(
                f"{parameter}={getattr(self, parameter)} asks for a network of the "
                f"sizes {sizes}, but the one to go on with has {found}. Fit a new one."
            )

    def _run_epochs(self, max_epochs, run_epoch, X, y, metadata=None, first=0):
        """Run epochs of `fit` from number `first` on, with callbacks.

        `run_epoch` takes a `ThreadTeam` and an `Evolution`, and returns whether
        training has converged.
        Returns whether it ended before `max_epochs` were over.
        """
        context = self._init_callback_context(max_subtasks=max_epochs)
        hook = {"estimator": self, "X": X, "y": y, "metadata": metadata or {}}
        context.call_on_fit_task_begin(**hook)
        ended = False
        try:
            with ThreadTeam(n_threads(self.n_jobs)) as team:
                for epoch in range(first, max_epochs):
                    task = context.subcontext(task_name="epoch")
                    task.call_on_fit_task_begin(**hook)
                    ended = run_epoch(team, self._evolution(epoch, max_epochs))
                    ended |= task.call_on_fit_task_end(
                        **hook, reconstruction_attributes=self._snapshot
                    )
                    if ended:
                        break
        except KeyboardInterrupt:
            warn_user("Training interrupted by user.")
            ended = True
        self._finish()
        self._check_finite(X)
        context.call_on_fit_task_end(**hook, reconstruction_attributes=self._snapshot)
        return ended

    def _finish(self):
        """What is left to do after the last epoch of `fit`."""
        self._network.free_buffers()

    def _evolution(self, epoch, max_epochs=None):
        """How connections change in an epoch: before it, and within if the rule says.

        Before and not after an epoch: new connections are trained before anybody
        predicts with them, and what is due at the end of a fit happens in the next.
        """
        in_vain = self._epochs_in_vain()
        return Evolution(self._rule, self.zeta, epoch, max_epochs, in_vain)

    def _epochs_in_vain(self):
        """For how many epochs training has not improved, if anybody watches."""
        return 0.0

    def _snapshot(self):
        """What makes a copy of this estimator independent of further training."""
        return {"_network": self._network.copy()}

    def _check_finite(self, X):
        """Check that the network has not diverged, in its last update even."""
        few = np.arange(min(X.shape[0], _N_WATCHED))
        with ThreadTeam(1) as team:
            outputs = self._network.decision(X, few, team)
        # NaN is not below anything.
        follows = np.abs(outputs).max() < _LARGEST_OUTPUT
        if not (follows and self._network.is_finite()):
            self._raise_divergence()

    def _raise_divergence(self):
        rate = self._rate_parameter
        raise ValueError(
            f"Solver produced a non-finite loss or non-finite weights in epoch "
            f"{self.n_iter_}. {self._scaling_hint()}{rate}={getattr(self, rate)} "
            "is too large."
        )

    def _scaling_hint(self):
        """What else to blame: the end of the sentence is the learning rate."""
        return ""

    def _n_useful_threads(self, n_samples):
        # Below some thousand samples a thread costs more than it brings.
        most = 1 + n_samples // 1024
        return 1 if most == 1 else min(n_threads(self.n_jobs), most)

    def _validate_X(self, X, reset, **changes):
        """Check X; return it as the network reads it."""
        return validate_samples(self, X, self._reads_double, reset=reset, **changes)

    def _validate_samples(self, X):
        """Check that X is like the X of `fit`; return it as the network reads it.

        One row costs `validate_data` more time than it costs the network. What can be
        seen at a glance to be right is not validated.
        """
        if self._looks_right(X):
            with np.errstate(over="ignore"):
                dtype = X.dtype if self._reads_double else np.float32
                samples = X.astype(dtype, copy=False)
            if np.isfinite(samples).all():
                return samples
        check_is_fitted(self, "_network")
        return self._validate_X(X, reset=False)

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


def in_dtype_of(X, outputs):
    """Outputs of the network, if all are finite, in float32 if X is, else float64."""
    outputs = finite(outputs)
    return outputs if dtype_of(X) == np.float32 else outputs.astype(np.float64)


def finite(outputs):
    """Outputs of the network, if none is infinite or NaN; otherwise a ValueError."""
    if not np.isfinite(outputs).all():
        raise ValueError(
            f"The outputs of the network overflow {outputs.dtype}. X may contain large "
            "values and need to be preprocessed, for example by StandardScaler."
        )
    return outputs


def validate_parts(estimator):
    """Validate the topology and the rule of an estimator as its own parameters are.

    Raises
    ------
    InvalidParameterError
        If one of their parameters is out of range, if one is a class, or if the rule is
        for autoencoders and the estimator has none.
    """
    for name in ("topology", "evolution"):
        part = getattr(estimator, name)
        if isinstance(part, type):
            raise InvalidParameterError(
                f"The {name!r} parameter of {type(estimator).__name__} must be a name "
                f"or an instance. Got the class {part.__name__} instead: pass "
                f"{part.__name__}()."
            )
        if hasattr(part, "_validate_params"):
            part._validate_params()
    rule = estimator.evolution
    if isinstance(rule, str):
        rule = EVOLUTIONS.get(rule)
    restores = getattr(estimator, "_restores_inputs", False)
    if getattr(rule, "needs_autoencoder", False) and not restores:
        raise InvalidParameterError(
            f"evolution={estimator.evolution!r} is for networks that restore their "
            "inputs, SETAutoencoder and QuickSelectionSelector, and not for "
            f"{type(estimator).__name__}."
        )


def rule_type(estimator):
    """The class of the evolution rule of an estimator."""
    evolution = estimator.evolution
    return EVOLUTIONS[evolution] if isinstance(evolution, str) else type(evolution)
