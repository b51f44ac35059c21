"""Declares settings: `option` declares one, and `settings` makes a dataclass of them.

From one declaration come the default, the validation, the attribute's line in the class docstring,
and the flag of a script (`kerasart/scripts/options.py`).
"""

import inspect
import math
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from types import NoneType
from typing import Any, TypeVar, dataclass_transform, get_args

from kerasart.settings.checks import LARGEST_INTEGER, check, is_number, is_whole

_Class = TypeVar("_Class")

# How an error message describes a value without bounds, by its type.
_PLAIN = {
    int: f"a whole number of at most {LARGEST_INTEGER}",
    float: "a finite number",
    bool: "True or False",
    str: "a text",
}


@dataclass(frozen=True)
class Option:
    """The declaration of a setting, except its name, type and default.

    Attributes:
        help: What it does, for the class docstring and --help.
        choices: The allowed strings.
        least, more_than, most, less_than: Bounds of a number.
        parse: `parse(value, name)` converts a value, which may be a flag's text, and raises
            ValueError if it is not allowed. It replaces all other checks.
        needs: It does nothing unless one of these settings is given, NAME, or has a value,
            NAME=VALUE, or another one, NAME!=VALUE.
        flag: The flag's name, if it differs from the setting's.
        group: Starts a group of flags in --help, with this one and those that follow.
    """

    help: str
    choices: tuple[str, ...] | None = None
    least: float | None = None
    more_than: float | None = None
    most: float | None = None
    less_than: float | None = None
    parse: Callable[[Any, str], Any] | None = None
    needs: tuple[str, ...] = ()
    flag: str | None = None
    group: str | None = None

    def takes(self, value: Any, kind: type) -> bool:
        """Returns whether a value is of a type and allowed."""
        if kind is NoneType:
            return value is None
        if self.choices:
            return value in self.choices
        if kind in (bool, str):
            return isinstance(value, kind)
        is_infinite = isinstance(value, float) and math.isinf(value)
        fits = is_whole(value) if kind is int else is_number(value)
        # Infinity is allowed if it is a bound itself.
        return (fits or is_infinite and value in (self.least, self.most)) and (
            (self.least is None or value >= self.least)
            and (self.more_than is None or value > self.more_than)
            and (self.most is None or value <= self.most)
            and (self.less_than is None or value < self.less_than)
        )

    def does_something(self, chosen: Any) -> bool:
        """Returns whether the other settings of an instance leave it something to do."""

        def is_met(need):
            name, equals, value = need.partition("=")
            if not equals:
                return bool(getattr(chosen, name))
            other = name.removesuffix("!")
            parse = chosen.__dataclass_fields__[other].metadata["option"].parse
            value = parse(value, other) if parse else value
            return (getattr(chosen, other) == value) != name.endswith("!")

        return not self.needs or any(map(is_met, self.needs))

    def allowed(self, kinds: tuple[type, ...]) -> str:
        """Describes the allowed values of a setting of these types, for an error message."""
        if self.choices:
            return ", ".join([*(["None"] if NoneType in kinds else []), *self.choices])
        if self.less_than is not None:
            bounds = f"from {self.least} to less than {self.less_than}"
        elif self.more_than is not None:
            upper = "" if self.most is None else f", and at most {self.most}"
            bounds = f"more than {self.more_than}{upper}"
        elif self.most is not None:
            bounds = f"from {self.least} to {self.most}"
        elif self.least is not None:
            bounds = f"at least {self.least}" if self.least else "0 or more"
        else:
            return " or ".join(_PLAIN[kind] for kind in kinds if kind is not NoneType)
        return f"{bounds}, and whole" if int in kinds else bounds


def option(default: Any, help: str, **declared: Any) -> Any:
    """Declares a setting: a field of a class decorated by `settings`.

    Args:
        default: The default, or `dataclasses.MISSING` if the setting is required.
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

    Each setting is added to the "Attributes" of the class docstring. The class's `__post_init__`,
    for rules between settings, is called after each has been checked, and after those of its bases.
    A subclass can change only the default of an inherited option, as in `steps: int = 4000`.
    """
    inherited = getattr(cls, "__dataclass_fields__", {})
    for name in inspect.get_annotations(cls):
        default = vars(cls)[name]
        if not isinstance(default, Field):
            setattr(cls, name, field(default=default, metadata=inherited[name].metadata))
    cls._check_together = vars(cls).get("__post_init__")  # type: ignore[attr-defined]

    def check_all(self):
        for each in fields(self):
            object.__setattr__(self, each.name, read_value(each, getattr(self, each.name)))
        for base in reversed(type(self).__mro__):
            if check_together := vars(base).get("_check_together"):
                check_together(self)

    cls.__post_init__ = check_all  # type: ignore[attr-defined]
    cls = dataclass(frozen=True)(cls)
    texts = (f"{each.name}: {_described(declared)}" for each, declared in options(cls))
    lines = [
        textwrap.indent(textwrap.fill(text, 92, subsequent_indent="    "), "    ") for text in texts
    ]
    cls.__doc__ = "\n".join([inspect.cleandoc(cls.__doc__ or ""), "", "Attributes:", *lines])
    return cls


def names_of(cls: type) -> tuple[str, ...]:
    """Returns the names of a class's settings."""
    return tuple(each.name for each in fields(cls))


def names_in_group(cls: type, group: str) -> tuple[str, ...]:
    """Returns the names of the settings of a group of flags."""
    names, now = [], None
    for each, declared in options(cls):
        now = declared.group or now
        if now == group:
            names.append(each.name)
    return tuple(names)


def split(cls: type[_Class], given: Mapping[str, Any]) -> tuple[_Class, dict[str, Any]]:
    """Makes a class of those keyword arguments that are its settings; returns also the others."""
    names = names_of(cls)
    own = {name: value for name, value in given.items() if name in names}
    return cls(**own), {name: value for name, value in given.items() if name not in names}


def options(cls: type) -> Iterator[tuple[Field, Option]]:
    """Yields the settings of a class: pairs of dataclass field and `Option`."""
    for each in fields(cls):
        yield each, each.metadata["option"]


def read_value(each: Field, value: Any, name: str | None = None) -> Any:
    """Parses and checks a value.

    Args:
        each: The setting's field.
        value: The value.
        name: The setting's name in the error message; by default the field's.

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
    """Returns a setting's default, or `dataclasses.MISSING` if it is required."""
    return each.default if each.default_factory is MISSING else each.default_factory()


def types_of(each: Field) -> tuple[type, ...]:
    """Returns the types that a setting's value can have, such as (int, NoneType)."""
    return get_args(each.type) or (each.type,)


def _described(declared):
    choices = ", ".join(declared.choices or ())
    return f"{declared.help} ({choices})" if choices else declared.help
