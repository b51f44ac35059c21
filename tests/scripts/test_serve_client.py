"""The serve_client script, run as a user runs it, against a stand-in for TensorFlow Serving."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from conftest import ROOT, SECONDS, contents, make_photo, names_in, pixels, succeed, wait_for
from PIL import Image, ImageOps

from benchmarks.fake_server import FakeServer, Refusal

SCRIPT = ROOT / "scripts" / "serve_client.py"
STYLES = ["mosaic", "rain"]


class Painter:
    """Inverts pictures, and remembers what it was asked.

    Args:
        hold: What to wait for before each answer, if anything.
    """

    def __init__(self, hold=None):
        self.hold = hold
        self.asked = []
        self.begun = threading.Event()

    def __call__(self, signature, inputs):
        self.asked.append((signature, inputs))
        if signature == "styles":
            return {"style_weights": self._weigh(inputs["names"])}
        self.begun.set()
        if self.hold:
            self.hold.wait(60)
        formats = inputs.get("format", [b"png"] * len(inputs["image_bytes"]))
        painted = np.empty((2, len(formats)), object)
        for i, (photo, format) in enumerate(zip(inputs["image_bytes"], formats, strict=True)):
            painted[:, i] = self._paint(photo, format.decode())
        return {"image_bytes": painted[0], "error": painted[1]}

    def _weigh(self, names):
        return np.concatenate([self._weigh_one(text) for text in names])

    def _weigh_one(self, text):
        text = text if isinstance(text, str) else text.decode()
        weights = np.zeros((1, len(STYLES)), np.float32)
        for part in text.split(","):
            name, _, weight = part.partition(":")
            if name not in STYLES:
                raise Refusal(
                    "INVALID_ARGUMENT",
                    f"assertion failed: [`names` must be of {', '.join(STYLES)}. "
                    f"Received: {text}]\n\t [[{{{{node Assert}}}}]]",
                )
            weights[0, STYLES.index(name)] = float(weight or 1)
        return weights

    def _paint(self, photo, format):
        try:
            with Image.open(io.BytesIO(photo)) as picture:
                image = 255 - np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
        except (OSError, SyntaxError):
            received = f"{len(photo)} bytes of another kind"
            return b"", f"`image_bytes` must be a picture. Received: {received}".encode()
        file = io.BytesIO()
        Image.fromarray(image).save(file, format)
        return file.getvalue(), b""

    @property
    def last(self):
        return self.asked[-1]


@pytest.fixture(params=["grpc", "rest"])
def protocol(request):
    return request.param


@pytest.fixture
def painter():
    return Painter()


@pytest.fixture
def server(painter, protocol):
    with FakeServer(painter, protocol) as server:
        yield server


@pytest.fixture
def flags(server, protocol):
    return (f"--server={server.address}", f"--protocol={protocol}", "--model=medium", "--retries=1")


@pytest.fixture
def folder(tmp_path):
    """A folder of three photos."""
    folder = tmp_path / "photos"
    (folder / "inner").mkdir(parents=True)
    for number, name in enumerate(["a.png", "b.jpg", "inner/c.png"]):
        Image.fromarray(make_photo(40, 30, seed=number)).save(folder / name)
    return folder


def kind_of(path):
    with Image.open(path) as picture:
        return picture.format


# --- One photo


def test_a_photo_is_painted(tmp_path, photo, warm_run, flags, painter):
    outcome = succeed(warm_run(tmp_path, "--input=photo.png", *flags))
    assert re.fullmatch(r"Wrote painted.png: medium, [\d.]+ s.\n", outcome.stdout)
    assert np.array_equal(pixels(tmp_path / "painted.png"), 255 - pixels(photo))
    (asked,) = painter.asked
    assert asked[0] == "serving_default_or_error"
    assert asked[1]["image_bytes"][0] == photo.read_bytes()


def test_the_suffix_is_the_format_that_is_asked_for(tmp_path, photo, warm_run, flags, painter):
    for name, kind in (("x.jpg", "jpeg"), ("x.jpeg", "jpeg"), ("x.png", "png")):
        style = ("--style=rain", f"--output={name}", "--quiet")
        succeed(warm_run(tmp_path, "--input=photo.png", *flags, *style))
        assert kind_of(tmp_path / name) == kind.upper()
        assert painter.last[1]["format"].tolist() in ([kind], [kind.encode()])


def test_a_jpeg_without_any_option_is_one_too(tmp_path, photo, warm_run, flags):
    succeed(warm_run(tmp_path, "--input=photo.png", "--output=x.jpg", *flags))
    assert kind_of(tmp_path / "x.jpg") == "JPEG"


def test_styles_are_mixed_by_the_server(tmp_path, photo, warm_run, flags, painter):
    style = ("--style=mosaic:0.75,rain:0.25", "--strength=0.5")
    succeed(warm_run(tmp_path, "--input=photo.png", *flags, *style))
    signature, inputs = painter.last
    assert [name for name, _ in painter.asked] == ["styles", "bytes_or_error"]
    assert inputs["style_weights"].tolist() == [[0.75, 0.25]]
    assert inputs["strength"].tolist() == [0.5]


def test_levels_are_mixed_by_the_server(tmp_path, photo, warm_run, flags, painter):
    style = "--style=coarse:mosaic,fine:mosaic:0.75+rain:0.25"
    succeed(warm_run(tmp_path, "--input=photo.png", *flags, style))
    signature, inputs = painter.last
    assert [name for name, _ in painter.asked] == ["styles", "levels_or_error"]
    assert inputs["style_weights"].tolist() == [[[1, 0], [1, 0], [0.75, 0.25]]]
    assert inputs["strength"].tolist() == [1.0]


def test_a_painting_is_sent_as_a_file(tmp_path, photo, warm_run, flags, painter):
    Image.fromarray(make_photo(20, 20)).save(tmp_path / "style.jpg")
    succeed(warm_run(tmp_path, "--input=photo.png", "--style=style.jpg", *flags))
    signature, inputs = painter.last
    assert set(inputs) == {"image_bytes", "style_bytes", "strength", "format"}
    assert inputs["style_bytes"][0] == (tmp_path / "style.jpg").read_bytes()
    assert inputs["strength"].tolist() == [1.0]


def test_a_painting_for_each_level_is_sent(tmp_path, photo, warm_run, flags, painter):
    for i, name in enumerate("ab"):
        Image.fromarray(make_photo(20, 20 + i)).save(tmp_path / f"{name}.png")
    succeed(warm_run(tmp_path, "--input=photo.png", "--style=coarse:a.png,fine:b.png", *flags))
    signature, inputs = painter.last
    assert signature == "levels_or_error"
    a, b = ((tmp_path / f"{name}.png").read_bytes() for name in "ab")
    assert inputs["style_bytes"].tolist() == [[a, a, b]]


def test_a_dream_has_its_options(tmp_path, photo, warm_run, flags, painter):
    dream = ("--steps=3", "--step_size=0.25", "--octaves=2")
    succeed(warm_run(tmp_path, "--input=photo.png", *flags, *dream))
    signature, inputs = painter.last
    assert signature == "bytes_or_error"
    assert [inputs[name].tolist() for name in ("steps", "step_size", "octaves")] == [
        [3],
        [0.25],
        [2],
    ]


def test_what_tensorflow_would_read_otherwise_goes_as_a_png(tmp_path, warm_run, flags, painter):
    image = Image.fromarray(make_photo(40, 30))
    image.save(tmp_path / "photo.webp", lossless=True)
    image.quantize(16).save(tmp_path / "photo.bmp")
    image.save(tmp_path / "photo.gif")
    # Turned, but not by EXIF data.
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'
    image.save(tmp_path / "turned.jpg", xmp=xmp)
    for name in ("photo.webp", "photo.bmp", "photo.gif", "turned.jpg"):
        succeed(warm_run(tmp_path, f"--input={name}", "--overwrite", *flags))
        with Image.open(io.BytesIO(painter.last[1]["image_bytes"][0])) as sent:
            size = (30, 40) if name == "turned.jpg" else (40, 30)
            assert (sent.format, sent.size) == ("PNG", size)


def test_what_the_server_turns_goes_as_it_is(tmp_path, warm_run, flags, painter):
    turned = Image.Exif()
    turned[0x0112] = 6
    for name in ("turned.png", "turned.jpg"):
        Image.fromarray(make_photo(40, 30)).save(tmp_path / name, exif=turned)
        succeed(warm_run(tmp_path, f"--input={name}", "--overwrite", *flags))
        assert painter.last[1]["image_bytes"][0] == (tmp_path / name).read_bytes()
        assert pixels(tmp_path / "painted.png").shape == (40, 30, 3)


def test_transparency_is_kept_and_what_it_hides_is_not_painted(tmp_path, warm_run, flags, painter):
    image = np.dstack([make_photo(40, 30), np.full((30, 40), 255, np.uint8)])
    image[5:20, 5:20] = 255, 0, 255, 0
    Image.fromarray(image).save(tmp_path / "cut.png")
    succeed(warm_run(tmp_path, "--input=cut.png", *flags))
    with Image.open(io.BytesIO(painter.last[1]["image_bytes"][0])) as sent:
        assert sent.mode == "RGB"
        sent = np.asarray(sent).astype(int)
    assert np.abs(sent - (255, 0, 255))[5:20, 5:20].max(axis=-1).min() > 50
    painted = pixels(tmp_path / "painted.png")
    assert np.array_equal(painted[..., :3], 255 - sent)
    assert np.array_equal(painted[..., 3], image[..., 3])
    succeed(warm_run(tmp_path, "--input=cut.png", "--output=x.jpg", *flags))
    assert kind_of(tmp_path / "x.jpg") == "JPEG"


def test_date_and_density_of_the_photo_are_kept_unless_they_should_not(tmp_path, warm_run, flags):
    exif = Image.Exif()
    exif[0x0112], exif[0x8298] = 6, "A. N. Other"  # orientation and copyright
    told = {"exif": exif, "dpi": (300, 300)}
    Image.fromarray(make_photo(40, 30)).save(tmp_path / "photo.jpg", **told)
    cut = np.dstack([make_photo(40, 30), np.full((30, 40), 9, np.uint8)])
    Image.fromarray(cut).save(tmp_path / "cut.png", **told)
    for photo in ("photo.jpg", "cut.png"):
        for output in ("x.png", "x.jpg"):
            task = (f"--input={photo}", f"--output={output}", "--overwrite", *flags)
            succeed(warm_run(tmp_path, *task))
            with Image.open(tmp_path / output) as painted:
                assert dict(painted.getexif()) == {0x0112: 1, 0x8298: "A. N. Other"}
                assert painted.info["dpi"] == pytest.approx((300, 300), abs=0.02)
                assert painted.size == (30, 40)
            succeed(warm_run(tmp_path, *task, "--strip_metadata"))
            with Image.open(tmp_path / output) as painted:
                assert not painted.getexif() and "dpi" not in painted.info


@pytest.mark.parametrize("answer", [b"", b"<html>no</html>", b"\x89PNG\r\n\x1a\n half"])
def test_what_is_no_painting_is_not_written(tmp_path, photo, warm_refuse, protocol, answer):
    def predict(signature, inputs):
        return {"image_bytes": np.array([answer], object), "error": np.array([b""], object)}

    with FakeServer(predict, protocol) as server:
        flags = (f"--server={server.address}", f"--protocol={protocol}", "--model=medium")
        line = warm_refuse(tmp_path, "--input=photo.png", *flags)
    assert "must be a png file of 75x53 pixels. Received: something else" in line


def test_what_is_no_painting_is_left_out_of_a_folder(tmp_path, folder, warm_run, protocol):
    painter = Painter()

    def predict(signature, inputs):
        if inputs.get("image_bytes") == [(folder / "a.png").read_bytes()]:
            painting = inputs["image_bytes"][0][:-40]
            return {"image_bytes": np.array([painting], object), "error": np.array([b""], object)}
        return painter(signature, inputs)

    with FakeServer(predict, protocol) as server:
        flags = (f"--server={server.address}", f"--protocol={protocol}", "--model=medium")
        outcome = warm_run(tmp_path, "--input=photos", "--output=out", "--style=rain", *flags)
    assert outcome.code == 1
    assert names_in(tmp_path / "out") == ["b.jpg", "inner"]
    assert "'photos/a.png': The server's answer must be a png file of 40x30" in outcome.stderr


def test_a_name_that_is_taken_gets_a_number(tmp_path, photo, warm_run, flags):
    for _ in range(2):
        succeed(warm_run(tmp_path, "--input=photo.png", *flags))
    assert names_in(tmp_path) == ["painted-2.png", "painted.png", "photo.png"]


# --- Several


def test_a_folder_is_painted_and_a_second_run_skips_it(tmp_path, folder, warm_run, flags, painter):
    options = ("--input=photos", "--output=out", "--style=rain", "--concurrency=2", *flags)
    outcome = succeed(warm_run(tmp_path, *options))
    assert outcome.stdout == "Painted 3 of 3.\n"
    assert names_in(tmp_path / "out") == ["a.png", "b.jpg", "inner"]
    assert kind_of(tmp_path / "out" / "b.jpg") == "JPEG"
    assert np.array_equal(
        pixels(tmp_path / "out" / "inner" / "c.png"), 255 - pixels(folder / "inner" / "c.png")
    )
    asked = len(painter.asked)
    assert asked == 4  # one of them for the weights
    (tmp_path / "out" / "a.png").unlink()
    outcome = succeed(warm_run(tmp_path, *options))
    assert (
        outcome.stdout
        == "2 of 3 are painted already (--overwrite paints them anew).\nPainted 1 of 1.\n"
    )
    assert len(painter.asked) == asked + 2
    outcome = succeed(warm_run(tmp_path, *options))
    assert outcome.stdout == "3 of 3 are painted already (--overwrite paints them anew).\n"
    assert len(painter.asked) == asked + 2


def test_bad_photos_are_left_out_and_the_rest_is_painted(tmp_path, folder, warm_run, flags):
    (folder / "a.png").write_bytes(b"no picture")
    whole = (folder / "b.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[:-30])
    outcome = warm_run(tmp_path, "--input=photos", "--output=out", *flags)
    assert outcome.code == 1
    assert "Traceback" not in outcome.stderr
    assert sorted(names_in(tmp_path / "out")) == ["b.jpg", "inner"]
    assert outcome.stderr.count("left out: ") == 2
    assert "left out: Cannot read 'photos/a.png': it is not a picture" in outcome.stderr
    assert "left out: 'photos/cut.jpg': `image_bytes` must be a picture. Rec" in outcome.stderr
    assert "Painted 2 of 4." in outcome.stdout
    assert "`input` must hold what can be painted. Received: 2" in outcome.lines[-1]


def test_a_pipe_is_left_out(tmp_path, folder, warm_run, flags):
    os.mkfifo(folder / "pipe.png")
    outcome = warm_run(tmp_path, f"--input={folder}", *flags)
    assert outcome.code == 1 and "Traceback" not in outcome.stderr
    assert "pipe.png': it must be a regular file" in outcome.stderr


def test_photos_that_differ_in_suffix_have_paintings_of_their_own(tmp_path, warm_run, flags):
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "a.webp"):
        Image.fromarray(make_photo(40, 30)).save(tmp_path / "photos" / name)
    succeed(warm_run(tmp_path, "--input=photos/a.*", "--output=out", *flags))
    assert names_in(tmp_path / "out") == ["a.png", "a.webp.png"]


def test_a_server_that_is_gone_ends_the_run(tmp_path, folder, warm_run):
    flags = ("--input=photos", "--output=out", "--model=medium", "--retries=0")
    outcome = warm_run(tmp_path, *flags, "--server=127.0.0.1:9", "--protocol=rest")
    assert outcome.code == 1
    assert "left out" not in outcome.stderr
    assert outcome.lines[-1].startswith("serve_client: `server` must run")
    assert not (tmp_path / "out").exists()


# --- What is refused


def test_the_servers_sentence_is_all_that_is_shown(tmp_path, photo, warm_refuse, flags):
    line = warm_refuse(tmp_path, "--input=photo.png", "--style=cubism", *flags)
    assert line == "serve_client: `names` must be of mosaic, rain. Received: cubism"


def test_an_unknown_model_is_named(tmp_path, photo, warm_refuse, flags):
    line = warm_refuse(tmp_path, "--input=photo.png", *flags, "--model=large")
    assert "`model` must be one that" in line
    assert "Received: 'large'" in line


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ((), "`model` must be the model's name"),
        (("--model=m", "--input=none.png"), "Cannot read 'none.png'"),
        (("--model=m", "--style=none.jpg"), "Cannot read 'none.jpg'"),
        (("--model=m", "--output=x.webp"), "`output` must end in .png, .jpg, .jpeg"),
        (("--model=m", "--strength=0.5"), "`strength` must go with a `style`"),
        (("--model=m", "--steps=3"), "must be given together, and without `style`"),
        (("--model=m", "--server=nowhere"), "`server` must be HOST:PORT"),
    ],
)
def test_flags_that_make_no_sense_are_refused(tmp_path, photo, warm_refuse, flags, sentence):
    line = warm_refuse(tmp_path, "--input=photo.png", "--protocol=rest", "--retries=0", *flags)
    assert sentence in line
    assert "Received: " in line


# --- Processes of their own


def test_ctrl_c_leaves_whole_files_only(tmp_path, folder, start, protocol):
    hold = threading.Event()
    painter = Painter(hold)
    with FakeServer(painter, protocol) as server:
        flags = ("--input=photos", "--output=out", "--model=medium", "--concurrency=2")
        process = start(tmp_path, *flags, f"--server={server.address}", f"--protocol={protocol}")
        wait_for(painter.begun.is_set, process)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=SECONDS)
        hold.set()
    assert process.returncode == 130
    assert stderr.decode().split("\r")[-1].strip().endswith("serve_client: interrupted")
    assert "Traceback" not in stderr.decode()
    assert not any(contents(tmp_path / "out"))


@pytest.fixture(scope="module")
def bare(environment, tmp_path_factory):
    """What a process of its own tells of itself after a painting by REST, and one by gRPC."""
    folder = tmp_path_factory.mktemp("bare")
    Image.fromarray(make_photo(40, 30)).save(folder / "photo.png")
    code = """
import json, sys
from absl import flags
from kerasart.scripts import serve_client
own = flags.FLAGS.flags_by_module_dict()["kerasart.scripts.serve_client"]
told = {"flags": [flag.name for flag in own]}
common = ["serve_client", "--input=photo.png", "--model=medium", "--style=rain", "--quiet"]
for protocol, server in (("rest", sys.argv[1]), ("grpc", sys.argv[2])):
    sys.argv = [*common, f"--protocol={protocol}", f"--server={server}"]
    serve_client.run()
    told[protocol] = sorted({name.split(".")[0] for name in sys.modules})
print(json.dumps(told))
"""
    with (
        FakeServer(Painter(), "rest") as rest,
        FakeServer(Painter(), "grpc") as grpc,
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, rest.address, grpc.address],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert names_in(folder) == ["painted-2.png", "painted.png", "photo.png"]
    return json.loads(done.stdout)


def test_no_tensorflow_is_imported(bare):
    assert not {"tensorflow", "keras", "tensorflow_serving"} & set(bare["grpc"])
    assert "grpc" in bare["grpc"]


def test_rest_needs_no_more_than_python_has(bare):
    assert not {"grpc", "google"} & set(bare["rest"])


def test_help_lists_every_flag_once_without_tensorflow(tmp_path, run, blocked, bare):
    outcome = succeed(run(tmp_path, "--help", **blocked))
    listed = re.findall(r"^  --(\w+)", outcome.stdout, re.MULTILINE)
    assert set(bare["flags"]) <= set(listed)
    assert len(listed) == len(set(listed))
