"""Groups of correlated features, and the order in which features are chosen.

Groups depend on the data alone. Whoever has nearly the same importances, such as a
selector with another seed, has nearly the same order.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

# Correlations are those in so many samples at most, spread evenly. The products of
# candidates and candidates and samples are so many at most: all features of 100 samples
# are candidates where they are no more than 18,000.
_N_COMPARED, _N_PRODUCTS = 2000, 2**35
# How much of its importance a copy of what represents its group loses: it is still
# more than noise.
_LIKENESS = 0.9
# The first so many features are chosen one after the other.
_N_CHOSEN = 1000
# Correlations that are in memory at a time.
_N_CORRELATIONS = 2**22
# Sums that are the same to so many decimals are equal, but for rounding.
_DECIMALS = 5


class Groups(NamedTuple):
    """Groups of correlated features.

    Attributes
    ----------
    representatives : ndarray of int, shape (n_features,)
        The feature that represents the group of each.
    candidates : ndarray of int, shape (n_candidates,)
        Features that were compared, in ascending order. Each other one is a group.
    Z : ndarray of float32, shape (n_compared, n_candidates)
        The candidates in some samples, with mean 0 and length 1.
    """

    representatives: np.ndarray
    candidates: np.ndarray
    Z: np.ndarray


def group(X, moments, importances, correlation):
    """Groups of features that are correlated, each with one that represents it.

    Features come in descending order of their standard deviation times the root of the
    sum of their squared correlations with all others. Each that is in no group yet
    represents a new one, with all in no group whose correlation with it is, in
    magnitude, at least `correlation`.

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
    groups : Groups
    """
    candidates = _candidates(X, moments.standard_deviation(), importances)
    representatives = np.arange(X.shape[1])
    Z = _unit_columns(X, moments, candidates)
    if len(candidates):
        deviations = moments.standard_deviation()[candidates]
        # BLAS may round otherwise with another number of threads, as in joblib.
        with threadpool_limits(1):
            leaders = _leaders(Z, _by_prominence(Z, deviations), correlation)
        representatives[candidates] = candidates[leaders]
    return Groups(representatives, candidates, Z)


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


def _by_prominence(Z, deviations):
    """Columns in the order in which they may represent a group."""
    totals = np.einsum("ij,ij->j", (Z @ Z.T) @ Z, Z)
    prominence = np.sqrt(np.maximum(totals, 0)) * deviations
    prominence = np.round(prominence / (prominence.max() or 1), _DECIMALS)
    return np.argsort(-prominence, kind="stable")


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

    What represents a group is as important as the most important member. The next
    feature is the one of greatest importance times ``1 - loss``. The loss is
    ``diversity * r``, where `r` is the largest correlation with a feature chosen
    before, but for a member that does not represent its group at least 0.9 of the
    correlation with the one that does. After 1,000 features, what is left keeps the
    order of that product. With a diversity of 0, groups do not count.

    Parameters
    ----------
    importances : ndarray of float, shape (n_features,)
    varies : ndarray of bool, shape (n_features,)
    groups : Groups or None
        None where the diversity is 0.
    diversity : float

    Returns
    -------
    order : ndarray of int, shape (n_features,)
        Of equals, the first comes first.
    """
    order = np.lexsort((-importances, ~varies))
    if not diversity:
        return order
    scores = importances.copy()
    np.maximum.at(scores, groups.representatives, importances)
    with threadpool_limits(1):
        chosen = _choose(scores, groups, diversity)
    others = order[~np.isin(order, groups.candidates)]
    return np.concatenate([groups.candidates[chosen], others])


def _choose(scores, groups, diversity):
    """Columns of the candidates in the order in which they are chosen."""
    candidates, Z = groups.candidates, groups.Z
    scores, n = scores[candidates], len(candidates)
    own = np.searchsorted(candidates, groups.representatives[candidates])
    likeness = np.abs(np.einsum("ij,ij->j", Z, Z[:, own]))
    losses = np.where(own == np.arange(n), 0, _LIKENESS * np.minimum(likeness, 1))
    left, chosen = np.ones(n, dtype=bool), []
    for _ in range(min(_N_CHOSEN, n)):
        best = int(np.argmax(np.where(left, scores * (1 - losses), -1)))
        chosen.append(best)
        left[best] = False
        overlap = np.minimum(np.abs(Z.T @ Z[:, best]), 1)
        np.maximum(losses, diversity * overlap, out=losses)
    rest = np.flatnonzero(left)
    worth = (scores * (1 - losses))[rest]
    return np.concatenate([chosen, rest[np.argsort(-worth, kind="stable")]]).astype(int)
