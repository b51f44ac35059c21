import json
import subprocess
import sys

import numpy as np
import pytest
from benchmark_runs import ROOT, run_benchmark

CONTESTANTS = ["Keras example", "kerasart float32", "kerasart auto"]


def rows_in(text):
    """The rows of all tables in a text."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_contestants_have_processes_of_their_own():
    code = """
import json, os
from collections import Counter
from benchmarks.measure import Worker, call_in_new_process
worker = Worker(Counter, "aab", variables={"CONTESTANT": "1"})
answers = [worker("update", "bbb"), worker("most_common", 1), worker("memory")]
worker.close()
parents = os.getpid(), call_in_new_process(os.getppid)
print(json.dumps([answers, parents, os.getenv("CONTESTANT")]))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    (*answers, memory), parents, variable = json.loads(run.stdout)
    assert answers == [None, [["b", 4]]]
    assert 1e6 < memory < 1e10
    assert parents[0] == parents[1]
    assert variable is None


def test_deep_dream_prints_its_tables(forks):
    printed = run_benchmark(
        forks,
        "deep_dream",
        "--quick",
        "--backbone=squeezenet",
        "--layers=fire2:1,fire3:0.5",
        "--sizes=96x64",
        "--dream_size=144x96",
        "--rounds=2",
        "--dream_steps=3",
    )
    table = rows_in(printed)
    steps, dreams = table[:5], table[5:]

    assert steps[0][1:] == ["step of", "seconds", "ratio", "GFLOP/s", "of the fastest"]
    assert dreams[0][1:] == [
        "dream of 3 x 3 steps by", "seconds", "ratio", "compute", "start", "peak GiB",
    ]  # fmt: skip
    for rows, size in ((steps[2:], "96x64"), (dreams[2:], "144x96")):
        assert [row[:2] for row in rows] == [[size, name] for name in CONTESTANTS]
        assert rows[0][3] == "1.00"
        assert all(float(row[3]) > 0 for row in rows)
    for row in dreams[2:]:
        seconds, _, compute, start, memory = map(float, row[2:])
        assert abs(compute + start - seconds) < 0.11
        assert 0.1 < memory < 10


def test_contestants_take_the_same_step():
    import keras

    from benchmarks.deep_dream import STEP_SIZE, make_descent, random_photo
    from kerasart.backbones import Backbone
    from references.keras_deep_dream import KerasDeepDream

    # Squared activations of layers with a border, in [-1, 1] there and in [0, 1] here.
    inputs = keras.Input((None, None, 3))
    features = keras.layers.Conv2D(4, 3, name="first")(inputs)
    outputs = keras.layers.Conv2D(5, 3, activation="relu", name="second")(features)
    model = keras.Model(inputs, outputs)
    photo = random_photo((24, 32))

    losses, image = KerasDeepDream(model, {"first": 1.0, "second": 2.5}).step(
        photo * 2.0 - 1.0, STEP_SIZE
    )
    backbone = Backbone("toy", model, lambda pixels: pixels / 127.5 - 1.0, "random")
    run = make_descent(backbone, "first:1.0,second:2.5", "float32").run(photo, 1)

    np.testing.assert_allclose(image / 2.0 + 0.5, run.image, atol=1e-5)
    np.testing.assert_allclose(losses, -run.losses.sum(), rtol=1e-5)


def test_flops_of_convolutions_forward_and_back():
    import tensorflow as tf

    from benchmarks.measure import convolution_flops

    @tf.function
    def gradient(image, kernel):
        with tf.GradientTape() as tape:
            tape.watch(image)
            features = tf.nn.conv2d(image, kernel, 2, "VALID")
        return tape.gradient(features, image)

    graph = gradient.get_concrete_function(tf.zeros([1, 9, 7, 3]), tf.zeros([3, 3, 3, 8])).graph

    assert convolution_flops(graph) == 2 * (2 * 4 * 3 * 8 * 3 * 3 * 3)


def test_compute_seconds_leaves_out_the_first_step():
    from benchmarks.deep_dream import compute_seconds

    octaves = [[(0, 10.0), (1, 10.5), (2, 11.0)], [(1, 20.0), (3, 24.0)]]

    assert compute_seconds(octaves, 4) == pytest.approx(4 * 0.5 + 4 * 2.0)


def test_deviation_prints_its_table(forks):
    flags = ["--weights=bundled", "--layers=fire2,fire3", "--size=240", "--tile=160"]
    row = rows_in(run_benchmark(forks, "deviation", "--backbone=squeezenet", *flags))[-1]
    assert row[0] == "fire2, fire3" and int(row[2]) > 1
    assert float(row[3]) < 1e-4 and float(row[4]) < 1e-3


@pytest.mark.slow
def test_large_prints_its_table(forks):
    printed = run_benchmark(forks, "large", "--quick", "--sizes=300", "--dream_sizes=")
    header, _, *cells = rows_in(printed)
    assert "peak GiB" in header
    tiles = {row[1]: int(row[3]) for row in cells}
    assert tiles["whole"] == 1 and tiles["in tiles"] > 1
    for row in cells:
        assert row[2] == "300x225" and float(row[4]) > 0 and float(row[7]) > 0


def test_all_benchmarks_are_written_down(tmp_path, monkeypatch, capsys):
    from benchmarks import __main__ as everything

    def run(command, **options):
        assert command[-1] == "--quick"
        return subprocess.CompletedProcess(command, 0, f"| {command[2]} |\n")

    output = tmp_path / "all.md"
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--quick", f"--output={output}"])
    everything.main()
    text = output.read_text()
    for name, title in everything.BENCHMARKS.items():
        assert f"## {title}\n" in text and f"| benchmarks.{name} |" in text
        assert f"By `python -m benchmarks.{name}`." in text


def test_an_unknown_benchmark_is_refused(monkeypatch, capsys):
    from benchmarks import __main__ as everything

    monkeypatch.setattr(sys, "argv", ["benchmarks", "--only=fast"])
    with pytest.raises(SystemExit):
        everything.main()
    assert "Received: 'fast'" in capsys.readouterr().err
