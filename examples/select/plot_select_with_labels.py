"""
=========================
Few pixels for ten digits
=========================

Which few pixels tell ten digits apart? :class:`~sklearn_sparse_nn.SETFeatureSelector`
selects features by what they have to do with a target, as the filters of scikit-learn
do. A filter judges each feature alone. A network sees them together.
"""

# %%
# Select
# ------
#
# The digits that ship with scikit-learn have 64 pixels. One fit ranks them all; for
# another number of features there is no need to fit again. NeuroFS trains with the
# number: its network loses its inputs until so many are left.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.feature_selection import f_classif
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_sparse_nn import SETFeatureSelector

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
numbers = [3, 5, 8, 12, 20, 30]

selector = SETFeatureSelector(random_state=0).fit(X, y)
varies = X.std(axis=0) > 0
scores = np.zeros(X.shape[1])
scores[varies] = f_classif(X[:, varies], y)[0]
by_filter = np.argsort(np.argsort(-scores, kind="stable")) + 1

selected = {"f_classif": [], "SETFeatureSelector": [], "NeuroFS": []}
for n in numbers:
    selected["f_classif"].append(by_filter <= n)
    selector.set_params(n_features_to_select=n)
    selected["SETFeatureSelector"].append(selector.get_support())
    neurofs = SETFeatureSelector(n, evolution="neurofs", random_state=0).fit(X, y)
    selected["NeuroFS"].append(neurofs.get_support())

# %%
# Compare
# -------
#
# A support vector machine learns from the selected pixels only.

accuracies = {}
for name, masks in selected.items():
    accuracies[name] = []
    for mask in masks:
        model = make_pipeline(StandardScaler(), SVC()).fit(X[:, mask], y)
        accuracies[name].append(model.score(X_test[:, mask], y_test))
    row = "  ".join(f"{accuracy:.3f}" for accuracy in accuracies[name])
    print(f"{name:>18}: {row}")
everything = make_pipeline(StandardScaler(), SVC()).fit(X, y).score(X_test, y_test)
print(f"{'all 64 pixels':>18}: {everything:.3f}")

# %%
# What is seen
# ------------
#
# With five to twelve pixels the networks are ahead, and NeuroFS most often. With twenty
# and more, which pixels are left out makes little difference. On data with two classes
# and thousands of genes the filter is as good: see :ref:`feature_selection` in the user
# guide for figures of both kinds.

figure, (ax, *images) = plt.subplots(
    1, 4, figsize=(11, 3.2), width_ratios=[2.2, 1, 1, 1], layout="constrained"
)
for name, values in accuracies.items():
    ax.plot(numbers, values, marker="o", label=name)
ax.axhline(everything, color="grey", linestyle="--", label="all pixels")
ax.set(xlabel="number of pixels", ylabel="test accuracy")
ax.legend()
shown = numbers.index(8)
for image, (name, masks) in zip(images, selected.items()):
    image.imshow(X.mean(axis=0).reshape(8, 8), cmap="Greys")
    rows, columns = np.nonzero(masks[shown].reshape(8, 8))
    image.plot(columns, rows, "rs", markersize=10, fillstyle="none")
    image.set(xticks=[], yticks=[], title=name, xlabel="8 pixels")
plt.show()
