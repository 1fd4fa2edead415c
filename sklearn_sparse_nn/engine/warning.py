"""Warnings that point at the user's code."""

import sys
import warnings

# Decorators, pipelines and searches stand between the user and whoever warns.
_NOT_THE_USER = {"sklearn_sparse_nn", "sklearn", "joblib"}


def warn_user(message, category=UserWarning):
    """Warn, at the line that called into this library, be it through scikit-learn."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _package_of(frame) in _NOT_THE_USER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _package_of(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
