"""
=================================================
A table with numbers, categories and missing ages
=================================================

A network reads numbers. A table has categories, gaps and columns of all sizes; the
tools of scikit-learn turn it into numbers, inside the model, so that nothing of the
test part is used to prepare the training part. The passengers of the Titanic: who
survived?

The data come from OpenML, or, where the environment variable `SPARSE_NN_DATA` names a
folder with a file ``titanic.csv`` that has the same columns, from there.
"""

# %%
# A table
# -------

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import fetch_openml
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    RepeatedStratifiedKFold,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_sparse_nn import SETClassifier

NUMBERS = ["age", "fare", "sibsp", "parch"]
CATEGORIES = ["pclass", "sex", "embarked"]


def load_passengers():
    """Read from a local folder if the table is there, else from OpenML."""
    path = Path(os.environ.get("SPARSE_NN_DATA", "")) / "titanic.csv"
    if path.is_file():
        table = pd.read_csv(path)
    else:
        table = fetch_openml("titanic", version=1, as_frame=True).frame
    return table[NUMBERS + CATEGORIES], table["survived"].astype(int)


X, y = load_passengers()
print(X.describe(include="all").loc[["count", "unique", "mean", "std"]].round(1))

# %%
# A pipeline
# ----------
#
# Missing numbers become the median, with a column that says so; then all numbers get
# the same scale. Categories become columns of zeros and ones. As an HTML page, a model
# shows what it is made of.

prepare = ColumnTransformer(
    [
        (
            "numbers",
            make_pipeline(
                SimpleImputer(strategy="median", add_indicator=True), StandardScaler()
            ),
            NUMBERS,
        ),
        (
            "categories",
            make_pipeline(
                SimpleImputer(strategy="most_frequent"),
                OneHotEncoder(handle_unknown="ignore"),
            ),
            CATEGORIES,
        ),
    ]
)
model = make_pipeline(prepare, SETClassifier(random_state=0))
model

# %%
# Compare
# -------
#
# The network has its defaults, and so have the others. With a dozen columns there is
# not much to be sparse about: the first layer has few inputs. The point here is that it
# takes the place of any classifier.

models = {
    "logistic regression": make_pipeline(prepare, LogisticRegression()),
    "random forest": make_pipeline(prepare, RandomForestClassifier(random_state=0)),
    "sparse network": model,
}
folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
scores = {name: cross_val_score(each, X, y, cv=folds) for name, each in models.items()}
for name, found in scores.items():
    print(f"{name:>20}: {found.mean():.3f} ± {found.std():.3f}")

# %%
# Which columns matter
# --------------------
#
# How much accuracy on passengers that the model has not seen is lost when a column of
# the table is shuffled. This asks the whole pipeline, so the answer is about columns of
# the table, not about those that they were turned into.

X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model.fit(X_train, y_train)
lost = permutation_importance(model, X_test, y_test, n_repeats=20, random_state=0)
order = np.argsort(lost.importances_mean)

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.boxplot(scores.values(), orientation="horizontal", tick_labels=scores.keys())
left.set(xlabel="accuracy", title="ten folds")
right.barh(
    X.columns[order],
    lost.importances_mean[order],
    xerr=lost.importances_std[order],
    color="C0",
    ecolor="0.4",
)
right.set(xlabel="accuracy lost", title="a column is shuffled")
plt.show()
