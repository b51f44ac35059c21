"""`Dream`, `Painting`, `OnePass` and `FilmPass`: what the page may ask for, checked, and made.

A recipe makes its picture by the same call as the command that it shows: so that the command makes
the same picture again.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import kerasart
from kerasart.backbones import find_class, imagenet_labels
from kerasart.film import Film, FilmWriter, Frame
from kerasart.image import Picture
from kerasart.image.fingerprint import hash_image
from kerasart.image.masks import combine_masks
from kerasart.image.samples import SAMPLES
from kerasart.levels import LEVELS
from kerasart.saved_models import default_model, list_styles
from kerasart.settings.checks import LARGEST_INTEGER, check
from kerasart.settings.choices import (
    choose_dream_network,
    choose_dream_settings,
    suitable_preset,
)
from kerasart.settings.declare import default_of, names_of, option, options, settings
from kerasart.settings.presets import find_preset
from kerasart.studio.sources import Sources, parse_source

# The presets that dream on a photo with the networks that are in the package.
PRESETS = ("animals", "gentle", "patterns", "sculpture", "shells", "natural", "away")
# The networks whose styles are trained, by the style.
STYLES = {style: model for model in ("medium", "collections") for style in list_styles(model) or ()}

_MOST_STYLES = 3
_TRIAL = 1024  # The most pixels of a trial's long side.


class Plan(NamedTuple):
    """How a picture is to be made, its sources read.

    Attributes:
        photo: The `Picture` that it is made from.
        record: Dict of what goes into the record besides the result's settings.
        make: `make(checkpoint=..., on_step=..., on_tile=...) -> Result`.
    """

    photo: Picture
    record: dict[str, Any]
    make: Callable[..., Any]


def _parse_optional(name, setting):
    return None if name is None else parse_source(name, setting)


def _parse_class(name, setting):
    if name is None:
        return None
    check(isinstance(name, str), setting, "the name of a thing that the network knows", name)
    find_class(name)
    return name


def _parse_style(name, setting):
    return name if isinstance(name, str) and name in STYLES else parse_source(name, setting)


@settings
class Style:
    """One of the styles of a painting."""

    style: str = option(
        MISSING, "A picture that was given, or a trained style.", parse=_parse_style
    )
    weight: float = option(1.0, "How much of it.", least=0, most=1)
    level: str | None = option(None, "The level of detail that it is for.", choices=LEVELS)
    mask: str | None = option(None, "Where it paints.", parse=_parse_optional)


def _parse_styles(styles, setting):
    fits = isinstance(styles, list | tuple) and 1 <= len(styles) <= _MOST_STYLES
    check(fits, setting, f"one to {_MOST_STYLES} styles", styles)
    parsed = tuple(each if isinstance(each, Style) else _make(Style, each) for each in styles)
    check(sum(each.weight for each in parsed) > 0, setting, "some weight above 0", styles)
    return parsed


@settings
class Recipe:
    """What every picture needs."""

    program = ""
    output = ""

    photo: str = option(MISSING, "The photo.", parse=parse_source)
    size: int | None = option(None, "Long side in pixels.", least=32, most=4096)
    seed: int = option(0, "Another number, another picture.", least=0, most=LARGEST_INTEGER)

    @property
    def sources(self) -> list[str]:
        """The names of all pictures that it needs."""
        return [self.photo]

    def plan(self, sources: Sources) -> Plan:
        """Reads the sources.

        Raises:
            ValueError, OSError: If one is missing.
        """
        raise NotImplementedError

    def command(self, sources: Sources) -> list[str]:
        """Returns the words of the command that makes the same picture.

        Raises:
            ValueError: If a source is missing.
        """
        flags = {"size": self.size, "seed": self.seed or None}
        words = [f"--{name}={value}" for name, value in flags.items() if value is not None]
        last = ["--strip_metadata", f"--output={self.output}"]
        return [self.program, *self._flags(sources), *words, *last]

    def _flags(self, sources):
        raise NotImplementedError

    def _path(self, sources, name):
        return name if name in SAMPLES else str(sources.path(name))


@settings
class Dream(Recipe):
    """A dream on a photo."""

    program = "kerasart-deep-dream"
    output = "dream.png"

    preset: str | None = option(None, "A kind of dream.", choices=PRESETS)
    class_name: str | None = option(None, "A thing to dream of.", parse=_parse_class)
    guide: str | None = option(
        None, "A picture whose features the dream takes on.", parse=_parse_optional
    )
    mask: str | None = option(None, "Where to dream.", parse=_parse_optional)
    strength: float = option(1.0, "Step size, relative to the preset's.", least=0.1, most=4)

    def __post_init__(self):
        kinds = [self.preset, self.class_name, self.guide]
        check(
            sum(kind is not None for kind in kinds) == 1,
            "preset",
            "given, or a class or a guide: one of them",
            kinds,
        )

    @property
    def sources(self) -> list[str]:
        return [name for name in (self.photo, self.guide, self.mask) if name]

    @property
    def given(self) -> dict[str, Any]:
        """The settings that differ from the preset's."""
        given = {"preset": self.preset, "class_name": self.class_name, "size": self.size}
        given |= {"seed": self.seed, "step_size": self._step_size}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def _step_size(self):
        if self.strength == 1:
            return None
        own = {} if self.class_name is None else {"class_name": self.class_name}
        preset = find_preset("deep_dream", self.preset or suitable_preset(own, self.guide))
        network, _ = choose_dream_network(preset, "auto", "auto", own)
        chosen = choose_dream_settings(preset, network, own, self.guide)
        return float(f"{chosen.step_size * self.strength:.3g}")

    def plan(self, sources: Sources) -> Plan:
        photo = sources.read(self.photo)
        guide = sources.read(self.guide).image if self.guide else None
        mask = sources.read_mask(self.mask) if self.mask else None
        record = {"size": self.size, "bits": 8, "photo_hash": hash_image(photo.image)}
        record |= {"guide_hash": hash_image(guide), "mask_hash": hash_image(mask)}
        if self.class_name is not None:
            number = find_class(self.class_name)
            record["class"] = f"{number}: {imagenet_labels()[number]}"
        given = {name: value for name, value in self.given.items() if name != "size"}

        def make(**run):
            dreamer = kerasart.Dreamer(guide=guide, **given)
            return dreamer.dream(photo.image, mask, size=self.size, **run)

        return Plan(photo, record, make)

    def _flags(self, sources):
        pictures = {"image": self.photo, "guide": self.guide}
        paths = {name: self._path(sources, each) for name, each in pictures.items() if each}
        if self.mask:
            paths["mask"] = str(sources.path(self.mask))
        values = {"preset": self.preset, "class": self.class_name, "step_size": self._step_size}
        given = paths | {name: value for name, value in values.items() if value is not None}
        return [f"--{name}={value}" for name, value in given.items()]


class _Styled(Recipe):
    """What is painted in styles."""

    styles: tuple[Style, ...]

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
    output = "painted.png"

    styles: tuple = option((), "Whose styles to paint in.", parse=_parse_styles)
    style_strength: float = option(1.0, "Strength of the style.", least=0, most=16)
    style_size: float = option(1.0, "Size of the strokes.", least=0.1, most=4)
    preserve_color: str = option(
        "none", "Whose colours it has.", choices=("none", "luminance", "histogram", "coral")
    )
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
    def _given(self):
        names = ("style_strength", "style_size", "preserve_color", "steps")
        defaults = {each.name: default_of(each) for each, _ in options(Painting)}
        return {
            name: getattr(self, name)
            for name in names
            if name == "steps" or getattr(self, name) != defaults[name]
        }

    def plan(self, sources: Sources) -> Plan:
        photo = sources.read(self.photo)
        styles = [sources.read(each.style) for each in self.styles]
        opaque = [combine_masks(None, style.alpha, "style") for style in styles]
        has_alpha = any(style.alpha is not None for style in styles)
        masks = [sources.read_mask(each.mask) if each.mask else None for each in self.styles]
        levels = [each.level for each in self.styles]
        pictures: dict[str, Any] = {
            "styles": [style.image for style in styles],
            "style_weights": None if len(styles) == 1 else self._weights,
            "style_levels": levels if any(levels) else None,
            "content_masks": masks if any(mask is not None for mask in masks) else None,
            "style_masks": opaque if has_alpha else None,
        }
        record: dict[str, Any] = {"bits": 8, "photo_hash": hash_image(photo.image)}
        record["start_hash"] = None
        for name in ("styles", "content_masks", "style_masks"):
            images = pictures[name]
            record[f"{name}_hash"] = images and [hash_image(image) for image in images]
        given = self._given | {"seed": self.seed}
        given |= {"size": self.size} if self.size else {}

        def make(**run):
            return kerasart.style_transfer(photo.image, **pictures, **given, **run)

        return Plan(photo, record, make)

    def _flags(self, sources):
        words = [f"--content={self._path(sources, self.photo)}"]
        for each, weight in zip(self.styles, self._weights, strict=True):
            text = self._style_text(sources, each, weight)
            words.append(f"--style={text}@{each.level}" if each.level else f"--style={text}")
        if any(each.mask for each in self.styles):
            for each in self.styles:
                where = sources.path(each.mask) if each.mask else "all"
                words.append(f"--content_mask={where}")
        return words + [f"--{name}={value}" for name, value in self._given.items()]


@settings
class OnePass(_Styled):
    """A painting in one pass of a trained network."""

    program = "kerasart-stylize"
    output = "painted.png"

    styles: tuple = option((), "Trained styles, or pictures.", parse=_parse_styles)
    strength: float = option(1.0, "From the photo, 0, to the full style.", least=0, most=1)
    preserve_color: str = option(
        "none", "Whose colours it has.", choices=("none", "luminance", "histogram", "coral")
    )

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
        style, record = self._read_style(sources)
        record |= {"photo_hash": hash_image(photo.image)}

        def make(**run):
            stylizer = kerasart.Stylizer(self.model)
            image = stylizer(photo.image, style, self.strength, self.preserve_color)
            return kerasart.Result(image, {}, {"precision": stylizer.precision})

        return Plan(photo, record, make)

    def _read_style(self, sources):
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


@settings
class FilmPass(OnePass):
    """A film in one pass of a trained network, frame by frame."""

    output = "painted.mp4"

    def paint(
        self, sources: Sources, path: Path, on_frame: Callable[[Frame, np.ndarray, int], object]
    ) -> dict[str, Any]:
        """Paints the film; one that was begun at the path goes on.

        Args:
            sources: The `Sources`.
            path: Where to write it. Its frames lie beside it until all are there.
            on_frame: Called with each frame, its painting, and an estimate of how many there are;
                it may raise KeyboardInterrupt.

        Returns:
            A dict of what makes it again; with `interrupted_after` if it is not whole.

        Raises:
            ImportError, ValueError, OSError: See `kerasart.paint_film`.
        """
        style, record = self._read_style(sources)
        film = Film(sources.path(self.photo))
        writer = FilmWriter(path, film, fingerprint=record)
        count = film.frame_count or 0
        result = kerasart.paint_film(
            film,
            writer,
            kerasart.FilmStylizer(
                kerasart.Stylizer(self.model),
                style,
                strength=self.strength,
                preserve_color=self.preserve_color,
            ),
            size=self.size,
            on_frame=lambda frame, painted: on_frame(frame, painted, count),
        )
        return record if result.is_whole else record | {"interrupted_after": result.frames}

    def command(self, sources: Sources) -> list[str]:
        return [word for word in super().command(sources) if word != "--strip_metadata"]


KINDS: dict[str, type[Recipe]] = {
    "dream": Dream,
    "painting": Painting,
    "one_pass": OnePass,
    "film": FilmPass,
}


def read_recipe(given: Any) -> Recipe:
    """Reads a recipe that the page sent, or that a picture's record holds: text of anyone's.

    Raises:
        ValueError: If it is none, or a value is not allowed.
    """
    kind = given.get("kind") if isinstance(given, dict) else None
    kind = kind if isinstance(kind, str) else ""
    check(kind in KINDS, "kind", f"one of {', '.join(KINDS)}", kind)
    return _make(KINDS[kind], {name: value for name, value in given.items() if name != "kind"})


def write_recipe(recipe: Recipe) -> dict[str, Any]:
    """Returns what `read_recipe` reads, of values that JSON knows."""
    kind = next(name for name, each in KINDS.items() if type(recipe) is each)
    return {"kind": kind, **asdict(recipe)}


def _make(cls, given):
    """Makes a class of settings of a dict of anything."""
    known = names_of(cls)
    fits = isinstance(given, Mapping) and set(given) <= set(known)
    check(fits, "settings", f"those of {cls.__name__}: {', '.join(known)}", given)
    required = {each.name for each, _ in options(cls) if default_of(each) is MISSING}
    missing = sorted(required - set(given))
    check(not missing, missing[0] if missing else "", "given", None)
    return cls(**given)
