import sys

import keras
import numpy as np
import pytest
from test_style_benchmarks import tables

from benchmarks import collections
from benchmarks.collections import Measure, Seen, kid
from kerasart import write_picture
from kerasart.image.samples import read_sample
from kerasart.networks import CollectionNet, save_network


def sample(count, mean=0.0, seed=0, dimensions=16):
    return np.random.default_rng(seed).normal(mean, 1.0, (count, dimensions))


# --- The kernel distance


def test_it_is_the_papers_equation():
    x, y = sample(7), sample(5, 0.3, 1)
    total = 0.0
    for first, second, sign in ((x, x, 1), (y, y, 1), (x, y, -2)):
        pairs = [(i, j) for i in range(len(first)) for j in range(len(second))]
        pairs = [(i, j) for i, j in pairs if first is not second or i != j]
        values = [(first[i] @ second[j] / 16 + 1) ** 3 for i, j in pairs]
        total += sign * sum(values) / len(values)
    assert kid(x, y) == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("count", [8, 64])
def test_it_is_unbiased_and_tells_laws_apart(count):
    same, other = (
        [kid(sample(count, 0.0, 2 * i), sample(count, mean, 2 * i + 1)) for i in range(200)]
        for mean in (0.0, 0.5)
    )
    error = np.std(same) / np.sqrt(len(same))
    assert abs(np.mean(same)) < 3 * error < 0.2
    assert np.mean(other) > 0.8


def test_shuffled_between_both_samples_nothing_is_left():
    both = np.concatenate([sample(40), sample(40, 0.5, 1)])
    rng = np.random.default_rng(0)
    shuffled = [kid(each[:40], each[40:]) for each in (rng.permutation(both) for _ in range(20))]
    assert kid(both[:40], both[40:]) > 3 * np.max(np.abs(shuffled))


# --- The measures


def make_seen(count, mean=0.0, seed=0):
    rows = sample(count, mean, seed)
    return Seen(rows, rows, np.ones((count, 2, 2, 1)), rows[:, :1], rows[:, :2], rows)


def test_photos_have_all_and_paintings_of_the_same_law_nothing():
    photos, learned, held_out = make_seen(60, 1.0), make_seen(80, 0, 1), make_seen(40, 0, 2)
    measure = Measure(photos, learned, held_out)
    assert measure(photos)[:3] == ["100% ± 0", "100% ± 0", "0.00"]
    for cell in measure(learned, are_painted=False)[:2]:
        percent, error = map(float, cell.replace("%", "").split(" ± "))
        assert abs(percent) < 3 * error < 15


def test_the_error_is_about_that_of_many_such_measurements(monkeypatch):
    monkeypatch.setattr(collections, "HALVES", 30)
    cells = []
    for seed in range(0, 80, 4):
        samples = (make_seen(60, 0.6, seed), make_seen(9, 0, seed + 1), make_seen(60, 0, seed + 2))
        cells.append(Measure(*samples)(make_seen(60, 0.3, seed + 3))[0])
    percents, errors = np.array([cell.replace("%", "").split(" ± ") for cell in cells], float).T
    assert 0.7 < np.mean(errors) / np.std(percents) < 2


def test_what_is_painted_alike_has_no_spread_and_what_is_copied_is_found():
    photos, learned, held_out = make_seen(20, 1.0), make_seen(20, 0, 1), make_seen(20, 0, 2)
    measure = Measure(photos, learned, held_out)
    alike = Seen(*(np.repeat(each[:1], 20, axis=0) for each in photos))
    assert measure(alike)[3:6] == ["0.00"] * 3
    by_chance, copied = (float(measure(seen)[6]) for seen in (photos, learned))
    assert by_chance == pytest.approx(1, abs=0.2) and copied == 0
    np.testing.assert_array_equal(measure.find_nearest(learned)[:, 0], np.arange(20))


def test_a_network_that_paints_the_photo_is_measured_as_the_photos(tmp_path, monkeypatch, capsys):
    folders = {"photos": "coffee", "learned/red": "cat", "held_out/red": "cat"}
    for seed, (folder, name) in enumerate(folders.items()):
        (tmp_path / folder).mkdir(parents=True)
        picture, rng = read_sample(name).image, np.random.default_rng(seed)
        for number in range(4):
            top, left = rng.integers(200, size=2)
            cut = picture[:, top : top + 64, left : left + 64]
            write_picture(tmp_path / folder / f"{number}.png", cut)
    keras.utils.set_random_seed(0)
    save_network(CollectionNet(["red"], 1 / 8, 1), tmp_path / "net.keras")
    folders = zip(
        ("photos", "learned", "paintings"), ("photos", "learned", "held_out"), strict=True
    )
    given = [f"--{flag}={tmp_path / folder}" for flag, folder in folders]
    written = [f"--sheet={tmp_path / 'sheet.png'}", f"--output={tmp_path / 'table.md'}"]
    options = ["--size=32", "--frames=0", f"--model={tmp_path / 'net.keras'}"]
    monkeypatch.setattr(collections, "RIVALS", ("any_style",))  # The other takes as long again.
    monkeypatch.setattr(sys, "argv", ["collections", *given, *written, *options])
    collections.main()
    printed = capsys.readouterr().out
    assert printed.endswith((tmp_path / "table.md").read_text())
    photos, learned, network, rival = tables(printed)["collection pictures"]
    assert [row[:2] for row in (photos, learned)] == [
        ["red", "the photos"],
        ["red", "learned paintings"],
    ]
    assert network[2:4] == photos[2:4] == ["100% ± 0", "100% ± 0"]
    assert network[4:-1] == photos[4:-1] and photos[4] == "0.00"
    assert rival[:2] == ["red", "any_style"] and float(rival[4]) > 0.1
    assert (tmp_path / "sheet.png").exists()
