"""Times an exported page in Chromium: seconds of the clock and of the processor for a picture.

    npm pack onnxruntime-web@1.30.0 && python scripts/export.py --model=small --format=web
    python -m benchmarks.browser --page=small_web
    python -m benchmarks.browser --page=small_web --sides=256,512 --rounds=10

It needs `pip install "kerasart[browser,onnx]"` and Chromium. The page paints by WebAssembly, once
without and once with the headers that let it use several threads; ONNX Runtime in Python paints by
the same file, in one thread. Rows are measured in turns. The best time is that of a machine that is
free; seconds of the processor, of all that the browser runs, say more of one that is not. Above the
table stands what a first visit loads: as it is, and as gzip compresses it.
"""

import contextlib
import functools
import gzip
import http.server
import shutil
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.measure import describe_machine, make_parser, markdown_table

_ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
_WARMUPS = 12  # A browser compiles in the background what is used often.
_PAINT = """async (side) => {
  if (!window.painter) {
    const { Painter } = await import("./painter.js");
    window.styles = (await (await fetch("styles.json")).json()).styles.length;
    window.painter = new Painter();
  }
  const picture = new ImageData(side, side);
  picture.data.forEach((_, at) => (picture.data[at] = at % 4 === 3 ? 255 : (at * 7919) % 251));
  const bitmap = await createImageBitmap(picture);
  const values = new Float32Array(styles).fill(1 / styles);
  const style = { name: "style_weights", values, shape: [1, styles] };
  const begin = performance.now();
  await painter.paint({ bitmap, style, strength: 1 });
  return (performance.now() - begin) / 1000;
}"""


def main():
    """Runs the benchmark and prints its table."""
    parser = make_parser("benchmarks.browser", __doc__)
    parser.add_argument("--page", type=Path, required=True, help="the folder that was exported")
    parser.add_argument("--sides", default="256", help="sides of the pictures, in pixels")
    parser.add_argument("--rounds", type=int, default=30, help="how often each row is measured")
    options = parser.parse_args()
    sides = [int(side) for side in options.sides.split(",")]
    asked = set()
    with contextlib.ExitStack() as stack:
        painters = open_painters(options.page, stack, asked)
        found = measure(painters, sides, options.rounds)
    print(f"{options.page}, on {describe_machine()}.\n")
    print(f"{describe_visit(options.page, asked)}\n")
    print(format_table(found))


def open_painters(page, stack, asked):
    """Opens all that paints: a dict of names to functions of a side, which return two times.

    Adds to the set `asked` the files that the page asks for.
    """
    from playwright.sync_api import sync_playwright

    playwright = stack.enter_context(sync_playwright())
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox"]
    )
    stack.callback(browser.close)
    monitor = browser.new_browser_cdp_session()
    painters = {"Python, 1 thread": open_onnx(page / "model.onnx")}
    for name, headers in {"page, 1 thread": {}, "page, threads": _ISOLATED}.items():
        tab = browser.new_page(service_workers="block")
        tab.set_default_timeout(300_000)
        tab.on("request", lambda request: asked.add(urlsplit(request.url).path[1:]))
        tab.goto(stack.enter_context(serving(page, headers)).address)
        tab.wait_for_selector("#picture[aria-busy=false]")
        painters[name] = functools.partial(paint_in, tab, monitor)
    return painters


def describe_visit(page, asked):
    """Says what a first visit loads: the page, and what it asked for of what paints (`runtime`)."""
    runtime = [page / name for name in asked if name.startswith("runtime/")]
    rest = [path for path in page.rglob("*") if path.is_file() and path.parent.name != "runtime"]
    files = [path.read_bytes() for path in (*rest, *runtime)]
    packed = [len(gzip.compress(data)) / 1e6 for data in files]
    return (
        f"A first visit loads {sum(map(len, files)) / 1e6:.1f} MB, {sum(packed):.2f} compressed, "
        f"of which {sum(packed[: len(rest)]):.2f} are not what paints."
    )


@contextlib.contextmanager
def serving(folder, headers=None):
    """Serves a folder as a plain host does while the block runs; the server's `address` is where.

    Args:
        folder: The folder.
        headers: Dict of headers that are sent with each answer, or None.
    """

    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self):
            for each in (headers or {}).items():
                self.send_header(*each)
            super().end_headers()

        def log_message(self, *given):
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.address = f"http://127.0.0.1:{server.server_port}/"
        yield server
        server.shutdown()


def paint_in(tab, monitor, side):
    """Paints in a tab: seconds of the clock, and of all the browser's processes."""

    def processor():
        return sum(
            each["cpuTime"] for each in monitor.send("SystemInfo.getProcessInfo")["processInfo"]
        )

    before = processor()
    seconds = tab.evaluate(_PAINT, side)
    return seconds, processor() - before


def open_onnx(path):
    """Opens an ONNX file in Python; returns what paints as `paint_in` does."""
    import numpy as np
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, settings)
    styles = {each.name: each.shape for each in session.get_inputs()}["style_weights"][1]
    weights = np.full((1, styles), 1 / styles, np.float32)

    def paint(side):
        image = np.random.default_rng(0).random((1, side, side, 3), np.float32)
        inputs = {"image": image, "style_weights": weights, "strength": np.ones(1, np.float32)}
        before = time.perf_counter(), time.process_time()
        session.run(None, inputs)
        return time.perf_counter() - before[0], time.process_time() - before[1]

    return paint


def measure(painters, sides, rounds, warmups=_WARMUPS):
    """Paints in turns: a dict of (side, name) to the list of what each picture took."""
    found = {(side, name): [] for side in sides for name in painters}
    for side in sides:
        for number in range(-warmups, rounds):
            for name, paint in painters.items():
                taken = paint(side)
                if number >= 0:
                    found[side, name].append(taken)
    return found


def format_table(found):
    """Makes the table of what `measure` found."""
    rows = []
    for (side, name), taken in found.items():
        best = min(seconds for seconds, _ in taken)
        processor = sum(seconds for _, seconds in taken) / len(taken)
        rows.append([f"{side}x{side}", name, f"{best:.3f}", f"{1 / best:.1f}", f"{processor:.3f}"])
    header = ["size", "by", "best, s", "pictures/s", "processor, s, mean"]
    return markdown_table(header, rows)


if __name__ == "__main__":
    main()
