"""The colours of one picture given to another."""

import numpy as np

from kerasart.image.arrays import as_image

_LUMA = np.array([[0.299], [0.587], [0.114]], np.float32)

# Deviations below one level of 8 bits are rounding and compression, not colour: they are not
# stretched to more, which also keeps grey and constant pictures from dividing by zero.
_SMALLEST_DEVIATION = 1 / 255


def luminance(image):
    """Measures how bright each pixel is.

    Source: ITU-R BT.601, whose luma is the Y of YIQ and of JPEG's YCbCr.

    Args:
        image: RGB as `as_image` takes it.

    Returns:
        float32 (1, height, width, 1) in [0, 1].

    Raises:
        ValueError: If `image` is no picture.
    """
    return as_image(image) @ _LUMA


def replace_luminance(photo, image):
    """Paints the luminance of one picture in the colours of another.

    Source: Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer"
    (arXiv 1606.05897, section 5). Colours that RGB does not have are clipped.

    Args:
        photo: The picture that gives its chroma, as `as_image` takes it.
        image: The picture of the same size that gives its luminance.

    Returns:
        float32 RGB (1, height, width, 3) in [0, 1].

    Raises:
        ValueError: If one is no picture, or their sizes differ.
    """
    photo, image = as_image(photo, "photo"), as_image(image)
    if photo.shape != image.shape:
        raise ValueError(
            f"`image` must have the height and width of `photo`, {photo.shape[1:3]}. "
            f"Received: {image.shape[1:3]}"
        )
    # Chroma is made of differences between channels, which a grey offset leaves as they are.
    return np.clip(photo + (luminance(image) - luminance(photo)), 0, 1)


def match_luminance(style, photo):
    """Makes a picture grey and as bright, and as rich in contrast, as another.

    The mean and the standard deviation of its luminance become those of the other picture, before
    values outside [0, 1] are clipped. A picture without contrast stays without.

    Source: Gatys et al. 2016 (arXiv 1606.05897, equation 10).

    Args:
        style: The picture to change, as `as_image` takes it.
        photo: The picture to match, of any size.

    Returns:
        float32 RGB (1, height, width, 3) in [0, 1], its channels all equal, of `style`'s size.

    Raises:
        ValueError: If one is no picture.
    """
    grey = luminance(as_image(style, "style")).astype(np.float64)
    wanted = luminance(as_image(photo, "photo")).astype(np.float64)
    gain = wanted.std() / max(grey.std(), _SMALLEST_DEVIATION)
    matched = (grey - grey.mean()) * gain + wanted.mean()
    return np.repeat(np.clip(matched, 0, 1).astype(np.float32), 3, axis=-1)


def match_histogram(image, reference):
    """Gives each channel of a picture the distribution of values that it has in another.

    A value becomes the reference's value of the same rank: the median becomes the median. Equal
    values, which share their middle rank, stay equal; so a constant picture becomes the medians.

    Source: Gonzalez and Woods, "Digital Image Processing", histogram specification; here from
    rank to rank, without bins.

    Args:
        image: The picture to change, as `as_image` takes it.
        reference: The picture to match, of any size.

    Returns:
        float32 RGB (1, height, width, 3) in [0, 1], of `image`'s size.

    Raises:
        ValueError: If one is no picture.
    """
    image, reference = as_image(image), as_image(reference, "reference")
    channels = [_match_values(image[..., i], reference[..., i]) for i in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def match_covariance(image, reference):
    """Gives a picture the mean colour and the covariance of colours of another.

    All pixels go through one linear map, R^1/2 S^-1/2, with the symmetric square roots of the
    covariances S of the picture and R of the reference; colours that it moves out of [0, 1] are
    clipped. Where the picture hardly varies along some direction of RGB, as a grey one does, the
    result hardly varies along what that becomes.

    Source: Gatys et al. 2016 (arXiv 1606.05897, section 4, the variant of Image Analogies); the
    same map is CORAL (Sun et al. 2016, arXiv 1511.05547).

    Args:
        image: The picture to change, as `as_image` takes it.
        reference: The picture to match, of any size.

    Returns:
        float32 RGB (1, height, width, 3) in [0, 1], of `image`'s size.

    Raises:
        ValueError: If one is no picture.
    """
    image, reference = as_image(image), as_image(reference, "reference")
    mean, deviations, axes = _principal_colours(image)
    new_mean, new_deviations, new_axes = _principal_colours(reference)
    whiten = (axes / np.maximum(deviations, _SMALLEST_DEVIATION)) @ axes.T
    colour = (new_axes * new_deviations) @ new_axes.T
    # Pixels are rows, so what comes first stands on the left.
    matched = (image - mean) @ (whiten @ colour) + new_mean
    return np.clip(matched, 0, 1).astype(np.float32)


def _match_values(values, reference):
    levels, level_of, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / values.size
    reference_ranks = (np.arange(reference.size) + 0.5) / reference.size
    new_levels = np.interp(ranks, reference_ranks, np.sort(reference, axis=None))
    return new_levels[level_of].reshape(values.shape)


def _principal_colours(image):
    """The mean of the pixels, their standard deviations along principal axes, and the axes."""
    pixels = image.reshape(-1, 3).astype(np.float64)
    mean = pixels.mean(axis=0)
    centred = pixels - mean
    variances, axes = np.linalg.eigh(centred.T @ centred / len(pixels))
    return mean, np.sqrt(np.maximum(variances, 0)), axes  # rounding may leave -1e-18
