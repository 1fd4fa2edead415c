"""Samples of dense or sparse X, read where they lie.

A mini-batch is copied into the feature-major input rows of the network; X itself is
never copied, transposed or made dense. Which inputs are present, other than zero in
some sample, is noted on the way: see `presence`. X is passed to the kernels as an
address with strides, so that C and Fortran order, slices, read-only arrays and memory
maps all meet one compiled function. Compiled code believes an address: what X is, is
checked here, where the address is taken.
"""

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from scipy import sparse

from sklearn_sparse_nn.engine.columns import within
from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.presence import flags_of_line, mark_all
from sklearn_sparse_nn.engine.sections import fill, rest, section
from sklearn_sparse_nn.engine.simd import LINE
from sklearn_sparse_nn.engine.transposition import copy_block


class Inputs(NamedTuple):
    """Where the samples of X are.

    For a dense X, `address` is that of its first element and the strides are in bytes.
    For a CSR X, `address` and `indices` are those of `X.data` and `X.indices` (int32)
    and `indptr` has a length of n_samples + 1. `double` says that values are float64.
    A value `x` of feature `i` is read as ``(x - shifts[i]) * scales[i]``, computed in
    float64, or as it is when they are empty.
    """

    address: int
    double: bool
    row_stride: int
    column_stride: int
    indices: int
    indptr: np.ndarray
    n_features: int
    shifts: np.ndarray
    scales: np.ndarray


def as_dense(X):
    """X, or some rows of it, as an ndarray."""
    return X.toarray() if sparse.issparse(X) else X


def describe_inputs(X, n_inputs, shifts=(), scales=()):
    """Describe X to the kernels.

    Parameters
    ----------
    X : ndarray or csr_array, shape (n_samples, n_inputs)
        float32 or float64. A CSR X to be scaled has one entry for a cell at most.
    n_inputs : int
        Number of inputs of the network that will read X.
    shifts, scales : array-likes of shape (n_inputs,), or empty
        What to subtract from each feature, and what to multiply it by then.

    Returns
    -------
    inputs : Inputs
    kept : object
        Owns the memory that `inputs` points to: keep it as long as `inputs` is used.

    Raises
    ------
    ValueError
        If X is of another shape or dtype, or if the indices of a CSR X lead outside.
    """
    if X.ndim != 2 or X.shape[1] != n_inputs:
        raise ValueError(f"X is of shape {X.shape}; the network has {n_inputs} inputs.")
    if X.dtype not in (np.float32, np.float64):
        raise ValueError(f"X must be float32 or float64, got {X.dtype}.")
    moments = [np.array(moment, dtype=np.float64) for moment in (shifts, scales)]
    if any(len(moment) not in (0, n_inputs) for moment in moments):
        raise ValueError(f"shifts and scales must be {n_inputs} numbers each, or none.")
    double = X.dtype == np.float64
    if not sparse.issparse(X):
        no_indptr = np.zeros(0, dtype=np.int64)
        place = X.ctypes.data, double, *X.strides, 0, no_indptr
        return Inputs(*place, n_inputs, *moments), X
    _check_structure(X)
    data = np.ascontiguousarray(X.data)
    indices = np.ascontiguousarray(X.indices, dtype=np.int32)
    indptr = X.indptr.astype(np.int64)
    place = data.ctypes.data, double, 0, 0, indices.ctypes.data, indptr
    return Inputs(*place, n_inputs, *moments), (data, indices)


def _check_structure(X):
    """Check that the rows of a CSR X lie one after the other, within its shape."""
    n_samples, n_features = X.shape
    data, indices, indptr = X.data, X.indices, X.indptr
    in_order = (
        len(indptr) == n_samples + 1
        and indptr[0] == 0
        and (indptr[1:] >= indptr[:-1]).all()
        and indptr[-1] <= min(len(data), len(indices))
    )
    indices = indices[: indptr[-1]] if in_order else indices
    lowest, highest = indices.min(initial=0), indices.max(initial=0)
    if not in_order or lowest < 0 or highest >= max(n_features, 1):
        raise ValueError(
            "The index arrays of the sparse X are damaged: they lead outside of its "
            f"shape {X.shape}."
        )


def _read(numba_type, llvm_type):
    @intrinsic
    def read(typing_context, address):
        def code(context, builder, signature, args):
            pointer = builder.inttoptr(args[0], llvm_type.as_pointer())
            return builder.load(pointer, align=1)

        return numba_type(types.int64), code

    return read


@intrinsic
def _bits(typing_context, number):
    def code(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(32))

    return types.int32(types.float32), code


_float32_at = _read(types.float32, ir.FloatType())
_float64_at = _read(types.float64, ir.DoubleType())
_int32_at = _read(types.int32, ir.IntType(32))


@inner(forceinline=True)
def _moments(inputs, feature):
    if len(inputs.scales):
        return inputs.shifts[feature], inputs.scales[feature]
    return 0.0, 1.0


@inner
def _read_dense(inputs, samples, rows, present, columns):
    # Sixteen samples side by side, feature by feature: whole cache lines are written.
    # Writing sample by sample took 1.7 times as long.
    for line in range(columns.first, columns.last, LINE):
        end = min(line + LINE, columns.last)
        first, last = flags_of_line(inputs.n_features, line)
        here, flags = section(samples, line, end), section(present, first, last)
        n_copied = 0
        whole = end - line == LINE and inputs.column_stride == 4 and not inputs.double
        if whole:
            n_copied = _copy_blocks(
                inputs, here, rest(rows, line), columns.stride, flags
            )
        for feature in range(n_copied, inputs.n_features):
            start = feature * columns.stride
            row = section(rows, start + line, start + end)
            _read_feature(inputs, here, feature, row)
            bits = np.int32(0)
            for i in range(end - line):
                bits |= _bits(row[i])
            flags[feature] = bits != 0


@inner
def _read_feature(inputs, samples, feature, row):
    """Copy one feature of some samples; from float64, standardised on the way."""
    address = inputs.address + feature * inputs.column_stride
    if inputs.double:
        shift, scale = _moments(inputs, feature)
        for i in range(len(row)):
            value = _float64_at(address + samples[i] * inputs.row_stride)
            row[i] = np.float32((value - shift) * scale)
    else:
        for i in range(len(row)):
            row[i] = _float32_at(address + samples[i] * inputs.row_stride)


@inner
def _copy_blocks(inputs, samples, rows, stride, flags):
    """Copy as many features as square blocks hold, and return how many."""
    n_copied = inputs.n_features // LINE * LINE
    for feature in range(0, n_copied, LINE):
        copy_block(
            inputs.address + 4 * feature,
            inputs.row_stride,
            samples,
            rows,
            feature * stride,
            stride,
            rest(flags, feature),
        )
    return n_copied


@inner
def _read_sparse(inputs, samples, rows, present, columns):
    for column in range(columns.first, columns.last):
        first, last = flags_of_line(inputs.n_features, column)
        sample, flags = samples[column], section(present, first, last)
        for k in range(inputs.indptr[sample], inputs.indptr[sample + 1]):
            feature = np.int64(_int32_at(inputs.indices + 4 * k))
            shift, scale = _moments(inputs, feature)
            if inputs.double:
                value = _float64_at(inputs.address + 8 * k)
            else:
                value = np.float64(_float32_at(inputs.address + 4 * k))
            place = feature * columns.stride + column
            if len(inputs.scales):
                rows[place] = np.float32((value - shift) * scale)
            else:
                rows[place] += np.float32(value)
            flags[feature] = True


@inner
def _fill(inputs, rows, columns):
    """Fill columns with what a value of zero is read as."""
    for feature in range(inputs.n_features):
        zero = np.float32((0.0 - inputs.shifts[feature]) * inputs.scales[feature])
        start = feature * columns.stride
        fill(section(rows, start + columns.first, start + columns.last), zero)


@inner
def _clear(n_features, rows, present, columns):
    """Clear what was present before: of sparse X, little."""
    for line in range(columns.first, columns.last, LINE):
        end = min(line + LINE, columns.last)
        first, last = flags_of_line(n_features, line)
        flags = section(present, first, last)
        for feature in range(n_features):
            if flags[feature]:
                start = feature * columns.stride
                rows[start + line : start + end] = np.float32(0)
                flags[feature] = False


@inner
def _standardise(inputs, rows, columns):
    for feature in range(inputs.n_features):
        shift, scale = inputs.shifts[feature], inputs.scales[feature]
        start = feature * columns.stride
        row = section(rows, start + columns.first, start + columns.last)
        for i in range(len(row)):
            row[i] = np.float32((np.float64(row[i]) - shift) * scale)


@inner
def read_batch(inputs, samples, rows, present, columns):
    """Copy samples into columns of the input rows.

    Parameters
    ----------
    inputs : Inputs
    samples : ndarray of int64
        Sample of X for each column. Columns beyond its end are filled with zeros.
    rows : ndarray of float32
        Input neurons, feature-major.
    present : ndarray of bool
        Which inputs are present in these columns, before and after: see
        `presence.flags_of_line`.
    columns : Columns
        Columns to fill: whole cache lines, or all of the rows.
    """
    n_features, standardises = inputs.n_features, len(inputs.scales) > 0
    end = max(columns.first, min(columns.last, len(samples)))
    here = within(columns, columns.first, end)
    if len(inputs.indptr):
        _clear(n_features, rows, present, columns)
        if standardises:
            _fill(inputs, rows, here)
        _read_sparse(inputs, samples, rows, present, here)
    else:
        beyond = within(columns, end // LINE * LINE, columns.last)
        _clear(n_features, rows, present, beyond)
        _read_dense(inputs, samples, rows, present, here)
        if standardises and not inputs.double:
            _standardise(inputs, rows, here)
    if standardises:
        mark_all(present, here, n_features)
