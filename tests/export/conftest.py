from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="module")
def graphs_as_traced():
    """Runs graphs as they were traced: to optimise each signature's takes longer than all else.

    Servers do that in any case, and so does the loader that some tests run models by.
    """
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


@pytest.fixture(autouse=True, scope="module")
def loaded_once():
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
