"""How the engine is compiled: few entry points, cached, and what they call.

A cold cache is a user's first impression. What only compiled functions call is
compiled without the wrappers that Python would need.
"""

import hashlib
from pathlib import Path
from types import CellType, FunctionType

from numba import njit

# Kernels own no memory: without reference counts they compile a tenth faster.
_LEAN = {"no_cfunc_wrapper": True, "_nrt": False}


def inner(function=None, **options):
    """Compile a function that only compiled functions call.

    Python cannot call it: a test wraps it in `numba.njit`.
    """
    if function is None:
        return lambda function: inner(function, **options)
    _distinguish(function)
    return njit(function, no_cpython_wrapper=True, **_LEAN, **options)


def _distinguish(function):
    """Name a function that a factory made after what it closes over, too.

    Numba tells functions of one name apart by a count that starts anew in each process.
    In code that two processes had cached, the kernel for 64 columns and that for 16
    could have one name, and a third process ran one for the other (numba issue 10486).
    """
    values = [cell.cell_contents for cell in function.__closure__ or ()]
    if values:
        names = [getattr(value, "__qualname__", str(value)) for value in values]
        digest = hashlib.sha256(repr(names).encode()).hexdigest()
        function.__qualname__ += f".{digest[:16]}"


def entry_point(function):
    """Compile a function that Python calls, without the GIL, and cache it on disk.

    Numba's cache notices a change of the file of the function, but not of the files of
    the functions that it calls. It does compare what a function closes over: hence the
    cell with a digest of all sources, so that an upgrade never runs old kernels.
    """
    code = function.__code__
    watched = FunctionType(
        code.replace(co_freevars=(*code.co_freevars, "sources")),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        (*(function.__closure__ or ()), CellType(_source_digest())),
    )
    watched.__module__, watched.__doc__ = function.__module__, function.__doc__
    return njit(watched, nogil=True, cache=True, **_LEAN)


def _source_digest():
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for folder in ("engine", "networks"):
        for path in sorted((package / folder).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
