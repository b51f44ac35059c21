"""Makes the pictures of the studio in docs/, by Chromium.

    python tools/show_studio.py

Needs Chromium, and pip install "kerasart[browser]". Takes about a minute on two CPU cores.
"""

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import sync_playwright

from kerasart.image.samples import sample_path

ROOT = Path(__file__).parents[1]


def main():
    """Writes docs/studio.jpg and docs/studio_phone.jpg."""
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        script = [sys.executable, ROOT / "scripts" / "studio.py"]
        flags = [f"--folder={folder}", "--port=0", "--noopen"]
        process = subprocess.Popen([*script, *flags], stdout=subprocess.PIPE, text=True)
        try:
            address = re.search(r"http://\S+", process.stdout.readline())[0]
            chromium = shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            show_desktop(browser, address)
            show_phone(browser, address)
            browser.close()
        finally:
            process.terminate()
            process.wait()


def open_page(browser, address, **options):
    """Opens the studio with the photo of the coffee."""
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    page.set_input_files("#photo-file", sample_path("coffee"))
    page.wait_for_selector("#frame:not([hidden])")
    return page


def show_desktop(browser, address):
    """Makes a few pictures, and shows the page while one grows."""
    page = open_page(browser, address, viewport={"width": 1280, "height": 860})
    page.check("input[name=kind][value=one_pass]")
    page.wait_for_selector("#status[data-state=tried]")
    for style in ("mosaic", "swirling_strokes", "the_scream"):
        page.check(f"#medium input[value={style}]")
        page.locator(f"#medium input:checked:not([value={style}])").uncheck()
        count = page.locator("#works button").count()
        page.click("#make")
        page.locator("#works button").nth(count).wait_for()
    page.check("input[name=kind][value=dream]")
    page.click("#make")
    page.wait_for_selector("#picture[data-step='60']")
    save(page, "studio.jpg")
    page.click("#stop")
    page.wait_for_selector("#status[data-state=stopped]")


def show_phone(browser, address):
    """Shows the page on a phone, with a mask."""
    screen = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
    phone = {"is_mobile": True, "has_touch": True, "color_scheme": "dark"}
    page = open_page(browser, address, **screen, **phone)
    page.click("#where")
    page.wait_for_selector("#brush:not([hidden])")
    box = page.locator("#brush").bounding_box()
    page.mouse.move(box["x"] + 0.35 * box["width"], box["y"] + 0.4 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 0.35 * box["height"], steps=5)
    page.mouse.up()
    save(page, "studio_phone.jpg")


def save(page, name):
    """Writes what is to be seen."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.save(ROOT / "docs" / name, quality=82)


if __name__ == "__main__":
    main()
