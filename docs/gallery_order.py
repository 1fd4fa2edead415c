"""The order of the examples of the gallery: first steps come first."""

# Those that are not here come after them, by their names.
FIRST = [
    "plot_tune_on_images.py",
    "plot_mixed_table.py",
    "plot_callbacks.py",
    "plot_text.py",
    "plot_larger_than_memory.py",
    "plot_denoise_digits.py",
    "plot_microarray.py",
    "plot_select_with_labels.py",
    "plot_which_genes.py",
    "plot_rbm_features.py",
    "plot_rbm_samples.py",
    "plot_look_into_networks.py",
    "plot_connectivity_over_time.py",
    "plot_compare_rules.py",
    "plot_many_neurons.py",
]


class FirstStepsFirst:
    """Sort key of sphinx-gallery for the examples of a section."""

    def __init__(self, src_dir):
        self.src_dir = src_dir

    def __call__(self, filename):
        place = FIRST.index(filename) if filename in FIRST else len(FIRST)
        return place, filename

    def __repr__(self):
        return f"<{type(self).__name__}>"
