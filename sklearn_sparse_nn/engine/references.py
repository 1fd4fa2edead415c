"""Named tuples by reference: what compiled functions hand on to each other.

Numba passes a named tuple array by array, and an array as seven numbers: the buffers of
a mini-batch were about 150 arguments of each function on their way to the kernels, and
LLVM had 1.7 times as much to optimise. A reference is one argument. It has the
attributes of the tuple, so that functions look the same for both.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    intrinsic,
    lower_getattr_generic,
    models,
    register_model,
)


class Reference(types.Type):
    """The numba type of a pointer to a named tuple, which nobody changes."""

    def __init__(self, referent):
        self.referent = referent
        super().__init__(name=f"reference({referent})")

    def attribute(self, name):
        """Place of an attribute in the tuple, and its type."""
        place = self.referent.fields.index(name)
        return place, self.referent.types[place]


def _is_handed_on(numba_type):
    """Whether an attribute is referred to, too: named tuples of numbers are copied."""
    return isinstance(numba_type, types.BaseNamedTuple) and not all(
        isinstance(field, types.Number | types.Boolean) for field in numba_type.types
    )


@register_model(Reference)
class _ReferenceModel(models.PrimitiveModel):
    def __init__(self, manager, numba_type):
        value = manager.lookup(numba_type.referent).get_value_type()
        super().__init__(manager, numba_type, value.as_pointer())


@infer_getattr
class _Attributes(AttributeTemplate):
    key = Reference

    def generic_resolve(self, reference, name):
        if name in reference.referent.fields:
            _, numba_type = reference.attribute(name)
            return Reference(numba_type) if _is_handed_on(numba_type) else numba_type


@lower_getattr_generic(Reference)
def _attribute(context, builder, reference, pointer, name):
    place, numba_type = reference.attribute(name)
    address = cgutils.gep_inbounds(builder, pointer, 0, place)
    return address if _is_handed_on(numba_type) else builder.load(address)


@intrinsic
def refer(typing_context, value):
    """A reference to a named tuple, valid until the function that asks returns."""

    def code(context, builder, signature, args):
        return cgutils.alloca_once_value(builder, args[0])

    return Reference(value)(value), code


def promise_no_aliases(function):
    """Tell LLVM that what is written never changes a tuple that is referred to.

    Else it would read each attribute anew after each number that a loop writes.
    """
    for argument in function.args:
        if isinstance(argument.type, ir.PointerType) and isinstance(
            argument.type.pointee, ir.LiteralStructType
        ):
            argument.add_attribute("noalias")
