"""How the engine is compiled: few entry points, cached, and what they call.

A cold cache is a user's first impression. What only compiled functions call is
compiled without the wrappers that Python would need, and not optimised by itself: that
is done once, in the entry point that it is linked to.
"""

import hashlib
from functools import wraps

from numba import config, njit, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

from sklearn_sparse_nn.engine.caching import keep_on_disk

# Kernels own no memory: without reference counts they compile a tenth faster.
_LEAN = {"no_cfunc_wrapper": True, "_nrt": False}


def inner(function=None, **options):
    """Compile a function that only compiled functions call.

    Python cannot call it. A test wraps it in an `entry_point`: in `numba.njit`, which
    counts references, arrays that it returns would be freed twice.
    """
    if function is None:
        return lambda function: inner(function, **options)
    if config.DISABLE_JIT:
        return function
    _distinguish(function)
    options |= {"no_cpython_wrapper": True, "pipeline_class": _InnerCompiler}
    return _without_literals(njit(function, **_LEAN, **options))


def entry_point(function):
    """Compile a function that Python calls, without the GIL, and cache it on disk."""
    if config.DISABLE_JIT:
        return _refuse(function)
    _distinguish(function)
    dispatcher = njit(function, nogil=True, pipeline_class=_EntryCompiler, **_LEAN)
    keep_on_disk(dispatcher)
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


def _distinguish(function):
    """Name a function that a factory made after what it closes over, too.

    Numba tells functions of one name apart by a count that starts anew in each process.
    In code that two processes had cached, the kernel for 64 columns and that for 16
    could have one name, and a third process ran one for the other (numba issue 10486).
    """
    values = [cell.cell_contents for cell in function.__closure__ or ()]
    if values:
        names = [
            f"{value.__module__}.{value.__qualname__}"
            if hasattr(value, "__qualname__")
            else str(value)
            for value in values
        ]
        digest = hashlib.sha256(repr(names).encode()).hexdigest()
        function.__qualname__ += f".{digest[:16]}"


def _without_literals(dispatcher):
    """Let numba compile nothing a second time for an argument that is a literal."""
    get_call_template = dispatcher.get_call_template

    def get(args, kws):
        return get_call_template(tuple(map(types.unliteral, args)), kws)

    dispatcher.get_call_template = get
    return dispatcher


class _Part(JITCodeLibrary):
    """Code to link to an entry point, and to be optimised there.

    Numba optimises a function anew in each function that calls it, directly or not, and
    makes machine code of it each time: a cold start took 1.6 times as long.
    """

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def get_pointer_to_function(self, name):
        self._ensure_finalized()
        return 0  # no machine code

    @property
    def codegen(self):
        return _NoMachineCode


class _NoMachineCode:
    @staticmethod
    def set_env(name, environment):
        """Without machine code, there is no place for globals of Python."""


class _Whole(JITCodeLibrary):
    """An entry point with all that it calls.

    Numba optimises it twice, to count fewer references. Here are none to count.
    """

    def _optimize_final_module(self):
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)


class _InnerCompiler(Compiler):
    _library_class = _Part

    def compile_extra(self, function):
        codegen = self.state.targetctx.codegen()
        self.state.library = self._library_class(codegen, function.__qualname__)
        self.state.library.enable_object_caching()
        return super().compile_extra(function)


class _EntryCompiler(_InnerCompiler):
    _library_class = _Whole
