"""What the benchmark of the cost of films prints."""

import sys

import numpy as np
import pytest

from benchmarks import film_cost
from kerasart import write_animation, write_picture

pytest.importorskip("cv2")
pytest.importorskip("av")


def run(monkeypatch, capsys, *arguments):
    """Runs it in this process; returns the rows of its table."""
    monkeypatch.setattr(film_cost, "call_in_new_process", lambda function, *a: function(*a))
    monkeypatch.setattr(sys, "argv", ["film_cost", "--quick", *arguments])
    film_cost.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [rows[0], *rows[2:]]


@pytest.mark.usefixtures("eagerly")
def test_seconds(monkeypatch, capsys):
    header, *rows = run(monkeypatch, capsys, "--only=seconds")
    assert header == ["film", "stage", "seconds"]
    assert [row[:2] for row in rows] == [["pan", stage] for stage in film_cost.STAGES]
    seconds = {stage: float(each) for _, stage, each in rows}
    besides = sum(seconds[stage] for stage in ("decode", "motion", "blend", "encode"))
    assert seconds["besides the network"] == pytest.approx(besides, abs=0.003)
    assert min(seconds["network"], seconds["`paint_film`"]) > 0


def test_memory(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(film_cost, "peak_of", lambda *a: asked.append(a[1:]) or 2**20 * a[1] ** 2)
    _, *rows = run(monkeypatch, capsys, "--only=memory")
    assert asked == [(2, "medium"), (3, "medium"), (2, None), (4, None)]
    assert [row[1:] for row in rows] == [["2", "4", "+0"], ["3", "9", "+5"]] + [
        ["2", "4", "+0"],
        ["4", "16", "+12"],
    ]


def test_painting_without_a_network_holds_memory(tmp_path):
    path = film_cost.make_film(tmp_path, (48, 64), 5)
    assert 1e8 < film_cost.peak_of(path, 3, None) < 1e10
    assert len(list(film_cost.Film(tmp_path / "painted.mp4"))) == 3


def test_cuts(monkeypatch, capsys, tmp_path):
    shots = [np.zeros((48, 64, 3)), np.ones((48, 64, 3)), np.full((48, 64, 3), 0.3)]
    stills = [write_picture(tmp_path / f"{i}.png", shots[i // 2]) for i in range(6)]
    film = write_animation(tmp_path / "cuts.mp4", stills)
    header, row = run(monkeypatch, capsys, "--only=cuts", f"--film={film}")
    assert header == ["film", "cuts at", "frames", "least at a cut", "most elsewhere"]
    assert row[:3] == ["cuts.mp4", "2, 4", "6"]
    assert float(row[3]) == pytest.approx(0.7, abs=0.02) and float(row[4]) < 0.02
