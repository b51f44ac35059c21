"""Plans: which photos are left, as the folder of paintings and its manifest tell; and workers."""

import json
import os
from dataclasses import replace

import pytest
from toys import Inverting, files_in, write_photo

from kerasart import read_picture
from kerasart.image.decoding import TooManyPixelsError
from kerasart.scale import manifest
from kerasart.scale.painting import write_painted
from kerasart.scale.plan import plan
from kerasart.scale.stores import open_store
from kerasart.scale.worker import Task, Worker

pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402

NAMES = ("a.jpg", "a.png", "a.webp", "sub/a.png", "sub/b.heic.png")


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate(NAMES):
        write_photo(tmp_path / "in" / name, seed)
    return tmp_path


def make_plan(folder, painting=Inverting(), output="out"):  # noqa: B008
    return plan(open_store(str(folder / "in")), open_store(str(folder / output)), painting)


def left(work):
    return work.jobs["path"].to_pylist()


def work_on(work, begun=1, **options):
    """Yields the rows of one worker, here, and how many came with them."""
    task = Task(work.photos, work.output, work.painting, work.settings_hash, **options)
    jobs = work.jobs.append_column("number", pa.array(range(len(work.jobs))))
    for table in Worker(task, lambda number: begun)(jobs) if len(jobs) else ():
        (each,) = table.to_pylist()
        yield from ((row, len(each["rows"])) for row in each["rows"])


def paint(work, **options):
    """Paints a plan by one worker, here; returns its rows by the photo's name."""
    rows = {}
    with work.manifest:
        for row, _ in work_on(work, **options):
            assert row.pop("kind") == "done" and row.pop("number") is not None
            work.manifest.add(row)
            rows[row["path"]] = row
    return rows


def reasons(rows):
    return {name: row["reason"] for name, row in rows.items() if row["reason"]}


def test_paintings_are_the_files_of_write_painted(folder):
    rows = paint(make_plan(folder))
    assert set(rows) == set(NAMES) and not reasons(rows)
    for name in NAMES:
        photo = read_picture(folder / "in" / name)
        (painted,) = Inverting().paint([photo])
        write_painted(Inverting(), folder / "alone" / name, photo, painted)
    assert files_in(folder / "out") == files_in(folder / "alone")


def test_what_is_done_is_left_out_until_photo_or_settings_change(folder):
    paint(make_plan(folder))
    before = files_in(folder / "out")
    work = make_plan(folder)
    assert left(work) == [] and work.done == len(NAMES)
    write_photo(folder / "in" / "a.png", 9)
    os.utime(folder / "in" / "a.jpg")  # It is the same photo still.
    work = make_plan(folder)
    assert left(work) == ["a.jpg", "a.png"]
    rows = paint(work)
    assert not reasons(rows) and rows["a.jpg"]["output_hash"]
    after = files_in(folder / "out")
    assert [name for name in NAMES if after[name] != before[name]] == ["a.png"]
    assert left(make_plan(folder)) == []
    other = make_plan(folder, Inverting("other"))
    assert len(left(other)) == len(NAMES) and not reasons(paint(other))
    (folder / "out" / "a.jpg").unlink()
    assert left(make_plan(folder, Inverting("other"))) == ["a.jpg"]


def test_a_photo_whose_time_is_the_same_is_not_read(folder, monkeypatch):
    paint(make_plan(folder))
    os.utime(folder / "in" / "a.jpg")
    monkeypatch.setattr(Inverting, "paint", lambda *_: pytest.fail("it was painted again"))
    assert not reasons(paint(make_plan(folder)))


def test_what_a_user_made_stays(folder):
    mine = folder / "out" / "a.jpg"
    write_photo(mine, 77)
    before = mine.read_bytes()
    why = reasons(paint(make_plan(folder)))
    assert list(why) == ["a.jpg"] and "--overwrite" in why["a.jpg"]
    assert mine.read_bytes() == before
    # Also what was painted first, and changed since.
    retouched = folder / "out" / "a.png"
    write_photo(retouched, 78)
    before = retouched.read_bytes()
    assert "a.png" not in left(make_plan(folder))
    assert set(reasons(paint(make_plan(folder, Inverting("other"))))) == {"a.jpg", "a.png"}
    assert retouched.read_bytes() == before
    assert not reasons(paint(make_plan(folder, Inverting("other")), replaces=True))
    assert retouched.read_bytes() != before


def test_a_run_that_was_killed_before_its_rows_were_written_knows_its_paintings(folder):
    paint(make_plan(folder))
    before = files_in(folder / "out")
    for part in (folder / "out" / "_manifest").iterdir():
        part.unlink()
    work = make_plan(folder)
    assert left(work) == list(NAMES)
    assert not reasons(paint(work))
    assert files_in(folder / "out") == before and left(make_plan(folder)) == []


def test_a_failure_forgets_nothing_of_what_was_painted_before(folder):
    paint(make_plan(folder))
    photo = folder / "in" / "a.png"
    good = photo.read_bytes()
    photo.write_bytes(good[:60])
    assert list(reasons(paint(make_plan(folder)))) == ["a.png"]
    assert left(make_plan(folder)) == ["a.png"]  # It is tried again.
    write_photo(photo, 5)
    assert not reasons(paint(make_plan(folder)))


def test_what_cannot_be_painted_is_told(folder):
    photos = folder / "in"
    for name in ("a.webp", "sub/a.png", "sub/b.heic.png"):
        (photos / name).unlink()
    (photos / "text.jpg").write_text("no picture")
    (photos / "empty.png").touch()
    (photos / "gone.png").symlink_to(photos / "nowhere")
    (photos / "notes.txt").write_text("none of the photos")
    (photos / "cut.jpg").write_bytes((photos / "a.jpg").read_bytes()[:300])
    os.mkfifo(photos / "pipe.png")
    write_photo(photos / "large.png", size=(40, 40))
    from PIL import Image

    Image.new("RGB", (8, 8), (9, 9, 9)).save(photos / "grey.png")
    rows = paint(make_plan(folder, replace(Inverting(), max_pixels=1000)))
    why = reasons(rows)
    words = {"text": "not a picture", "empty": "empty", "gone": "No such file", "pipe": "pipe"}
    words |= {"cut": "truncated", "large": "pixels", "grey": "RuntimeError: a grey photo"}
    assert {name.partition(".")[0] for name in why} == set(words)
    for name, reason in why.items():
        assert words[name.partition(".")[0]] in reason
    assert set(files_in(folder / "out")) == {"a.jpg", "a.png"}
    assert TooManyPixelsError.__name__ not in why["large.png"]


def test_names_that_would_be_the_same_differ(folder):
    for name in ("c", "c.png", "d.heic", "d.heic.png"):
        write_photo(folder / "in" / f"{name}.png")
        (folder / "in" / f"{name}.png").rename(folder / "in" / name)
    (folder / "in" / "c").rename(folder / "in" / "c.hif")
    rows = make_plan(folder).jobs.select(["path", "output"]).to_pylist()
    outputs = {row["path"]: row["output"] for row in rows}
    assert outputs["d.heic.png"] == "d.heic.png" and outputs["d.heic"] == "d.heic-2.png"
    assert outputs["c.hif"] == "c.hif.png" and outputs["sub/a.png"] == "sub/a.png"
    assert len(set(outputs.values())) == len(outputs)


def test_paintings_among_the_photos_are_none(folder):
    paint(make_plan(folder, output="in/painted"))
    assert left(make_plan(folder, output="in/painted")) == []
    assert make_plan(folder, output="in/painted").done == len(NAMES)


@pytest.mark.parametrize("output", ["in", ".", "in/../in"])
def test_photos_are_not_painted_over(folder, output):
    with pytest.raises(ValueError, match="`output`.*Received"):
        make_plan(folder, output=output)


def test_a_folder_without_photos_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`input`.*Received"):
        make_plan(tmp_path)


def test_a_manifest_is_one_file_at_the_end_and_several_of_a_run_that_was_killed(
    folder, monkeypatch
):
    monkeypatch.setattr(manifest, "_EVERY", 0.0)
    work = make_plan(folder)
    with pytest.raises(KeyboardInterrupt), work.manifest:
        for number in range(3):
            work.manifest.add({"path": f"{number}", "output": "x", "reason": f"{number}"})
        raise KeyboardInterrupt
    parts = folder / "out" / "_manifest"
    assert len(list(parts.iterdir())) == 3
    assert pq.read_table(parts).num_rows == 3
    assert make_plan(folder).manifest.rows["reason"].to_pylist() == ["2"]  # The latest counts.
    paint(make_plan(folder))
    (part,) = parts.iterdir()
    table = pq.read_table(part)
    assert sorted(table["output"].to_pylist()) == sorted([*NAMES, "x"])
    row = next(row for row in table.to_pylist() if row["path"] == "a.png")
    assert row["reason"] is None and row["seconds"] > 0
    assert row["size"] == (folder / "in" / "a.png").stat().st_size


def test_a_strange_file_in_the_manifest_is_refused(folder):
    (folder / "out" / "_manifest").mkdir(parents=True)
    (folder / "out" / "_manifest" / "mine.txt").write_text("a list")
    with pytest.raises(ValueError, match=r"_manifest.*mine\.txt"):
        make_plan(folder)


def test_the_record_says_how_it_was_painted(folder):
    paint(make_plan(folder))
    record = json.loads(read_picture(folder / "out" / "a.png").text["kerasart"])
    assert record["by"] == "inverting"


def test_jobs_that_kill_too_often_are_given_up(folder):
    rows = [row for row, _ in work_on(make_plan(folder), begun=4)]
    assert {row["kind"] for row in rows} == {"lost"} and len(rows) == len(NAMES)
    assert not files_in(folder).keys() & {f"out/{name}" for name in NAMES}


@pytest.mark.parametrize(("period", "at_once"), [(1e9, len(NAMES)), (0.0, 1)])
def test_rows_come_together_if_they_are_soon_done(folder, period, at_once):
    counts = [count for _, count in work_on(make_plan(folder), period=period)]
    assert counts == [at_once] * len(NAMES)


def test_a_network_that_cannot_be_loaded_is_told(folder):
    work = make_plan(folder, Inverting(trouble="`style` must be known. Received: x"))
    ((row, _),) = work_on(work)
    assert (row["kind"], row["reason"]) == ("hopeless", "`style` must be known. Received: x")
