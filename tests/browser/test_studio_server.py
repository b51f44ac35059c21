"""The studio in a real browser: its keyboard, who is kept out, and what outlives it."""

import os
import signal

import pytest
from studios import wait_for

pytestmark = pytest.mark.browser


def test_by_keyboard_alone(studio, open_page):
    page = open_page(studio.address)
    page.wait_for_selector("body[data-ready]")

    def tab_to(selector):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
        raise AssertionError(f"{selector} is not reached")

    tab_to("#samples button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#frame:not([hidden])")
    tab_to("input[name=kind]")
    page.keyboard.press("ArrowRight")
    wait_for(page, "tried")
    tab_to("#medium input[value=the_scream]")
    page.keyboard.press("Space")
    page.wait_for_selector("#two:not([hidden])")
    assert page.evaluate("document.activeElement.value") == "the_scream"
    tab_to("#make")
    page.keyboard.press("Enter")
    wait_for(page, "done")


def test_others_are_kept_out(studio, open_page, serve, tmp_path):
    origin = studio.address.partition("/?")[0]
    (tmp_path / "evil.html").write_text(
        f"""<!doctype html><title>Evil</title><link rel="icon" href="data:,">
        <img id="a" src="{origin}/works"><iframe src="{origin}/"></iframe>
        <script>
        const note = (title) => () => {{ document.title = title; }};
        Promise.allSettled([
          fetch("{origin}/works").then(note("read"), note("kept out")),
          fetch("{origin}/jobs", {{method: "POST", mode: "no-cors", credentials: "include",
            body: '{{"kind": "dream", "photo": "cat", "preset": "gentle"}}'}}),
        ]).then(() => {{ document.body.dataset.over = ""; }});
        </script>"""
    )
    before = studio.works
    page = open_page(studio.address)
    page.wait_for_selector("body[data-ready]")  # The browser has the cookie.
    other = page.context.new_page()
    other.goto(serve(tmp_path).address + "evil.html")
    other.wait_for_selector("body[data-over]", state="attached")
    assert other.title() == "kept out"
    assert page.is_hidden("#queue") and page.get_attribute("#status", "data-state") == "idle"
    assert studio.works == before


def test_a_studio_that_was_killed_goes_on(studio, small_page, open_page):
    page = small_page
    page.check("#dreams input[value=gentle]")
    before = studio.works
    page.click("#make")
    wait_for(page, "running")
    studio.end(signal.SIGKILL)
    page.get_by_text("The studio does not answer").wait_for()
    assert page.locator("#bar").is_hidden()
    page.close()
    assert studio.works == before
    assert len(os.listdir(studio.folder / ".unfinished")) >= 1
    studio.start()
    page = open_page(studio.address)
    wait_for(page, "done")
    (name,) = studio.works - before
    assert name in page.text_content("#status")
