"""The progress bar, on what a terminal would show."""

import re
from dataclasses import replace

import numpy as np

from kerasart.progress import Progress, ProgressBar


def progress(step, steps=3, size=(48, 64), **losses):
    return Progress(step, steps, size, losses, lambda: np.zeros((1, *size, 3), np.float32))


def test_shows_steps_size_and_losses(capsys):
    with ProgressBar("Waiting for the network") as bar:
        assert "Waiting for the network ..." in capsys.readouterr().err
        bar(progress(1, mixed4=-2.0, noise=0.5))
        bar.show_tile(1, 4)
        shown = capsys.readouterr().err
    assert "1/3, total=-1.5, mixed4=-2, noise=0.5" in shown
    assert "64x48, tile 1/4" in shown


def test_is_gone_when_all_steps_are_taken_and_begins_anew(capsys):
    bar = ProgressBar()
    for _ in range(2):
        for step in (1, 2):
            bar(progress(step, steps=2))
        last = capsys.readouterr().err.rpartition("\r")[0].rpartition("\r")[2]
        assert not last.strip()
    for _ in range(2):
        bar(progress(1, steps=1))
        assert "1/1" in capsys.readouterr().err


def test_fits_a_terminal_and_shows_whole_losses_only(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    layers = {f"block{number}_conv1": -1234.5678 for number in range(1, 6)}
    with ProgressBar(label="3/20 ") as bar:
        for step in (1, 200):
            bar(progress(step, 500, (1080, 1920), **layers))
            bar.show_tile(3, 16)
            shown = capsys.readouterr().err.split("\r")[-1]
            assert len(shown) <= 80 and shown.startswith("3/20 1920x1080, tile 3/16: ")
    lines = [line for line in shown.split(", ") if "=" in line]
    assert all(re.fullmatch(r"\w+=-[\d.e+]+", part.strip()) for part in lines)
    assert f"{step}/500, total=-6173" in shown


def test_estimates_by_what_is_done_of_the_work(capsys, monkeypatch):
    seconds = [0.0]
    monkeypatch.setattr("tqdm.std.time", lambda: seconds[0])
    bar = ProgressBar()
    bar(replace(progress(1, 4), share=0.1))
    seconds[0] = 10.0
    bar(replace(progress(2, 4), share=0.2))
    shown = capsys.readouterr().err.split("\r")[-1]
    assert " 20%|" in shown and "00:10<01:20" in shown


def test_shows_nothing_where_it_should_not(capsys):
    for disable in (True, None):  # None: where is no terminal, as here.
        with ProgressBar(disable=disable) as bar:
            bar(progress(1))
            bar.show_tile(1, 4)
    assert capsys.readouterr().err == ""
