"""Many photos on a Ray cluster of this machine: workers that die, and too few CPUs."""

import os
import socket
import sys
import time
from dataclasses import replace

import pytest
from PIL import Image
from toys import Inverting, files_in, kill_a_worker, write_photo

from kerasart import read_picture
from kerasart.scale.cluster import connect, share
from kerasart.scale.many import paint_many
from kerasart.scale.painting import write_painted
from kerasart.scale.plan import plan
from kerasart.scale.stores import open_store

pytest.importorskip("ray")

COUNT = 12


pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number in range(COUNT):
        write_photo(folder / f"{number % 3}" / f"{number:02}.png", number)
    return folder


@pytest.fixture(scope="module")
def expected(photos, tmp_path_factory):
    """What one process paints."""
    folder = tmp_path_factory.mktemp("alone")
    for path in photos.rglob("*.png"):
        photo = read_picture(path)
        (painted,) = Inverting().paint([photo])
        write_painted(Inverting(), folder / path.relative_to(photos), photo, painted)
    return files_in(folder)


def paint(photos, output, painting=Inverting(), **options):  # noqa: B008
    work = plan(open_store(str(photos)), open_store(str(output)), painting)
    return paint_many(work, workers=2, **options)


def reasons(rows):
    return {row["path"]: row["reason"] for row in rows if row["reason"]}


def test_a_cluster_is_shared_out():
    workers, each = share(4)
    assert workers == 4 and each == (0.25, 0.0, 0.125)
    assert share(None)[0] == 1
    for bad in ({"workers": 0}, {"workers": 1, "gpus": 1.5}, {"workers": 1, "gpus": -1.0}):
        with pytest.raises(ValueError, match="Received"):
            share(**bad)
    with pytest.raises(ValueError, match="0 GPUs for 1 workers. Received: 1"):
        share(1, 1.0)


def test_an_address_at_which_nobody_listens_is_refused_at_once(monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda *_, **__: pytest.fail("Ray was asked"))
    with socket.socket() as taken:  # It is bound, and does not listen.
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        for address in (place, f"ray://{place}"):
            with pytest.raises(ConnectionError, match="refused"), connect(address):
                pass


def test_two_workers_on_one_cpu_paint_what_one_process_does(photos, expected, tmp_path):
    started = []
    rows = list(paint(photos, tmp_path / "out", on_start=started.append))
    assert sorted(row["path"] for row in rows) == sorted(expected) and not reasons(rows)
    assert files_in(tmp_path / "out") == expected and started == [2]
    work = plan(open_store(str(photos)), open_store(str(tmp_path / "out")), Inverting())
    assert (len(work.jobs), work.done) == (0, COUNT)


@pytest.mark.slow
def test_workers_die_and_go_on(photos, expected, tmp_path):
    killed, rows = [], []
    for row in paint(photos, tmp_path / "out", replace(Inverting(), seconds=0.2)):
        rows.append(row)
        if len(rows) in (2, 7):
            killed.append(kill_a_worker("MapWorker"))
    assert len(set(killed)) == 2
    assert sorted(row["path"] for row in rows) == sorted(expected) and not reasons(rows)
    assert files_in(tmp_path / "out") == expected


@pytest.mark.slow
def test_a_photo_that_kills_is_left_out_and_no_other(photos, expected, tmp_path, monkeypatch):
    monkeypatch.setattr("kerasart.scale.many._TIMES", 1)  # Several at once, of which one kills.
    folder = tmp_path / "in"
    for path in photos.rglob("*.png"):
        copy = folder / path.relative_to(photos)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    Image.new("RGB", (8, 8)).save(folder / "1" / "black.png")
    rows = list(paint(folder, tmp_path / "out"))
    why = reasons(rows)
    assert list(why) == ["1/black.png"] and "3 that died" in why["1/black.png"]
    assert len(rows) == COUNT + 1 and files_in(tmp_path / "out") == expected


@pytest.mark.slow
def test_a_network_that_cannot_be_loaded_ends_the_run(photos, tmp_path):
    painting = Inverting(trouble="`style` must be one that is known. Received: x")
    start = time.monotonic()
    with pytest.raises(ValueError, match="^`style` must be one that is known. Received: x$"):
        list(paint(photos, tmp_path / "out", painting))
    assert time.monotonic() - start < 60
    assert files_in(tmp_path / "out") == {}


@pytest.mark.slow
def test_a_run_that_is_ended_keeps_its_rows(photos, expected, tmp_path):
    rows = paint(photos, tmp_path / "out", replace(Inverting(), seconds=0.1))
    for _ in range(3):
        next(rows)
    with pytest.raises(KeyboardInterrupt):
        rows.throw(KeyboardInterrupt)
    work = plan(open_store(str(photos)), open_store(str(tmp_path / "out")), Inverting())
    assert 3 <= work.done < COUNT
    assert len(list(paint(photos, tmp_path / "out"))) == COUNT - work.done
    assert files_in(tmp_path / "out") == expected


def test_ray_reports_to_nobody():
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert "ray" in sys.modules
