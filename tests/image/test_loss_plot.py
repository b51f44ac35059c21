import sys

import numpy as np
import pytest
from PIL import Image

from kerasart.image.loss_plot import plot_losses

pytest.importorskip("matplotlib")

HISTORY = {"content": np.array([4, 3, 2], np.float32), "style": np.array([400, 50, 6], np.float32)}


@pytest.fixture
def axes_of(tmp_path, monkeypatch):
    """Plots a history and returns matplotlib's axes."""
    from matplotlib.figure import Figure

    figures = []
    save = Figure.savefig

    def keep(figure, *args, **kwargs):
        figures.append(figure)
        save(figure, *args, **kwargs)

    def draw(history, boundaries=(), steps=None):
        plot_losses(history, tmp_path / "a.png", boundaries, steps)
        return figures[-1].axes[0]

    monkeypatch.setattr(Figure, "savefig", keep)
    return draw


def curves(axes):
    return {
        line.get_label(): line.get_ydata().tolist()
        for line in axes.lines
        if not line.get_label().startswith("_")
    }


def test_every_term_and_their_sum(axes_of):
    axes = axes_of(HISTORY)
    assert curves(axes) == {"content": [4, 3, 2], "style": [400, 50, 6], "sum": [404, 53, 8]}
    assert all(line.get_xdata().tolist() == [0, 1, 2] for line in axes.lines)
    (legend,) = axes.figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {"content", "style", "sum"}
    assert axes.get_xlabel() == "step"
    assert axes.get_ylabel() == "weighted loss"


def test_one_term_is_its_own_sum(axes_of):
    assert curves(axes_of({"style": [3.0, 2.0]})) == {"style": [3, 2]}


def test_values_of_every_few_steps(axes_of):
    axes = axes_of(HISTORY, steps=[200, 400, 600])
    assert all(line.get_xdata().tolist() == [200, 400, 600] for line in axes.lines)


def test_one_step_is_seen(axes_of):
    assert all(line.get_marker() == "o" for line in axes_of({"a": [1.0], "b": [2.0]}).lines)
    assert all(line.get_marker() == "None" for line in axes_of(HISTORY).lines)


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([3, 1e-9], "log"),
        ([3, 0], "symlog"),
        ([3, -1], "symlog"),
        ([-3, -1], "symlog"),
        ([0, 0], "symlog"),
    ],
)
def test_axis(axes_of, values, scale):
    axes = axes_of({"a": values, "b": [1, 2]} if any(values) else {"a": values})
    assert axes.get_yscale() == scale


def test_boundaries(axes_of):
    axes = axes_of(HISTORY, boundaries=(1, 2))
    lines = [line for line in axes.lines if line.get_label().startswith("_")]
    assert [line.get_xdata()[0] for line in lines] == [1, 2]
    assert len(curves(axes)) == 3


@pytest.mark.parametrize(
    ("suffix", "start"),
    [(".png", b"\x89PNG"), (".PNG", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")],
)
def test_formats(tmp_path, suffix, start):
    path = tmp_path / f"losses{suffix}"
    path.write_bytes(b"old")
    plot_losses(HISTORY, str(path))
    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]


def test_the_picture_shows_something(tmp_path):
    plot_losses(HISTORY, tmp_path / "a.png")
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("RGB"))
    assert pixels.shape == (675, 1200, 3)
    assert pixels[..., 0].max() == 255
    assert 0.005 < (pixels.min(axis=-1) < 128).mean() < 0.1


def test_a_plot_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    def fail(source, target):
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match=r"a\.png.*Received: No space left"):
        plot_losses(HISTORY, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_pyplot_stays_out(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    plot_losses(HISTORY, tmp_path / "a.png")
    assert "matplotlib.pyplot" not in sys.modules


def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError) as error:
        plot_losses(HISTORY, tmp_path / "a.png")
    assert str(error.value) == "`plot_losses` needs matplotlib: pip install 'kerasart[plot]'."
    assert not list(tmp_path.iterdir())


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(ValueError) as error:
        plot_losses(HISTORY, tmp_path / "a.jpg")
    assert str(error.value) == (
        f"Cannot write '{tmp_path / 'a.jpg'}': its suffix must be one of .png, .svg, .pdf. "
        "Received: '.jpg'"
    )


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"its folder must exist\. Received: folder"):
        plot_losses(HISTORY, tmp_path / "no" / "a.png")


@pytest.mark.parametrize(
    "history", [{}, {"a": []}, {"a": [1, 2], "b": [1]}, {"a": 1.0}, {"a": [[1.0, 2.0]]}]
)
def test_other_histories_are_refused(tmp_path, history):
    with pytest.raises(ValueError, match=r"^`history` must map .* Received: shapes \{"):
        plot_losses(history, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
