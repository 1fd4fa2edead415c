"""What selectors share that rank features by what several networks say of them."""

from __future__ import annotations

import copy
from abc import ABC
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.feature_selection import SelectorMixin
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import check_is_fitted, check_memory

from sklearn_sparse_nn.estimators._base import validate_parts
from sklearn_sparse_nn.networks.feature_groups import group, rank
from sklearn_sparse_nn.networks.importance import knee, strength

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Bools, Float64s, Ints


class BaseRankingSelector(SelectorMixin, CallbackSupportMixin, BaseEstimator, ABC):
    """Base class of the selectors; the fitted estimators are in `_networks`."""

    n_features_in_: int
    importances_: Float64s
    strength_: Float64s
    feature_groups_: Ints
    ranking_: Ints

    _parameter_constraints: dict = {
        "n_features_to_select": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="right"),
        ],
        "diversity": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both")],
        "group_correlation": [Interval(Real, 0, 1, closed="right")],
        "memory": [str, HasMethods("cache"), None],
    }

    def _validate_params(self):
        """Validate the parameters, and those of the topology and of the rule."""
        validate_parts(self)
        super()._validate_params()

    def _branch(self):
        """Before training goes on: let it change copies of what is fitted."""
        if hasattr(self, "_networks"):
            self._networks = [copy.copy(each) for each in self._networks]

    def _train(self, networks, data, hook):
        """Fit networks to `data`, arguments of their `fit`, unless they are kept.

        Returns
        -------
        context : CallbackContext
            In which the end of the fit is to be told.
        """
        context = self._init_callback_context(max_subtasks=len(networks))
        context.call_on_fit_task_begin(**hook)
        cache = check_memory(self.memory).cache
        train = cache(_fit_networks, ignore=["context", "hook"])
        kept = train.call_and_shelve(networks, data, context, hook)
        self._networks, self._n_begun = kept.get(), len(networks)
        if len(self._networks) < len(networks) or _was_stopped(self._networks[-1]):
            kept.clear()  # the user or a callback has stopped training
        return context

    @staticmethod
    def _seeds(random_state, number):
        """Numbers that networks begin with, as many as asked."""
        return random_state.randint(np.iinfo(np.int32).max, size=number).tolist()

    def _check_begun(self, name, value):
        """Check that a parameter asks for what the networks that go on were begun with.

        How many there are may differ: an interrupt leaves fewer of them.
        """
        if getattr(self, name) not in (value, "auto"):
            raise ValueError(
                f"{name}={getattr(self, name)}, but what is to go on was begun with "
                f"{name}={value}. Fit a new selector."
            )

    def _rank(self, X, of_all, importances, diversity):
        """Rank the features of X, whose moments are `of_all`."""
        self.importances_ = importances
        strengths = [strength(each._network) for each in self._networks]
        self.strength_ = np.mean(strengths, axis=0)
        groups = np.arange(X.shape[1]), np.ones(X.shape[1])
        if diversity:
            groups = group(X, of_all, importances, self.group_correlation)
        self.feature_groups_ = groups[0]
        varies = of_all.standard_deviation() > 0
        order = rank(importances, varies, groups, diversity)
        self.ranking_ = np.empty(len(order), dtype=np.int64)
        self.ranking_[order] = np.arange(1, len(order) + 1)

    def _count(self, n_features):
        """How many of the features are to be selected."""
        wanted = self.n_features_to_select
        if wanted == "auto":
            return knee(np.sort(self.importances_)[::-1])
        if isinstance(wanted, Integral):
            return min(int(wanted), n_features)
        return max(1, int(wanted * n_features))

    @property
    def n_features_to_select_(self) -> int:
        """How many features are selected, by the present `n_features_to_select`."""
        check_is_fitted(self, "ranking_")
        name = "n_features_to_select"
        validate_parameter_constraints(
            {name: self._parameter_constraints[name]},
            {name: self.n_features_to_select},
            type(self).__name__,
        )
        return self._count(len(self.ranking_))

    @property
    def support_(self) -> Bools:
        """Which features are selected, by the present `n_features_to_select`."""
        return self.ranking_ <= self.n_features_to_select_

    @property
    def n_iter_(self) -> int:
        """Number of epochs of the fitted network; of the first of several."""
        check_is_fitted(self, "ranking_")
        return self._networks[0].n_iter_

    def _snapshot(self):
        """What makes a copy of this selector ready to transform."""
        return {name: getattr(self, name) for name in ("ranking_", "importances_")}

    def _get_support_mask(self):
        check_is_fitted(self, "ranking_")
        return self.support_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _fit_networks(networks, data, context, hook):
    """Fit networks, one after the other, unless the user or a callback ends it."""
    fitted = []
    for network in networks:
        task = context.subcontext(task_name="network")
        task.call_on_fit_task_begin(**hook)
        with task.propagate_callback_context(network):
            fitted.append(network.fit(**data))
        if task.call_on_fit_task_end(**hook) or _was_stopped(network):
            break
    return fitted


def _was_stopped(network):
    return network.n_iter_ < network.max_iter
