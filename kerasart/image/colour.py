"""Transfers luminance and colours from one image to another."""

import numpy as np
from numpy.typing import ArrayLike

from kerasart.image.arrays import as_image

_LUMA = np.array([[0.299], [0.587], [0.114]], np.float32)

# Standard deviations below one 8-bit level are rounding or compression noise: they are not
# amplified, which also avoids division by zero for grey and constant images.
_SMALLEST_DEVIATION = 1 / 255


def luminance(image: ArrayLike) -> np.ndarray:
    """Computes the luma of each pixel.

    Source: ITU-R BT.601, the Y of YIQ and JPEG's YCbCr.

    Args:
        image: RGB as `as_image` takes it.

    Returns:
        float32 (1, height, width, 1) in [0, 1].

    Raises:
        ValueError: If `image` is not an image.
    """
    return as_image(image) @ _LUMA


def replace_luminance(photo: ArrayLike, image: ArrayLike) -> np.ndarray:
    """Combines the luminance of one image with the chroma of another.

    Source: Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer"
    (arXiv 1606.05897, section 5). Values outside [0, 1] are clipped.

    Args:
        photo: The image whose chroma to take, as `as_image` accepts it.
        image: The image whose luminance to take, of the same size.

    Returns:
        float32 RGB (1, height, width, 3) in [0, 1].

    Raises:
        ValueError: If one is not an image, or their sizes differ.
    """
    photo, image = as_image(photo, "photo"), as_image(image)
    if photo.shape != image.shape:
        raise ValueError(
            f"`image` must have the height and width of `photo`, {photo.shape[1:3]}. "
            f"Received: {image.shape[1:3]}"
        )
    # Adding grey changes the luminance only: chroma is differences between channels.
    return np.clip(photo + (luminance(image) - luminance(photo)), 0, 1)


def match_luminance(style: ArrayLike, photo: ArrayLike) -> np.ndarray:
    """Makes an image grey, with the mean and standard deviation of another's luminance.

    Values outside [0, 1] are clipped. A constant image stays constant.

    Source: Gatys et al. 2016 (arXiv 1606.05897, equation 10).

    Args:
        style: The image to change, as `as_image` takes it.
        photo: The image to match, of any size.

    Returns:
        float32 RGB (1, height, width, 3) in [0, 1] of `style`'s size, with equal channels.

    Raises:
        ValueError: If one is not an image.
    """
    grey = luminance(as_image(style, "style")).astype(np.float64)
    wanted = luminance(as_image(photo, "photo")).astype(np.float64)
    gain = wanted.std() / max(grey.std(), _SMALLEST_DEVIATION)
    matched = (grey - grey.mean()) * gain + wanted.mean()
    return np.repeat(np.clip(matched, 0, 1).astype(np.float32), 3, axis=-1)


def match_histogram(image: ArrayLike, reference: ArrayLike) -> np.ndarray:
    """Matches the histogram of each channel to a reference's.

    Each value is mapped to the reference's value of the same rank. Ties get their middle rank and
    stay equal, so a constant image becomes the reference's medians.

    Source: Gonzalez and Woods, "Digital Image Processing", histogram specification; here by ranks,
    without bins.

    Args:
        image: The image to change, as `as_image` takes it.
        reference: The image to match, of any size.

    Returns:
        float32 RGB (1, height, width, 3) in [0, 1], of `image`'s size.

    Raises:
        ValueError: If one is not an image.
    """
    image, reference = as_image(image), as_image(reference, "reference")
    channels = [_match_values(image[..., i], reference[..., i]) for i in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def match_covariance(image: ArrayLike, reference: ArrayLike) -> np.ndarray:
    """Matches the mean and covariance of an image's colours to a reference's.

    Each pixel x becomes R^1/2 S^-1/2 (x - m) + m', with the means m and m' and covariances S and R
    of the image and the reference; the roots are symmetric. Values outside [0, 1] are clipped.
    A direction of RGB along which the image hardly varies, as in a grey one, is not amplified.

    Source: Gatys et al. 2016 (arXiv 1606.05897, section 4, the variant of Image Analogies); also
    known as CORAL (Sun et al. 2016, arXiv 1511.05547).

    Args:
        image: The image to change, as `as_image` takes it.
        reference: The image to match, of any size.

    Returns:
        float32 RGB (1, height, width, 3) in [0, 1], of `image`'s size.

    Raises:
        ValueError: If one is not an image.
    """
    image, reference = as_image(image), as_image(reference, "reference")
    mean, deviations, axes = _principal_colours(image)
    new_mean, new_deviations, new_axes = _principal_colours(reference)
    whiten = (axes / np.maximum(deviations, _SMALLEST_DEVIATION)) @ axes.T
    colour = (new_axes * new_deviations) @ new_axes.T
    # Pixels are row vectors, so matrices are applied from left to right.
    matched = (image - mean) @ (whiten @ colour) + new_mean
    return np.clip(matched, 0, 1).astype(np.float32)


def _match_values(values, reference):
    levels, level_of, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / values.size
    reference_ranks = (np.arange(reference.size) + 0.5) / reference.size
    new_levels = np.interp(ranks, reference_ranks, np.sort(reference, axis=None))
    return new_levels[level_of].reshape(values.shape)


def _principal_colours(image):
    """Returns the mean colour, the standard deviations along the principal axes, and the axes."""
    pixels = image.reshape(-1, 3).astype(np.float64)
    mean = pixels.mean(axis=0)
    centred = pixels - mean
    variances, axes = np.linalg.eigh(centred.T @ centred / len(pixels))
    return mean, np.sqrt(np.maximum(variances, 0)), axes  # rounding may leave -1e-18
