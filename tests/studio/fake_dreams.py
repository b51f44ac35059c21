"""Dreams that are made of nothing, for what does not depend on how a picture is made."""

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from kerasart.image import Picture
from kerasart.progress import Progress
from kerasart.studio.recipes import Dream, Plan

PHOTO = Picture(np.full((1, 24, 32, 3), 0.5, np.float32))


@dataclass
class FakeDreams:
    """Dreams that wait at each step until they are let on.

    Attributes:
        steps: How many steps a dream has.
        pause: An event: set, steps are taken without waiting.
        drawn: How often a picture was drawn on the way.
        checkpoints: The checkpoints that dreams were given.
        error: Raised by dreams, if it is not None.
    """

    steps: int = 5
    pause: threading.Event = field(default_factory=threading.Event)
    drawn: int = 0
    checkpoints: list = field(default_factory=list)
    error: Exception | None = None

    def plan(self, recipe, sources):
        def picture():
            self.drawn += 1
            return PHOTO.image

        def result(step):
            losses = {"dream": np.zeros(step)}
            return SimpleNamespace(
                image=PHOTO.image, history=losses, settings={"seed": recipe.seed}
            )

        def make(checkpoint, on_step, on_tile):
            self.checkpoints.append(checkpoint)
            if self.error:
                raise self.error
            for step in range(1, self.steps + 1):
                checkpoint.write_text(str(step))
                try:
                    on_step(Progress(step, self.steps, (24, 32), {}, picture))
                    while not self.pause.wait(0.01):
                        on_tile(0, 1)
                except KeyboardInterrupt as error:
                    error.result = result(step)
                    raise
            return result(self.steps)

        return Plan(PHOTO, {"photo_hash": "none"}, make)


def fake_dreams(monkeypatch):
    """Makes all dreams `FakeDreams`, and returns them."""
    fakes = FakeDreams()
    monkeypatch.setattr(Dream, "plan", lambda self, sources: fakes.plan(self, sources))
    return fakes
