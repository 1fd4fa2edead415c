"""Alterations of the arrays of a sparse matrix that code could follow out of bounds."""


def put(place, value):
    """A change of an array that puts another value in one place."""

    def change(array):
        array = array.copy()
        array[place] = value
        return array

    return change


def shorten(array):
    """The array without its last value."""
    return array[:-1].copy()


# Field and change, for a matrix of 25 inputs at most and 5 rows at least.
ALTERATIONS = {
    "an input outside": ("indices", put(3, 25)),
    "rows beyond the end": ("indptr", put(-1, 2**30)),
    "a row that begins beyond the end": ("indptr", put(5, 2**30)),
    "a negative row": ("indptr", put(1, -5)),
    "rows that do not begin": ("indptr", put(0, 1)),
    "too few rows": ("indptr", shorten),
    "too few inputs": ("indices", shorten),
}
