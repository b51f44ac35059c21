"""The serve_client script against a server that holds a SavedModel, both as a user has them."""

import io
import threading
import time

import numpy as np
import pytest
from conftest import ROOT, make_photo, names_in, pixels, succeed
from PIL import Image

from benchmarks.fake_server import FakeServer, signatures_of
from kerasart import Stylizer

SCRIPT = ROOT / "scripts" / "serve_client.py"
LARGE = 1650  # Side of noise that takes 8 MB, as a PNG or a JPEG.

pytestmark = pytest.mark.usefixtures("graphs_as_traced")


@pytest.fixture(scope="module")
def predict(exported):
    return signatures_of(exported)


@pytest.fixture(scope="module", params=["grpc", "rest"])
def protocol(request):
    return request.param


@pytest.fixture(scope="module")
def flags(predict, protocol):
    with FakeServer(predict, protocol, "few") as server:
        yield flags_of(server, protocol)


def flags_of(server, protocol):
    return (f"--server={server.address}", f"--protocol={protocol}", "--model=few", "--quiet")


@pytest.fixture(scope="module")
def stylizer(tiny_network):
    return Stylizer(tiny_network, "float32")


@pytest.fixture(scope="module")
def large_files():
    noise = np.random.default_rng(0).integers(0, 256, (LARGE, LARGE, 3), np.uint8)
    files = {"PNG": io.BytesIO(), "JPEG": io.BytesIO()}
    Image.fromarray(noise).save(files["PNG"], "PNG", compress_level=1)
    Image.fromarray(noise).save(files["JPEG"], "JPEG", quality=100, subsampling=0)
    return {kind: file.getvalue() for kind, file in files.items()}


@pytest.fixture
def folder(tmp_path):
    """A folder of 32 photos."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(32):
        image = Image.fromarray(make_photo(40 + seed % 3, 32, seed=seed))
        image.save(folder / f"{seed}.png")
    return folder


def assert_is_painted(painting, photo, stylizer, style="a", strength=1.0):
    expected = stylizer(pixels(photo).astype(np.uint8), style, strength=strength)[0]
    assert np.abs(pixels(painting) / 255 - expected).max() <= 1 / 255


def test_the_painting_is_the_networks(tmp_path, photo, warm_run, flags, stylizer):
    succeed(warm_run(tmp_path, "--input=photo.png", *flags))
    assert_is_painted(tmp_path / "painted.png", photo, stylizer)
    evaluator = ("--style=b:3,c:1", "--strength=0.5", "--output=both.png")
    succeed(warm_run(tmp_path, "--input=photo.png", *evaluator, *flags))
    assert_is_painted(tmp_path / "both.png", photo, stylizer, {"b": 0.75, "c": 0.25}, 0.5)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_large_files(tmp_path, warm_run, flags, large_files, stylizer, kind):
    assert len(large_files[kind]) > 8e6
    (tmp_path / "large").write_bytes(large_files[kind])
    succeed(warm_run(tmp_path, "--input=large", "--output=painted.png", *flags))
    if kind == "PNG":
        assert_is_painted(tmp_path / "painted.png", tmp_path / "large", stylizer)
    assert pixels(tmp_path / "painted.png").shape == (LARGE, LARGE, 3)


def test_what_is_wrong_is_refused_in_a_sentence_and_the_rest_is_painted(
    tmp_path, folder, warm_run, flags, stylizer
):
    Image.fromarray(make_photo(4, 9)).save(folder / "small.png")
    Image.fromarray(make_photo(LARGE, LARGE + 1)).save(folder / "wide.png")
    whole = io.BytesIO()
    Image.fromarray(make_photo(40, 30)).save(whole, "JPEG")
    (folder / "cut.jpg").write_bytes(whole.getvalue()[:-300])
    outcome = warm_run(tmp_path, "--input=photos", "--output=out", *flags)
    assert outcome.code == 1
    assert "Traceback" not in outcome.stderr
    refused = [line.partition("left out: ")[2] for line in sorted(outcome.lines[:-1])]
    assert refused == [
        "'photos/cut.jpg': `image_bytes` must be a whole file. "
        f"Received: {len(whole.getvalue()) - 300} bytes, which are damaged",
        "'photos/small.png': `image_bytes` must be at least 5x5 pixels. Received: 4x9 pixels",
        f"'photos/wide.png': `image_bytes` must have at most {LARGE**2} pixels. "
        f"Received: {LARGE}x{LARGE + 1} pixels",
    ]
    assert "Received: 3 that cannot, such as " in outcome.lines[-1]
    painted = names_in(tmp_path / "out")
    assert painted == sorted(f"{seed}.png" for seed in range(32))
    for name in painted[:3]:
        assert_is_painted(tmp_path / "out" / name, folder / name, stylizer)


def test_thirty_two_at_once(tmp_path, folder, warm_run, flags, stylizer):
    succeed(warm_run(tmp_path, "--input=photos", "--output=out", "--concurrency=32", *flags))
    assert names_in(tmp_path / "out") == names_in(folder)
    for photo in folder.iterdir():
        assert_is_painted(tmp_path / "out" / photo.name, photo, stylizer)


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        ("--style=d", "`names` must be of a, b, c. Received: d"),
        ("--style=photo.png", "`model` must be one that has what is asked for"),
        ("--model=many", "`model` must be one that"),
        ("--version=2", "`model` must be one that"),
    ],
)
def test_what_the_model_does_not_have(tmp_path, photo, warm_refuse, flags, shown, sentence):
    line = warm_refuse(tmp_path, "--input=photo.png", *flags, shown)
    assert line.startswith(f"serve_client: {sentence}")
    assert "Received: " in line


def test_a_server_that_dies_and_comes_back(tmp_path, folder, warm_run, predict, protocol):
    asked = threading.Semaphore(0)

    def tell_and_predict(signature, inputs):
        asked.release()
        return predict(signature, inputs)

    server = FakeServer(tell_and_predict, protocol, "few").__enter__()
    again = FakeServer(predict, protocol, "few", port=server.port)

    def restart():
        for _ in range(8):  # It owes some of these an answer.
            asked.acquire()
        server.__exit__()
        time.sleep(0.3)
        again.__enter__()

    thread = threading.Thread(target=restart, daemon=True)
    thread.start()
    flags = flags_of(server, protocol)
    succeed(warm_run(tmp_path, "--input=photos", "--output=out", *flags))
    thread.join()
    again.__exit__()
    assert names_in(tmp_path / "out") == names_in(folder)
