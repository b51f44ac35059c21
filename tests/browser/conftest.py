"""What tests in a real browser share: Chromium, folders served, axe-core, and packages of npm.

They run by `pytest -m browser -n 2 tests/browser`, as `.ci/run` does, and need Chromium, npm, the
internet for what npm fetches the first time, and `pip install "kerasart[browser]"`. Where one of
these is missing they fail.
"""

import contextlib
import http.server
import shutil
import subprocess
import tarfile
import threading

import pytest
from pages import DESKTOP

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
    """A function that serves a folder as a plain host does, and returns the server.

    Its `address` is where; `headers` are sent with each answer.
    """
    servers = []

    def serve(folder, headers=None):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *given):
                super().__init__(*given, directory=str(folder))

            def end_headers(self):
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                super().end_headers()

            def log_message(self, *given):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.address = f"http://127.0.0.1:{server.server_port}/"
        return server

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


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
