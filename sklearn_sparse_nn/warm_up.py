"""Compile all kernels in advance, for images and continuous integration.

::

    python -m sklearn_sparse_nn.warm_up
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_sparse_nn import SETAutoencoder, SETClassifier, SETRBMTransformer
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.networks.forward import decide


def warm_up() -> str | None:
    """Train each kind of network, so that all compiled code comes to the cache.

    Returns
    -------
    folder : str or None
        Where the cache is; None where there is no place for one.
    """
    # Enough mini-batches that the second epoch begins with a rewiring. Other estimators
    # and options run the same compiled code.
    X, y = np.eye(20, 3), np.arange(20) % 2
    options: dict[str, Any] = dict(batch_size=1, epsilon=1, random_state=0, n_jobs=2)
    with ThreadTeam(2):
        pass  # what several threads need, however many there may be here
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        SETClassifier(8, max_iter=2, **options).fit(X, y)
        # These rules have kernels of their own.
        for evolution in ("cht", "chts"):
            SETClassifier(8, max_iter=2, evolution=evolution, **options).fit(X, y)
        SETAutoencoder(8, max_iter=1, **options).fit(X)
        SETRBMTransformer(8, n_iter=1, **options).fit(X)
    return decide.stats.cache_path


if __name__ == "__main__":
    folder = warm_up()
    if folder is None:
        sys.exit("There is no place to keep compiled code: set NUMBA_CACHE_DIR.")
    print(f"Compiled code is kept in {folder}")
