"""The progress bar, on what a terminal would show."""

import numpy as np

from kerasart.optimization import Progress, ProgressBar


def progress(step, steps=3, size=(48, 64), **losses):
    return Progress(step, steps, size, losses, lambda: np.zeros((1, *size, 3), np.float32))


def test_shows_steps_size_and_losses(capsys):
    with ProgressBar("Waiting for the network") as bar:
        assert "Waiting for the network ..." in capsys.readouterr().err
        bar(progress(1, mixed4=-2.0, smoothness=0.5))
        bar.show_tile(1, 4)
        shown = capsys.readouterr().err
    assert "1/3" in shown
    assert "64x48, tile 1/4" in shown
    assert "total=-1.5, mixed4=-2, smoothness=0.5" in shown


def test_is_gone_when_all_steps_are_taken_and_begins_anew(capsys):
    bar = ProgressBar()
    for _ in range(2):
        for step in (1, 2):
            bar(progress(step, steps=2))
        last = capsys.readouterr().err.rpartition("\r")[0].rpartition("\r")[2]
        assert not last.strip()
    bar(progress(1, steps=1))
    assert "0/1" in capsys.readouterr().err
    bar(progress(1, steps=1))
    assert "0/1" in capsys.readouterr().err


def test_shows_nothing_where_it_should_not(capsys):
    for disable in (True, None):  # None: where is no terminal, as here.
        with ProgressBar(disable=disable) as bar:
            bar(progress(1))
            bar.show_tile(1, 4)
    assert capsys.readouterr().err == ""
