"""Dreams that are made of nothing, for what does not depend on how a picture is made."""

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace

import av
import numpy as np

from kerasart.image import Picture
from kerasart.image.samples import read_sample
from kerasart.progress import Progress
from kerasart.studio.dreams import Dream
from kerasart.studio.recipe import Plan

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


def write_clip(path, frames=4):
    """Writes a small film that pans over the photo of the cat."""
    photo = (255 * read_sample("cat").image[0, 60:108]).astype(np.uint8)
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            pixels = np.ascontiguousarray(photo[:, 110 + 2 * number :][:, :64])
            film.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        film.mux(stream.encode())
    return path


def fake_dreams(monkeypatch):
    """Makes all dreams `FakeDreams`, and returns them."""
    fakes = FakeDreams()
    monkeypatch.setattr(Dream, "plan", lambda self, sources: fakes.plan(self, sources))
    return fakes
