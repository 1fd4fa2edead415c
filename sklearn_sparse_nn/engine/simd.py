"""Vectors of float32 for numba: the microkernel vocabulary of the engine.

Numba cannot say in Python that a tile of activations stays in registers while the
connections of a neuron stream past. A numba type that *is* an LLVM vector can: LLVM
lowers `<64 x float>` to four AVX-512, eight AVX or sixteen NEON registers, whatever
the CPU has, so that no instruction set is named anywhere.

`vector_operations(lanes)` returns the few operations that the kernels need. They are
plain functions inside a numba function::

    accumulator = fma(broadcast(weight), load(activations, offset), accumulator)

Loads and stores are aligned to a cache line: see `buffers.aligned_zeros`.
"""

from functools import lru_cache
from types import ModuleType

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

#: Floats in a cache line of 64 bytes: batches are padded to a multiple of it.
LINE = 16
#: Tile widths in samples. The widest keeps 8 AVX accumulators busy, enough to hide
#: the latency of a fused multiply-add; the others take the rest of a batch.
TILES = (64, 32, LINE)

_FLOAT = ir.FloatType()
_INT = ir.IntType(32)
_BYTES = ir.IntType(8).as_pointer()


class FloatVector(types.Type):
    """The numba type of `lanes` float32 numbers that live in registers."""

    def __init__(self, lanes):
        self.lanes = lanes
        super().__init__(name=f"float32x{lanes}")


@register_model(FloatVector)
class _FloatVectorModel(models.PrimitiveModel):
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, ir.VectorType(_FLOAT, numba_type.lanes))


def _pointer(context, builder, signature, args, lanes):
    """Address of element args[1] of array args[0], seen as a vector."""
    array = context.make_array(signature.args[0])(context, builder, args[0])
    address = builder.gep(array.data, [args[1]])
    return builder.bitcast(address, ir.VectorType(_FLOAT, lanes).as_pointer())


def _splat(builder, scalar, lanes):
    undefined = ir.Constant(ir.VectorType(_FLOAT, lanes), ir.Undefined)
    first = builder.insert_element(undefined, scalar, _INT(0))
    zeros = ir.Constant(ir.VectorType(_INT, lanes), [0] * lanes)
    return builder.shuffle_vector(first, undefined, zeros)


def _elementwise(vector, n_args, emit):
    """An intrinsic of `n_args` vectors that returns what `emit` builds from them."""

    def code(context, builder, signature, args):
        return emit(builder, *args)

    if n_args == 2:

        @intrinsic
        def operation(typing_context, a, b):
            return vector(vector, vector), code

    else:

        @intrinsic
        def operation(typing_context, a, b, c):
            return vector(vector, vector, vector), code

    return operation


def _fma(builder, a, b, c):
    # fmuladd and not fma: without FMA hardware, fma is a slow library call.
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(a.type, [a.type] * 3),
        f"llvm.fmuladd.v{a.type.count}f32",
    )
    return builder.call(function, [a, b, c])


def _choose(comparison):
    return lambda builder, a, b: builder.select(
        builder.fcmp_ordered(comparison, a, b), a, b
    )


def _where_positive(builder, condition, a, b):
    zero = ir.Constant(condition.type, None)
    return builder.select(builder.fcmp_ordered(">", condition, zero), a, b)


def _fold(builder, vector, n):
    """Add the upper half of a vector to the lower one until `n` lanes are left."""
    while vector.type.count > n:
        half = vector.type.count // 2
        low = _lanes(builder, vector, vector, range(half))
        high = _lanes(builder, vector, vector, range(half, 2 * half))
        vector = builder.fadd(low, high)
    return vector


def _fold_products(builder, a, b):
    """Multiply, and add all lines of the products to one."""
    total = None
    for start in range(0, a.type.count, LINE):
        line = range(start, start + LINE)
        a_line, b_line = _lanes(builder, a, a, line), _lanes(builder, b, b, line)
        if total is None:
            total = builder.fmul(a_line, b_line)
        else:
            total = _fma(builder, a_line, b_line, total)
    return total


def _lanes(builder, a, b, lanes):
    indices = ir.Constant(ir.VectorType(_INT, len(lanes)), list(lanes))
    return builder.shuffle_vector(a, b, indices)


def _interleave(builder, a, b, group):
    """Add each even group of lanes to the odd one after it, of `a` and `b` in turn."""
    n = a.type.count
    even, odd = [], []
    for start in range(0, n, 2 * group):
        for vector in (0, n):
            even += range(vector + start, vector + start + group)
            odd += range(vector + start + group, vector + start + 2 * group)
    return builder.fadd(_lanes(builder, a, b, even), _lanes(builder, a, b, odd))


def _totals(builder, a, b, c, d):
    """The sums of four lines, as one vector.

    One tree for four sums made the weight gradient 1.3 times as fast.
    """
    pairs = _interleave(builder, a, b, 1), _interleave(builder, c, d, 1)
    return _fold(builder, _interleave(builder, *pairs, 2), 4)


def _total(builder, vector):
    """The sum of a vector: the same bits alone as abreast of three others."""
    line = _fold(builder, vector, LINE)
    totals = _totals(builder, line, line, line, line)
    return builder.extract_element(totals, _INT(0))


def _dot_products(lanes):
    """The two steps of a dot product: within a vector, and over lanes."""
    vector, line = FloatVector(lanes), FloatVector(min(lanes, LINE))

    @intrinsic
    def fold_products(typing_context, a, b):
        def code(context, builder, signature, args):
            return _fold_products(builder, *args)

        return line(vector, vector), code

    @intrinsic
    def add_totals(typing_context, array, offset, a, b, c, d):
        def code(context, builder, signature, args):
            totals = _totals(builder, *args[2:])
            address = _pointer(context, builder, signature, args, 4)
            sums = builder.fadd(builder.load(address, align=4), totals)
            builder.store(sums, address, align=4)
            return context.get_dummy_value()

        return types.void(array, types.intp, line, line, line, line), code

    return {"fold_products": fold_products, "add_totals": add_totals}


def _prefetch(lanes):
    @intrinsic
    def prefetch(typing_context, array, offset):
        def code(context, builder, signature, args):
            function = cgutils.get_or_insert_function(
                builder.module,
                ir.FunctionType(ir.VoidType(), [_BYTES, _INT, _INT, _INT]),
                "llvm.prefetch.p0",
            )
            array = context.make_array(signature.args[0])(context, builder, args[0])
            for line in range(0, lanes, LINE):
                element = builder.add(args[1], args[1].type(line))
                address = builder.bitcast(builder.gep(array.data, [element]), _BYTES)
                # To read, for all levels of the cache, as data.
                builder.call(function, [address, _INT(0), _INT(3), _INT(1)])
            return context.get_dummy_value()

        return types.void(array, types.intp), code

    return prefetch


@lru_cache
def vector_operations(lanes):
    """The operations on vectors of `lanes` float32 numbers.

    Parameters
    ----------
    lanes : int
        Width of the vectors: one of `TILES`, or 1.

    Returns
    -------
    operations : module
        A module, as numba looks up no attributes of other global objects. It has
        `load(array, i)`, `store(array, i, v)`, `prefetch(array, i)`, which asks for
        what will be loaded soon, `broadcast(scalar)`, `multiply(a, b)`, `fma(a, b, c)`
        (``a * b + c``), `divide(a, b)`, `maximum(a, b)`, `minimum(a, b)`,
        `where_positive(x, a, b)` (`a` where ``x > 0``, else `b`), `total(v)`, the sum
        of the lanes as a tree of fixed shape, `fold_products(a, b)`, the products added
        up to `LINE` of them, and `add_totals(array, i, a, b, c, d)`, which adds the
        totals of four such vectors to four elements.
    """
    vector = FloatVector(lanes)

    @intrinsic
    def load(typing_context, array, offset):
        def code(context, builder, signature, args):
            address = _pointer(context, builder, signature, args, lanes)
            return builder.load(address, align=4 * min(lanes, LINE))

        return vector(array, types.intp), code

    @intrinsic
    def store(typing_context, array, offset, value):
        def code(context, builder, signature, args):
            address = _pointer(context, builder, signature, args, lanes)
            builder.store(args[2], address, align=4 * min(lanes, LINE))
            return context.get_dummy_value()

        return types.void(array, types.intp, vector), code

    @intrinsic
    def broadcast(typing_context, scalar):
        def code(context, builder, signature, args):
            return _splat(builder, args[0], lanes)

        return vector(types.float32), code

    @intrinsic
    def total(typing_context, value):
        def code(context, builder, signature, args):
            return _total(builder, *args)

        return types.float32(vector), code

    operations = ModuleType(f"float32x{lanes}")
    vars(operations).update(
        load=load,
        store=store,
        prefetch=_prefetch(lanes),
        broadcast=broadcast,
        multiply=_elementwise(vector, 2, lambda builder, a, b: builder.fmul(a, b)),
        fma=_elementwise(vector, 3, _fma),
        divide=_elementwise(vector, 2, lambda builder, a, b: builder.fdiv(a, b)),
        maximum=_elementwise(vector, 2, _choose(">")),
        minimum=_elementwise(vector, 2, _choose("<")),
        where_positive=_elementwise(vector, 3, _where_positive),
        total=total,
        **_dot_products(lanes),
    )
    return operations
