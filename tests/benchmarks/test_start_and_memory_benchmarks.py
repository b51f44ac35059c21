import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Makes what would have a process of its own do without."""
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import memory, start

    for module in (memory, start):
        monkeypatch.setattr(module, "call_in_new_process", lambda function, *a: function(*a))


def run(module, monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", [module.__name__, *arguments])
    module.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.usefixtures("eagerly")
def test_start_prints_its_table(monkeypatch, capsys):
    from benchmarks import start

    header, _, *rows = run(start, monkeypatch, capsys, "--runs=1", "--size=64")
    assert header == ["start of", "stage", "seconds", "of the processor"]
    first = ["Python and kerasart", "TensorFlow and Keras", "network"]
    steps, paintings = ["first step", "another step"], ["first painting", "another painting"]
    stages = [*[[*first, *steps, "more"]] * 2, [*first, *paintings, "more"]]
    expected = zip(start.APPLICATIONS, stages, strict=True)
    assert [row[:2] for row in rows] == [
        [start.ALONE, "import"],
        *([name, stage] for name, each in expected for stage in each),
    ]
    alone = float(rows[0][2])
    for i in (6, 12, 18):
        *until, another, more = [float(row[2]) for row in rows[i - 5 : i + 1]]
        assert more == pytest.approx(sum(until) - another - alone, abs=0.03)


def test_memory_prints_its_table(monkeypatch, capsys):
    from benchmarks import memory

    header, _, *rows = run(memory, monkeypatch, capsys, "--calls=1", "--only=Stylizer")
    assert header[-1] == "more"
    assert [row[:2] for row in rows] == [["Stylizer", change] for change in memory.CHANGES]
    assert all(float(row[2]) > 100 and row[-1] == "0" for row in rows)


def test_each_kind_of_call_can_be_made(monkeypatch):
    from benchmarks import memory

    asked = []
    for name in ("deep_dream", "style_transfer", "dream_style"):
        monkeypatch.setattr(f"kerasart.{name}", lambda *a, name=name, **k: asked.append((name, k)))
        held = memory.measure(name, "settings", 2)
        assert len(held) == 2 and min(held) > 0
    expected = [name for name in memory.CALLS if name != "Stylizer" for _ in range(2)]
    assert [name for name, _ in asked] == expected
    assert asked[0][1] != asked[1][1]


def test_what_is_unknown_is_refused(monkeypatch, capsys):
    from benchmarks import memory, start

    for module in (memory, start):
        with pytest.raises(SystemExit):
            run(module, monkeypatch, capsys, "--only=nap")
        assert "Received: 'nap'" in capsys.readouterr().err
