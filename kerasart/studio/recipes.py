"""`read_recipe` and `write_recipe`: what the page may ask for, as JSON.

A recipe makes its picture by the same call as the command that it shows: so that the command makes
the same picture again.
"""

from dataclasses import asdict
from typing import Any

from kerasart.settings.checks import check
from kerasart.studio.dreams import Dream
from kerasart.studio.film_recipes import FilmDream, FilmPainting, FilmPass
from kerasart.studio.paintings import OnePass, Painting
from kerasart.studio.recipe import Recipe, make_settings

KINDS: dict[str, type[Recipe]] = {
    "dream": Dream,
    "painting": Painting,
    "one_pass": OnePass,
    "dream_film": FilmDream,
    "painting_film": FilmPainting,
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
    others = {name: value for name, value in given.items() if name != "kind"}
    return make_settings(KINDS[kind], others)


def write_recipe(recipe: Recipe) -> dict[str, Any]:
    """Returns what `read_recipe` reads, of values that JSON knows."""
    kind = next(name for name, each in KINDS.items() if type(recipe) is each)
    return {"kind": kind, **asdict(recipe)}
