"""The flags of a dream that are settings, in groups for `--help`."""

from absl import flags

from kerasart.settings.dream import CHOICES


def _float(name, text, **bounds):
    return flags.DEFINE_float(name, None, text, **bounds)


def _whole(name, text, **bounds):
    return flags.DEFINE_integer(name, None, text, **bounds)


def _text(name, text):
    return flags.DEFINE_string(name, None, text)


def _choice(name, text):
    return flags.DEFINE_enum(name, None, [each for each in CHOICES[name] if each], text)


def _switch(name, text):
    return flags.DEFINE_bool(name, None, text)


WANTED = [
    _text(
        "layers",
        "Whose activations to raise, and how much: mixed4:1.0,mixed5:1.5. With a guide, whose "
        "features should become like the guide's; negative for unlike.",
    ),
    _text(
        "channel",
        "Channels to raise in place of whole layers, and how much: mixed5:37 or "
        "mixed5:37:1.0,mixed4:8:-0.5. scripts/feature_atlas.py shows what they see.",
    ),
    _switch("neuron", "Raise those channels at the picture's centre only."),
    _text(
        "class",
        "An ImageNet class to raise: its name, a part of it, or its number, such as jellyfish. "
        "Needs a network with its head: squeezenet has it, others with ImageNet weights.",
    ),
    _choice("activation", "Raise the mean of squares, or the plain mean."),
    _whole("border", "Rows and columns at a layer's border that do not count.", lower_bound=0),
    _choice(
        "similarity",
        "How features are compared with the guide's: by dot product, l1 or l2 distance, or cosine, "
        "each position with the same of the guide; match: with the one that it is most like.",
    ),
    _choice("reference", "Compare features with those of the guide, or of the start."),
    _choice("pixel_loss", "Compare the pixels too, by l1 or l2 distance."),
    _float("pixel_weight", "How much that counts; negative drives the picture away."),
    _choice("pixel_reference", "Compare them with those of the start, or of the guide."),
    _float(
        "smoothness",
        "How much the total variation counts, against fine noise, in proportion to what is "
        "dreamed of; not for lbfgs.",
        lower_bound=0,
    ),
    _float(
        "tv_weight",
        "Raw weight of the total variation, in place of smoothness.",
        lower_bound=0,
    ),
    _float("tv_beta", "Exponent of the total variation."),
    _switch("tv_isotropic", "Take its two directions together."),
    _float(
        "energy",
        "How much the pixels' squared distance from the mean colour counts, likewise.",
        lower_bound=0,
    ),
    _float("energy_weight", "Raw weight of that, in place of energy.", lower_bound=0),
]
ASCENT = [
    _text(
        "octaves",
        "How many sizes to dream at, the last of them the photo's own; or the first and the last, "
        "such as -2:2 (from two octaves smaller to two larger).",
    ),
    _float("octave_scale", "How much larger each octave is."),
    _whole("steps", "Steps in each octave.", lower_bound=1),
    _choice("optimizer", "ascent: steps of one size; adam; lbfgs, which finds its own steps."),
    _float(
        "step_size",
        "What an average step changes a value by, where white is 1; of adam, the rate.",
    ),
    _float("max_loss", "End an octave when the loss passes this."),
    _choice(
        "norm",
        "Divide the gradient by its mean absolute value, its standard deviation, or "
        "its root mean square.",
    ),
    _float("floor", "The least magnitude to divide the gradient by."),
    _float("blur", "Smooth the gradient by Gaussians of about so many pixels.", lower_bound=0),
    _whole(
        "pyramid",
        "Normalise the gradient in so many levels of a Laplacian pyramid: coarse and fine forms "
        "grow alike.",
        lower_bound=0,
    ),
    _choice("init", "Dream on the photo, or on nothing: noise or grey."),
    _float("init_noise", "Deviation of the noise that is added at the start.", lower_bound=0),
    _choice("parameterization", "Move pixels, or Fourier coefficients of decorrelated colours."),
    _whole("pad", "Grey pixels around the picture while the network looks.", lower_bound=0),
    _whole("jitter", "Largest random shift at each step, in pixels.", lower_bound=0),
    _float("scaling", "Largest random change of scale at each step, such as 0.1.", lower_bound=0),
    _float("rotation", "Largest random rotation at each step, in degrees.", lower_bound=0),
    _whole("final_jitter", "Largest random shift after those.", lower_bound=0),
    _choice(
        "detail",
        "When the photo's detail comes back that smaller octaves cannot show: before an octave's "
        "steps, after them, or not at all.",
    ),
    _switch("clip", "Hold the picture in range at each step, not just at the end."),
    _switch("antialias", "Shrink with antialiasing."),
]
# The setting has another name: Python keeps `class` for itself.
flags.DEFINE_alias("class_name", "class")
