"""DeepDream: a picture changes until a network sees more of what is wanted of it.

Source: Mordvintsev, Olah and Tyka 2015, "Inceptionism: Going Deeper into Neural Networks".
"""

import functools
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerasart.backbones import Backbone, load_backbone
from kerasart.image import as_image
from kerasart.image.arrays import fit_size
from kerasart.image.masks import fit_mask
from kerasart.image.resizing import resize, resize_photo
from kerasart.objectives import Activation, Channel, Objective, Target, dream_objective
from kerasart.optimization import (
    LBFGS,
    Adam,
    Descent,
    Evaluator,
    Fourier,
    GradientFilters,
    NormalizedGradient,
    Result,
    Transforms,
    balance,
    choose_tile,
    coarse_to_fine,
    dream_targets,
    explain_memory_errors,
    finish,
    noise_picture,
    octave_sizes,
    open_checkpoint,
)
from kerasart.progress import Progress
from kerasart.settings.checks import check_seed
from kerasart.settings.presets import (
    choose_dream_network,
    choose_dream_settings,
    find_preset,
    merge,
    preset_name,
    preset_settings,
    suitable_preset,
)

_log = logging.getLogger("kerasart")

# Long side of a picture that starts from nothing, if none is given.
_SIZE = 512


def deep_dream(
    image: ArrayLike | None = None,
    preset: str | PathLike[str] | dict | None = None,
    backbone: str | Backbone = "auto",
    weights: str = "auto",
    *,
    guide: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    size: int | None = None,
    objective: Objective | None = None,
    precision: str = "auto",
    seed: int = 0,
    tile: int | str = "auto",
    memory: float | None = None,
    checkpoint: str | PathLike[str] | None = None,
    on_step: Callable[[Progress], object] | None = None,
    on_tile: Callable[[int, int], object] | None = None,
    **settings: Any,
) -> Result:
    """Dreams on a picture, or on nothing.

    Args:
        image: RGB of shape (height, width, 3) or (1, height, width, 3), uint8 or float in [0, 1].
            Where the dream starts from nothing (the setting `init`), only its size counts, and
            None is a square.
        preset: Gives the settings that are not given here. None chooses what suits the others:
            "guided", "class", "channel" or "animals". A preset that reproduces a published picture
            also brings its network. One of your own is a path that ends in .json, or a dict (see
            `kerasart.settings.presets.find_preset`).
        backbone: The feature network: a name or "auto" (see `load_backbone`), or a `Backbone`.
        weights: Its weights (see `load_backbone`).
        guide: Another picture, whose features are dreamed of (see the setting `similarity`).
        mask: Where to dream: (height, width), uint8 or float in [0, 1], of any size; None is
            everywhere. Where it is 0 the picture stays as it is.
        size: Long side in pixels to which the picture is resized first; None keeps its own.
        objective: An `Objective` or `Term` of your own, in place of what the settings want. Its
            layers choose the network, where `backbone` is "auto".
        precision: "float32", "bfloat16", or "auto": what is fast on this machine.
        seed: Seeds all that is random, also random weights: same seed, same machine, same picture.
        tile: Side in pixels of the tiles in which larger pictures are looked at, in less memory:
            networks that see far then dream a little otherwise; "auto" chooses the largest that
            fit, "none" evaluates all as a whole.
        memory: What may be used, in GiB; None is what the machine has free.
        checkpoint: A path at which the state of the run is kept. If there is one, of a run with
            the same pictures and settings, this run resumes from it and ends in the same picture.
            It is yours to delete.
        on_step: Called with a `Progress` after each step; on a GPU, after each block of steps.
        on_tile: `on_tile(done, count)`, called after each evaluation of a tile of a step.
        **settings: Any attribute of `DreamSettings`. None stands for the preset's.

    Returns:
        A `Result`.

    Raises:
        ValueError: If an argument is not allowed, or the picture is too small for the network.
        MemoryError: If the picture does not fit into memory.
        DivergedError: If a loss is not finite; its `result` is the last good picture.
        Interrupted: On Ctrl-C; its `result` is the picture so far.
    """
    dreamer = Dreamer(
        preset,
        backbone,
        weights,
        guide=guide,
        objective=objective,
        precision=precision,
        seed=seed,
        tile=tile,
        memory=memory,
        **settings,
    )
    return dreamer.dream(
        image, mask, size=size, checkpoint=checkpoint, on_step=on_step, on_tile=on_tile
    )


class Dreamer:
    """A dream made ready: the network, what is wanted of it, and a step that is compiled once.

    It dreams on any number of pictures of all sizes, such as the frames of an animation. Its
    arguments are those of `deep_dream`.

    Attributes:
        settings: The `DreamSettings`.
        backbone: The `Backbone`, cut at the layers that the objective needs.
        objective: The `Objective`.
        descent: The `Descent` that takes the steps.
        record: Dict of all that was set, as in `Result.settings`.
    """

    def __init__(
        self,
        preset: str | PathLike[str] | dict | None = None,
        backbone: str | Backbone = "auto",
        weights: str = "auto",
        *,
        guide: ArrayLike | None = None,
        objective: Objective | None = None,
        precision: str = "auto",
        seed: int = 0,
        tile: int | str = "auto",
        memory: float | None = None,
        **settings: Any,
    ):
        check_seed(seed)
        self._guide = None if guide is None else as_image(guide, "guide")
        preset = preset or suitable_preset(settings, guide)
        recipe = find_preset("deep_dream", preset)
        if not isinstance(backbone, Backbone):
            name, weights = choose_dream_network(recipe, backbone, weights, settings, objective)
            merged = merge("deep_dream", preset_settings(recipe, name), settings)
            wants_class = objective is None and "class_name" in merged
            backbone = load_backbone(name, weights, seed, head=wants_class)
        self.settings = choose_dream_settings(recipe, backbone, settings, guide)
        self.objective = objective or dream_objective(self.settings, backbone)
        self.backbone = backbone.cut(self.objective.layers, precision)
        self.descent = _make_descent(self.backbone, self.objective, self.settings)
        self._tiling = tile, memory
        self._seed = seed
        self.record = {
            "preset": preset_name(preset),
            "backbone": backbone.name,
            "weights": backbone.weights,
            "weights_hash": backbone.weights_hash,
            "precision": self.backbone.precision,
            "seed": seed,
            **asdict(self.settings),
        }

    def dream(
        self,
        image: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        *,
        size: int | None = None,
        targets: Sequence[Target] | None = None,
        weights: ArrayLike | None = None,
        checkpoint: str | PathLike[str] | None = None,
        on_step: Callable[[Progress], object] | None = None,
        on_tile: Callable[[int, int], object] | None = None,
    ) -> Result:
        """Dreams on a picture.

        Args:
            image, mask, size, checkpoint, on_step, on_tile: As in `deep_dream`.
            targets: A `Target` for each term of the objective, at all sizes; None stands for what
                the settings compare with.
            weights: A weight for each term of the objective; None stands for the terms' own.

        Returns:
            A `Result`.

        Raises:
            ValueError, MemoryError, DivergedError, Interrupted: As `deep_dream`.
        """
        settings, descent = self.settings, self.descent
        own_size = None if image is None else as_image(image).shape[1:3]
        image = self._first_picture(image, size)
        size = image.shape[1:3]
        mask = None if mask is None else fit_mask(mask, own_size or size, "mask")
        sizes = _usable_octaves(size, settings, self.backbone)
        given = [image, mask, self._guide, weights]
        given += [array for target in targets or () for array in target.guide + target.value]
        optimizer = descent.optimizer
        checkpoint = open_checkpoint(checkpoint, self.record, self.objective, optimizer, given)
        descent.on_tile = on_tile

        @functools.lru_cache(maxsize=2)
        def photo(octave):
            return resize(image, sizes[octave], settings.antialias)

        def lost_detail(octave):
            """What the photo at the octave before does not show."""
            smaller = photo(max(octave - 1, 0))
            return photo(octave) - resize(smaller, sizes[octave])

        def dream_of(state, octave):
            dream = descent.picture(state)
            if settings.detail == "after":
                dream = dream + lost_detail(octave)
            return _keep_to(mask, dream, photo(octave))

        def reinject_detail(state, octave):
            dream = resize(dream_of(state, octave - 1), sizes[octave])
            if settings.detail == "before":
                dream = dream + lost_detail(octave)
            return descent.start(dream)

        def prepare(octave, _):
            compared = targets or dream_targets(descent.evaluator, photo(octave), self._guide)
            return compared, self.objective.weights if weights is None else weights

        def show(state, octave):
            return _full_size(dream_of(state, octave), photo(octave), image, mask, settings)

        with explain_memory_errors(size):
            run = coarse_to_fine(
                descent,
                _add_noise(photo(0), settings.init_noise, self._seed),
                sizes,
                [settings.steps] * len(sizes),
                prepare,
                enlarge=reinject_detail,
                show=show,
                goal=-math.inf if settings.max_loss is None else -settings.max_loss,
                seed=self._seed,
                checkpoint=checkpoint,
                on_step=on_step,
            )
        if weights is targets is None:  # Else some may be switched off, or other ones.
            _warn_of_silence(self.objective.terms, run.losses)
        return finish(
            Result(run.image, self.objective.by_name(run.losses.T), self.record), run.error
        )

    def balance_terms(
        self, numbers: Sequence[int], image: ArrayLike | None = None, *, size: int | None = None
    ) -> np.ndarray:
        """Finds weights with which some terms pull at a picture as hard as the first of them.

        Args:
            numbers: Numbers of terms in the objective; their own weights count in proportion.
            image, size: As in `deep_dream`.

        Returns:
            A float32 vector of a weight for each term; the others keep their own.
        """
        image = self._first_picture(image, size)
        terms = [1.0 * term for term in self.objective.terms]
        for number in numbers:
            terms[number].balanced = True
        evaluator = Evaluator(self.backbone, Objective(terms), self.descent.evaluator.side)
        targets = dream_targets(evaluator, image, self._guide)
        weights = balance(evaluator, image, targets, self._seed)
        own = self.objective.weights
        pulling = [number for number in numbers if weights[number]]
        if pulling:
            weights[numbers] *= own[pulling[0]] / weights[pulling[0]]
        # What does not pull here, such as a channel that nothing excites yet, keeps its own.
        return np.where(weights == 0, own, weights)

    def _first_picture(self, image, size):
        """Brings the picture to its size, or makes one from nothing."""
        init = self.settings.init
        if image is None and init == "photo":
            raise ValueError("`image` must be given where `init` is photo. Received: None")
        if image is not None:
            image = as_image(image)
            size = fit_size(image.shape[1:3], size) if size else image.shape[1:3]
        else:
            size = (size or _SIZE,) * 2
        octaves = octave_sizes(size, *self.settings.octaves, self.settings.octave_scale)
        scale = max(1.0, max(octaves[-1]) / max(size))
        held = self.descent.optimizer.pictures
        self.descent.evaluator.side = choose_tile(
            self.backbone, size, *self._tiling, enlargement=scale, pictures=held
        )
        if init == "photo":
            return resize_photo(image, size)
        if init == "noise":
            return noise_picture(size, self._seed)
        return np.full((1, *size, 3), 0.5, np.float32)


def _warn_of_silence(terms, losses):
    """Tells if nothing that is wanted was excited at any step: then no gradient leads to it."""
    wanted = [isinstance(term, Activation | Channel) and term.weight > 0 for term in terms]
    if any(wanted) and len(losses) and not losses[:, wanted].any():
        names = [term.name for term, is_wanted in zip(terms, wanted, strict=True) if is_wanted]
        _log.warning(
            "Nothing in the picture excites %s, so nothing led further; dream on a photo, or with "
            "more init_noise.",
            ", ".join(names),
        )


def _add_noise(image, deviation, seed):
    if not deviation:
        return image
    noise = np.random.default_rng(seed).normal(0.0, deviation, image.shape)
    return np.clip(image + noise, 0.0, 1.0).astype(np.float32)


def _keep_to(mask, dream, photo):
    """Keeps a dream to where its mask is, softly."""
    if mask is None:
        return dream
    return photo + resize(mask, photo.shape[1:3], antialias=True) * (dream - photo)


def _full_size(dream, photo, image, mask, settings):
    """Brings a dream on the photo at one octave to the size of the photo itself."""
    size = image.shape[1:3]
    full = resize(dream, size, settings.antialias)
    if settings.detail != "none":
        full = full + image - resize(photo, size, settings.antialias)
    return np.clip(_keep_to(mask, full, image), 0.0, 1.0)


def _make_descent(backbone, objective, settings):
    """Makes the descent that settings describe."""
    if settings.optimizer == "adam":
        optimizer = Adam(settings.step_size, beta_2=0.999)
    elif settings.optimizer == "lbfgs":
        optimizer = LBFGS()
    else:
        optimizer = NormalizedGradient(settings.step_size, settings.norm, settings.floor)
    transforms = Transforms(
        settings.pad, settings.jitter, settings.scaling, settings.rotation, settings.final_jitter
    )

    return Descent(
        backbone,
        objective,
        optimizer,
        transforms,
        settings.clip,
        parameterization=Fourier() if settings.parameterization == "fourier" else None,
        shape_gradient=GradientFilters(settings.pyramid, settings.blur),
        reuse=True,
    )


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
    return usable
