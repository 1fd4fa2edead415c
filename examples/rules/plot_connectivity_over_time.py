"""
========================================
Where connections go: Fashion-MNIST
========================================

Nobody tells the network where in an image something is to be seen. Connections begin at
random; in each epoch the weakest go, and as many begin elsewhere. After some epochs
one can see the outline of clothes in the numbers of connections.

The data come from OpenML, or, where the environment variable `SPARSE_NN_DATA` names a
folder, from the file ``fashion_mnist.npz`` (arrays `x_train`, `y_train`, `x_test` and
`y_test`) in it.
"""

# %%
# Train, and note the connections
# -------------------------------

import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.exceptions import ConvergenceWarning

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.inspection import TopologyMonitor, exploration_rate

warnings.simplefilter("ignore", ConvergenceWarning)


def load_clothes():
    """Read from a local folder if there is one, else from OpenML."""
    folder = os.environ.get("SPARSE_NN_DATA")
    if folder:
        archive = np.load(Path(folder) / "fashion_mnist.npz")
        X = np.concatenate([archive["x_train"], archive["x_test"]])
        y = np.concatenate([archive["y_train"], archive["y_test"]])
    else:
        data = fetch_openml("Fashion-MNIST", version=1, as_frame=False)
        X, y = data.data, data.target.astype(int)
    return X.reshape(-1, 784).astype(np.float32) / 255, y


X, y = load_clothes()
X, X_test, y, y_test = X[:20_000], X[60_000:], y[:20_000], y[60_000:]

epochs = [0, 2, 5, 10, 30]
networks = {
    f"epsilon={epsilon}": SETClassifier(
        (500,),
        epsilon=epsilon,
        max_iter=max(epochs),
        n_iter_no_change=np.inf,
        random_state=0,
        n_jobs=2,
    )
    for epsilon in (2, 10)
}
histories = {}
for name, clf in networks.items():
    monitor = TopologyMonitor()
    clf.set_callbacks(monitor).fit(X, y)
    histories[name] = monitor.get_history()
    explored = exploration_rate(clf)[-1]
    print(
        f"{name}: {clf.density_[0]:.1%} of the connections from pixels, {explored:.0%} "
        f"at some time; accuracy {clf.score(X_test, y_test):.3f}"
    )

# %%
# Connections of each pixel
# -------------------------
#
# The number of connections of each pixel, at the beginning and after some epochs, in
# one scale for each network. The last column is the mean image. There are more and more
# connections along the outline of clothes, which tells one kind from another, and fewer
# in the corners.

fig, axes = plt.subplots(
    len(networks), len(epochs) + 1, figsize=(10, 3.8), layout="constrained"
)
for row, (name, history) in zip(axes, histories.items()):
    degrees = [history.topology(epoch).sum(axis=1) for epoch in epochs]
    for ax, counts, epoch in zip(row, degrees, epochs):
        image = ax.imshow(
            counts.reshape(28, 28), vmin=0, vmax=np.percentile(degrees, 99.5)
        )
        ax.set(xticks=[], yticks=[], title=f"epoch {epoch}")
    fig.colorbar(image, ax=row[-2], label="connections")
    row[0].set_ylabel(name)
    row[-1].imshow(X.mean(axis=0).reshape(28, 28), cmap="gray")
    row[-1].set(xticks=[], yticks=[], title="mean image")
plt.show()
