"""The flags of painting in one pass, and `read_painting`, which reads them."""

from kerasart.scripts import common_flags, manner_flags
from kerasart.scripts.style_flag import parse_mixture

from absl import flags

from kerasart.saved_models import default_model
from kerasart.scale.painting import OnePass
from kerasart.settings.checks import check_tiling
from kerasart.settings.style import COLOURS

_LEAST_ROWS = 16

MODEL = flags.DEFINE_string(
    "model",
    None,
    "A name that --list_styles shows, or a folder or .keras file of yours. (default: medium, or "
    "any_style where the style is a file)",
)
STYLE = flags.DEFINE_string(
    "style",
    None,
    "A name that --list_styles shows, or several, as NAME:WEIGHT,NAME:WEIGHT; or files of "
    "paintings, likewise; or some for each level of detail, as coarse:NAME,middle:NAME,fine:NAME, "
    "with + between several. Coarse is the form of the strokes, fine the palette; a level that is "
    "left out is as the next coarser one, or else the next finer. (default: the first)",
)
STRENGTH = flags.DEFINE_float(
    "strength",
    1.0,
    "From 0, the photo itself, to 1, the full style.",
    lower_bound=0,
    upper_bound=1,
)
PRESERVE_COLOR = flags.DEFINE_enum(
    "preserve_color",
    "none",
    COLOURS,
    "Keep the photo's colours: luminance takes only light and dark from the painting; histogram "
    "and coral recolour the painting as the photo.",
)
SIZE = flags.DEFINE_integer(
    "size",
    None,
    "Long side in pixels. (default: the photo's own)",
    lower_bound=16,
)
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size",
    1,
    "Photos of one size that are painted together: for GPUs.",
    lower_bound=1,
)
FLAGS = [MODEL, STYLE, STRENGTH, PRESERVE_COLOR, SIZE]


def read_painting() -> OnePass:
    """Reads the flags that say how to paint, whatever is painted."""
    rows = _parse_tile(common_flags.TILE.value)
    check_tiling("auto", common_flags.MEMORY.value)
    manner = manner_flags.MANNER.value
    style, named = manner_flags.parse_manner(manner) if manner else parse_mixture(STYLE.value)
    return OnePass(
        MODEL.value or default_model(style),
        style,
        named,
        strength=STRENGTH.value,
        preserve_color=PRESERVE_COLOR.value,
        size=SIZE.value,
        precision=common_flags.PRECISION.value or "auto",
        rows=rows,
        memory=common_flags.MEMORY.value,
        **common_flags.read_file_options(),
    )


def _parse_tile(text):
    if text in ("auto", "none"):
        return {"auto": None, "none": 0}[text]
    if not text.isdecimal() or int(text) < _LEAST_ROWS:
        raise ValueError(
            f"`tile` must be auto, none, or a number of at least {_LEAST_ROWS}. Received: {text!r}"
        )
    return int(text)
