import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification


@pytest.fixture
def estimator(request):
    """A clone of an estimator of the battery: see `battery.those_with`."""
    return clone(request.param)


@pytest.fixture
def data():
    """A small problem of three classes, float32."""
    X, y = make_classification(
        n_samples=150, n_features=20, n_informative=10, n_classes=3, random_state=0
    )
    return X.astype(np.float32), y
