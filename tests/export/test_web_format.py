import json
import re

import numpy as np
import onnxruntime
import pytest
from network_checks import make_picture
from PIL import Image
from web_runtime_files import make_package

from kerasart.export.web_format import MANNERS, export_web
from kerasart.networks import TransformerNet
from kerasart.settings.manner import Manner


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    return make_package(tmp_path_factory.mktemp("npm") / "package")


@pytest.fixture(scope="module")
def site(tiny_network, runtime, tmp_path_factory):
    return export_web(tiny_network, tmp_path_factory.mktemp("web") / "new" / "site", runtime)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names_in(folder):
    return {path.relative_to(folder).as_posix() for path in contents(folder)}


def test_all_that_the_page_asks_for_is_there(site):
    names = names_in(site)
    asked = set()
    for path in [*site.glob("*.html"), *site.glob("*.js")]:
        text = path.read_text()
        asked |= set(re.findall(r'(?:src|href)="([\w./-]+)"', text))
        asked |= set(re.findall(r'"(?:\./)?([\w-]+\.(?:js|json|onnx|jpg))"', text))
    manifest = json.loads((site / "manifest.webmanifest").read_text())
    asked |= {icon["src"] for icon in manifest["icons"]}
    asked |= {f"runtime/ort.{backend}.min.mjs" for backend in ("wasm", "webgpu")}
    # Only the page of a network of any style has that to encode styles.
    assert len(asked) > 15 and asked <= names | {"encoder.onnx"}
    for icon in manifest["icons"]:
        with Image.open(site / icon["src"]) as picture:
            assert f"{picture.width}x{picture.height}" == icon["sizes"]


def test_the_page_knows_the_styles_and_shows_each_as_the_network_paints_it(site, tiny_network):
    known = json.loads((site / "styles.json").read_text())
    assert known["styles"] == ["A", "B", "C"] and known["least_size"] == 5
    assert known["most_pixels"] > 10**6
    pictures = [Image.open(site / f"styles/{number}.jpg").convert("RGB") for number in range(3)]
    assert {picture.size for picture in pictures} == {(192, 192)}
    first, second, _ = (np.asarray(picture, float) for picture in pictures)
    assert np.abs(first - second).mean() > 3
    session = onnxruntime.InferenceSession(site / "model.onnx")
    inputs = {"image": make_picture(20, 30), "strength": np.ones(1, np.float32)}
    weights = np.eye(1, 3, 1, dtype=np.float32)
    expected = tiny_network(inputs["image"], weights, inputs["strength"])
    painted = session.run(None, inputs | {"style_weights": weights})[0]
    np.testing.assert_allclose(painted, expected, atol=1e-4)


def test_nothing_is_loaded_from_elsewhere(site):
    page = (site / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy"\s+content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'self';") and "http" not in policy
    assert "unsafe-inline" not in policy and "'unsafe-eval'" not in policy
    for path in [*site.glob("*.html"), *site.glob("*.js"), *site.glob("*.css")]:
        assert "//" not in re.sub(r"(^|\s)//.*", "", path.read_text()), path.name
    assert not re.search(r"<script(?![^>]*src=)|style=|\son\w+=", page)


def test_the_service_worker_is_told_of_every_file_and_of_every_change(
    site, tiny_network, runtime, tmp_path
):
    listed = (site / "files.js").read_text()
    names = json.loads(re.search("^const FILES = (.*);$", listed, re.MULTILINE)[1])
    assert {*names, "files.js"} == names_in(site)
    again = export_web(tiny_network, tmp_path / "again", runtime)
    assert (again / "files.js").read_text() == listed
    other = export_web(TransformerNet(["a", "b", "c"], 1 / 16, 1), tmp_path / "other", runtime)
    assert (other / "files.js").read_text() != listed


def test_the_runtime_comes_with_its_licence(site):
    assert "MIT License" in (site / "runtime/LICENSE").read_text()
    assert "THIRD PARTY" in (site / "runtime/ThirdPartyNotices.txt").read_text().upper()


def test_a_folder_that_exists_is_left_and_replaced_only_where_it_is_ours(
    tiny_network, runtime, tmp_path
):
    site = export_web(TransformerNet(["a", "b", "c", "d"], 1 / 16, 1), tmp_path / "site", runtime)
    (site / "README.md").write_text("mine")
    before = contents(site)
    assert export_web(tiny_network, site, runtime) == tmp_path / "site-2"
    assert contents(site) == before
    assert export_web(tiny_network, site, runtime, "replace") == site
    assert names_in(site) == names_in(tmp_path / "site-2") | {"README.md"}
    assert (site / "README.md").read_text() == "mine"
    assert not (site / "styles/3.jpg").exists()


def test_files_of_others_are_not_written_over(tiny_network, runtime, tmp_path):
    page = tmp_path / "mine" / "index.html"
    page.parent.mkdir()
    page.write_text("mine")
    with pytest.raises(FileExistsError, match="of an earlier page.*Received: 'index.html'"):
        export_web(tiny_network, page.parent, runtime, "replace")
    assert contents(tmp_path) == {page: b"mine"}
    # Nor removed, whatever a list says that is not ours.
    page.unlink()
    (tmp_path / "diary.txt").write_text("mine")
    (page.parent / "files.js").write_text('const FILES = ["../diary.txt", "styles/9.jpg"];')
    export_web(tiny_network, page.parent, runtime, "replace")
    assert (tmp_path / "diary.txt").exists()


def test_no_half_folder_is_left(tiny_network, runtime, tmp_path, monkeypatch):
    def fail(path, data):
        if path.name == "model.onnx":
            raise OSError("the disk is full")

    monkeypatch.setattr("kerasart.export.web_format.replace_file", fail)
    with pytest.raises(OSError, match="the disk is full"):
        export_web(tiny_network, tmp_path / "site", runtime)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["manner", "adain"])
def test_a_network_of_any_style_offers_what_is_given(name, request, runtime, tmp_path):
    network = request.getfixturevalue(name)
    pictures = {"red_square": make_picture(40, 30, 1), "b": make_picture(30, 40, 2)}
    site = export_web(network, tmp_path / "site", runtime, styles=pictures)
    known = json.loads((site / "styles.json").read_text())
    assert known["styles"] == ["Red square", "B"]
    assert known["has_levels"] == network.has_levels and known["style_size"] == network.style_size
    codes = np.float32(known["codes"]).reshape(2, *known["code_shape"])
    encode, paint = (
        onnxruntime.InferenceSession(site / f"{part}.onnx").run for part in ("encoder", "model")
    )
    (code,) = encode(None, {"style": pictures["b"]})
    np.testing.assert_allclose(codes[1], code, atol=1e-4 * np.abs(code).max())
    photo, strength = make_picture(20, 30), np.float32([0.8])
    given = {"image": photo, "style_code": codes[:2].mean(axis=0), "strength": strength}
    mixed = sum(network.encode_style(each) for each in pictures.values()) / 2
    expected = network.forward(photo, mixed, strength)
    np.testing.assert_allclose(paint(None, given)[0], expected, atol=1e-3)


def test_it_offers_manners_of_its_own(manner, runtime, tmp_path):
    knowing = manner.with_manners(np.random.default_rng(0).normal(size=(9, 5)))
    site = export_web(knowing, tmp_path / "site", runtime)
    known = json.loads((site / "styles.json").read_text())
    assert known["styles"] == [f"Manner {number + 1}" for number in range(len(MANNERS))]
    expected = knowing.encode_manner(Manner(MANNERS[1]))
    np.testing.assert_allclose(known["codes"][1], np.ravel(expected), rtol=1e-6)
    assert {f"styles/{number}.jpg" for number in range(len(MANNERS))} <= names_in(site)


def test_styles_are_given_where_they_are_needed(manner, tiny_network, runtime, tmp_path):
    with pytest.raises(ValueError, match="`styles` must be given.* Received: None"):
        export_web(manner, tmp_path / "site", runtime)
    with pytest.raises(ValueError, match="`styles` must be None for a network of named styles"):
        export_web(tiny_network, tmp_path / "site", runtime, styles={"a": make_picture(9, 9)})
    assert not list(tmp_path.iterdir())
