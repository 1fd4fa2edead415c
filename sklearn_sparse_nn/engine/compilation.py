"""How the engine is compiled: few entry points, cached, and what they call.

A cold cache is a user's first impression. What only compiled functions call is
compiled without the wrappers that Python would need.
"""

import hashlib
import pickle
import warnings
from contextlib import suppress
from functools import cache, wraps
from pathlib import Path
from types import CellType, FunctionType

from numba import config, njit
from numba.core import caching
from numba.core.serialize import dumps

# Kernels own no memory: without reference counts they compile a tenth faster.
_LEAN = {"no_cfunc_wrapper": True, "_nrt": False}

#: Where all sources of compiled code are.
SOURCE_FOLDERS = ("engine", "networks")


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
    """Compile a function that Python calls, without the GIL, and cache it on disk."""
    if config.DISABLE_JIT:
        return _refuse(function)
    dispatcher = njit(_watch_sources(function), nogil=True, **_LEAN)
    try:
        # With `cache=True`, the import would fail where there is no place for a cache.
        dispatcher._cache = _Cache(dispatcher.py_func)
    except (OSError, RuntimeError) as error:
        _warn_once(error)
    return dispatcher


def _refuse(function):
    """Stand in for a function that means nothing without the compiler."""

    @wraps(function)
    def refuse(*args, **kwargs):
        raise RuntimeError(
            "The kernels of sklearn-sparse-nn need numba's compiler. Unset "
            "NUMBA_DISABLE_JIT before Python starts."
        )

    return refuse


def _watch_sources(function):
    """Close a function over a digest of all sources that are compiled with it.

    Numba's cache notices a change of the file of the function, but not of the files of
    the functions that it calls. It does compare what a function closes over: hence the
    cell with the digest, so that an upgrade never runs old kernels.
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
    return watched


@cache
def _source_digest():
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for folder in SOURCE_FOLDERS:
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


class _ReadOnly:
    """Makes a locator of numba accept a cache that can be read but not written.

    Numba passes it over, though the image of a container may bring its cache along.
    """

    def ensure_cache_path(self):
        if not any(Path(self.get_cache_path()).glob("*.nbi")):
            raise FileNotFoundError(self.get_cache_path())


class _ReadOnlyChoice(_ReadOnly, caching.UserProvidedCacheLocator):
    """The folder in `NUMBA_CACHE_DIR`."""


class _ReadOnlyPackage(_ReadOnly, caching.InTreeCacheLocator):
    """The package itself."""


class _CacheFormat(caching.CompileResultCacheImpl):
    """Numba's places and format, and a digest: damaged code would end the process."""

    _locator_classes = [
        caching.UserProvidedCacheLocator,
        _ReadOnlyChoice,
        *caching.CompileResultCacheImpl._locator_classes[1:],
        _ReadOnlyPackage,
    ]

    def reduce(self, cres):
        code = dumps(super().reduce(cres))
        return hashlib.sha256(code).digest(), code

    def rebuild(self, target_context, payload):
        digest, code = payload
        if hashlib.sha256(code).digest() != digest:
            raise ValueError("The code differs from what was written.")
        return super().rebuild(target_context, pickle.loads(code))


class _Cache(caching.FunctionCache):
    """Numba's cache, but no trouble with its files fails the call that compiles."""

    _impl_class = _CacheFormat

    def load_overload(self, sig, target_context):
        try:
            return super().load_overload(sig, target_context)
        except Exception:
            # Whatever a damaged file raises. To save the code that is now compiled
            # reads the index again, so that a damaged one has to go.
            with suppress(OSError):
                self.flush()

    def save_overload(self, sig, data):
        try:
            super().save_overload(sig, data)
        except Exception as error:
            _warn_once(error)


_warned = False


def _warn_once(error):
    global _warned
    if _warned:
        return
    _warned = True
    warnings.warn(
        f"No place to keep compiled code ({type(error).__name__}: {error}): kernels "
        "are compiled anew in each process. Set the environment variable "
        "NUMBA_CACHE_DIR to a folder that can be written.",
        RuntimeWarning,
        stacklevel=3,
    )
