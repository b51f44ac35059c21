"""DeepDream: gradient ascent on the activations of a network's layers, channels or classes.

Source: Mordvintsev, Olah and Tyka 2015, "Inceptionism: Going Deeper into Neural Networks".
"""

import logging
import math
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerasart.applications.dream_descent import make_descent
from kerasart.applications.dream_inputs import DreamInputs
from kerasart.backbones import Backbone, load_backbone
from kerasart.image import as_image
from kerasart.image.arrays import quantise
from kerasart.objectives import Activation, Channel, Objective, Target, dream_objective
from kerasart.optimization import (
    Checkpoint,
    Evaluator,
    Result,
    Run,
    State,
    balance,
    choose_tile,
    coarse_to_fine,
    dream_targets,
    explain_memory_errors,
    finish,
    make_record,
    open_checkpoint,
)
from kerasart.progress import Progress
from kerasart.settings.checks import check, is_number, is_whole
from kerasart.settings.choices import choose_dream_network, choose_dream_settings, suitable_preset
from kerasart.settings.execution import split_options
from kerasart.settings.presets import find_preset, merge, preset_settings

_log = logging.getLogger("kerasart")

# Images of full size that are held while one octave is made of the one before.
_IMAGES_OF_OCTAVES = 4
_BURNT_OUT = 0.1  # Of the values.


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
    **options: Any,
) -> Result:
    """Dreams on an image, or from noise or grey.

    Args:
        image: RGB of shape (height, width, 3) or (1, height, width, 3), uint8 or float in [0, 1].
            If the setting `init` is not "photo", only its size is used, and None is a square.
        preset: Supplies the settings that are not given. None chooses "guided", "class", "channel",
            "ascent" (for what goes with the ascent of pixels, such as `pyramid`) or "animals" to
            suit those that are. A preset that reproduces a published image also sets its network.
            A preset of your own is a path that ends in .json, or a dict (see
            `kerasart.settings.presets.find_preset`).
        backbone: The feature network: a name or "auto" (see `load_backbone`), or a `Backbone`.
        weights: Its weights (see `load_backbone`).
        guide: An image whose features are dreamed of (see the setting `similarity`).
        mask: Where to dream: (height, width), uint8 or float in [0, 1], of any size; None is
            everywhere. The image is unchanged where it is 0.
        size: Long side in pixels to which the image is resized first; None keeps its own.
        objective: An `Objective` or `Term` of your own, instead of that of the settings. Its layers
            choose the network if `backbone` is "auto".
        **options: Any attribute of `DreamSettings`, where None stands for the preset's value, or of
            `Execution`, such as `seed`, `tile` and `on_step`.

    Returns:
        A `Result`.

    Raises:
        ValueError: If an argument is not allowed, or the image is too small for the network.
        MemoryError: If the image does not fit into memory.
        DivergedError: If a loss is not finite; its `result` has the last good image.
        Interrupted: On Ctrl-C, or where `on_step` or `on_tile` raises KeyboardInterrupt, which ends
            a run in any thread; its `result` has the image so far.
    """
    dreamer = Dreamer(preset, backbone, weights, guide=guide, objective=objective, **options)
    return dreamer.dream(image, mask, size=size)


class Dreamer:
    """Dreams on any number of images of all sizes, such as the frames of an animation.

    The network is loaded once, and a step compiled once. Its arguments are those of `deep_dream`.

    Attributes:
        settings: The `DreamSettings`.
        execution: The `Execution`.
        backbone: The `Backbone`, cut at the layers that the objective needs.
        objective: The `Objective`.
        descent: The `Descent` that takes the steps.
        record: Dict of all settings, as in `Result.settings`.
    """

    def __init__(
        self,
        preset: str | PathLike[str] | dict | None = None,
        backbone: str | Backbone = "auto",
        weights: str = "auto",
        *,
        guide: ArrayLike | None = None,
        objective: Objective | None = None,
        **options: Any,
    ):
        self.execution, given = split_options(options)
        self._guide = None if guide is None else as_image(guide, "guide")
        is_one = objective is None or isinstance(objective, Objective)
        check(is_one, "objective", "a Term, or a sum of such", objective)
        preset = suitable_preset(given, guide) if preset is None else preset
        loaded = find_preset("deep_dream", preset)
        if not isinstance(backbone, Backbone):
            name, weights = choose_dream_network(loaded, backbone, weights, given, objective)
            merged = merge("deep_dream", preset_settings(loaded, name), given)
            needs_head = objective is None and "class_name" in merged
            backbone = load_backbone(name, weights, self.execution.seed, head=needs_head)
        self.settings = choose_dream_settings(loaded, backbone, given, guide)
        channels = self.settings.channel
        backbone.check_layers([name.rpartition(":")[0] for name in channels], "channel")
        self.objective = objective or dream_objective(self.settings, backbone)
        self.backbone = backbone.cut(self.objective.layers, self.execution.precision)
        self.descent = make_descent(self.backbone, self.objective, self.settings)
        self.record = make_record(preset, self.backbone, self.execution.seed, self.settings)

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
        """Dreams on an image.

        Args:
            image, mask, size: See `deep_dream`.
            targets: A `Target` for each term of the objective, at all sizes; None computes those of
                the settings.
            weights: A weight for each term of the objective; None uses the terms' own.
            checkpoint, on_step, on_tile: See `Execution`, for this image; None uses the dreamer's.

        Returns:
            A `Result`.

        Raises:
            ValueError, MemoryError, DivergedError, Interrupted: See `deep_dream`.
        """
        count = len(self.objective.terms)
        if targets is not None:
            listed = targets if isinstance(targets, Sequence) else [targets]
            are_all = len(listed) == count and all(isinstance(each, Target) for each in listed)
            kinds = [type(each).__name__ for each in listed]
            check(are_all, "targets", f"a Target for each term, {count}", kinds)
        if weights is not None:
            numbers = np.array(weights, object)  # Of any shape: a ragged one has no other type.
            are_all = numbers.shape == (count,) and all(map(is_number, numbers))
            check(are_all, "weights", f"a finite number for each term, {count}", weights)
        inputs = self.plan(image, mask, size)
        given = None if weights is None else np.asarray(weights)
        arrays = [inputs.image, inputs.mask, self._guide, given]
        arrays += [array for target in targets or () for array in target.guide + target.value]
        path = checkpoint or self.execution.checkpoint
        run = self.run(
            inputs,
            targets=targets,
            weights=weights,
            checkpoint=open_checkpoint(path, self.record, self.descent, arrays),
            on_step=on_step,
            on_tile=on_tile,
        )
        return finish(run, self.objective, self.record)

    def plan(
        self,
        image: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        size: int | None = None,
    ) -> DreamInputs:
        """Prepares the inputs, and chooses the tile size with which the largest octave fits.

        Args:
            image, mask, size: See `deep_dream`.

        Returns:
            A `DreamInputs`, for `run`.

        Raises:
            ValueError: See `deep_dream`.
        """
        execution = self.execution
        inputs = DreamInputs(image, mask, size, self.settings, self.backbone, execution.seed)
        self.descent.evaluator.side = choose_tile(
            self.descent,
            inputs.size,
            execution.tile,
            execution.memory,
            enlargement=max(1.0, max(inputs.sizes[-1]) / max(inputs.size)),
            images=_IMAGES_OF_OCTAVES * (len(inputs.sizes) > 1),
        )
        return inputs

    def run(
        self,
        inputs: DreamInputs,
        start: State | np.ndarray | None = None,
        first: int = 0,
        steps: int | None = None,
        *,
        targets: Sequence[Target] | None = None,
        weights: ArrayLike | None = None,
        checkpoint: Checkpoint | None = None,
        on_step: Callable[[Progress], object] | None = None,
        on_tile: Callable[[int, int], object] | None = None,
    ) -> Run:
        """Takes the steps of a dream, or of a part of one.

        Args:
            inputs: What is dreamed on, from `plan`.
            start: What to start from at the first octave: a `State`, or an image of its size,
                float32 RGB (1, height, width, 3). None: what the settings say.
            first: The first octave that is dreamed at, of those of `inputs`, from 0 on; -1 is the
                last alone.
            steps: Steps at each octave; None: the setting.
            targets, weights, on_step, on_tile: See `dream`.
            checkpoint: A `Checkpoint`, or None.

        Returns:
            A `Run`, with the error that ended it early, if one did.

        Raises:
            ValueError: If the start, the first octave or the steps are not allowed.
        """
        settings, descent, execution = self.settings, self.descent, self.execution
        descent.on_tile = on_tile or execution.on_tile
        count = len(inputs.sizes)
        is_known = is_whole(first) and -count <= first < count
        check(is_known, "first", f"the number of an octave, of {count}", first)
        octaves = range(count)[first:]
        steps = settings.steps if steps is None else steps
        check(is_whole(steps) and steps >= 1, "steps", "a whole number of 1 or more", steps)
        start = inputs.start(octaves[0]) if start is None else start
        if not isinstance(start, State):
            shape, size = np.shape(start), (1, *inputs.sizes[first], 3)
            check(shape == size, "start", f"a State, or of shape {size}", shape)

        def prepare(i, _):
            photo = inputs.photo(octaves[i])
            octave_targets = targets or dream_targets(descent.evaluator, photo, self._guide)
            return octave_targets, self.objective.weights if weights is None else weights

        def reinject_detail(state, i):
            return descent.start(inputs.enlarge(descent.to_image(state), octaves[i]))

        def to_image(state, i):
            return inputs.finish(descent.to_image(state), octaves[i])

        with explain_memory_errors(inputs.size):
            run = coarse_to_fine(
                descent,
                start,
                [inputs.sizes[octave] for octave in octaves],
                [steps] * len(octaves),
                prepare,
                enlarge=reinject_detail,
                to_image=to_image,
                goal=-math.inf if settings.max_loss is None else -settings.max_loss,
                seed=execution.seed,
                checkpoint=checkpoint,
                on_step=on_step or execution.on_step,
            )
        if weights is targets is None:  # With weights of 0 or other targets, it may be intended.
            _warn_if_inactive(self.objective.terms, run.losses)
        if settings.optimizer == "lbfgs" and settings.init == "photo":
            _warn_if_burnt_out(inputs.image, run.image)
        return run

    def balance_terms(
        self, numbers: Sequence[int], image: ArrayLike | None = None, *, size: int | None = None
    ) -> np.ndarray:
        """Finds weights with which the gradients of some terms have the same magnitude.

        Args:
            numbers: Indices of terms in the objective. The first with a gradient keeps its weight,
                and the ratios of the terms' weights remain as factors.
            image, size: See `deep_dream`.

        Returns:
            A weight for each term, a float32 vector; other terms keep theirs.

        Raises:
            ValueError: If a number is not that of a term.
        """
        count = len(self.objective.terms)
        are_known = all(is_whole(number) and 0 <= number < count for number in numbers)
        check(are_known, "numbers", f"from 0 to {count - 1}, of terms", numbers)
        numbers = list(numbers)
        photo = self.plan(image, None, size).image
        terms = [1.0 * term for term in self.objective.terms]
        for number in numbers:
            terms[number].balanced = True
        evaluator = Evaluator(self.backbone, Objective(terms), self.descent.evaluator.side)
        targets = dream_targets(evaluator, photo, self._guide)
        weights = balance(evaluator, photo, targets, self.execution.seed)
        own = self.objective.weights
        active = [number for number in numbers if weights[number]]
        if active:
            weights[numbers] *= own[active[0]] / weights[active[0]]
        # A term without a gradient, such as a channel that nothing excites yet, keeps its weight.
        return np.where(weights == 0, own, weights)


def _warn_if_burnt_out(photo, dream):
    """Logs a warning if L-BFGS, whose steps have no bound, drove much of a photo to the extremes.

    Of the values of dreams on two photos that looked burnt out it was 0.11 to 0.41, and at most
    0.08 of those by other optimizers, or of few steps.
    """
    burnt = [np.isin(quantise(image, 8), (0, 255)).mean() for image in (dream, photo)]
    if burnt[0] - burnt[1] > _BURNT_OUT:
        _log.warning(
            "The dream is burnt out: %.0f %% of its values are the least or the most. Steps of "
            "L-BFGS have no bound; those of adam have one.",
            100 * burnt[0],
        )


def _warn_if_inactive(terms, losses):
    """Logs a warning if the activations to be maximised were 0 at every step: no gradient."""
    maximised = [isinstance(term, Activation | Channel) and term.weight > 0 for term in terms]
    if any(maximised) and len(losses) and not losses[:, maximised].any():
        names = [term.name for term, is_one in zip(terms, maximised, strict=True) if is_one]
        _log.warning(
            "Nothing in the picture excites %s, so there was no gradient; dream on a photo, or "
            "with more init_noise.",
            ", ".join(names),
        )
