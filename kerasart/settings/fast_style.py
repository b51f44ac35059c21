"""What can be set of the training of a network that paints, and what makes no sense."""

from dataclasses import dataclass, fields

from kerasart.settings.checks import check, check_types, is_number, is_whole
from kerasart.settings.objective import ObjectiveSettings


@dataclass(frozen=True)
class FastStyleSettings(ObjectiveSettings):
    """Everything that a preset of fast style transfer sets.

    Balanced weights are found for each style, so that a new style needs no search.

    Attributes:
        (all of `ObjectiveSettings`)
        stability: Weight of the difference that small shifts of the photo and noise in it make.
        style_size: Long side in pixels of the style pictures, which are not enlarged.
        size: Side in pixels of the squares that photos are cut to.
        batch_size: Photos in a step.
        steps: Steps of training.
        learning_rate: Adam's rate at the start.
        final_rate: What of it is left at the end, along half a cosine; 1 keeps it.
    """

    smoothness: float = 0.0
    stability: float = 0.0
    style_size: int = 512
    size: int = 256
    batch_size: int = 4
    steps: int = 4000
    learning_rate: float = 1e-3
    final_rate: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        value = self.stability
        check(is_number(value) and value >= 0, "stability", "0 or more", value)
        rate = self.learning_rate
        check(is_number(rate) and rate > 0, "learning_rate", "more than 0", rate)
        value = self.final_rate
        check(is_number(value) and 0 <= value <= 1, "final_rate", "from 0 to 1", value)
        for name, least in (("size", 32), ("style_size", 32), ("batch_size", 1), ("steps", 1)):
            value = getattr(self, name)
            check(is_whole(value) and value >= least, name, f"at least {least}, and whole", value)
        check_types(self)


SETTING_NAMES = tuple(field.name for field in fields(FastStyleSettings))
