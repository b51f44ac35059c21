"""`Dream`: a recipe for a dream on a photo."""

from typing import Any

import numpy as np

import kerasart
from kerasart.backbones import find_class, imagenet_labels
from kerasart.image.fingerprint import hash_image
from kerasart.settings.checks import check
from kerasart.settings.choices import (
    choose_dream_network,
    choose_dream_settings,
    suitable_preset,
)
from kerasart.settings.declare import option, settings
from kerasart.settings.presets import find_preset
from kerasart.studio.recipe import Plan, Recipe, parse_optional
from kerasart.studio.sources import Sources

# The presets that dream on a photo with the networks that are in the package.
PRESETS = ("animals", "gentle", "patterns", "sculpture", "shells", "natural", "away")


def _parse_class(name, setting):
    if name is None:
        return None
    check(isinstance(name, str), setting, "the name of a thing that the network knows", name)
    find_class(name)
    return name


@settings
class Dream(Recipe):
    """A dream on a photo."""

    program = "kerasart-deep-dream"
    stem = "dream"

    preset: str | None = option(None, "A kind of dream.", choices=PRESETS)
    class_name: str | None = option(None, "A thing to dream of.", parse=_parse_class)
    guide: str | None = option(
        None, "A picture whose features the dream takes on.", parse=parse_optional
    )
    mask: str | None = option(None, "Where to dream.", parse=parse_optional)
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
        """The preset, and the settings that differ from its own."""
        given = {"preset": self.preset, "class_name": self.class_name, "seed": self.seed}
        given |= {"step_size": self._step_size}
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
        guide, mask, told = self.read_pictures(sources)
        record = {"bits": 8, "photo_hash": hash_image(photo.image), **told}

        def make(**run):
            dreamer = kerasart.Dreamer(guide=guide, **self.given)
            return dreamer.dream(photo.image, mask, size=self.size, **run)

        return Plan(photo, record, make)

    def read_pictures(
        self, sources: Sources
    ) -> tuple[np.ndarray | None, np.ndarray | None, dict[str, Any]]:
        """Reads guide and mask: both or None, and a dict of what goes into the record."""
        guide = sources.read(self.guide).image if self.guide else None
        mask = sources.read_mask(self.mask) if self.mask else None
        hashes = {"guide_hash": hash_image(guide), "mask_hash": hash_image(mask)}
        record = {"size": self.size, **hashes}
        if self.class_name is not None:
            number = find_class(self.class_name)
            record["class"] = f"{number}: {imagenet_labels()[number]}"
        return guide, mask, record

    def _flags(self, sources):
        pictures = {"image": self.photo, "guide": self.guide}
        paths = {name: self._path(sources, each) for name, each in pictures.items() if each}
        if self.mask:
            paths["mask"] = str(sources.path(self.mask))
        values = {"preset": self.preset, "class": self.class_name, "step_size": self._step_size}
        given = paths | {name: value for name, value in values.items() if value is not None}
        return [f"--{name}={value}" for name, value in given.items()]
