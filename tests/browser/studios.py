"""A studio in a process of its own, and what tests do on its page."""

import re
import signal
import subprocess
import sys
from pathlib import Path

from kerasart.image.samples import sample_path

ROOT = Path(__file__).parents[2]


class Studio:
    """A studio in a process of its own.

    Attributes:
        folder: Where it writes.
        address: What it printed.
    """

    def __init__(self, folder, environment):
        self.folder, self._environment = folder, environment
        self.start()

    def start(self):
        flags = [f"--folder={self.folder}", "--port=0", "--noopen"]
        self._process = subprocess.Popen(
            [sys.executable, ROOT / "scripts" / "studio.py", *flags],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.address = re.search(r"http://\S+", self._process.stdout.readline())[0]

    def end(self, by=signal.SIGTERM):
        self._process.send_signal(by)
        self._process.wait(60)

    @property
    def works(self):
        """The names of what was made."""
        return {path.name for path in self.folder.glob("*.png")}


def choose_cat(page):
    page.wait_for_selector("body[data-ready]")
    page.set_input_files("#photo-file", sample_path("cat"))
    page.wait_for_selector("#frame:not([hidden])")
    page.check("input[name=size][value='384']")
    return page


def wait_for(page, *states):
    """Waits for what the status says, and returns its text."""
    selector = ", ".join(f"#status[data-state={state}]" for state in states)
    page.wait_for_selector(selector, timeout=120_000)
    return page.text_content("#status")


def draw(page, *points):
    """Draws a line with the brush, of points that are parts of its width and height."""
    box = page.locator("#brush").bounding_box()
    x, y = (
        [box[side] + part * box[length] for part in parts]
        for side, length, parts in (
            ("x", "width", [point[0] for point in points]),
            ("y", "height", [point[1] for point in points]),
        )
    )
    page.mouse.move(x[0], y[0])
    page.mouse.down()
    for place in zip(x[1:], y[1:], strict=True):
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def painted_share(page):
    """The part of the mask that is painted."""
    return page.evaluate("""() => {
      const canvas = document.querySelector("#brush");
      const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let i = 3; i < data.length; i += 4) count += data[i] > 127;
      return count / (data.length / 4);
    }""")
