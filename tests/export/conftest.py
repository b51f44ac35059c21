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
