"""`Painting` and `OnePass`: recipes for photos that are painted in styles."""

from dataclasses import MISSING, replace
from typing import Any

import kerasart
from kerasart.image.fingerprint import hash_image
from kerasart.image.masks import combine_masks
from kerasart.levels import LEVELS
from kerasart.saved_models import default_model, list_styles
from kerasart.settings.checks import check
from kerasart.settings.declare import default_of, option, options, settings
from kerasart.settings.style import COLOURS
from kerasart.studio.recipe import Plan, Recipe, make_settings, parse_optional
from kerasart.studio.sources import Sources, parse_source

# The networks whose styles are trained, by the style.
STYLES = {style: model for model in ("medium", "collections") for style in list_styles(model) or ()}

_MOST_STYLES = 3
_TRIAL = 1024  # The most pixels of a trial's long side.


def _parse_style(name, setting):
    return name if isinstance(name, str) and name in STYLES else parse_source(name, setting)


def _hash_all(images):
    return images and [hash_image(image) for image in images]


@settings
class Style:
    """One of the styles of a painting."""

    style: str = option(
        MISSING, "A picture that was given, or a trained style.", parse=_parse_style
    )
    weight: float = option(1.0, "How much of it.", least=0, most=1)
    level: str | None = option(None, "The level of detail that it is for.", choices=LEVELS)
    mask: str | None = option(None, "Where it paints.", parse=parse_optional)


def _parse_styles(styles, setting):
    fits = isinstance(styles, list | tuple) and 1 <= len(styles) <= _MOST_STYLES
    check(fits, setting, f"one to {_MOST_STYLES} styles", styles)
    parsed = tuple(
        each if isinstance(each, Style) else make_settings(Style, each) for each in styles
    )
    check(sum(each.weight for each in parsed) > 0, setting, "some weight above 0", styles)
    return parsed


@settings
class _Styled(Recipe):
    """What is painted in styles."""

    stem = "painted"

    styles: tuple = option((), "Pictures or, of one pass, trained styles.", parse=_parse_styles)
    preserve_color: str = option("none", "Whose colours it has.", choices=COLOURS)

    @property
    def sources(self) -> list[str]:
        named = [name for each in self.styles for name in (each.style, each.mask)]
        return [self.photo, *(name for name in named if name and name not in STYLES)]

    def _style_text(self, sources, each, weight):
        known = each.style in STYLES
        path = each.style if known else str(sources.path(each.style))
        return path if weight is None else f"{path}:{weight}"


@settings
class Painting(_Styled):
    """A painting by gradient descent."""

    program = "kerasart-style-transfer"
    style_strength: float = option(1.0, "Strength of the style.", least=0, most=16)
    style_size: float = option(1.0, "Size of the strokes.", least=0.1, most=4)
    steps: int = option(400, "Steps in all.", least=1, most=4000)

    def __post_init__(self):
        trained = [each.style for each in self.styles if each.style in STYLES]
        check(not trained, "styles", "pictures: only one pass has trained styles", trained)
        levels, masks = (
            [getattr(each, name) for each in self.styles if getattr(each, name)]
            for name in ("level", "mask")
        )
        check(not (levels and masks), "styles", "with levels or masks, not both", masks)

    @property
    def _weights(self):
        """A weight for each style; None for one style, of which there is all."""
        if len(self.styles) == 1:
            return [None]
        return [each.weight for each in self.styles]

    @property
    def given(self) -> dict[str, Any]:
        """The settings that differ from the preset's."""
        size = {"size": self.size} if self.size else {}
        return self._own | {"seed": self.seed} | size

    @property
    def _own(self):
        names = ("style_strength", "style_size", "preserve_color", "steps")
        defaults = {each.name: default_of(each) for each, _ in options(Painting)}
        return {
            name: getattr(self, name)
            for name in names
            if name == "steps" or getattr(self, name) != defaults[name]
        }

    def plan(self, sources: Sources) -> Plan:
        photo = sources.read(self.photo)
        pictures, hashes = self.read_styles(sources)
        masks = [sources.read_mask(each.mask) if each.mask else None for each in self.styles]
        pictures["content_masks"] = masks if any(mask is not None for mask in masks) else None
        hashes["content_masks_hash"] = _hash_all(pictures["content_masks"])
        record = {"bits": 8, "photo_hash": hash_image(photo.image), "start_hash": None, **hashes}

        def make(**run):
            return kerasart.style_transfer(photo.image, **pictures, **self.given, **run)

        return Plan(photo, record, make)

    def read_styles(self, sources: Sources) -> tuple[dict[str, Any], dict[str, Any]]:
        """Reads the styles: dicts of arguments of `style_transfer`, and of hashes, for records."""
        styles = [sources.read(each.style) for each in self.styles]
        opaque = [combine_masks(None, style.alpha, "style") for style in styles]
        has_alpha = any(style.alpha is not None for style in styles)
        levels = [each.level for each in self.styles]
        pictures: dict[str, Any] = {
            "styles": [style.image for style in styles],
            "style_weights": None if len(styles) == 1 else self._weights,
            "style_levels": levels if any(levels) else None,
            "style_masks": opaque if has_alpha else None,
        }
        hashes = {f"{name}_hash": _hash_all(pictures[name]) for name in ("styles", "style_masks")}
        return pictures, hashes

    def _flags(self, sources):
        words = [f"--content={self._path(sources, self.photo)}"]
        for each, weight in zip(self.styles, self._weights, strict=True):
            text = self._style_text(sources, each, weight)
            words.append(f"--style={text}@{each.level}" if each.level else f"--style={text}")
        if any(each.mask for each in self.styles):
            for each in self.styles:
                where = sources.path(each.mask) if each.mask else "all"
                words.append(f"--content_mask={where}")
        return words + [f"--{name}={value}" for name, value in self._own.items()]


@settings
class OnePass(_Styled):
    """A painting in one pass of a trained network."""

    program = "kerasart-stylize"
    strength: float = option(1.0, "From the photo, 0, to the full style.", least=0, most=1)

    def __post_init__(self):
        models = {STYLES.get(each.style, default_model(())) for each in self.styles}
        check(len(models) == 1, "styles", "of one network", sorted(models))
        masks = [each.mask for each in self.styles if each.mask]
        check(not masks, "styles", "without masks: one pass paints everywhere", masks)
        levels = [each.level for each in self.styles]
        check(
            not any(levels) or len(set(levels) - {None}) == len(levels),
            "styles",
            "all for a level of their own, or none",
            levels,
        )

    @property
    def model(self) -> str:
        """The network's name."""
        return STYLES.get(self.styles[0].style, default_model(()))

    def for_trial(self) -> "OnePass":
        """The same, not large: painted while a slider moves."""
        return replace(self, size=min(self.size or _TRIAL, _TRIAL))

    def plan(self, sources: Sources) -> Plan:
        from kerasart.image.resizing import resize_picture

        photo = sources.read(self.photo)
        if self.size:
            photo = resize_picture(photo, self.size)
        style, record = self.read_style(sources)
        record |= {"photo_hash": hash_image(photo.image)}

        def make(**run):
            stylizer = kerasart.Stylizer(self.model)
            image = stylizer(photo.image, style, self.strength, self.preserve_color)
            return kerasart.Result(image, {}, {"precision": stylizer.precision})

        return Plan(photo, record, make)

    def read_style(self, sources: Sources) -> tuple[Any, dict[str, Any]]:
        """Reads the styles: what a `Stylizer` takes, and a record of all that is asked for."""
        named = self.styles[0].style in STYLES
        pictures = {} if named else {s.style: sources.read(s.style) for s in self.styles}

        def mixture(weights):
            return weights if named else [(pictures[name], w) for name, w in weights.items()]

        if self.styles[0].level:
            weights = {each.level: {each.style: 1.0} for each in self.styles}
            style = {level: mixture(each) for level, each in weights.items()}
        else:
            weights = {each.style: self._weight(each) for each in self.styles}
            style = mixture(weights)
        record: dict[str, Any] = {"style": weights, "model": self.model, "strength": self.strength}
        record |= {"size": self.size, "preserve_color": self.preserve_color}
        if not named:
            record["style_hash"] = {
                name: hash_image(picture.image) for name, picture in pictures.items()
            }
        return style, record

    def _weight(self, each):
        return 1.0 if len(self.styles) == 1 else each.weight

    def _flags(self, sources):
        has_weights = len(self.styles) > 1 and not self.styles[0].level
        texts = [
            (f"{each.level}:" if each.level else "")
            + self._style_text(sources, each, each.weight if has_weights else None)
            for each in self.styles
        ]
        words = [f"--input={self._path(sources, self.photo)}", f"--style={','.join(texts)}"]
        words += [] if self.strength == 1 else [f"--strength={self.strength}"]
        kept = self.preserve_color
        return words + ([] if kept == "none" else [f"--preserve_color={kept}"])

    def command(self, sources: Sources) -> list[str]:
        words = super().command(sources)
        return [word for word in words if not word.startswith("--seed=")]
