"""The same samples, laid out in memory in every way that an array may be."""

import numpy as np
from scipy import sparse


def _memmap(X, folder):
    path = folder / "X"
    X.tofile(path)
    return np.memmap(path, dtype=X.dtype, mode="r", shape=X.shape)


def _read_only(X, folder):
    X = X.copy()
    X.flags.writeable = False
    return X


def with_64_bit_indices(X):
    X = sparse.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


# Each takes X and a folder for files.
DENSE = {
    "C order": lambda X, folder: np.ascontiguousarray(X),
    "Fortran order": lambda X, folder: np.asfortranarray(X),
    "every third sample": lambda X, folder: np.repeat(X, 3, axis=0)[::3],
    "every second feature": lambda X, folder: np.repeat(X, 2, axis=1)[:, ::2],
    "inner slice": lambda X, folder: np.pad(X, 4, constant_values=np.nan)[4:-4, 4:-4],
    "negative strides": lambda X, folder: np.ascontiguousarray(X[::-1, ::-1])[
        ::-1, ::-1
    ],
    "read-only": _read_only,
    "memory map": _memmap,
}
LAYOUTS = DENSE | {
    "CSR": lambda X, folder: sparse.csr_array(X),
    "CSR with 64-bit indices": lambda X, folder: with_64_bit_indices(X),
}
