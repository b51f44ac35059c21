"""DeepDream: a photo changes until a network sees more of what it already sees in it.

Source: Mordvintsev, Olah and Tyka 2015, "Inceptionism: Going Deeper into Neural Networks".
"""

import logging
import math
from dataclasses import asdict

import numpy as np

from kerasart.backbones import Backbone, load_backbone
from kerasart.image import as_image
from kerasart.image.resize import fit_size, resize
from kerasart.objectives import Activation, Objective, TotalVariation
from kerasart.optimization import (
    Descent,
    NormalizedGradient,
    Progress,
    Result,
    check_memory,
    explain_memory_errors,
    finish,
    octave_sizes,
    random_roll,
)
from kerasart.presets import find_preset, preset_settings
from kerasart.presets.dream_settings import SETTING_NAMES, DreamSettings

_log = logging.getLogger("kerasart")


def deep_dream(
    image,
    preset="animals",
    backbone="auto",
    weights="auto",
    *,
    size=None,
    objective=None,
    precision="auto",
    seed=0,
    on_step=None,
    **settings,
):
    """Dreams on a picture.

    Args:
        image: RGB of shape (height, width, 3) or (1, height, width, 3), uint8 or float in [0, 1].
        preset: Gives the settings that are not given here. A preset that reproduces a published
            picture also brings its network.
        backbone: The network that looks: a name or "auto" (see `load_backbone`), or a `Backbone`.
        weights: Its weights (see `load_backbone`).
        size: Long side in pixels to which the picture is resized first; None keeps its own.
        objective: An `Objective` or `Term` of your own, in place of the settings' layers.
        precision: "float32", "bfloat16", or "auto": what is fast on this machine.
        seed: Seeds the jitter, and random weights: same seed, same machine, same picture.
        on_step: Called with a `Progress` after each step; on a GPU, after each block of steps.
        **settings: Any attribute of `DreamSettings`. None stands for the preset's.

    Returns:
        A `Result`.

    Raises:
        ValueError: If an argument is not allowed, or the picture is too small for the network.
        MemoryError: If the picture does not fit into memory.
        DivergedError: If a loss is not finite; its `result` is the last good picture.
        Interrupted: On Ctrl-C; its `result` is the picture so far.
    """
    image = as_image(image)
    recipe = find_preset("deep_dream", preset)
    if not isinstance(backbone, Backbone):
        name = recipe.get("backbone", "auto") if backbone == "auto" else backbone
        backbone = load_backbone(name, weights, seed)
    settings = choose_settings(recipe, backbone, settings)
    objective = dream_objective(settings) if objective is None else Objective([]) + objective
    backbone = backbone.cut(objective.layers, precision)
    size = fit_size(image.shape[1:3], size) if size else image.shape[1:3]
    sizes = _usable_octaves(size, settings, backbone)
    descent = Descent(
        backbone,
        objective,
        NormalizedGradient(settings.step_size, settings.norm, settings.floor),
        _jitter(settings.jitter),
        settings.clip,
    )
    with explain_memory_errors(size):
        image = np.clip(resize(image, size, antialias=True), 0.0, 1.0)
        dream, losses, error = _climb_octaves(image, sizes, descent, settings, seed, on_step)
    result = Result(
        dream,
        dict(zip(objective.names, losses.T, strict=True)),
        {
            "preset": preset,
            "backbone": backbone.name,
            "weights": backbone.weights,
            "weights_hash": backbone.weights_hash,
            "precision": backbone.precision,
            "seed": seed,
            **asdict(settings),
        },
    )
    return finish(result, error)


def _climb_octaves(image, sizes, descent, settings, seed, on_step):
    """Dreams from the smallest octave to the largest: large forms first, then what is in them."""
    goal = -math.inf if settings.max_loss is None else -settings.max_loss
    steps = len(sizes) * settings.steps
    histories = [np.empty((0, len(descent.objective.terms)), np.float32)]
    dream = photo = shrunk = resize(image, sizes[0], settings.antialias)
    try:
        for octave, size in enumerate(sizes):
            photo = resize(image, size, settings.antialias)
            lost_detail = photo - resize(shrunk, size)
            dream, shrunk = resize(dream, size), photo
            if settings.detail == "before":
                dream = dream + lost_detail

            first_step = octave * settings.steps
            report = _reporter(on_step, descent, first_step, steps, photo, image, settings)
            run = descent.run(dream, settings.steps, seed, first_step, goal, report)

            dream, error = run.image, run.error
            histories.append(run.losses)
            if settings.detail == "after":
                dream = dream + lost_detail
            if error:
                break
    except KeyboardInterrupt as interrupt:  # Between two octaves.
        error = interrupt
    return _full_size(dream, photo, image, settings), np.concatenate(histories), error


def _full_size(dream, photo, image, settings):
    """Brings a dream on the photo at one octave to the size of the photo itself."""
    size = image.shape[1:3]
    full = resize(dream, size, settings.antialias)
    if settings.detail != "none":
        full = full + image - resize(photo, size, settings.antialias)
    return np.clip(full, 0.0, 1.0)


def _reporter(on_step, descent, first_step, steps, photo, image, settings):
    """Makes what a descent calls after each step, or None if nobody listens."""
    if on_step is None:
        return None

    def report(state, losses):
        dream = state.image
        on_step(
            Progress(
                first_step + len(losses),
                steps,
                tuple(dream.shape[1:3]),
                dict(zip(descent.objective.names, losses[-1].tolist(), strict=True)),
                lambda: _full_size(dream, photo, image, settings),
            )
        )

    return report


def dream_objective(settings):
    """Builds what a dream wants: activations raised, and smoothness if any is asked for."""
    power = {"squared": 2, "mean": 1}[settings.activation]
    terms = [
        coefficient * Activation(layer, power, settings.border)
        for layer, coefficient in settings.layers.items()
    ]
    if settings.smoothness:
        terms.append(settings.smoothness * TotalVariation())
    return Objective(terms)


def _jitter(pixels):
    return (lambda image, seed: random_roll(image, seed, pixels)) if pixels else None


def choose_settings(recipe, backbone, given):
    """Completes the settings that were given with those of a preset, for one network.

    Args:
        recipe: The preset, as `find_preset` returns it.
        backbone: The `Backbone`.
        given: Dict of settings; None stands for the preset's.

    Returns:
        `DreamSettings`.

    Raises:
        ValueError: If a setting has no such value.
        TypeError: If there is no such setting.
    """
    for name in given:
        if name not in SETTING_NAMES:
            raise TypeError(
                f"deep_dream's settings are {', '.join(SETTING_NAMES)}. Received: {name!r}"
            )
    merged = preset_settings(recipe, backbone.name)
    merged |= {name: value for name, value in given.items() if value is not None}
    if "layers" not in merged:
        merged["layers"] = {backbone.middle_layer(): 1.0}
    return DreamSettings(**merged)


def _usable_octaves(size, settings, backbone):
    """Lists the octaves' sizes, less those too small for the network."""
    sizes = octave_sizes(size, *settings.octaves, settings.octave_scale)
    least = backbone.least_size(2 * settings.border + 1)
    usable = [octave for octave in sizes if min(octave) >= least]
    if not usable:
        raise ValueError(
            f"`image` must be at least {least}x{least} pixels in one octave for {backbone.name} "
            f"and these layers. Received: {size[1]}x{size[0]}"
        )
    if len(usable) < len(sizes):
        _log.warning(
            "%d of %d octaves left out: too small for %s, which needs %d pixels.",
            len(sizes) - len(usable),
            len(sizes),
            backbone.name,
            least,
        )
    check_memory(backbone, size, enlargement=max(usable[-1]) / max(size))
    return usable
