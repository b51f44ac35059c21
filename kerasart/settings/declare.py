"""Declares settings: `option` declares one, `settings` makes a class of them.

One declaration gives the default, the check, the attribute's line in the class's docstring, and the
flag of a script (`kerasart/scripts/options.py`).
"""

import inspect
import math
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from types import NoneType
from typing import Any, TypeVar, dataclass_transform, get_args

from kerasart.settings.checks import LARGEST_INTEGER, check, is_number, is_whole

_Class = TypeVar("_Class")

# What a value without bounds may be, by its type.
_PLAIN = {
    int: f"a whole number of at most {LARGEST_INTEGER}",
    float: "a finite number",
    bool: "True or False",
    str: "a text",
}


@dataclass(frozen=True)
class Option:
    """What is declared of a setting besides its name, type and default.

    Attributes:
        help: What it does: for the class's docstring, and for --help.
        choices: The texts that it can be.
        least, more_than, most, less_than: Bounds of a number.
        parse: `parse(value, name)` reads a value, of a flag's text too, and raises a ValueError for
            what it does not allow; it stands in place of all other checks.
        flag: The flag's name, where it is not the setting's.
        group: The group in which --help lists its flag, and those after it.
    """

    help: str
    choices: tuple[str, ...] | None = None
    least: float | None = None
    more_than: float | None = None
    most: float | None = None
    less_than: float | None = None
    parse: Callable[[Any, str], Any] | None = None
    flag: str | None = None
    group: str | None = None

    def takes(self, value: Any, kind: type) -> bool:
        """Tells whether a value is of a type, and within the bounds."""
        if kind is NoneType:
            return value is None
        if self.choices:
            return value in self.choices
        if kind in (bool, str):
            return isinstance(value, kind)
        is_endless = isinstance(value, float) and math.isinf(value)
        fits = is_whole(value) if kind is int else is_number(value)
        # An infinity is allowed where it is a bound itself.
        return (fits or is_endless and value in (self.least, self.most)) and (
            (self.least is None or value >= self.least)
            and (self.more_than is None or value > self.more_than)
            and (self.most is None or value <= self.most)
            and (self.less_than is None or value < self.less_than)
        )

    def allowed(self, kinds: tuple[type, ...]) -> str:
        """Says what values are allowed, for an error of a setting of some types."""
        if self.choices:
            return ", ".join([*(["None"] if NoneType in kinds else []), *self.choices])
        if self.less_than is not None:
            bounds = f"from {self.least} to less than {self.less_than}"
        elif self.most is not None:
            bounds = f"from {self.least} to {self.most}"
        elif self.more_than is not None:
            bounds = f"more than {self.more_than}"
        elif self.least is not None:
            bounds = f"at least {self.least}" if self.least else "0 or more"
        else:
            return " or ".join(_PLAIN[kind] for kind in kinds if kind is not NoneType)
        return f"{bounds}, and whole" if int in kinds else bounds


def option(default: Any, help: str, **declared: Any) -> Any:
    """Declares a setting, as a field of a class that `settings` decorates.

    Args:
        default: Its value if none is given; `dataclasses.MISSING` if one must be.
        help: What it does.
        **declared: Other attributes of `Option`.
    """
    metadata = {"option": Option(help, **declared)}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass_transform(frozen_default=True)
def settings(cls: type[_Class]) -> type[_Class]:
    """Makes a frozen dataclass of declared settings, which parses and checks them.

    Its docstring gets an attribute for each. Its own `__post_init__` is called after they are
    checked one by one, for rules between them. It may give an option of its base another default by
    assignment alone, as in `steps: int = 4000`.
    """
    inherited = getattr(cls, "__dataclass_fields__", {})
    for name in inspect.get_annotations(cls):
        default = vars(cls)[name]
        if not isinstance(default, Field):
            setattr(cls, name, field(default=default, metadata=inherited[name].metadata))
    check_together = vars(cls).get("__post_init__", lambda self: None)

    def check_all(self):
        for each in fields(self):
            object.__setattr__(self, each.name, read_value(each, getattr(self, each.name)))
        check_together(self)

    cls.__post_init__ = check_all  # type: ignore[attr-defined]
    cls = dataclass(frozen=True)(cls)
    told = (f"{each.name}: {_described(declared)}" for each, declared in options(cls))
    lines = [
        textwrap.indent(textwrap.fill(text, 92, subsequent_indent="    "), "    ") for text in told
    ]
    cls.__doc__ = "\n".join([inspect.cleandoc(cls.__doc__ or ""), "", "Attributes:", *lines])
    return cls


def names_of(cls: type) -> tuple[str, ...]:
    """Lists the names of a class's settings."""
    return tuple(each.name for each in fields(cls))


def options(cls: type) -> Iterator[tuple[Field, Option]]:
    """Lists the settings of a class: pairs of the field and what is declared of it."""
    for each in fields(cls):
        yield each, each.metadata["option"]


def read_value(each: Field, value: Any, name: str | None = None) -> Any:
    """Parses and checks a value.

    Args:
        each: The field of the setting.
        value: The value.
        name: What the setting is called where the value is refused; None for its own name.

    Returns:
        The value, parsed.

    Raises:
        ValueError: If it is not allowed.
    """
    declared, name = each.metadata["option"], name or each.name
    if declared.parse:
        return declared.parse(value, name)
    kinds = types_of(each)
    check(any(declared.takes(value, kind) for kind in kinds), name, declared.allowed(kinds), value)
    return value


def default_of(each: Field) -> Any:
    """Finds a setting's default; `dataclasses.MISSING` where it has none."""
    return each.default if each.default_factory is MISSING else each.default_factory()


def types_of(each: Field) -> tuple[type, ...]:
    """Lists the types that a setting can have, such as (int, NoneType)."""
    return get_args(each.type) or (each.type,)


def _described(declared):
    named = ", ".join(declared.choices or ())
    return f"{declared.help} ({named})" if named else declared.help
