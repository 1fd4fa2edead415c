"""Sections of arrays, without what Python's slices do beside.

A slice of numba looks for negative and too large bounds, and to fill one looks at its
layout: this was 8 % of all that LLVM had to read. `section` and `rest` check nothing.
"""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sklearn_sparse_nn.engine.compilation import inner


def _section(context, builder, signature, whole, start, stop=None):
    array = context.make_array(signature.return_type)
    part = array(context, builder, whole)
    stop = part.nitems if stop is None else stop
    part.data = builder.gep(part.data, [start])
    part.nitems = builder.sub(stop, start)
    part.shape = cgutils.pack_array(builder, [part.nitems])
    return part._getvalue()


@intrinsic
def section(typing_context, array, start, stop):
    """``array[start:stop]`` of a vector, where ``0 <= start <= stop <= len(array)``."""

    def code(context, builder, signature, args):
        return _section(context, builder, signature, *args)

    return array(array, types.intp, types.intp), code


@intrinsic
def rest(typing_context, array, start):
    """``array[start:]`` of a vector, where ``0 <= start <= len(array)``."""

    def code(context, builder, signature, args):
        return _section(context, builder, signature, *args)

    return array(array, types.intp), code


@inner
def fill(array, value):
    """``array[:] = value`` of a vector."""
    for i in range(len(array)):
        array[i] = value
