"""The battery that each form of a style network goes through: it must paint as the network does."""

import functools

import numpy as np
import tensorflow as tf

STRENGTHS = 1.0, 0.6, 0.0
FEW_SIZES = (9, 9), (35, 46)
STYLE_SIZES = (25, 38), (9, 17), (40, 32)


def make_picture(height, width, seed=0):
    """A picture of 8 bits, brighter and rougher below: no part has the moments of the whole."""
    levels = np.random.default_rng(seed).random((1, height, width, 3)) ** (1 + seed)
    return np.rint(255 * levels * np.linspace(0.1, 1, height)[:, None, None]).astype("f") / 255


def make_styles(network, size=None, by_level=True):
    """Makes three styles as a network takes them.

    Args:
        network: A `TransformerNet` of several styles, or an `AdaIN`.
        size: (height, width) of images; by default each has another.
        by_level: Whether the third of named styles is another one at each level.
    """
    if count := len(network.styles):
        first, *_, last = np.eye(count, dtype=np.float32)
        mixture = np.arange(1, 1 + count, dtype=np.float32)
        mixture /= mixture.sum()
        third = (last, mixture, first) if by_level else [last] * 3
        return [np.stack(each)[None] for each in ([first] * 3, [mixture] * 3, third)]
    sizes = [size] * 3 if size else STYLE_SIZES
    return [make_picture(*each, seed) for seed, each in enumerate(sizes, 1)]


def check_paints_as(network, paint, atol=1e-5, sizes=None, style_size=None, by_level=True):
    """Compares a form of a network with it, for sizes x strengths, and one of three styles each.

    Args:
        network: A `TransformerNet` of several styles, or a network of any style.
        paint: The form. Takes an image, a style and a strength as the network itself does.
        atol: The largest difference allowed; at strength 0 there is none from the photo.
        sizes: (height, width) of photos; by default odd ones, the least, and a multiple of 8.
        style_size: That of styles' images, where the form takes but one.
        by_level: Whether the form takes styles that differ by level.

    Returns:
        The largest mean difference of a picture.
    """
    least, means = network.least_size, []
    sizes = sizes or ((least, least), (least + 1, 40), (48, least + 2), (35, 46))
    for arguments, expected, what in _cases(network, tuple(sizes), style_size, by_level):
        painted, (photo, _, strength) = np.asarray(paint(*arguments)), arguments
        assert painted.shape == photo.shape and painted.dtype == np.float32
        assert 0 <= painted.min() < painted.max() <= 1
        if strength == 0:
            np.testing.assert_array_equal(painted, photo, err_msg=what)
        np.testing.assert_allclose(painted, expected, rtol=0, atol=atol, err_msg=what)
        means.append(np.abs(painted - expected).mean())
    return max(means)


@functools.lru_cache(8)
def _cases(network, sizes, style_size, by_level):
    """What a network paints, and of what; made once for several forms."""
    styles, cases = make_styles(network, style_size, by_level), []
    for i, size in enumerate(sizes):
        photo = make_picture(*size)
        for j, strength in enumerate(np.float32(STRENGTHS)):
            arguments = photo, styles[(i + j) % 3], strength[None]
            expected = network(*arguments).numpy()
            assert expected.shape == photo.shape and expected.std() > 0.03
            assert strength == 0 or np.abs(expected - photo).mean() > 0.05
            cases.append((arguments, expected, f"{size}, strength {strength}, style {(i + j) % 3}"))
    return cases


def compile_form(network, paint, batch=1):
    """Compiles a form for photos, and styles, of all sizes."""
    shapes = network.input_shapes((None, None)).values()
    signature = [tf.TensorSpec([batch, *shape[1:]]) for shape in shapes]
    return tf.function(paint, input_signature=signature, autograph=False)


def train_twice(trainer, batches):
    """Trains twice from one start: with a critic that learns, and with one that stays as drawn.

    One compiled step serves both. Yields, after each step, whether the critic learns.
    """
    trainer.optimizer.build(trainer.trainable_variables)
    variables = [*trainer.variables, *trainer.optimizer.variables]
    start, drawn = [each.numpy() for each in variables], trainer.critic.get_weights()
    for learns in (True, False):
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        for batch in batches:
            trainer.train_on_batch(batch)
            if not learns:
                trainer.critic.set_weights(drawn)
            yield learns
