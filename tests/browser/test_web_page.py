"""The page that `export_web` writes paints in a browser as the network does, and sends nothing."""

import base64
import io
import shutil

import numpy as np
import pytest
from pages import PHONE, find_barriers, scrolls_sideways
from PIL import Image

from kerasart.export.web_format import MANNERS, export_web
from kerasart.image.samples import read_sample, sample_path
from kerasart.levels import LEVELS
from kerasart.networks import load_network
from kerasart.settings.manner import Manner

pytestmark = pytest.mark.browser

READY = "#picture[aria-busy=false]"
OUTLINE = """getComputedStyle(document.activeElement.closest(".style, .button")
  ?? document.activeElement).outlineStyle"""
STYLES = ("mosaic", "ink_hatching", "shipwreck")


@pytest.fixture(scope="module")
def network():
    return load_network("small")


@pytest.fixture(scope="module")
def export(npm_package, tmp_path_factory):
    """A function that writes the page of a network, with a small photo to begin with."""

    def export(network):
        folder = tmp_path_factory.mktemp("web") / "site"
        export_web(network, folder, npm_package("onnxruntime-web@1.30.0"))
        make_photo(width=120, height=80).save(folder / "sample.jpg")
        return folder

    return export


@pytest.fixture(scope="module")
def site(network, export):
    return export(network)


@pytest.fixture(scope="module")
def address(site, serve):
    return serve(site).address


@pytest.fixture
def visit(open_page, address):
    """A function that opens the page, and waits until it has painted its own photo."""

    def visit(address=address, **options):
        page = open_page(address, **options)
        page.wait_for_selector(READY)
        return page

    return visit


def make_photo(mode="RGB", width=203, height=150):
    pixels = (255 * read_sample("cat").image[0]).astype(np.uint8)
    picture = Image.fromarray(pixels).crop((60, 40, 60 + width, 40 + height)).convert(mode)
    if mode == "RGBA":
        alpha = np.full((height, width), 255, np.uint8)
        alpha[:40, :60] = 0
        picture.putalpha(Image.fromarray(alpha))
    return picture


def encode(picture, format="PNG", **options):
    data = io.BytesIO()
    picture.save(data, format, **options)
    return data.getvalue()


def choose(page, data, name="photo.png"):
    page.set_input_files("#file", {"name": name, "mimeType": "image/*", "buffer": data})
    page.wait_for_selector(READY)


def painted(page):
    """What is shown, as (height, width, 4)."""
    url = page.evaluate("document.querySelector('#painting').toDataURL()")
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as picture:
        return np.asarray(picture.convert("RGBA")).astype(int)


def paint(network, picture, weights, strength=1.0):
    """What the network makes of it, in [0, 255]."""
    image = np.asarray(picture.convert("RGB"), np.float32)[None] / 255
    weights = np.asarray(weights, np.float32)[None]
    return 255 * np.asarray(network(image, weights, np.float32([strength])))[0]


def slide(page, name, value):
    page.locator(name).fill(str(value))
    page.wait_for_selector(READY)


def test_it_paints_as_the_network_and_asks_nobody(visit, network, address):
    page = visit()
    asked = len(page.requests)
    assert asked > 10 and all(each.startswith(address) for each in page.requests)
    photo = make_photo()
    choose(page, encode(photo))
    page.get_by_label("Mosaic").first.check()
    page.wait_for_selector(READY)
    mosaic, hatching, wreck = (
        np.eye(1, len(network.styles), network.styles.index(name))[0] for name in STYLES
    )
    shown = painted(page)
    assert np.abs(shown[..., :3] - paint(network, photo, mosaic)).max() <= 1
    assert (shown[..., 3] == 255).all() and shown[..., :3].std() > 20

    page.get_by_text("Mix styles").click()
    assert page.locator("#share").is_disabled()  # There is no second style to share with.
    page.get_by_label("A second style").select_option("Ink hatching")
    slide(page, "#share", 30)
    page.get_by_label("Colours").select_option("Shipwreck")
    slide(page, "#strength", 80)
    mixture = 0.7 * mosaic + 0.3 * hatching
    expected = paint(network, photo, [mixture, mixture, wreck], 0.8)
    assert np.abs(painted(page)[..., :3] - expected).max() <= 1

    slide(page, "#strength", 0)
    np.testing.assert_array_equal(painted(page)[..., :3], np.asarray(photo))
    with page.expect_download():
        page.get_by_role("button", name="Save").click()
    assert len(page.requests) == asked and not page.errors


def test_it_may_ask_nobody(visit, site, serve):
    elsewhere = serve(site, {"Access-Control-Allow-Origin": "*"}).address
    page = visit()
    ask = "(url) => fetch(url).then(({ ok }) => ok, (error) => error.name)"
    (worker,) = (each for each in page.workers if each.url.endswith("/worker.js"))
    for place in (page, worker):
        assert place.evaluate(ask, elsewhere + "styles.json") == "TypeError"
        assert place.evaluate(ask, page.url + "styles.json") is True
    assert any("Content Security Policy" in error for error in page.errors)


def test_what_is_saved_is_whole_upright_and_says_nothing_of_the_photo(visit):
    page = visit()
    wide = make_photo().resize((760, 560))  # Larger than it is shown.
    exif = Image.Exif()
    exif[0x0112] = 6  # To be turned by a quarter.
    exif[0x010F] = "A maker"
    exif.get_ifd(0x8825)[1] = "N"
    choose(page, encode(wide, "JPEG", exif=exif), "holiday.jpg")
    camera = page.get_by_role("button", name="Camera")
    with page.expect_download() as download:
        page.evaluate("document.getElementById('save').click()")
        assert camera.is_disabled()  # It would begin once the picture is saved.
    page.wait_for_selector("#camera:enabled")
    assert download.value.suggested_filename == "holiday, Starry night.jpg"
    with Image.open(download.value.path()) as saved:
        assert saved.size == (560, 760) and saved.format == "JPEG"
        assert "exif" not in saved.info and not saved.getexif()
        pixels = np.asarray(saved).astype(int)
    assert np.abs(pixels - painted(page)[..., :3]).mean() < 4

    transparent = make_photo("RGBA")
    choose(page, encode(transparent))
    with page.expect_download() as download:
        page.get_by_role("button", name="Save").click()
    with Image.open(download.value.path()) as saved:
        assert saved.format == "PNG"
        np.testing.assert_array_equal(np.asarray(saved)[..., 3], np.asarray(transparent)[..., 3])


def test_photos_are_dropped_and_pasted(visit):
    page = visit()
    code = """([kind, data]) => {
      const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt());
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], `${kind}.png`));
      const event = kind === "drop"
        ? new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true })
        : new ClipboardEvent(kind, { clipboardData: transfer, bubbles: true });
      document.querySelector("#frame").dispatchEvent(event);
      return event.defaultPrevented; }"""
    for kind, width in (("drop", 90), ("paste", 80)):
        data = base64.b64encode(encode(make_photo(width=width))).decode()
        assert page.evaluate(code, [kind, data]) is (kind == "drop")  # Else it would be opened.
        page.wait_for_selector(READY)
        assert painted(page).shape[1] == width
        assert page.get_by_role("img", name=f"{kind}.png, painted: Starry night").is_visible()


def test_the_camera_is_painted_live_and_a_picture_of_it_taken(visit):
    page = visit(permissions=["camera"])
    before = painted(page)
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("img", name="What the camera sees, painted").wait_for()
    first = painted(page)
    assert first.shape != before.shape and first[..., :3].std() > 20
    url = "document.querySelector('#painting').toDataURL()"
    page.wait_for_function(f"(first) => {url} !== first", arg=page.evaluate(url))  # It moves.
    page.get_by_role("button", name="Take this picture").click()
    page.get_by_role("img", name="A picture of the camera, painted").wait_for()
    page.wait_for_selector(READY)
    assert page.get_by_role("button", name="Take this picture").is_hidden()
    assert page.locator("#trouble").inner_text() == "" and not page.errors


def test_a_camera_that_is_asked_for_twice_is_off_once_it_is_stopped(visit):
    page = visit(permissions=["camera"])
    page.evaluate("""async () => {
        window.tracks = [];
        const devices = navigator.mediaDevices, ask = devices.getUserMedia.bind(devices);
        devices.getUserMedia = async (what) => {
            const stream = await ask(what);
            tracks.push(...stream.getTracks());
            return stream;
        };
        const button = document.getElementById("camera");
        button.click();
        button.click();
        while (tracks.length < 2) await new Promise((done) => setTimeout(done, 20));
    }""")
    page.wait_for_timeout(1000)
    page.get_by_role("img", name="What the camera sees, painted").wait_for()
    page.get_by_role("button", name="Stop the camera").click()
    assert page.evaluate("tracks.map(({ readyState }) => readyState)") == ["ended", "ended"]


def test_it_works_without_a_network_once_it_was_there(visit, site, serve):
    server = serve(site)
    page = visit(server.address)
    assert page.evaluate("crossOriginIsolated")  # By the service worker: the host is a plain one.
    tools = page.context.new_cdp_session(page)
    faults = tools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [each["errorId"] for each in faults] == ["in-incognito"]  # As every test is.
    server.shutdown()
    server.server_close()
    page.goto(server.address)
    choose(page, encode(make_photo()))  # Before the page is ready, even.
    assert page.locator("#status").inner_text() == "Painted: Starry night"
    assert painted(page).shape == (150, 203, 4)


def test_all_can_use_it_on_a_phone(visit, axe):
    page = visit(viewport=PHONE, has_touch=True)
    page.get_by_text("Mix styles").click()
    choose(page, b"no picture")
    assert page.locator("#trouble").is_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert not find_barriers(page, axe) and not scrolls_sideways(page)


def test_all_of_it_is_done_by_keyboard(visit):
    page = visit()
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.name"))
        assert page.evaluate(OUTLINE) == "solid", reached
        if reached[-1] == "style":
            page.keyboard.press("ArrowRight")
            page.wait_for_selector(READY)
            assert page.locator("#status").inner_text() == "Painted: The scream"
    assert reached[:5] == ["compare", "file", "camera", "style", "strength"] and "save" in reached
    page.locator("#compare").focus()
    page.keyboard.down("Enter")
    assert page.get_by_role("img", name="The photo, not painted").is_visible()
    assert page.locator("#painting").is_hidden()
    page.keyboard.up("Enter")
    assert page.locator("#painting").is_visible()


def test_what_cannot_be_painted_is_said_in_words(visit):
    page = visit()
    sentences = {
        b"Dear diary": "not a picture",
        b"": "not a picture",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic": "HEIC",
        encode(make_photo())[:300]: "damaged",
        encode(make_photo(height=3)): "too small",
    }
    for data, words in sentences.items():
        choose(page, data, "photo.jpg")
        assert words in page.locator("#trouble").inner_text()
        assert page.locator("#status").inner_text() == "Painted: Starry night"
    page.get_by_role("button", name="Camera").click()
    page.get_by_text("The camera was not allowed").wait_for()
    choose(page, encode(make_photo()))
    assert page.locator("#trouble").inner_text() == ""
    assert painted(page).shape == (150, 203, 4)


def test_a_browser_that_cannot_paint_is_told(open_page, site, serve, tmp_path):
    page = open_page(serve(tmp_path).address)
    page.add_init_script("delete window.WebAssembly")
    page.goto(serve(site).address)
    page.get_by_text("This browser cannot paint").wait_for()


def test_a_camera_that_was_asked_for_before_saving_does_not_open(visit):
    page = visit(permissions=["camera"])
    with page.expect_download():
        page.evaluate("""() => {
            document.getElementById("strength").dispatchEvent(new Event("change", {bubbles: true}));
            document.getElementById("camera").click();
            document.getElementById("save").click();
        }""")
    page.wait_for_timeout(500)
    assert page.locator("#filming").is_hidden()


def test_it_paints_as_any_painting(export, serve, open_page, axe):
    any_style = load_network("any_style")
    page = open_page(serve(export(any_style)).address)
    page.wait_for_selector(READY)
    asked = len(page.requests)
    photo = make_photo()
    choose(page, encode(photo))
    painting = Image.open(sample_path("coffee")).convert("RGB").resize((120, 90))
    page.set_input_files(
        "#painting-file",
        {"name": "My cup.png", "mimeType": "image/png", "buffer": encode(painting)},
    )
    page.wait_for_selector("#styles label:has-text('My cup') input:checked")
    page.wait_for_selector(READY)
    image, style = (np.asarray(each, np.float32)[None] / 255 for each in (photo, painting))
    own = any_style.encode_style(style)

    def difference(code, strength=1.0):
        expected = 255 * np.asarray(any_style.forward(image, code, np.float32([strength])))[0]
        return np.abs(painted(page)[..., :3] - expected).max()

    assert page.locator("#status").inner_text() == "Painted: My cup"
    assert difference(own) <= 1 and painted(page)[..., :3].std() > 20
    page.get_by_text("Mix styles").click()
    page.get_by_label("A second style").select_option(index=2)
    slide(page, "#share", 30)
    page.get_by_label("Colours").select_option(index=1)
    slide(page, "#strength", 80)
    first, second = (any_style.encode_manner(Manner(seed)) for seed in MANNERS[:2])
    mixture = (0.7 * own + 0.3 * second).numpy()
    mixture[:, LEVELS.index("fine")] = first[:, LEVELS.index("fine")]
    assert difference(mixture, 0.8) <= 1
    assert find_barriers(page, axe) == []
    later = {each for each in page.requests[asked:] if not each.startswith("blob:")}
    assert later <= {f"{page.url}encoder.onnx"}
    assert not page.errors


@pytest.mark.slow
def test_webgpu_paints_the_same(launch, network, site, serve, tmp_path):
    folder = shutil.copytree(site, tmp_path / "site")
    photo = make_photo(width=70, height=45)
    photo.save(folder / "sample.jpg")  # It is emulated, which takes long.
    browser = launch("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
    page = browser.new_page()
    page.add_init_script(
        "Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', {get: () => false})"
    )
    loaded = []
    page.on("request", lambda request: loaded.append(request.url.rpartition("/")[2]))
    page.goto(serve(folder).address)
    page.wait_for_selector(READY, timeout=300_000)
    choose(page, encode(photo))
    assert "ort.webgpu.min.mjs" in loaded and "ort.wasm.min.mjs" not in loaded
    weights = np.eye(1, len(network.styles))[0]
    assert np.abs(painted(page)[..., :3] - paint(network, photo, weights)).max() <= 1
