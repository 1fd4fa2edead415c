"""
============================
Watch a network as it learns
============================

Estimators take the callbacks of :mod:`sklearn.callback`: a progress bar, a score after
each epoch, a record of all connections, or one of your own. They are set on the network
itself, also where it is a part of a pipeline or of a grid search.
"""

# %%
# Callbacks of scikit-learn, and of this package
# ----------------------------------------------
#
# ``ProgressBar`` draws in a terminal; it needs the package rich, and is left out here.
# ``ScoringMonitor`` scores the training data after each epoch.
# :class:`~sklearn_sparse_nn.inspection.TopologyMonitor` notes which connections there
# are.

import matplotlib.pyplot as plt
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import SET
from sklearn_sparse_nn.inspection import TopologyEvolutionDisplay, TopologyMonitor

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
scaler = MinMaxScaler().fit(X_train)
X_seen, X_unseen = scaler.transform(X_train), scaler.transform(X_test)

# %%
# One of your own
# ---------------
#
# A callback has four methods. `setup` and `teardown` are called at the begin and at the
# end of a fit, the others before and after each of its parts. `context` says which
# part; `fitted_estimator` is what `fit` would return if it ended now. If the answer of
# `on_fit_task_end` is true, it ends.


class StopWhenGoodEnough:
    """End a fit when the accuracy on data of one's own reaches a number."""

    def __init__(self, X, y, accuracy):
        self.X, self.y, self.accuracy = X, y, accuracy

    def setup(self, estimator, context):
        self.accuracies = []

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name != "epoch":
            return False
        self.accuracies.append(fitted_estimator.score(self.X, self.y))
        return self.accuracies[-1] >= self.accuracy


training, topology = ScoringMonitor(scoring="accuracy"), TopologyMonitor()
stop = StopWhenGoodEnough(X_unseen, y_test, accuracy=0.98)
clf = SETClassifier(
    (200, 200),
    epsilon=5,
    evolution=SET(schedule="cosine"),
    max_iter=200,
    random_state=0,
)
clf.set_callbacks(training, topology, stop).fit(X_seen, y_train)
print(f"ended after {clf.n_iter_} of {clf.max_iter} epochs")

# %%
# What they have seen
# -------------------
#
# The logs of ``ScoringMonitor`` are a list, or a frame of pandas, with a row for each
# epoch and one for the whole fit.

logs = training.get_logs().data
scores = [row["accuracy"] for row in logs if row["task_name"] == "epoch"]
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
left.plot(scores, label="training")
left.plot(stop.accuracies, label="data of one's own")
left.axhline(stop.accuracy, color="0.5", linestyle="--")
left.set(xlabel="epoch", ylabel="accuracy", ylim=(0.8, 1.005))
left.legend()
TopologyEvolutionDisplay.from_estimator(clf, ax=right)
plt.show()

# %%
# Inside a search
# ---------------
#
# The monitor is set on the network, before that becomes a part of anything. It logs
# each fit of the search, whichever process ran it.

monitor = ScoringMonitor(scoring="accuracy")
clf = SETClassifier((200,), max_iter=30, random_state=0).set_callbacks(monitor)
grid = {"setclassifier__epsilon": [1, 5]}
search = GridSearchCV(make_pipeline(MinMaxScaler(), clf), grid, cv=2, n_jobs=2)
search.fit(X_train, y_train)
table = monitor.get_logs().data_as_pandas.query("task_name == 'epoch'")
print(table.groupby("parent_task_id_path")["accuracy"].agg(["count", "max"]))
