from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="module")
def loaded_once(graphs_as_traced):
    """What was loaded to run its warm-up is not loaded, and made ready to run, once more."""
    import tensorflow as tf

    load, loaded = tf.saved_model.load, {}

    def load_once(path):
        folder = Path(path).parent  # While it is exported, its version has another name.
        if folder not in loaded:
            loaded[folder] = load(path)
        return loaded[folder]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.saved_model, "load", load_once)
        yield
