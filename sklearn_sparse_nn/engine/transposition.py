"""Samples by features to features by samples, a square block in registers at a time.

Number by number, the samples of MNIST took 4.7 times as long to read.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from sklearn_sparse_nn.engine.simd import LINE

_VECTOR = ir.VectorType(ir.FloatType(), LINE)
_BITS = ir.VectorType(ir.IntType(32), LINE)
_FLAGS = ir.VectorType(ir.IntType(8), LINE)


@intrinsic
def copy_block(
    typing_context, address, row_stride, samples, rows, offset, stride, flags
):
    """Copy `LINE` features of `LINE` samples into as many rows.

    Parameters
    ----------
    address : int
        Where the first of the features is in sample number 0.
    row_stride : int
        Bytes between two samples.
    samples : ndarray of int64, shape (LINE,)
    rows : ndarray of float32
    offset, stride : int
        Start of the row of the first feature, at a cache line, and the distance between
        rows.
    flags : ndarray of bool, shape (LINE,)
        Set to whether each feature has bits other than zero in any of the samples.
    """

    def code(context, builder, signature, args):
        def data(number):
            return context.make_array(signature.args[number])(
                context, builder, args[number]
            ).data

        lines = []
        for i in range(LINE):
            sample = builder.load(builder.gep(data(2), [_int64(i)]))
            place = builder.add(args[0], builder.mul(sample, args[1]))
            pointer = builder.inttoptr(place, _VECTOR.as_pointer())
            lines.append(builder.load(pointer, align=1))

        bits = _BITS(None)
        for line in lines:
            bits = builder.or_(bits, builder.bitcast(line, _BITS))
        present = builder.zext(builder.icmp_unsigned("!=", bits, _BITS(None)), _FLAGS)
        builder.store(present, builder.bitcast(data(6), _FLAGS.as_pointer()), align=1)

        for i, line in enumerate(_transposed(builder, lines)):
            start = builder.add(args[4], builder.mul(args[5], _int64(i)))
            pointer = builder.bitcast(
                builder.gep(data(3), [start]), _VECTOR.as_pointer()
            )
            builder.store(line, pointer, align=4 * LINE)
        return context.get_dummy_value()

    return (
        types.void(
            types.int64, types.int64, samples, rows, types.int64, types.int64, flags
        ),
        code,
    )


def _int64(value):
    return ir.Constant(ir.IntType(64), value)


def _transposed(builder, lines):
    """Turn a square: exchange its quarters, then those of each quarter, and so on."""
    half = LINE // 2
    while half:
        for i in range(LINE):
            if not i & half:
                upper, lower = lines[i], lines[i + half]
                left = [
                    lane + LINE - half if lane & half else lane for lane in range(LINE)
                ]
                right = [
                    lane + LINE if lane & half else lane + half for lane in range(LINE)
                ]
                lines[i] = _shuffle(builder, upper, lower, left)
                lines[i + half] = _shuffle(builder, upper, lower, right)
        half //= 2
    return lines


def _shuffle(builder, a, b, lanes):
    return builder.shuffle_vector(a, b, ir.Constant(_BITS, lanes))
