"""Compiled code on disk: numba's cache, but no trouble with its files stops anybody.

A cold cache is a user's first impression: whoever waits for the compiler is told why.
"""

import hashlib
import logging
import pickle
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path

from numba.core import caching
from numba.core.serialize import dumps

from sklearn_sparse_nn.engine.locking import FileLock

#: Where all sources of compiled code are.
SOURCE_FOLDERS = ("engine", "networks")

# Seconds to wait for another process that compiles a function. It takes some.
_PATIENCE = 60

_logger = logging.getLogger("sklearn_sparse_nn")


def keep_on_disk(dispatcher):
    """Give a compiled function a cache on disk, or else warn that it has none."""
    try:
        # With `cache=True`, the import would fail where there is no place for a cache.
        dispatcher._cache = _Cache(dispatcher.py_func)
    except (OSError, RuntimeError) as error:
        _warn_once(error)


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
    """Numba's cache, but no trouble with its files fails the call that compiles.

    Of several processes that need a function, one compiles it, and the others wait.
    """

    _impl_class = _CacheFormat

    def __init__(self, function):
        super().__init__(function)
        path = Path(self._cache_path, f"{self._impl.filename_base}.lock")
        self._lock = FileLock(path)

    def _index_key(self, sig, codegen):
        # Numba looks at the file of the function alone. After an upgrade, no old kernel
        # that it calls may run: hence the digest of all sources.
        return sig, codegen.magic_tuple(), _source_digest()

    def load_overload(self, sig, target_context):
        loaded = self._load_if_sound(sig, target_context)
        if loaded is None:
            # Another process may be about to save it. The lock is held until this one
            # has saved it, or, if it fails, until it has compiled it in the end.
            self._lock.acquire(_PATIENCE)
            loaded = self._load_if_sound(sig, target_context)
            if loaded is None:
                _say_once()
            else:
                self._lock.release()
        return loaded

    def _load_if_sound(self, sig, target_context):
        # Numba would load all that it can compile with (`refresh`), half of the time of
        # a first call. Code that is compiled already needs none of it.
        try:
            with self._guard_against_spurious_io_errors():
                return self._load_overload(sig, target_context)
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
        finally:
            self._lock.release()


@cache
def _say_once():
    _logger.warning(
        "Compiling the kernels of sklearn-sparse-nn, once for this machine. It takes "
        "some seconds; `python -m sklearn_sparse_nn.warm_up` does it in advance."
    )


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
