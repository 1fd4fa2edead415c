"""Fitted attributes that are copies of what a network has."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from scipy.sparse import issparse

Getter = TypeVar("Getter", bound=Callable[..., Any])


def read_only(getter: Getter) -> Getter:
    """Let a property return arrays, or a list of them, that refuse to be written to.

    As they are copies, a change would be lost, and nobody would say so.
    """

    @wraps(getter)
    def get(estimator):
        found = getter(estimator)
        for each in found if isinstance(found, list) else [found]:
            arrays = (
                [each.data, each.indices, each.indptr] if issparse(each) else [each]
            )
            for array in arrays:
                array.flags.writeable = False
        return found

    result: Any = get
    return result
