"""How the engine is compiled: few entry points, cached, and what they call.

A cold cache is a user's first impression. What only compiled functions call is
compiled without the wrappers that Python would need, and not optimised by itself: that
is done once, in the entry point that it is linked to.
"""

import gc
import hashlib
from contextlib import contextmanager
from functools import wraps

from numba import config, njit, types
from numba.core import typed_passes, untyped_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

from sklearn_sparse_nn.engine.caching import keep_on_disk
from sklearn_sparse_nn.engine.references import promise_no_aliases

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
    makes machine code of it each time: a cold start took 1.6 times as long. It links it
    to each of them, too, so that LLVM copied most functions several times.
    """

    def add_ir_module(self, module):
        for function in module.functions:
            promise_no_aliases(function)
        super().add_ir_module(module)

    def _optimize_functions(self, module):
        pass

    def finalize(self):
        for function in self._final_module.functions:
            if not function.is_declaration:
                function.linkage = "linkonce_odr"  # several entry points may have it
        self._finalized = True

    def _get_module_for_linking(self):
        """The function with all that it calls, for a test that uses `numba.njit`."""
        module = self._final_module.clone()
        _link_parts(module, self._linking_libraries)
        return module

    def get_pointer_to_function(self, name):
        self._ensure_finalized()
        return 0  # no machine code

    @property
    def codegen(self):
        return _NoMachineCode


def _link_parts(module, libraries):
    """Link libraries, and what they call, to a module; each of them once."""
    # Callers come before what they call: LLVM links nothing that nobody calls yet.
    libraries = list(dict.fromkeys(libraries))
    for library in libraries:
        if isinstance(library, _Part):
            module.link_in(library._final_module, preserve=True)
            called = library._linking_libraries
            libraries += [other for other in called if other not in libraries]
        else:
            module.link_in(library._get_module_for_linking(), preserve=True)


class _NoMachineCode:
    @staticmethod
    def set_env(name, environment):
        """Without machine code, there is no place for globals of Python."""


class _Whole(JITCodeLibrary):
    """An entry point with all that it calls.

    Numba optimises it twice, to count fewer references. Here are none to count.
    """

    def _optimize_functions(self, module):
        pass

    def finalize(self):
        _link_parts(self._final_module, self._linking_libraries)
        self._linking_libraries = []
        super().finalize()

    def _optimize_final_module(self):
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)


# Passes of numba over Python code of a kind that the engine has none of.
_NEEDLESS_PASSES = (
    untyped_passes.WithLifting,
    untyped_passes.InlineClosureLikes,
    untyped_passes.RewriteSemanticConstants,
    untyped_passes.RewriteDynamicRaises,
    untyped_passes.MakeFunctionToJitFunction,
    untyped_passes.FindLiterallyCalls,
    untyped_passes.LiteralUnroll,
    untyped_passes.LiteralPropagationSubPipelinePass,
    typed_passes.InlineOverloads,
    typed_passes.NopythonRewrites,  # of arithmetic with whole arrays
    typed_passes.DumpParforDiagnostics,
)


class _InnerCompiler(Compiler):
    _library_class = _Part

    def define_pipelines(self):
        [pipeline] = super().define_pipelines()
        steps = [step for step in pipeline.passes if step[0] not in _NEEDLESS_PASSES]
        pipeline.passes = steps
        return [pipeline]

    def compile_extra(self, function):
        codegen = self.state.targetctx.codegen()
        self.state.library = self._library_class(codegen, function.__qualname__)
        self.state.library.enable_object_caching()
        return super().compile_extra(function)


class _EntryCompiler(_InnerCompiler):
    _library_class = _Whole

    def compile_extra(self, function):
        codegen = self.state.targetctx.codegen()
        with _numba_in_parts(codegen), _rare_collection():
            return super().compile_extra(function)


@contextmanager
def _numba_in_parts(codegen):
    """Compile in parts, too, what numba has written in Python, such as `min`."""
    before, codegen._library_class = codegen._library_class, _Part
    try:
        yield
    finally:
        codegen._library_class = before


@contextmanager
def _rare_collection():
    """Look for garbage seldom: the compiler keeps nearly all objects that it makes."""
    before = gc.get_threshold()
    gc.set_threshold(before[0] and max(before[0], 100_000), *before[1:])  # 0 is never
    try:
        yield
    finally:
        gc.set_threshold(*before)
