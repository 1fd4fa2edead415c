"""Decorators of scikit-learn, in whose place type checkers see the method itself."""

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn import callback
from sklearn.base import _fit_context
from sklearn.utils import _param_validation

Function = TypeVar("Function", bound=Callable[..., Any])


def with_callbacks(fit: Function) -> Function:
    """Take the callbacks down when a fit is over: see scikit-learn."""
    return callback.with_callbacks(fit)


def with_valid_parameters(fit: Function) -> Function:
    """Validate the parameters of the estimator before a method that trains."""
    return _fit_context(prefer_skip_nested_validation=True)(fit)


def validate_params(constraints: dict) -> Callable[[Function], Function]:
    """Validate parameters of a function before it is called."""
    return _param_validation.validate_params(
        constraints, prefer_skip_nested_validation=True
    )
