"""What tests in a real browser share: Chromium, folders served, axe-core, and packages of npm.

They run by `pytest -m browser -n 2 tests/browser`, as `.ci/run` does, and need Chromium, npm, the
internet for what npm fetches the first time, and `pip install "kerasart[browser]"`. Where one of
these is missing they fail.
"""

import contextlib
import io
import shutil
import subprocess
import tarfile

import pytest
from pages import DESKTOP
from PIL import Image
from studios import Studio, choose_cat

from benchmarks.browser import serving
from kerasart.image.samples import sample_path

_TIMEOUT = 60_000  # Milliseconds: machines that test are slow, and busy.


@pytest.fixture(scope="session")
def launch():
    """A function that starts Chromium with command-line flags."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    assert path, "the tests in a browser need Chromium: apt-get install chromium"
    with sync_playwright() as playwright, contextlib.ExitStack() as stack:

        def launch(*flags):
            args = ["--no-sandbox", *flags]
            browser = playwright.chromium.launch(executable_path=path, args=args)
            return stack.enter_context(contextlib.closing(browser))

        yield launch


@pytest.fixture(scope="session")
def chromium(launch):
    """The browser, with a camera that shows a test picture."""
    return launch("--use-fake-device-for-media-stream")


@pytest.fixture
def open_page(chromium):
    """A function that opens a page as a visitor who was never there, and waits until it is loaded.

    Its keywords are those of Playwright's `new_context`. The page keeps the requests that were made
    as `requests`, and the errors that scripts did not catch and those on the console as `errors`.
    """
    with contextlib.ExitStack() as stack:

        def open_page(address, **options):
            options = {"viewport": DESKTOP, "reduced_motion": "reduce"} | options
            context = stack.enter_context(contextlib.closing(chromium.new_context(**options)))
            context.set_default_timeout(_TIMEOUT)
            page = context.new_page()
            page.requests, page.errors = [], []
            context.on("request", lambda request: page.requests.append(request.url))
            page.on("pageerror", lambda error: page.errors.append(str(error)))
            page.on(
                "console",
                lambda line: page.errors.append(line.text) if line.type == "error" else None,
            )
            page.goto(address)
            return page

        yield open_page


@pytest.fixture(scope="session")
def serve():
    """A function that serves a folder until all tests have ended; see `serving`."""
    with contextlib.ExitStack() as stack:
        yield lambda *given: stack.enter_context(serving(*given))


@pytest.fixture(scope="session")
def npm_package(pytestconfig):
    """A function that fetches a package, such as "axe-core@4.14.1", once, and returns its archive.

    Nothing of it is installed or run.
    """
    folder = pytestconfig.cache.mkdir("npm")

    def fetch(name):
        path = folder / f"{name.replace('@', '-')}.tgz"
        if not path.exists():
            subprocess.run(["npm", "pack", name, f"--pack-destination={folder}"], check=True)
        return path

    return fetch


@pytest.fixture(scope="session")
def axe(npm_package):
    """The source of axe-core, for `find_barriers`."""
    with tarfile.open(npm_package("axe-core@4.14.1")) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


@pytest.fixture(scope="module")
def studio(tmp_path_factory, environment):
    studio = Studio(tmp_path_factory.mktemp("studio"), environment)
    yield studio
    studio.end()


@pytest.fixture
def page(studio, open_page):
    """The page, at a small size of pictures, with the photo of the cat."""
    page = open_page(studio.address)
    return choose_cat(page)


@pytest.fixture
def small_page(page):
    """The page with a small photo, at the photo's own size: for what is made whole."""
    out = io.BytesIO()
    Image.open(sample_path("cat")).crop((100, 30, 260, 150)).save(out, "PNG")
    page.set_input_files(
        "#photo-file", {"name": "a.png", "mimeType": "image/png", "buffer": out.getvalue()}
    )
    page.check("input[name=size][value=photo]")
    page.get_by_text("160 × 120 pixels").wait_for()
    return page
