"""The studio in a real browser, with the real networks: as an artist uses it."""

import io
import json
import re
import shlex
import subprocess
import sys
import time

import av
import numpy as np
import pytest
from pages import PHONE, find_barriers, scrolls_sideways
from PIL import Image
from studios import ROOT, choose_cat, draw, painted_share, wait_for

from kerasart.image import read_picture
from kerasart.image.samples import sample_path
from kerasart.records import read_record

pytestmark = pytest.mark.browser


def test_a_dream_grows_and_what_was_stopped_is_kept(studio, page):
    assert page.text_content("#size-note") == "384 × 255 pixels"
    page.click("#make")
    page.wait_for_selector("#picture[data-step]", timeout=120_000)
    first = page.get_attribute("#picture", "src")
    page.wait_for_selector(f"#picture:not([src='{first}'])")
    assert "of 96 steps" in page.get_attribute("#picture", "alt")
    # Meanwhile a quick style is tried, beside its slider.
    page.check("input[name=kind][value=one_pass]")
    page.wait_for_selector("#trial:not([hidden])")
    trial = page.get_attribute("#trial img", "src")
    page.focus("#strength")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f"#trial img:not([src='{trial}'])")
    assert "of 96 steps" in page.get_attribute("#picture", "alt")
    page.click("#stop")
    told = wait_for(page, "stopped")
    (name,) = studio.works
    assert name in told and "384 × 255" in told
    assert page.is_hidden("#stop") and page.is_hidden("#trial")
    image = read_picture(studio.folder / name).image
    assert image.shape == (1, 255, 384, 3)
    assert 0 < read_record(studio.folder / name)["interrupted_after"] < 84
    assert page.locator("#works button").count() == 1
    # The photo is seen while the button is held, by pointer or key.
    page.focus("#compare")
    page.keyboard.down("Space")
    assert "/sources/" in page.get_attribute("#picture", "src")
    page.keyboard.up("Space")
    assert "/works/" in page.get_attribute("#picture", "src")
    assert not page.errors


def test_a_mask_is_painted_outlives_a_run_and_is_obeyed(studio, small_page):
    page = small_page
    page.check("#dreams input[value=gentle]")
    page.click("#where")
    page.wait_for_selector("#brush:not([hidden])")
    mask = {"name": "mask.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.set_input_files("#brush-file", mask)
    page.get_by_text("This picture cannot be shown").wait_for()
    square = io.BytesIO()
    Image.new("L", (50, 50)).save(square, "PNG")
    page.set_input_files("#brush-file", mask | {"buffer": square.getvalue()})
    page.get_by_text("The mask has another shape").wait_for()
    draw(page, (0.7, 0.3), (0.9, 0.6))
    painted = painted_share(page)
    assert 0.05 < painted < 0.4
    page.click("#brush-invert")
    assert painted_share(page) == pytest.approx(1 - painted, abs=0.01)
    page.click("#brush-undo")
    assert painted_share(page) == pytest.approx(painted, abs=0.01)
    page.click("#brush-clear")
    assert painted_share(page) == 0
    page.keyboard.press("Control+z")
    page.click("#brush-erase")
    draw(page, (0.0, 0.0), (1.0, 0.0))
    page.click("#brush-erase")
    page.click("#brush-done")
    page.wait_for_selector("#where[aria-pressed=true]")
    before = studio.works
    page.click("#make")
    wait_for(page, "done")
    (name,) = studio.works - before
    assert read_record(studio.folder / name)["mask_hash"]
    dream = np.asarray(Image.open(studio.folder / name).convert("RGB"), int)
    photo = np.asarray(Image.open(sample_path("cat")).crop((100, 30, 260, 150)), int)
    change = np.abs(dream - photo)
    assert change[:, :80].max() == 0 and change[45:60, 120:138].mean() > 8
    page.click("#where")  # It is there still.
    page.wait_for_selector("#brush:not([hidden])")
    assert painted_share(page) == pytest.approx(painted, abs=0.03)
    page.click("#brush-clear")
    page.click("#brush-done")
    page.wait_for_selector("#where[aria-pressed=false]")
    assert not page.errors


def test_a_second_finger_paints_nothing(studio, open_page):
    page = choose_cat(open_page(studio.address, viewport=PHONE, has_touch=True))
    page.click("#where")
    page.wait_for_selector("#brush:not([hidden])")
    box = page.locator("#brush").bounding_box()
    send = page.context.new_cdp_session(page).send

    def touch(kind, *points):
        places = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": finger}
            for finger, (x, y) in enumerate(points)
        ]
        send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    touch("touchStart", (0.2, 0.2))
    touch("touchMove", (0.3, 0.2))
    alone = painted_share(page)
    touch("touchStart", (0.3, 0.2), (0.8, 0.8))
    touch("touchMove", (0.3, 0.2), (0.8, 0.7))
    touch("touchEnd")
    assert 0.01 < alone == painted_share(page)


def test_two_styles_are_tried_live_and_made(studio, page):
    page.check("input[name=kind][value=one_pass]")
    wait_for(page, "tried")
    page.check("#medium input[value=mosaic]")
    page.wait_for_selector("#two:not([hidden])")
    shown = page.get_attribute("#picture", "src")
    page.focus("#mix")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f"#picture:not([src='{shown}'])")
    assert page.text_content("#mix-shown") == "55 %"
    before = studio.works
    page.click("#make")
    wait_for(page, "done")
    (name,) = studio.works - before
    assert read_record(studio.folder / name)["style"] == {"starry_night": 0.55, "mosaic": 0.45}
    page.check("input[name=together][value=levels]")
    before = studio.works
    page.click("#make")
    page.locator("#works button").nth(len(before)).wait_for()
    (name,) = studio.works - before
    expected = {"coarse": {"starry_night": 1.0}, "fine": {"mosaic": 1.0}}
    assert read_record(studio.folder / name)["style"] == expected
    assert not page.errors


@pytest.fixture
def work(studio, small_page):
    """A work that was just made, not as usual."""
    page = small_page
    page.check("#dreams input[value=gentle]")
    page.focus("#strength")
    page.keyboard.press("ArrowRight")
    before = studio.works
    page.click("#make")
    wait_for(page, "done")
    (name,) = studio.works - before
    return name


def test_a_work_is_made_again(studio, page, work):
    page.check("input[name=kind][value=painting]")
    page.locator("#works button").first.click()
    assert page.text_content("#work-title").partition(",")[0] == work
    page.click("#work summary")
    assert '"step_size": 0.0424' in page.text_content("#record")
    page.click("#work-again")
    page.wait_for_selector("input[name=kind][value=dream]:checked")
    assert page.is_checked("#dreams input[value=gentle]")
    assert page.text_content("#strength-shown") == "× 1.414"
    before = studio.works
    page.click("#make")
    page.locator("#works button").nth(len(before)).wait_for(timeout=120_000)
    (again,) = studio.works - before
    images = (read_picture(studio.folder / name).image for name in (again, work))
    np.testing.assert_array_equal(*images)
    assert not page.errors


@pytest.mark.slow  # tests/studio/test_commands.py compares other kinds of pictures.
def test_its_command_makes_a_work_again(studio, page, work, tmp_path, environment):
    page.locator("#works button").first.click()
    page.click("#work-command")
    page.wait_for_selector("#command:not([hidden])")
    program, *flags = shlex.split(page.text_content("#command pre"))
    assert program == "kerasart-deep-dream"
    script = [sys.executable, ROOT / "scripts" / "deep_dream.py"]
    subprocess.run([*script, *flags], cwd=tmp_path, env=environment, check=True)
    images = (read_picture(path).image for path in (tmp_path / "dream.png", studio.folder / work))
    np.testing.assert_array_equal(*images)


def test_a_sheet_of_variations_to_choose_from(studio, page):
    from playwright.sync_api import expect

    page.check("input[name=kind][value=one_pass]")
    page.click("#form summary")
    page.get_by_role("button", name="Strength").click()
    page.get_by_text(re.compile("A sheet: picture [1-5] of 5")).wait_for()
    assert page.is_visible("#bar")
    page.wait_for_selector("#sheet-stop", state="hidden")
    page.get_by_text("The sheet is made").wait_for()
    assert page.is_hidden("#bar")
    cards = page.locator("#sheet .gallery button")
    cards.nth(4).wait_for()
    assert page.text_content("#sheet .gallery button >> nth=1").endswith("40 %")
    cards.nth(1).click()
    assert page.text_content("#strength-shown") == "40 %"
    assert page.is_checked("input[name=size][value='384']")
    # By the gallery it is the size that is nearest to the sheet's.
    page.check("input[name=size][value='1280']")
    page.click("#small-works summary")
    page.locator("#sheet-works button").first.click()
    page.click("#work-again")
    page.wait_for_selector("input[name=size][value='384']:checked")
    expect(page.locator("#mat")).to_be_in_viewport(ratio=0.5)
    assert not page.errors


def test_a_thing_is_found_by_its_picture_and_by_some_letters(page):
    page.check("#dreams input[value=thing]")
    page.locator("#things input").nth(1).check()
    assert page.input_value("#thing") == page.locator("#things input").nth(1).get_attribute("value")
    assert page.locator("#found button").count() == 0
    page.fill("#thing", "tiger s")
    found = page.locator("#found button").all_text_contents()
    assert "tiger shark" in found and all("tiger" in name for name in found)
    page.get_by_role("button", name="tiger shark").click()
    assert page.input_value("#thing") == "tiger shark"
    assert (
        page.locator("#found button").count() == page.locator("#things input:checked").count() == 0
    )
    page.fill("#thing", "unicorn")
    page.click("#make")
    page.get_by_text("The network never learned what “unicorn” is").wait_for()


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


def test_a_trial_that_comes_late_does_not_hide_what_was_made(small_page):
    page, held = small_page, []
    page.check("input[name=kind][value=one_pass]")
    wait_for(page, "tried")
    page.route("**/try", lambda route: held.append(route))
    page.fill("#strength", "50")
    page.click("#make")
    told = wait_for(page, "done")
    with page.expect_response("**/try") as answer:
        held.pop(0).continue_()
    answer.value.finished()
    page.wait_for_timeout(200)  # For what must not come.
    assert page.text_content("#status") == told
    assert "/works/" in page.get_attribute("#picture", "src")


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


def test_a_photo_is_pasted(studio, open_page):
    page = open_page(studio.address)
    page.wait_for_selector("body[data-ready]")
    out = io.BytesIO()
    Image.new("RGB", (60, 40), "orange").save(out, "PNG")
    page.evaluate(
        """(bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "a.png", {type: "image/png"}));
          document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data}));
        }""",
        list(out.getvalue()),
    )
    page.wait_for_selector("#frame:not([hidden])")
    assert page.text_content("#size-note") == "640 × 427 pixels"
    # What is none is refused in a sentence, and the photo stays.
    page.set_input_files("#photo-file", {"name": "a.png", "mimeType": "image/png", "buffer": b"no"})
    page.wait_for_selector("#notice:not([hidden])")
    assert "cannot be read as a picture" in page.text_content("#notice")
    assert page.text_content("#size-note") == "640 × 427 pixels"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 6)


def write_clip(path, frames):
    """Writes a film that pans over the photo of the cat."""
    photo = np.asarray(Image.open(sample_path("cat")).convert("RGB"))[60:124]
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(frames):
            pixels = np.ascontiguousarray(photo[:, 130 + 2 * number :][:, :96])
            film.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        film.mux(stream.encode())
    return path


@pytest.fixture
def film_page(studio, open_page, clip):
    """The page with a film, at its own size."""
    page = open_page(studio.address)
    page.wait_for_selector("body[data-ready]")
    page.set_input_files("#photo-file", clip)
    page.wait_for_selector("#frame:not([hidden])")
    page.check("input[name=size][value=photo]")
    return page


def test_a_film_is_painted_and_played_after_a_look_at_one_frame(studio, film_page, axe):
    page = film_page
    page.check("input[name=kind][value=one_pass]")
    page.click("#form summary")
    assert find_barriers(page, axe) == []
    page.get_by_role("button", name="Strength").click()
    page.get_by_text(re.compile("A sheet: picture [1-5] of 5")).wait_for()
    page.get_by_text("The sheet is made").wait_for()
    page.locator("#sheet .gallery button").nth(1).click()
    assert page.text_content("#strength-shown") == "40 %"
    page.check("input[name=size][value=photo]")
    page.click("#make")
    assert "painted.mp4, 96 × 64" in wait_for(page, "done")
    record = json.loads((studio.folder / ".films" / "painted.mp4.json").read_text())
    assert record["strength"] == 0.4
    page.wait_for_selector("#film:not([hidden])")
    player = page.locator("#film")
    player.evaluate("film => film.play()")
    assert player.evaluate("film => film.duration") == pytest.approx(0.6, abs=0.01)
    assert page.is_hidden("#picture")
    assert find_barriers(page, axe) == []
    page.locator("#works button").first.click()
    page.wait_for_selector("#work-film:not([hidden])")
    assert find_barriers(page, axe) == []
    assert not page.errors


def test_what_is_kept_of_a_film_is_said(studio, film_page, tmp_path):
    page = film_page
    page.click("#make")
    page.click("#stop")
    assert "no film to keep" in wait_for(page, "stopped")
    whole = write_clip(tmp_path / "clip.mkv", 40).read_bytes()
    (tmp_path / "clip.mkv").write_bytes(whole[: len(whole) * 3 // 4])
    page.check("input[name=kind][value=one_pass]")
    with page.expect_response("**/films"), page.expect_response("**/try"):
        page.set_input_files("#photo-file", tmp_path / "clip.mkv")
    page.click("#make")
    told = wait_for(page, "failed")
    name = re.match(r"Stopped, and kept: (painted\S*\.mp4), 96 × 64\. The film's file", told)[1]
    page.wait_for_selector(f"#film[src*='{name}']")
    assert str(studio.folder) not in told and not page.errors


def test_a_film_is_dreamed_on(studio, film_page):
    page = film_page
    page.check("#dreams input[value=gentle]")
    page.check("input[name=form][value=gif]")
    page.click("#make")
    page.wait_for_selector("#picture[alt^='Frame ']", timeout=120_000)
    assert "frame" in wait_for(page, "running")
    assert "dream.gif, 96 × 64" in wait_for(page, "done")
    with Image.open(studio.folder / "dream.gif") as film:
        assert (film.n_frames, film.size) == (6, (96, 64))
    page.wait_for_selector("#picture[src*='dream.gif']")
    assert page.is_hidden("#compare") and page.is_hidden("#film")
    # Again, from what its record tells.
    page.check("input[name=kind][value=one_pass]")
    page.check("input[name=form][value=mp4]")
    page.locator("#works button").first.click()
    page.click("#work-command")
    page.wait_for_selector("#command:not([hidden])")
    words = shlex.split(page.text_content("#command pre"))
    assert words[0] == "kerasart-deep-dream"
    assert words[2:] == ["--preset=gentle", "--output=dream.gif"]
    page.click("#work-again")
    page.wait_for_selector("input[name=kind][value=dream]:checked")
    assert page.is_checked("input[name=form][value=gif]")
    assert page.is_visible("#form-title")  # It is a film's still.
    assert not page.errors


@pytest.mark.parametrize(
    ("view", "scheme"),
    [
        ("phone", "dark"),
        ("desktop", "light"),
        # Colours are those of a scheme in every view, and places those of a view in every scheme.
        pytest.param("phone", "light", marks=pytest.mark.slow),
        pytest.param("desktop", "dark", marks=pytest.mark.slow),
    ],
)
def test_everybody_can_use_it(studio, open_page, axe, scheme, view):
    options = {"viewport": PHONE, "has_touch": True, "is_mobile": True} if view == "phone" else {}
    page = open_page(studio.address, color_scheme=scheme, **options)
    page.wait_for_selector("body[data-ready]")

    def check():
        assert find_barriers(page, axe) == []
        assert not scrolls_sideways(page)

    check()
    choose_cat(page)
    check()
    page.check("#dreams input[value=thing]")
    page.fill("#thing", "dog")
    page.locator("#found button").first.wait_for()
    check()
    page.click("#where")
    page.wait_for_selector("#brush:not([hidden])")
    check()
    if view == "phone":  # What one paints on is seen, and the brush does not move the page.
        box = page.locator("#brush").bounding_box()
        assert -1 <= box["y"] and box["y"] + box["height"] < PHONE["height"]
    page.click("#brush-done")
    page.check("input[name=kind][value=painting]")
    check()
    page.check("input[name=kind][value=one_pass]")
    wait_for(page, "tried")
    page.check("#medium input[value=mosaic]")
    page.click("#form summary")
    check()
    page.locator("#works button").first.click()
    page.click("#work-command")
    page.click("#work summary")
    check()
    page.keyboard.press("Escape")
    assert page.is_hidden("#work")
    smallest = page.evaluate("""() => [...document.querySelectorAll("button, .button, summary")]
      .filter((each) => each.offsetParent).map((each) => each.offsetHeight)
      .reduce((least, height) => Math.min(least, height))""")
    assert smallest >= 44
