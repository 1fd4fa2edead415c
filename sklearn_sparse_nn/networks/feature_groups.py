"""Groups of correlated features, and the order in which features are chosen.

Groups depend on the data alone. Whoever has nearly the same importances, such as a
selector with another seed, has nearly the same order.
"""

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

# Correlations are those in so many samples at most, spread evenly. The products of
# candidates and candidates and samples are so many at most: all features of 100 samples
# are candidates where they are no more than 18,000.
_N_COMPARED, _N_PRODUCTS = 2000, 2**35
# Correlations that are in memory at a time.
_N_CORRELATIONS = 2**22
# Sums that are the same to so many decimals are equal, but for rounding.
_DECIMALS = 5


def group(X, moments, importances, correlation):
    """Groups of features that are correlated, each with one that represents it.

    Features come in descending order of the sum of their squared correlations with all
    others. Each that is in no group yet represents a new one, with all in no group
    whose correlation with it is, in magnitude, at least `correlation`.

    Parameters
    ----------
    X : ndarray or CSR matrix, shape (n_samples, n_features)
    moments : Moments
        Those of X.
    importances : ndarray of float, shape (n_features,)
        Where there are too many features to compare all, the most important ones are.
        Of the others, each is a group.
    correlation : float

    Returns
    -------
    groups : ndarray of int, shape (n_features,)
        The feature that represents the group of each.
    correlations : ndarray of float, shape (n_features,)
        Magnitude of the correlation with it.
    """
    candidates = _candidates(X, moments.standard_deviation(), importances)
    groups, correlations = np.arange(X.shape[1]), np.ones(X.shape[1])
    if len(candidates):
        # BLAS may round otherwise with another number of threads, as in joblib.
        with threadpool_limits(1):
            Z = _unit_columns(X, moments, candidates)
            leaders = _leaders(Z, _by_total_correlation(Z), correlation)
        groups[candidates] = candidates[leaders]
        likeness = np.abs(np.einsum("ij,ij->j", Z, Z[:, leaders]))
        correlations[candidates] = np.minimum(likeness, 1)
    return groups, correlations


def _candidates(X, deviations, importances):
    """The features to compare: those that vary, as many as there is time for."""
    n_most = int(np.sqrt(_N_PRODUCTS / min(X.shape[0], _N_COMPARED)))
    ranked = np.lexsort((-importances, deviations == 0))[:n_most]
    return np.sort(ranked[deviations[ranked] > 0])


def _unit_columns(X, moments, features):
    """Some features in some samples, with mean 0 and length 1, float32."""
    n_samples = X.shape[0]
    rows = np.linspace(0, n_samples - 1, min(n_samples, _N_COMPARED)).astype(int)
    is_sparse = sparse.issparse(X)
    Z = X[rows][:, features].toarray() if is_sparse else X[np.ix_(rows, features)]
    # Of one layout, so that sparse and dense X get the same bits from BLAS.
    Z = np.ascontiguousarray(Z)
    scales = moments.standard_deviation()[features]
    Z = ((Z - moments.means[features]) / scales).astype(np.float32)
    Z -= Z.mean(axis=0)
    lengths = np.linalg.norm(Z, axis=0)
    # A feature may vary in other samples only.
    varies = lengths > 1e-4
    return Z * (varies / np.where(varies, lengths, 1)).astype(np.float32)


def _by_total_correlation(Z):
    """Columns, that of the largest sum of squared correlations first."""
    totals = np.einsum("ij,ij->j", (Z @ Z.T) @ Z, Z)
    totals = np.round(totals / max(totals.max(), 1), _DECIMALS)
    return np.argsort(-totals, kind="stable")


def _leaders(Z, order, correlation):
    """The column that represents the group of each column, in an order of them."""
    leaders = np.full(len(order), -1)
    n_together = max(1, _N_CORRELATIONS // len(order))
    while len(left := order[leaders[order] < 0]):
        block = left[:n_together]
        correlated = np.abs(Z[:, block].T @ Z) >= correlation
        for column, joins in zip(block, correlated):
            if leaders[column] < 0:
                leaders[joins & (leaders < 0)] = column
                leaders[column] = column
    return leaders


def rank(importances, varies, groups, diversity):
    """Features in the order in which they are chosen, constant ones last.

    What represents a group is as important as the most important member. The importance
    of every other is multiplied by ``1 - diversity * correlation``. With a diversity of
    0, groups do not count.

    Parameters
    ----------
    importances : ndarray of float, shape (n_features,)
    varies : ndarray of bool, shape (n_features,)
    groups : tuple of ndarray
        What `group` returns.
    diversity : float

    Returns
    -------
    order : ndarray of int, shape (n_features,)
        Of equals, the first comes first.
    """
    scores, (representatives, correlations) = importances, groups
    if diversity:
        scores = importances * (1 - diversity * correlations)
        np.maximum.at(scores, representatives, importances)
    return np.lexsort((-scores, ~varies))
