import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from network_checks import check_paints_as, make_picture, make_styles
from PIL import Image
from saved_graph import assert_runs_on_2_16, read_graph

from kerasart import Dreamer, Stylizer
from kerasart.export.dream_signatures import ServedDream
from kerasart.export.saved_model import (
    check_graph,
    export,
    export_dream,
    export_network,
)
from kerasart.export.signatures import Served
from kerasart.export.warmup import read_warmup, replay_warmup

ROOT = Path(__file__).parents[2]


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def read(data):
    return np.asarray(Image.open(io.BytesIO(data)), np.float32)[np.newaxis] / 255


def random_pixels(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(scope="module")
def exported_adain(adain, tmp_path_factory):
    return export_network(adain, tmp_path_factory.mktemp("served") / "any")


@pytest.fixture(scope="module")
def exported_manner(manner, tmp_path_factory):
    return export_network(manner, tmp_path_factory.mktemp("served") / "manner")


@pytest.fixture(scope="module")
def dreamer(toy):
    settings = {"layers": "conv3", "octaves": (-1, 0), "steps": 2, "precision": "float32"}
    return Dreamer("animals", toy, **settings)


@pytest.fixture(scope="module")
def exported_dream(dreamer, tmp_path_factory):
    return export_dream(dreamer, tmp_path_factory.mktemp("served") / "dream")


def load(path):
    return tf.saved_model.load(str(path)).signatures


@pytest.fixture(scope="module")
def signatures(exported):
    return load(exported)


@pytest.fixture(scope="module")
def adain_signatures(exported_adain):
    return load(exported_adain)


@pytest.fixture(scope="module")
def manner_signatures(exported_manner):
    return load(exported_manner)


@pytest.fixture(scope="module")
def dream_signatures(exported_dream):
    return load(exported_dream)


class Unchanged(Served):
    """Paints the picture that it is given."""

    def options(self):
        return {}

    def prepare(self):
        return {}, tf.constant("")

    def paint(self, image):
        return image


def test_signatures(signatures):
    of_files = {"serving_default", "bytes", "levels"}
    with_errors = {f"{name}_or_error" for name in of_files}
    assert set(signatures) == of_files | with_errors | {"pixels", "pixels_float", "styles"}
    inputs, others = (
        dict(signatures[name].structured_input_signature[1]) for name in ("bytes", "levels")
    )
    assert set(inputs) == {"image_bytes", "style_weights", "strength", "format"}
    assert all(spec.shape[0] is None for spec in inputs.values())
    assert set(signatures["bytes"].structured_outputs) == {"image_bytes"}
    assert inputs.pop("style_weights").shape == [None, 3]
    assert others.pop("style_weights").shape == [None, 3, 3] and others == inputs


@pytest.fixture(scope="module")
def served(style_network, request):
    """The signatures of each network."""
    kind = {"AdaIN": "adain_", "MannerNet": "manner_"}.get(type(style_network).__name__, "")
    return request.getfixturevalue(f"{kind}signatures")


def tolerance(network):
    return 1e-5 if network.exported_dtype is None else 1e-3  # Its kernels are in float16.


def style_input(style, by_level=False):
    if style.ndim == 3:
        return {"style_weights": tf.constant(style if by_level else style[:, 0])}
    return {"style_bytes": tf.constant([png(levels(style)[0])])}


def levels(image):
    return np.rint(255 * image).astype(np.uint8)


@pytest.mark.parametrize("signature", ["pixels_float", "pixels", "bytes", "levels"])
def test_it_paints_as_in_process(style_network, served, signature):
    by_level = signature == "levels"
    if by_level and not style_network.styles:
        pytest.skip("a network for any style has no levels")

    def paint(image, style, strength):
        # Each picture of a batch has its own options.
        options = {"strength": strength} | style_input(style, by_level)
        others = {"strength": strength / 2} | style_input(style[..., ::-1], by_level)
        options = {name: tf.concat([others[name], options[name]], 0) for name in options}
        images = np.concatenate([image[:, ::-1], image])
        if signature in ("bytes", "levels"):
            options["format"] = tf.constant(["jpeg", "png"])
            files = tf.constant([png(each) for each in levels(images)])
            first, second = served[signature](image_bytes=files, **options)["image_bytes"].numpy()
            assert Image.open(io.BytesIO(first)).format == "JPEG"
            return read(second)
        if signature == "pixels":
            images = levels(images)
        painted = served[signature](image=tf.constant(images), **options)["image"].numpy()
        assert painted.dtype == images.dtype
        return painted[1:] if signature == "pixels_float" else np.float32(painted[1:]) / 255

    rounding = 0 if signature == "pixels_float" else 0.5 / 255
    atol = tolerance(style_network) + rounding
    check_paints_as(style_network, paint, atol, [(35, 46)], by_level=by_level)


def test_any_style_may_differ_by_level(manner, manner_signatures, adain_signatures):
    assert "levels" not in adain_signatures
    picture, styles = make_picture(35, 46), [make_picture(20, 20, seed) for seed in (1, 2, 3)]
    inputs = {
        "image_bytes": [png(levels(picture)[0])],
        "style_bytes": [[png(levels(style)[0]) for style in styles]],
        "format": ["png"],
        "strength": [0.75],
    }
    inputs = {name: tf.constant(value) for name, value in inputs.items()}
    (file,) = manner_signatures["levels"](**inputs)["image_bytes"].numpy()
    picture, *styles = (np.float32(levels(each)) / 255 for each in (picture, *styles))
    codes = [np.asarray(manner.encode_style(style))[:, i] for i, style in enumerate(styles)]
    expected = manner.forward(picture, np.stack(codes, axis=1), np.float32([0.75]))
    atol = tolerance(manner) + 0.5 / 255
    np.testing.assert_allclose(read(file), expected, rtol=0, atol=atol)


def test_all_else_than_files_can_be_left_out(style_network, served):
    pictures = [make_picture(33, 47), make_picture(16, 9, 1)]  # Of different sizes.
    files = {"image_bytes": tf.constant([png(levels(each)[0]) for each in pictures])}
    style = make_styles(style_network)[0]
    if not style_network.styles:
        files["style_bytes"] = tf.repeat(style_input(style)["style_bytes"], 2)
    answer = served["serving_default"](**files)
    for data, picture in zip(answer["image_bytes"].numpy(), pictures, strict=True):
        atol = tolerance(style_network) + 0.5 / 255
        np.testing.assert_allclose(read(data), style_network(picture, style), rtol=0, atol=atol)


def test_weights_of_styles_need_not_add_up_to_1(tiny_network, signatures):
    picture = make_picture(20, 31)
    options = {"style_weights": tf.constant([[0.0, 2.0, 2.0]]), "strength": tf.constant([0.5])}
    painted = signatures["pixels_float"](image=tf.constant(picture), **options)["image"]
    mixture = np.float32([[0, 0.5, 0.5]])
    expected = tiny_network(picture, mixture, np.float32([0.5]))
    np.testing.assert_allclose(painted, expected, atol=1e-5)


def test_style_names(signatures):
    names = tf.constant(["b", "a:0.6,c:.4", " a : 1 "])
    weights = signatures["styles"](names=names)["style_weights"].numpy()
    np.testing.assert_allclose(weights, [[0, 1, 0], [0.6, 0, 0.4], [1, 0, 0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "message"),
    [("d", "must be of a, b, c. Received: d"), ("a:x", "must have numbers"), ("", "must be of a")],
)
def test_wrong_names(signatures, name, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        signatures["styles"](names=tf.constant([name]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_bytes": [b""]}, "`image_bytes` must be a JPEG"),
        ({"image_bytes": [png(random_pixels(4, 9))]}, "must be at least 5x5"),
        ({"image_bytes": [png(np.zeros((1651, 1650, 3), np.uint8))]}, "at most 2722500 pixels"),
        ({"strength": [1.5]}, "`strength` must be from 0.0 to 1.0. Received: 1.500000"),
        ({"strength": [float("nan")]}, "`strength` must be"),
        ({"style_weights": [[0.0, 0.0, 0.0]]}, "`style_weights` must be 0 or more, and not all 0"),
        ({"style_weights": [[-1.0, 2.0, 0.0]]}, "`style_weights` must be 0 or more"),
        ({"style_weights": [[float("inf"), 2.0, 0.0]]}, "`style_weights` must be"),
        ({"format": ["tiff"]}, "`format` must be png or jpeg. Received: tiff"),
    ],
)
def test_wrong_requests(signatures, changes, message):
    request = {
        "image_bytes": [png(random_pixels(9, 9))],
        "style_weights": [[1.0, 0.0, 0.0]],
        "strength": [1.0],
        "format": ["png"],
    }
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        signatures["bytes"](**{k: tf.constant(v) for k, v in (request | changes).items()})
    signatures["bytes"](**{k: tf.constant(v) for k, v in request.items()})  # And on it goes.


GIF = b"GIF89a" + bytes(90)
KIND = "`image_bytes` must be a JPEG or PNG file (serve_client.py makes a PNG of other kinds)"
DAMAGED = png(random_pixels(9, 9))[:-30]
REFUSED = [
    ({"image_bytes": GIF}, f"{KIND}. Received: 96 bytes of another kind"),
    (
        {"image_bytes": DAMAGED},
        "`image_bytes` must be a whole file. "
        f"Received: {len(DAMAGED)} bytes, which are damaged",
    ),
    ({"image_bytes": png(random_pixels(4, 9))}, "`image_bytes` must be at least 5x5 pixels. "
     "Received: 9x4 pixels"),
    ({"strength": 1.5}, "`strength` must be from 0.0 to 1.0. Received: 1.500000"),
    ({"style_weights": [0.0, 0.0, 0.0]}, "`style_weights` must be 0 or more, and not all 0. "
     "Received: 0.000000 0.000000 0.000000"),
    ({"format": b"\xff"}, "`format` must be png or jpeg. Received: \ufffd"),
]  # fmt: skip


def test_what_is_refused_leaves_the_others_of_its_batch(signatures):
    good = [
        {"image_bytes": png(random_pixels(9 + i, 12)), "style_weights": [1.0, i, 0.0]}
        | {"strength": 1.0 - 0.1 * i, "format": [b"png", b"jpeg"][i % 2]}
        for i in range(len(REFUSED) + 1)
    ]
    requests = [good[0]]
    for each, (change, _) in zip(good[1:], REFUSED, strict=True):
        requests += [each | change, each]

    def ask(name, requests):
        columns = {key: tf.constant([each[key] for each in requests]) for key in requests[0]}
        return {key: value.numpy() for key, value in signatures[name](**columns).items()}

    answers = ask("bytes_or_error", requests)
    assert [each.decode() for each in answers["error"][1::2]] == [each for _, each in REFUSED]
    assert set(answers["image_bytes"][1::2]) == {b""} and set(answers["error"][::2]) == {b""}
    assert answers["image_bytes"][::2].tolist() == ask("bytes", good)["image_bytes"].tolist()
    by_level = [each | {"style_weights": [each["style_weights"]] * 3} for each in requests]
    answers = ask("levels_or_error", by_level)
    assert [each != b"" for each in answers["error"]] == [i % 2 == 1 for i in range(len(requests))]


def test_a_style_that_is_refused_is_an_error_too(manner_signatures):
    photo, style = png(random_pixels(20, 30)), png(random_pixels(20, 20, 1))
    both = {
        "image_bytes": tf.constant([photo] * 2),
        "style_bytes": tf.constant([style[:-30], style]),
    }
    answers = manner_signatures["serving_default_or_error"](**both)
    first, second = answers["error"].numpy()
    assert b"`style_bytes` must be a whole file. Received: " in first and second == b""
    assert read(answers["image_bytes"].numpy()[1]).shape == (1, 20, 30, 3)


def test_warmup_holds_a_request_for_each_signature(exported, signatures, monkeypatch):
    requests = read_warmup(exported)
    assert {request.model_spec.signature_name for request in requests} == set(signatures)
    assert all(request.model_spec.name == "few" for request in requests)
    # They were run when it was exported; here they are only asked for.
    loaded = SimpleNamespace(signatures=dict.fromkeys(signatures, dict))
    monkeypatch.setattr(tf.saved_model, "load", {str(exported): loaded}.get)
    for name, inputs in replay_warmup(exported):
        _, specs = signatures[name].structured_input_signature
        assert inputs.keys() == specs.keys()
        assert all(specs[key].is_compatible_with(inputs[key]) for key in specs)


def test_a_failing_warmup_leaves_nothing(tmp_path):
    # Pictures of the warm-up are smaller than what this model takes.
    with pytest.raises(ValueError, match="Every request of the warm-up must be served"):
        export(Unchanged(200, most=10**6), tmp_path / "same")
    assert list((tmp_path / "same").iterdir()) == []


@pytest.mark.parametrize("most", [0, 128**2 - 1, "1000000"])
def test_the_most_pixels_are_at_least_those_of_the_warmup(most):
    with pytest.raises(ValueError, match="`most_pixels` must be at least 16384, .* Received: "):
        Unchanged(5, most=most)


def test_weights_are_written_once_at_half_precision(exported_adain):
    assert sum(file.stat().st_size for file in exported_adain.rglob("*")) < 22e6


def test_an_encoders_weights_are_written_once_too(manner, exported_manner):
    assert manner.count_params() > 2e6
    size = sum(file.stat().st_size for file in exported_manner.rglob("*"))
    assert size < 4 * manner.count_params() + 2.5e6  # Its kernels do not fit into 8 bits.


def test_dream(dreamer, dream_signatures):
    photo = random_pixels(70, 95)
    answer = dream_signatures["serving_default"](image_bytes=tf.constant([png(photo)]))
    expected = dreamer.dream(photo).image
    assert np.abs(expected - photo / 255).max() > 2 / 255
    assert np.abs(read(answer["image_bytes"].numpy()[0]) - expected).max() <= 1 / 255
    options = {"steps": [1], "step_size": [0.01], "octaves": [1], "format": ["png"]}
    wrong = [("steps", 0), ("steps", 10**6), ("octaves", 9), ("step_size", 5.0)]
    for name, value in wrong:
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"`{name}` must be from"):
            dream_signatures["bytes"](
                image_bytes=tf.constant([png(photo)]),
                **{k: tf.constant(v) for k, v in (options | {name: [value]}).items()},
            )


def test_a_dream_by_ascent_is_served_too(toy):
    settings = {"layers": "conv3", "octaves": (-1, 0), "steps": 2, "precision": "float32"}
    dreamer = Dreamer("ascent", toy, **settings)
    assert dreamer.settings.optimizer == "ascent" and dreamer.settings.parameterization == "pixels"
    photo = random_pixels(70, 95)
    image = tf.constant(photo[np.newaxis] / np.float32(255))
    served = ServedDream(dreamer, 10**6)
    options = {"steps": 2, "step_size": dreamer.settings.step_size, "octaves": 2}
    options = {name: tf.constant([value]) for name, value in options.items()}
    painted = tf.function(served.paint)(image, **options)
    np.testing.assert_allclose(painted, dreamer.dream(photo).image, atol=1e-4)


def test_dreams_that_cannot_be_served(tmp_path):
    dreamer = Dreamer("visualization", "squeezenet", channel="fire3:1", precision="float32")
    with pytest.raises(ValueError, match="must be .* to be served. Received: "):
        export_dream(dreamer, tmp_path / "dream")


@pytest.mark.parametrize(
    "model", ["exported", "exported_adain", "exported_manner", "exported_dream"]
)
def test_any_server_from_2_16_on_has_the_operations(model, request):
    assert_runs_on_2_16(request.getfixturevalue(model))


def test_python_in_the_graph_is_refused():
    function = tf.function(lambda x: tf.numpy_function(np.sin, [x], tf.float32))
    graph = function.get_concrete_function(tf.TensorSpec([3])).graph.as_graph_def()
    with pytest.raises(ValueError, match="must hold no Python and no jit_compile.*PyFunc"):
        check_graph("bytes", graph)


def test_jit_compile_is_refused():
    inner = tf.function(lambda x: x * 2, jit_compile=True)
    function = tf.function(lambda x: inner(x) + 1)
    graph = function.get_concrete_function(tf.TensorSpec([3])).graph.as_graph_def()
    with pytest.raises(ValueError, match="must hold no Python and no jit_compile"):
        check_graph("bytes", graph)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_runs_by_the_loader_of_the_server(tiny_network, exported, tmp_path, kind):
    picture = Image.fromarray(random_pixels(40, 51)).resize((102, 80))
    picture.save(tmp_path / "in", kind, quality=100)
    options = {"format": b"png", "style_weights": [[0.0, 1.0, 0.0]], "strength": [1.0]}
    files = {"image_bytes": (tmp_path / "in").read_bytes()}
    painted = run_by_loader(exported, "bytes", files | options, tmp_path)
    decoded = np.asarray(Image.open(tmp_path / "in").convert("RGB"))
    expected = Stylizer(tiny_network, "float32")(decoded, "b")
    assert np.abs(painted - expected).max() <= 1 / 255


@pytest.mark.parametrize("kind", ["adain", "manner", "dream"])
def test_other_models_run_by_the_loader_too(kind, tmp_path, request):
    path = request.getfixturevalue(f"exported_{kind}")
    served = request.getfixturevalue(f"{kind}_signatures")["serving_default"]
    files = {name: png(random_pixels(70, 95)) for name in served.structured_input_signature[1]}
    painted = run_by_loader(path, "serving_default", files, tmp_path)
    (expected,) = served(**{k: tf.constant([v]) for k, v in files.items()})["image_bytes"].numpy()
    assert np.abs(painted - read(expected)).max() <= 1 / 255


def run_by_loader(path, signature, inputs, folder):
    """Asks a SavedModel without Python; files as bytes, floats as lists."""
    library = Path(tf.__file__).parent / "libtensorflow_cc.so.2"
    if not library.exists():
        pytest.skip("this TensorFlow comes without its C++ library")
    names, outputs = tensor_names(path, signature)
    feeds = {}
    for name, value in inputs.items():
        if isinstance(value, bytes):
            (folder / name).write_bytes(value)
            value = str(folder / name)
        feeds[names[name]] = value
    request = {
        "library": str(library),
        "model": str(path),
        "feeds": feeds,
        "fetch": outputs["image_bytes"],
        "output": str(folder / "out.png"),
    }
    (folder / "request.json").write_text(json.dumps(request))
    command = [sys.executable, "-S", "-m", "benchmarks.cpp_loader", folder / "request.json"]
    # A server compiles nothing by XLA.
    environment = os.environ | {"TF_XLA_FLAGS": "--tf_xla_auto_jit=-1"}
    subprocess.run(command, check=True, env=environment, cwd=ROOT)
    return read((folder / "out.png").read_bytes())


def tensor_names(path, signature):
    definition = read_graph(path).signature_def[signature]
    inputs, outputs = definition.inputs, definition.outputs
    return ({k: v.name for k, v in each.items()} for each in (inputs, outputs))


@pytest.fixture
def saved_model_cli(forks):
    def saved_model_cli(command, path, *options):
        code = "from tensorflow.python.tools.saved_model_cli import main; main()"
        args = ["saved_model_cli", command, "--dir", path, "--tag_set=serve", *options]
        process = forks.start(code, args, path)
        shown, said = process.communicate()
        assert process.returncode == 0, said
        return shown.decode()

    return saved_model_cli


def test_saved_model_cli_shows(exported, saved_model_cli):
    shown = saved_model_cli("show", exported)
    assert '"styles"' in shown and '"serving_default"' in shown


@pytest.mark.parametrize("model", ["exported", "exported_adain", "exported_dream"])
def test_saved_model_cli_runs(model, tmp_path, request, saved_model_cli):
    path = request.getfixturevalue(model)
    np.save(tmp_path / "photo.npy", np.array([png(random_pixels(70, 95))]))
    names, _ = tensor_names(path, "serving_default")
    inputs = ";".join(f"{name}={tmp_path / 'photo.npy'}" for name in names)
    options = ("--signature_def=serving_default", "--inputs", inputs, "--outdir", tmp_path)
    saved_model_cli("run", path, *options)
    (painted,) = np.load(tmp_path / "image_bytes.npy", allow_pickle=True)
    assert read(painted).shape == (1, 70, 95, 3)
