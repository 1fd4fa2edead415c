"""Times, ratios and bytes that the texts claim: see `claims.py`."""

from itertools import product
from statistics import fmean, median, pstdev

from claims import (
    FRONT,
    GUIDE,
    RATIO,
    SITE,
    SPEED,
    TABLES,
    Claim,
    as_stored,
    claims,
    row,
    spread,
)

ONE_DIGIT = "{:.1f} ({:.1f} to {:.1f})"
THREADS = "1 thread", "2 threads"
CLAIMS = []


def times_ours(result):
    """Median seconds, and the ratio to ours with its spread."""
    return median(result["seconds"]), *result["times_ours"]


# An epoch on MNIST

PEERS = {
    "SparseLab 0.2.2 (C++), SET": "SparseLab SET, 2 threads",
    "PyTorch 2.13, sparse CSR tensors, no rewiring": "PyTorch sparse CSR, 2 threads",
    "PyTorch 2.13, dense": "PyTorch dense, 2 threads",
    "scikit-learn 1.9 `MLPClassifier`, dense": "scikit-learn dense, 2 threads",
}
SIDES_OF_EPOCH = {
    "SparseLab SET, 2 threads": "SparseLab SET, 2 threads",
    "SparseLab SET, 1 thread": "SparseLab SET, 1 thread",
    "PyTorch dense, 2 threads": "PyTorch dense, 2 threads",
    "PyTorch dense, 1 thread": "PyTorch dense, 1 thread",
    "PyTorch sparse CSR, 2 threads": "PyTorch sparse CSR, 2 threads",
    "scikit-learn dense, 2 threads": "scikit-learn dense, 2 threads",
    "ours, Adam and dropout 0.3, 2 threads": "ours, Adam, dropout, 2 threads",
}
DENSE_CELLS = 784 * 1000 + 2 * 1000 * 1000 + 1000 * 10


def seconds_of(side):
    return lambda results: median(results[side]["seconds"])


def times_of(side):
    return lambda results: times_ours(results[side])


def ours_and(sides):
    """Rows of a table of epochs: ours, and others by ours."""
    ours = {row(f"ours, {t}", "{:.2f}", "1"): seconds_of(f"ours, {t}") for t in THREADS}
    return ours | {row(k, "{:.2f}", RATIO): times_of(side) for k, side in sides.items()}


CLAIMS += claims(
    FRONT,
    "rewiring",
    {
        "({:.1f} % of the dense connections)": lambda r: (
            100 * sum(r["MNIST"]["n_connections"]) / DENSE_CELLS
        )
    },
)
CLAIMS += claims(
    FRONT,
    "training_epoch",
    {row("sklearn-sparse-nn", "{:.2f}", "1"): seconds_of("ours, 2 threads")}
    | {row(k, "{:.2f}", "{:.1f}"): times_of(side) for k, side in PEERS.items()},
)
CLAIMS += claims(
    SITE,
    "training_epoch",
    {
        "{SparseLab SET, 2 threads[times_ours][0]:.1f} times as fast": as_stored,
        "{scikit-learn dense, 2 threads[times_ours][0]:.0f} times as fast as "
        "``MLPClassifier``": as_stored,
    },
)
CLAIMS += claims(
    SPEED,
    "training_epoch",
    {
        "dropout of 0.3 take {:.2f} times ({:.2f} to {:.2f}) as long": lambda r: tuple(
            r["ours, Adam, dropout, 2 threads"]["times_ours"]
        ),
    },
)
CLAIMS += claims(
    TABLES,
    "training_epoch",
    ours_and(SIDES_OF_EPOCH)
    | {
        "Others kept up to {:.0f} % of the machine busy": lambda r: (
            100 * max(share for side in r.values() for share in side["busy_before"])
        )
    },
)

# Other epochs

SIDES_OF_AUTOENCODER = {
    "PyTorch dense, 2 threads": "PyTorch dense, 2 threads",
    "PyTorch dense, 1 thread": "PyTorch dense, 1 thread",
    "NumPy and SciPy, sparse, 1 thread": "NumPy and SciPy, 1 thread",
}
WORDS = {3_000: "{:.3f}", 10_000: "{:.3f}", 30_000: "{:.3f}", 100_000: "{:.2f}"}


def text(n_words):
    def figures(results):
        sides = results[str(n_words)]
        ours = (median(sides[f"ours, {t}"]["seconds"]) for t in THREADS)
        return *ours, *times_ours(sides["MLPClassifier, 2 threads"])

    return figures


def rewiring(name):
    def figures(results):
        result = results[name]
        seconds = (median(result[key]) for key in ("training", "rewiring"))
        shares = (100 * share for share in spread(result["shares"]))
        return sum(result["n_connections"]), result["n_samples"], *seconds, *shares

    return figures


def machine(n_threads):
    """A dense Boltzmann machine, and by the sparse one."""

    def figures(results):
        dense, sparse = (
            results["seconds"][f"{side}, {n_threads}"]
            for side in ("BernoulliRBM", "SET")
        )
        return median(dense), *spread([a / b for a, b in zip(dense, sparse)])

    return figures


def growth(n_hidden, n_samples=6_000):
    def figures(results):
        n_connections, seconds = results["growth"][str(n_hidden)]
        return n_connections, seconds, 1e9 * seconds / n_connections / n_samples

    return figures


CLAIMS += claims(TABLES, "autoencoder_epoch", ours_and(SIDES_OF_AUTOENCODER))
CLAIMS += claims(
    TABLES,
    "text",
    {
        row(f"{n:,}", "{:.3f}", "{:.3f}", digits, ONE_DIGIT): text(n)
        for n, digits in WORDS.items()
    },
)
CLAIMS += claims(
    TABLES,
    "rewiring",
    {
        row(
            k, "{:,}", "{:,}", "{:.3f}", "{:.3f}", "{:.1f} % ({:.1f} to {:.1f})"
        ): rewiring(k)
        for k in ("MNIST", "large")
    },
)
CLAIMS += claims(
    TABLES,
    "rbm_epoch",
    {
        row(f"`SETRBMTransformer`, {threads}", "{:.2f}", "1"): lambda r, n=threads[0]: (
            median(r["seconds"][f"SET, {n}"])
        )
        for threads in THREADS
    }
    | {
        row(f"`BernoulliRBM`, {threads}", "{:.2f}", RATIO): machine(threads[0])
        for threads in THREADS
    }
    | {
        row(f"{n:,}", "{:,}", "{:.2f}", "{:.2f}"): growth(n)
        for n in (500, 2_000, 10_000, 30_000, 100_000)
    },
)

# Kernels, and what limits them

KERNELS = "forward", "input_gradient", "weight_gradient"
LIBRARIES = "C", "SciPy", "MKL", "PyTorch"
LEVELS = {1_000: "L2", 4_000: "L2", 50_000: "L3"}


def kernel_row(n_neurons, kernel):
    """Libraries have the product of weights and samples only."""
    n = len(LIBRARIES) if kernel == "forward" else 1
    empty = [""] * (len(LIBRARIES) - n)
    speeds = ["{:.1f}"] * (1 + n) + empty
    label = f"{n_neurons:,}, {kernel.replace('_', ' ')}"
    return row(label, *speeds, *[RATIO] * n, *empty)


def kernel(n_neurons, name):
    def figures(results):
        result = results["layers"][str(n_neurons)][name]
        ratios = (result["speed_of_ours"].get(side, []) for side in LIBRARIES)
        speeds = (result["gflops"].get(side) for side in ("ours", *LIBRARIES))
        return *filter(None, speeds), *(figure for each in ratios for figure in each)

    return figures


def of_bandwidth(n_neurons):
    """Per cent of what the level gives: 4 bytes for each product and sum."""

    def figures(results):
        bandwidth = results["roofline"]["bandwidth"][LEVELS[n_neurons]]
        layer = results["layers"][str(n_neurons)]
        return tuple(200 * layer[k]["gflops"]["ours"] / bandwidth for k in KERNELS)

    return figures


def moved(results):
    """Nanoseconds for the 12 bytes of a connection, from each level."""
    bandwidth = results["roofline"]["bandwidth"]
    return tuple(12 / bandwidth[level] for level in ("L2", "L3", "memory"))


CLAIMS += claims(
    TABLES,
    "kernels",
    {kernel_row(n, k): kernel(n, k) for n, k in product(LEVELS, KERNELS)}
    | {
        "multiply-add {roofline[peak]:.0f} GFLOP/s in vectors of 8": as_stored,
        "L1 {roofline[bandwidth][L1]:.0f} GB/s, L2 {roofline[bandwidth][L2]:.0f}, L3 "
        "{roofline[bandwidth][L3]:.0f}, memory {roofline[bandwidth][memory]:.0f}": (
            as_stored
        ),
        row(
            "1,000", "L2", "{:.0f} %", "{:.0f} % (it loads and stores)", "{:.0f} %"
        ): of_bandwidth(1_000),
        row("4,000", "L2", *["{:.0f} %"] * 3): of_bandwidth(4_000),
        row("50,000", "L3, some of it still in L2", *["{:.0f} %"] * 3): of_bandwidth(
            50_000
        ),
        "{:.2f} ns from L2 at its full bandwidth, {:.2f} from L3, {:.2f} from": moved,
    },
)
CLAIMS += claims(
    SPEED,
    "kernels",
    {
        "the arithmetic, {roofline[peak]:.0f} GFLOP/s in vectors of 8": as_stored,
        "L2 gives {roofline[bandwidth][L2]:.0f} GB/s": as_stored,
        "forward comes to {0:.0f} % of the bandwidth in order, the weight gradient to "
        "{2:.0f} % and the input gradient to {1:.0f} % with": of_bandwidth(1_000),
        "that L3 gives, the input gradient {1:.0f} %": of_bandwidth(50_000),
        "that takes {:.2f} ns, from L3 {:.2f} ns, from memory {:.2f} ns": moved,
    },
)


def in_kernels(kernels, rewiring, epochs):
    """Seconds of an epoch on MNIST that are kernels, at the speeds of 1,000 neurons."""
    connections = rewiring["MNIST"]["n_connections"]
    all_layers, all_but_first = sum(connections), sum(connections[1:])
    counts = all_layers, all_but_first, all_layers
    seconds = sum(
        2e-9 * 60_000 * n / kernels["layers"]["1000"][kernel]["gflops"]["ours"]
        for n, kernel in zip(counts, KERNELS, strict=True)
    )
    return seconds, seconds_of("ours, 1 thread")(epochs)


def gains(*which):
    """How many times as long an epoch takes without what spares waits for memory."""
    return lambda r: tuple(r[what][i]["gain"][0] for what, i in which)


AHEAD, IN_BANDS = "look-ahead", "bands"
CLAIMS += claims(
    SPEED,
    "kernels rewiring training_epoch",
    {"three kernels take {:.2f} s of its {:.2f} on one thread": in_kernels},
)
CLAIMS += claims(
    SPEED,
    "memory_access",
    {
        "without, an epoch takes {:.1f} times as long with layers of 4,000 neurons, "
        "{:.1f} with 50,000, and {:.1f} with 250,000.": gains(
            (AHEAD, 0), (AHEAD, 1), (AHEAD, 2)
        ),
        "takes {:.1f} times as long with 500,000 hidden neurons and 18 outputs, {:.1f} "
        "with 300,000 features": gains((IN_BANDS, 0), (IN_BANDS, 1)),
    },
)
CLAIMS += claims(
    f"{GUIDE}engine.rst",
    "memory_access",
    {
        "on layers of 250,000 neurons an epoch takes {:.1f} times as long without": (
            gains((AHEAD, 2))
        )
    },
)
CLAIMS += claims(
    TABLES,
    "memory_access",
    {
        row(title, RATIO): lambda r, what=what, i=i: tuple(r[what][i]["gain"])
        for title, what, i in (
            ("look-ahead, three layers of 4,000 neurons", AHEAD, 0),
            ("look-ahead, 50,000", AHEAD, 1),
            ("look-ahead, 250,000", AHEAD, 2),
            ("bands, 54,675-500,000-18", IN_BANDS, 0),
            ("bands, 300,000-1,000-1,000-10", IN_BANDS, 1),
        )
    },
)

# Prediction, density, small data, grids, the first fit

INFERENCE = {
    "`predict` 1 image": "predict 1 image",
    "`predict_proba` of 1 image": "predict_proba of 1 image",
    "`predict` 10,000 images": "predict 10,000 images",
}
HIDDEN = "100", "100-100", "1000-1000"


def ratios(result, *sides):
    return tuple(figure for side in sides for figure in result["times_ours"][side])


def inference(task):
    def figures(results):
        seconds = median(results[task]["seconds"]["ours"])
        return 1e3 * seconds, *ratios(results[task], "MLPClassifier", "PyTorch")

    return figures


def one_image(results):
    """Milliseconds, and by those of `MLPClassifier`."""
    milliseconds, times, *_ = inference("predict 1 image, 2 threads")(results)
    return milliseconds, 1 / times


def many_images(results):
    """How many times as fast as `MLPClassifier`, with two threads and with one."""
    tasks = (f"predict 10,000 images, {threads}" for threads in reversed(THREADS))
    return tuple(ratios(results[task], "MLPClassifier")[0] for task in tasks)


def density(n_neurons, share):
    return lambda results: ratios(
        results[str(n_neurons)]["densities"][str(float(share))],
        "scikit-learn",
        "PyTorch",
    )


def break_even(results):
    return fmean(results[n]["break_even"]["PyTorch"] for n in ("1000", "2000"))


def small_data(name):
    return lambda results: tuple(
        results[f"{name}, {hidden}, {threads}"]["times_ours"][0]
        for hidden, threads in product(HIDDEN, THREADS)
    )


CLAIMS += claims(
    TABLES,
    "inference",
    {
        row(
            f"{label}, {threads}",
            "{:.1f}" if "10,000" in label else "{:.3f}",
            RATIO,
            RATIO,
        ): inference(f"{task}, {threads}")
        for (label, task), threads in product(INFERENCE.items(), THREADS)
    }
    | {
        "Of the {:.3f} ms the network itself": lambda r: inference(
            "predict 1 image, 1 thread"
        )(r)[0]
    },
)
CLAIMS += claims(
    FRONT,
    "inference",
    {
        "predicted in {:.2f} ms, {:.1f} of the time of `MLPClassifier`": one_image,
        "10,000 images {:.0f} to {:.0f} times as fast": many_images,
    },
)
CLAIMS += claims(
    SITE,
    "inference",
    {
        "{:.2f} ms :link: performance :link-type: ref to predict one image, {:.1f} of "
        "the time of ``MLPClassifier``": one_image,
    },
)
CLAIMS += claims(
    SPEED,
    "inference",
    {
        "at once are predicted {:.0f} to {:.0f} times as fast": many_images,
        "`predict` takes {:.2f} ms, {:.2f} of the time": one_image,
        "`predict_proba` {:.1f}": lambda r: (
            1 / ratios(r["predict_proba of 1 image, 2 threads"], "MLPClassifier")[0]
        ),
    },
)
CLAIMS += claims(
    TABLES,
    "density",
    {
        row(f"{n:,}", f"{share:g}", RATIO, RATIO): density(n, share)
        for n, share in product((1_000, 2_000, 4_000), (0.01, 0.1, 0.3, 0.5, 1))
    }
    | {"PyTorch at a density of about {:.1f} (1,000 and 2,000 neurons)": break_even},
)
CLAIMS += claims(SPEED, "density", {"below a density of about {:.1f}": break_even})
CLAIMS += claims(
    TABLES,
    "small_data",
    {
        row(name, *["{:.2f}; {:.2f}"] * len(HIDDEN)): small_data(name)
        for name in ("iris", "breast cancer", "digits")
    },
)
CLAIMS += claims(
    TABLES,
    "grid_search",
    {
        "{:.1f} s and a best accuracy of {:.3f}; `MLPClassifier` {:.1f} s, {:.0f} "
        "times ({:.0f} to {:.0f}), and {:.3f}": lambda r: (
            median(r["SETClassifier"]["seconds"]),
            r["SETClassifier"]["best_score"],
            *times_ours(r["MLPClassifier"]),
            r["MLPClassifier"]["best_score"],
        )
    },
)
CLAIMS += claims(
    TABLES,
    "start_up",
    {
        "a first `fit` took {:.2f} s ({:.2f} to {:.2f}) with a cold cache and {:.2f} s "
        "with a warm one, import and `fit` {:.2f} s ({:.2f} to {:.2f})": lambda r: (
            *spread(r["cold cache: first fit"]),
            median(r["warm cache: first fit"]),
            *spread(r["warm cache: beyond the import of sklearn"]),
        )
    },
)

# Size

SCALING = 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000
FIFTY = 65_536 + 50_000_000 + 2
MANY_NEURONS = "examples/cluster/plot_many_neurons.py"


def scaling(n_neurons):
    def figures(results):
        (point,) = (p for p in results["neurons"] if p["neurons"] == n_neurons)
        return point["n_connections"], *spread(point["nanoseconds"])

    return figures


def million(side):
    return lambda r: (median(r["seconds"][side]), *r["times_ours"][side])


def from_memory(million, kernels):
    """Seconds of an epoch if each row came from memory, in order, each time."""
    first = 10 * (54_675 + 500_000)
    # The first layer has no use for the gradient of its inputs.
    n_bytes = 8 * first + 16 * (million["n_connections"] - first)
    return 1397e-9 * n_bytes / kernels["roofline"]["bandwidth"]["memory"]


def fifty(results):
    """By name: millions, seconds and GiB."""
    seconds, memory = results["seconds"], results["memory"]
    return {
        "neurons": results["n_neurons"] / 1e6,
        "connections": results["n_connections"] / 1e6,
        "made": median(seconds["initialisation"]),
        "epoch": median(seconds["training"]),
        "least": min(seconds["training"]),
        "most": max(seconds["training"]),
        "rewiring": median(seconds["rewiring"]),
        "peak": memory["peak"] / 1024,
        "batch": memory["activations"] / 1024,
        "each": 2**20 * memory["activations"] / FIFTY,
    }


def most_bytes(results):
    """Per connection, in whichever phase takes most, with SGD and with Adam."""
    found = []
    for solver in ("sgd", "adam"):
        runs = [run["bytes"] for run in results["bytes_per_connection"][solver]]
        found.append(max(median(run[phase] for run in runs) for phase in runs[0]))
    return tuple(found)


CLAIMS += claims(
    TABLES,
    "scaling",
    {row(f"{n:,}", "{:,}", "{:.3f} ({:.3f} to {:.3f})"): scaling(n) for n in SCALING},
)
CLAIMS += claims(
    SPEED,
    "scaling",
    {
        "from {:.2f} to {:.2f} ns": lambda r: (
            scaling(SCALING[0])(r)[1],
            scaling(SCALING[-1])(r)[1],
        )
    },
)
CLAIMS += claims(
    TABLES,
    "million_neurons",
    {
        "| ours | {:.1f} | 1 | | ours, with rewiring | {:.1f} | |": lambda r: tuple(
            median(r["seconds"][side]) for side in ("ours", "ours, rewired")
        ),
        row(
            "SciPy and NumPy in float32, gradient from dot products of blocks of rows",
            "{:.1f}",
            RATIO,
        ): million("SciPy, best"),
        row(
            "SciPy in float64, gradient from a compiled loop over the connections",
            "{:.1f}",
            RATIO,
        ): million("SciPy, plain"),
        "{n_connections:,} connections, made in {initialisation:.1f} s; peak memory "
        "{memory[peak]:,.0f} MiB, of which {memory[above]:,.0f} came with": as_stored,
    },
)
CLAIMS += claims(
    TABLES, "million_neurons kernels", {"an epoch would take {:.0f} s if": from_memory}
)
CLAIMS += claims(
    SPEED,
    "million_neurons",
    {
        "{:.1f} million connections, 1,397 samples": lambda r: r["n_connections"] / 1e6,
        "Ours, {:.1f} s for an epoch, is {:.1f} times ({:.1f} to {:.1f}) and {:.1f} "
        "times ({:.1f} to {:.1f}) as fast": lambda r: (
            median(r["seconds"]["ours"]),
            *million("SciPy, plain")(r)[1:],
            *million("SciPy, best")(r)[1:],
        ),
    },
)
CLAIMS += claims(
    SPEED, "million_neurons kernels", {"our epoch would take {:.0f} s": from_memory}
)
CLAIMS += claims(
    TABLES,
    "fifty_million",
    {
        "{n_connections:,} connections made in {seconds[initialisation][0]:.1f} s; the "
        "loss falls from {losses[0]:.3f} over {losses[1]:.3f} to {losses[2]:.3f} in "
        "three epochs of {seconds[training][0]:.0f}, {seconds[training][1]:.0f} and "
        "{seconds[training][2]:.0f} s": as_stored,
        "rewiring takes {rewiring:.0f} s": fifty,
        "peak memory {memory[peak]:,.0f} MiB, of which {memory[activations]:,.0f} are "
        "activations and error terms. Without those it is "
        "{memory[without_activations]:.1f} bytes": as_stored,
    },
)
CLAIMS += claims(
    FRONT,
    "fifty_million",
    {
        "{connections:.0f} million connections, train on the same machine in "
        "{peak:.1f} GiB, an epoch of 128 samples in {epoch:.0f} s": fifty
    },
)
CLAIMS += claims(
    SITE,
    "fifty_million",
    {
        "{neurons:.0f} million neurons :link: performance :link-type: ref with "
        "{connections:.0f} million connections train in {peak:.1f} GiB": fifty
    },
)
CLAIMS += claims(
    SPEED,
    "fifty_million",
    {
        "at ``epsilon=1``: {connections:.0f} million connections": fifty,
        "made in {made:.0f} s, an epoch takes {epoch:.0f} s ({least:.0f} to "
        "{most:.0f}), rewiring {rewiring:.0f} s. The peak is {peak:.1f} GiB, of which "
        "{batch:.1f} are activations": fifty,
    },
)
CLAIMS += claims(
    GUIDE + "dask.rst",
    "fifty_million",
    {
        "with {connections:.0f} million connections (`benchmarks/fifty_million.py`, "
        "SGD, mini-batches of 16), training takes {peak:.1f} GiB": fifty,
        "and {each:.0f} for each neuron for its activations and errors": fifty,
    },
)
CLAIMS += claims(
    MANY_NEURONS,
    "million_neurons",
    {
        "{:.1f} million connections, {:.1f} s per epoch on one thread": lambda r: (
            r["n_connections"] / 1e6,
            median(r["seconds"]["ours"]),
        )
    },
)
CLAIMS += claims(
    MANY_NEURONS, "fifty_million", {"million connections, in {peak:.1f} GiB": fifty}
)


def phases(solver):
    """Bytes per connection at the peak of each phase."""

    def figures(results):
        runs = [run["bytes"] for run in results["bytes_per_connection"][solver]]
        return tuple(median(run[phase] for run in runs) for phase in runs[0])

    return figures


def above_data(n_threads):
    """MiB that a fit takes above the data."""
    return lambda results: spread([run["above"] for run in results["fit"][n_threads]])


CLAIMS += claims(
    TABLES,
    "memory",
    {
        row("SGD with momentum", *4 * ["{:.1f}"], "12"): phases("sgd"),
        row("Adam", *4 * ["{:.1f}"], "16"): phases("adam"),
        **{row(n, "{:.0f} ({:.0f} to {:.0f})"): above_data(n) for n in "12"},
    },
)
CLAIMS += claims(
    TABLES,
    "memory",
    {"The network has {:,} connections": lambda r: r["fit"]["1"][0]["n_connections"]},
)
CLAIMS += claims(
    SPEED,
    "memory",
    {
        "training takes {:.1f} bytes for each connection with SGD and momentum and "
        "{:.1f} with Adam": most_bytes
    },
)

ON_DASK = [
    ("adam", "`LocalSGD()`", "LocalSGD()"),
    ("adam", "`LocalSGD(n_updates=200)`", "LocalSGD(n_updates=200)"),
    ("sgd", "`LocalSGD()`", "LocalSGD()"),
    ("sgd", "`WASAPSGD()`", "WASAPSGD()"),
    (
        "sgd",
        "`FedDST(local_epochs=5, interval=2)`, RigL",
        "FedDST(local_epochs=5,interval=2)",
    ),
]


def on_dask(table, name):
    """What two workers do beside one process.

    Accuracy and its deviation, seconds, times as fast and in computation with their
    least and most, seconds of a round, and bytes.
    """

    def figures(results):
        sides = results[table]
        runs, alone = sides[name], [run["seconds"] for run in sides["one process"]]
        found = {"seconds": (median(run["seconds"] for run in runs),)}
        if "score" in runs[0]:
            scores = [run["score"] for run in runs]
            found["accuracy"] = fmean(scores), pstdev(scores)
        for key in ("seconds", "training"):
            if key in runs[0]:
                ratios = [a / run[key] for a, run in zip(alone, runs)]
                found[f"ratio of {key}"] = spread(ratios)
        if "rounds" in runs[0]:
            rounds = median(run["seconds"] / run["rounds"] for run in runs)
            found |= {
                "round": (rounds,),
                "bytes": (median(run["bytes"] for run in runs),),
            }
        return found

    return figures


def chosen(figures, *names):
    """Some of the figures of :func:`on_dask`, in this order."""
    return lambda results: tuple(x for name in names for x in figures(results)[name])


ACCURACY = "{:.4f} ± {:.4f}"
IN_ROUNDS = "accuracy", "ratio of seconds", "ratio of training", "round", "bytes"
CLAIMS += [
    Claim(
        TABLES,
        "dask_training",
        row(label, ACCURACY, RATIO, RATIO, "{:.3f}", "{:.1f}"),
        chosen(on_dask(f"mnist, {solver}", name), *IN_ROUNDS),
    )
    for solver, label, name in ON_DASK
]
CLAIMS += [
    Claim(
        TABLES,
        "dask_training",
        row("halves", "", RATIO, "", "", ""),
        chosen(on_dask(f"mnist, {solver}", "halves"), "ratio of seconds"),
    )
    for solver in ("adam", "sgd")
]
CLAIMS += [
    Claim(
        TABLES,
        "dask_training",
        row("one process", ACCURACY, "1", "1", "", ""),
        chosen(on_dask(f"mnist, {solver}", "one process"), "accuracy"),
    )
    for solver in ("adam", "sgd")
]

STREAM = [
    ("adam", "`LocalSGD(warm_up=0)`", "LocalSGD(warm_up=0)"),
    (
        "adam",
        "`FedDST(participation=0.1, local_epochs=1, interval=2)`, RigL",
        "FedDST(participation=0.1,local_epochs=1,interval=2)",
    ),
    ("sgd", "`WASAPSGD(warm_up=0)`, likewise", "WASAPSGD(warm_up=0)"),
]
CLAIMS += [
    Claim(
        TABLES,
        "dask_training",
        row(label, ACCURACY, "{:.0f}", RATIO, RATIO, "{:.1f}"),
        chosen(
            on_dask(f"stream, {solver}", name),
            *("accuracy", "seconds", "ratio of seconds", "ratio of training", "bytes"),
        ),
    )
    for solver, label, name in STREAM
]
CLAIMS += [
    Claim(
        TABLES,
        "dask_training",
        row(label, ACCURACY, "{:.0f}", "1", "1", ""),
        chosen(on_dask(f"stream, {solver}", "one process"), "accuracy", "seconds"),
    )
    for solver, label in [
        ("adam", "one process, by `partial_fit`"),
        ("sgd", "one process, SGD 0.01, mini-batches of 128"),
    ]
]

# Beside busy processes; what a selection costs


def two_by_one(neurons, n_busy):
    return lambda r: tuple(r[f"{neurons}, {n_busy} busy"]["two_by_one"])


CLAIMS += claims(
    TABLES,
    "busy",
    {
        row(f"{neurons:,}", f"{n_busy}", RATIO): two_by_one(neurons, n_busy)
        for neurons, n_busy in product((100, 1_000, 10_000), range(3))
    },
)


def cost_of_selection(name):
    """Ten epochs, of ours and plain, and their ratio; then all of a default fit."""

    def figures(results):
        ours, plain = (results[name][side] for side in ("ours", "plain"))
        ratios = spread([b / a for a, b in zip(ours, plain)])
        return (
            median(ours),
            median(plain),
            *ratios,
            results[name]["ours, 100 epochs"][0],
        )

    return figures


SHAPES = {"microarray": "100 × 7,000", "madelon": "2,000 × 500"}
CLAIMS += claims(
    TABLES,
    "feature_selection_cost",
    {
        row(label, "{:.2f}", "{:.2f}", ONE_DIGIT, "{:.2f}"): cost_of_selection(name)
        for name, label in SHAPES.items()
    }
    | {
        "{thrombin[seconds]:.0f} s, {thrombin[MiB]:.0f} MiB above the data, "
        "{thrombin[peak MiB]:.0f} MiB in all": as_stored,
        "digits {:.2f} (`strength` {:.2f}), 2,000 images of MNIST {:.2f} (`strength` "
        "{:.2f})": lambda r: tuple(
            fmean(r[f"{name}, {importance}"])
            for name in ("digits", "MNIST")
            for importance in ("communality", "strength")
        ),
    },
)
