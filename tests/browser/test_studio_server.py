"""The studio in a real browser: its queue, its keyboard, who is kept out, and what outlives it."""

import os
import re
import signal
import time

import pytest
from studios import wait_for

from kerasart.image.samples import sample_path

pytestmark = pytest.mark.browser


def test_a_picture_is_shown_that_is_done_before_its_number_is_known(studio, small_page):
    page = small_page

    def answer_late(route):
        answer = route.fetch()
        time.sleep(2)
        route.fulfill(response=answer)

    page.check("input[name=kind][value=one_pass]")
    wait_for(page, "tried")
    page.route("**/jobs", answer_late)
    # Meanwhile nothing is told to the page: it is as if its tab were not seen.
    page.evaluate("""() => {
      const look = (isHidden) => {
        Object.defineProperty(document, "hidden", {configurable: true, value: isHidden});
        document.dispatchEvent(new Event("visibilitychange"));
      };
      look(true);
      setTimeout(() => look(false), 1000);
    }""")
    before = studio.works
    page.click("#make")
    told = wait_for(page, "done")
    (name,) = studio.works - before
    assert name in told and page.get_attribute("#save", "download") == name
    assert not page.errors


def test_a_reload_in_the_midst_and_a_queue(studio, page):
    page.check("#dreams input[value=gentle]")
    before = studio.works
    page.click("#make")
    wait_for(page, "loading", "running")
    page.check("input[name=kind][value=painting]")
    page.set_input_files("#painting-own input[type=file]", sample_path("coffee"))
    page.check("#painting-own input[type=checkbox]")
    page.click("#make")
    page.wait_for_selector("#queue li")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    wait_for(page, "running")
    assert page.locator("#queue li").text_content() == "PaintingRemove"
    assert page.is_checked("input[name=kind][value=painting]")
    page.wait_for_selector("#queue", state="hidden", timeout=120_000)
    page.wait_for_selector("#picture[data-step]", timeout=120_000)
    # What was made before is still named, and marked.
    page.get_by_text("Growing the next: step").wait_for()
    done = re.match(r"Done: (dream\S*\.png)\. Growing", page.text_content("#status"))[1]
    assert page.text_content("#works button:has(.newest)") == f"{done}Just made"
    page.click("#stop")
    wait_for(page, "stopped")
    assert len(studio.works - before) == 2
    assert not page.errors


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
        fetch("{origin}/works").then(note("read"), note("kept out"));
        fetch("{origin}/jobs", {{method: "POST", mode: "no-cors", credentials: "include",
          body: '{{"kind": "dream", "photo": "cat", "preset": "gentle"}}'}});
        </script>"""
    )
    before = studio.works
    page = open_page(studio.address)
    page.wait_for_selector("body[data-ready]")  # The browser has the cookie.
    other = page.context.new_page()
    other.goto(serve(tmp_path).address + "evil.html")
    other.wait_for_timeout(500)
    assert other.title() == "kept out"
    assert page.is_hidden("#queue") and page.get_attribute("#status", "data-state") == "idle"
    assert studio.works == before


def test_a_studio_that_was_killed_goes_on(studio, small_page, open_page):
    page = small_page
    page.check("#dreams input[value=sculpture]")
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
