"""`Recipe`: what every picture needs, and its command; `Plan`: how it is made."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any, NamedTuple, TypeVar

from kerasart.image import Picture
from kerasart.image.samples import SAMPLES
from kerasart.settings.checks import LARGEST_INTEGER, check
from kerasart.settings.declare import default_of, names_of, option, options, settings
from kerasart.studio.sources import Sources, parse_source

Made = TypeVar("Made")


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


@settings
class Recipe:
    """What every picture needs."""

    program = ""
    stem = ""

    photo: str = option(MISSING, "The photo.", parse=parse_source)
    size: int | None = option(None, "Long side in pixels.", least=32, most=4096)
    seed: int = option(0, "Another number, another picture.", least=0, most=LARGEST_INTEGER)

    @property
    def output(self) -> str:
        """The name of its file."""
        return f"{self.stem}.png"

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


def parse_optional(name: object, setting: str) -> str | None:
    """Checks the name of a source that may be left out."""
    return None if name is None else parse_source(name, setting)


def make_settings(kind: type[Made], given: Any) -> Made:
    """Makes settings of a dict of anything, of anyone's.

    Raises:
        ValueError: If it is no dict, or one of its values is not allowed.
    """
    known = names_of(kind)
    fits = isinstance(given, Mapping) and set(given) <= set(known)
    check(fits, "settings", f"those of {kind.__name__}: {', '.join(known)}", given)
    required = {each.name for each, _ in options(kind) if default_of(each) is MISSING}
    missing = sorted(required - set(given))
    check(not missing, missing[0] if missing else "", "given", None)
    return kind(**given)
