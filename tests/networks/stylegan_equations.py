"""The papers' equations of StyleGAN2's generator in plain NumPy, one image at a time."""

import numpy as np

TAPS = np.array([1, 3, 3, 1]) / 8


def convolve(image, kernel):
    """Convolves (height, width, in) with (rows, columns, in, out), padded by zeros."""
    height, width, _ = image.shape
    rows, columns = kernel.shape[:2]
    image = np.pad(image, [(rows // 2,) * 2, (columns // 2,) * 2, (0, 0)])
    return sum(
        image[i : i + height, j : j + width] @ kernel[i, j]
        for i in range(rows)
        for j in range(columns)
    )


def convolve_transposed(image, kernel):
    """Each position spreads the kernel over what comes out, two positions apart."""
    height, width, _ = image.shape
    rows, columns, _, filters = kernel.shape
    spread = np.zeros((2 * height - 2 + rows, 2 * width - 2 + columns, filters))
    for i in range(height):
        for j in range(width):
            spread[2 * i : 2 * i + rows, 2 * j : 2 * j + columns] += image[i, j] @ kernel
    return spread


def smooth(image, before, after):
    """Filters by [1, 3, 3, 1] in rows and columns; zeros between pixels take 3 of 4 parts away."""
    image = np.pad(image, [(before, after)] * 2 + [(0, 0)])
    rows, columns = image.shape[0] - 3, image.shape[1] - 3
    image = sum(2 * TAPS[i] * image[i : i + rows] for i in range(4))
    return sum(2 * TAPS[j] * image[:, j : j + columns] for j in range(4))


def enlarge(image):
    """Doubles a picture: zeros between its pixels, then the filter."""
    height, width, channels = image.shape
    spread = np.zeros((2 * height, 2 * width, channels))
    spread[::2, ::2] = image
    return smooth(spread, 2, 1)


def modulate(image, style, kernel, up=False, demodulate=True):
    """Equations 1 and 3 of arXiv 1912.04958, for one image and its style of each channel."""
    kernel = kernel / np.sqrt(np.prod(kernel.shape[:3]))
    kernel = style[:, None] * kernel
    if demodulate:
        kernel = kernel / np.sqrt((kernel**2).sum(axis=(0, 1, 2)) + 1e-8)
    return smooth(convolve_transposed(image, kernel), 1, 1) if up else convolve(image, kernel)


def dense(x, kernel, bias, rate=1.0):
    """A dense layer whose weights are scaled at run time."""
    return x @ (kernel * rate / np.sqrt(len(kernel))) + bias * rate


def leaky_relu(x):
    return np.sqrt(2) * np.where(x > 0, x, 0.2 * x)


def array(weight):
    return np.asarray(weight, np.float64)


def normalise(x):
    return x / np.sqrt((x**2).mean() + 1e-8)


def map_latent(generator, z, label=None):
    """The mapping network, for one z, and one class, 1 among zeros."""
    x = normalise(z)
    if label is not None:
        embed = generator.embed
        x = np.append(x, normalise(dense(label, array(embed.kernel), array(embed.bias))))
    for layer in generator.mapping:
        x = leaky_relu(dense(x, array(layer.kernel), array(layer.bias), generator.rate))
    return x


def style_of(layer, w):
    affine = layer.convolve.affine
    return dense(w, array(affine.kernel), array(affine.bias))


def paint(generator, w, noise=None):
    """The synthesis network, for one w at each place: RGB, 0 is mid-grey and 1 white."""
    x, image = array(generator.constant), None
    for i, layer in enumerate(generator.convolutions):
        if i:
            up = i % 2 == 1
            x = modulate(x, style_of(layer, w[i]), array(layer.convolve.kernel), up)
        else:
            x = modulate(x, style_of(layer, w[0]), array(layer.convolve.kernel))
        field = array(layer.noise) if noise is None else array(noise[i])
        x = leaky_relu(x + array(layer.strength) * field[..., None] + array(layer.bias))
        if generator.clamp is not None:
            x = np.clip(x, -generator.clamp, generator.clamp)
        if i % 2 == 0:
            layer = generator.to_rgb[i // 2]
            kernel = array(layer.convolve.kernel)
            rgb = modulate(x, style_of(layer, w[i + 1]), kernel, demodulate=False)
            rgb = rgb + array(layer.bias)
            if generator.clamp is not None:
                rgb = np.clip(rgb, -generator.clamp, generator.clamp)
            image = rgb if image is None else enlarge(image) + rgb
    return image
