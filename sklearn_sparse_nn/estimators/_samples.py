"""X and the weights of its samples, on their way to a network."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite, gen_batches
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.sparsefuncs import min_max_axis
from sklearn.utils.validation import _check_sample_weight, validate_data

from sklearn_sparse_nn.engine.warning import warn_user

# Cells of X that are float64 at a time.
_CELLS = 2**16
# Samples that tell how large features are, and sizes that a network hardly learns from.
_N_LOOKED_AT, _TINY, _HUGE = 1000, 1e-3, 100


def dtype_of(X):
    """The dtype of an array; None of anything else, such as a frame.

    A frame may have a column that is called "dtype".
    """
    dtype = getattr(X, "dtype", None)
    return dtype if isinstance(dtype, np.dtype) else None


def validate_samples(estimator, X, reads_double, **changes):
    """Check X with `validate_data`, and make it what the kernels read.

    Parameters
    ----------
    estimator : estimator
    X : {array-like, sparse matrix}
    reads_double : bool
        Whether float64 stays float64, and with it what float32 cannot hold.
    **changes
        Passed to `validate_data`. With `y`, `X` and `y` are returned.

    Returns
    -------
    X : ndarray or CSR matrix
        float32 that needs no conversion stays where it is. Of a CSR matrix, each cell
        has one entry at most.
    """
    single = dtype_of(X) == np.float32
    # Sample after sample if copied: where a feature of all samples is contiguous, as in
    # a data frame, an epoch on MNIST takes 2.7 times as long.
    options = {
        "accept_sparse": "csr",
        "dtype": _dtypes(X) if reads_double else np.float32,
        "order": None if single else "C",
    }
    validated = validate_data(estimator, X, **(options | changes))
    if "y" in changes:
        return _canonical(validated[0]), validated[1]
    return _canonical(validated)


def _dtypes(X):
    dtype = dtype_of(X)
    if dtype is not None and np.can_cast(dtype, np.float32):
        return np.float32
    return [np.float64, np.float32]


def _canonical(X):
    if not sparse.issparse(X):
        return X
    # `validate_data` lets a frame of sparse booleans pass as it is.
    if X.dtype not in (np.float32, np.float64):
        X = X.astype(np.float32)
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
        assert_all_finite(X.data, input_name="X")
    return X


def relative_weights(sample_weight, class_weight, X, y):
    """Weights of the samples, float32, with a mean of 1: only their ratios count.

    They are products, which float32 may not hold: logarithms are added.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or None
    class_weight : dict, list of dict, 'balanced' or None
    X, y : array-likes
        Validated samples and targets.

    Returns
    -------
    weights : ndarray of float32, shape (n_samples,)
        Empty if both are None.
    """
    if sample_weight is None and class_weight is None:
        return np.zeros(0, dtype=np.float32)
    weights = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    factors = [weights, *_class_factors(class_weight, y)]
    with np.errstate(divide="ignore"):
        logarithms = np.log(factors).sum(axis=0)
    largest = logarithms.max()
    if not np.isfinite(largest):
        raise ValueError("All samples weigh nothing: see class_weight, sample_weight.")
    weights = np.exp(logarithms - largest)
    return (weights / weights.mean()).astype(np.float32)


def _class_factors(class_weight, y):
    """What each column of y makes its samples weigh."""
    if class_weight is None:
        return []
    if y.ndim == 1 or isinstance(class_weight, dict):
        return [compute_sample_weight(class_weight, y)]
    y = y.toarray() if sparse.issparse(y) else y
    if isinstance(class_weight, str):
        return [compute_sample_weight(class_weight, column) for column in y.T]
    compute_sample_weight(class_weight, y)  # checks that there is one dict for each
    return [compute_sample_weight(*pair) for pair in zip(class_weight, y.T)]


class Moments(NamedTuple):
    """Mean of each feature, and sum of the squared differences from it, float64."""

    n_samples: int
    means: np.ndarray
    squares: np.ndarray

    def standard_deviation(self):
        """Standard deviation of each feature; 0 where it is but rounding."""
        variances = self.squares / self.n_samples
        rounding = 10 * np.finfo(np.float64).eps * np.abs(self.means)
        deviations = np.sqrt(variances)
        return np.where(deviations <= rounding, 0, deviations)


@np.errstate(over="ignore", invalid="ignore")  # whoever needs the moments looks
def moments(X):
    """Moments of the samples X, dense or CSR: the same bits for both.

    Both come from what is left when a first estimate of the mean is taken away, as
    squares of large numbers do not tell small differences.
    """
    n_samples = X.shape[0]
    first = feature_means(X)

    def terms(values, here):
        rest = values - first[here]
        return np.ones_like(values), rest, rest**2

    n_present, rest, squares = _column_sums(X, terms, 3)
    n_zeros = n_samples - n_present
    rest -= n_zeros * first
    squares += n_zeros * first**2 - rest**2 / n_samples
    return Moments(n_samples, first + rest / n_samples, np.maximum(squares, 0))


def warn_of_scale(X):
    """Warn if the features are so large or so small that a network hardly learns."""
    warn_of_size(moments(X[:: -(-X.shape[0] // _N_LOOKED_AT)]))


def warn_of_size(moments):
    """Warn if features of such moments are so large or small: see `warn_of_scale`."""
    n_samples, means, squares = moments
    largest = np.sqrt(np.max(means**2 + squares / n_samples))
    if 0 < largest < _TINY or largest > _HUGE:
        warn_user(
            f"The feature of the largest values has a root mean square of {largest:.2g}"
            ". A network learns well from features of about 1: scale X, for example by "
            "StandardScaler, or by MaxAbsScaler if it is sparse."
        )


def standardiser(moments):
    """What to subtract from each feature, and to multiply it by then.

    Raises
    ------
    ValueError
        If the moments overflow.
    """
    deviations = moments.standard_deviation()
    if not np.isfinite(deviations).all():
        raise ValueError("X has values that are too large: their squares overflow.")
    return moments.means, 1 / np.where(deviations > 0, deviations, 1)


def merged_moments(a, b):
    """Moments of two sets of samples together."""
    n_samples, difference = a.n_samples + b.n_samples, b.means - a.means
    share = b.n_samples / n_samples
    squares = a.squares + b.squares + difference**2 * (a.n_samples * share)
    return Moments(n_samples, a.means + share * difference, squares)


def feature_ranges(X, before=None):
    """Smallest and largest value of each feature, in X and in what was `before`."""
    smallest, largest = (
        min_max_axis(X, 0) if sparse.issparse(X) else (X.min(axis=0), X.max(axis=0))
    )
    if before is not None:
        smallest = np.minimum(smallest, before[0])
        largest = np.maximum(largest, before[1])
    return np.array([smallest, largest])


def feature_means(X):
    """Mean of each feature, the same bits for dense and for CSR X."""
    (sums,) = _column_sums(X, lambda values, _: (values,), 1)
    return sums / X.shape[0]


def _column_sums(X, terms, n_sums):
    """Sums of ``terms(values, features)`` over the values other than zero."""
    n_features = X.shape[1]
    if sparse.issparse(X):
        present = X.data != 0
        values, features = X.data[present].astype(np.float64), X.indices[present]
        sums = [np.bincount(features, t, n_features) for t in terms(values, features)]
        # Sums of nothing are integers.
        return [each.astype(np.float64) for each in sums]
    # Row by row from top to bottom, as `bincount` does. NumPy would add a single column
    # in another order: hence one more.
    sums = np.zeros((n_sums, n_features + 1))
    n_rows = min(X.shape[0], max(1, _CELLS // n_features))
    room = np.zeros((n_rows + 1, n_features + 1))
    for rows in gen_batches(X.shape[0], n_rows):
        values = X[rows].astype(np.float64, order="C")
        present, here = values != 0, room[: len(values) + 1]
        for total, each in zip(sums, terms(values, slice(None))):
            here[0] = total
            np.multiply(each, present, out=here[1:, :-1])
            np.einsum("ij->j", here, out=total)
    return [total[:-1].copy() for total in sums]
