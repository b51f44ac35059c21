"""Files that are there whole or not at all, also where runs are killed, or two write at once."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kerasart.image import next_free_path, write_picture
from kerasart.image.atomic_files import claim, move_to_free, replace_file, write_file


def put(path, content, taken="replace"):
    return write_file(path, lambda file: file.write(content), taken)


def names_in(folder):
    return sorted(os.listdir(folder))


def test_a_free_name_is_taken_as_it_is(tmp_path):
    for taken in ("replace", "number", "refuse"):
        path = tmp_path / f"{taken}.txt"
        assert put(str(path), b"a", taken) == path
        assert path.read_bytes() == b"a"
    assert names_in(tmp_path) == ["number.txt", "refuse.txt", "replace.txt"]


def test_a_taken_name(tmp_path):
    path = tmp_path / "my.file.txt"
    put(path, b"first")
    assert put(path, b"second", "number") == tmp_path / "my.file-2.txt"
    assert put(path, b"third", "number") == tmp_path / "my.file-3.txt"
    assert path.read_bytes() == b"first"
    with pytest.raises(FileExistsError, match=r"my\.file\.txt.* must be free.* Received: File exi"):
        put(path, b"fourth", "refuse")
    assert path.read_bytes() == b"first"
    assert put(path, b"fifth") == path
    assert path.read_bytes() == b"fifth"
    assert names_in(tmp_path) == ["my.file-2.txt", "my.file-3.txt", "my.file.txt"]


def test_another_word_for_what_to_do_is_refused(tmp_path):
    with pytest.raises(ValueError, match="replace, number, refuse. Received: 'append'"):
        put(tmp_path / "a", b"", "append")


def test_a_dangling_link_is_a_name_that_is_taken(tmp_path):
    (tmp_path / "a.txt").symlink_to(tmp_path / "nowhere")
    assert put(tmp_path / "a.txt", b"x", "number") == tmp_path / "a-2.txt"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("links", [True, False])
def test_of_many_at_once_each_gets_a_name_of_its_own(tmp_path, monkeypatch, links):
    if not links:  # As on a memory card.

        def refuse(*paths):
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
    contents = [bytes([i]) * 1000 for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda data: put(tmp_path / "a", data, "number"), contents))
    assert len(set(paths)) == 8
    assert sorted(path.read_bytes() for path in paths) == contents
    assert names_in(tmp_path) == sorted(path.name for path in paths)


def test_two_processes_at_once(tmp_path):
    code = """
import sys
from kerasart.image import write_picture
import numpy as np
sys.stdin.readline()
for _ in range(10):
    print(write_picture("x.png", np.zeros((4, 4, 3)), taken="number"))
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdin=-1, stdout=-1, text=True)
        for _ in range(2)
    ]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    written = [name for process in processes for name in process.communicate()[0].split()]
    assert len(set(written)) == 20
    assert names_in(tmp_path) == sorted(written)


def test_a_long_name_is_no_longer_beside_its_place(tmp_path):
    path = tmp_path / ("n" * 251 + ".txt")
    assert put(path, b"x").read_bytes() == b"x"


def test_it_is_on_the_disk_before_it_is_in_its_place(tmp_path, monkeypatch):
    done = []
    sync, replace, link = os.fsync, os.replace, os.link
    monkeypatch.setattr(os, "fsync", lambda file: done.append("sync") or sync(file))
    monkeypatch.setattr(os, "replace", lambda *paths: done.append("replace") or replace(*paths))
    monkeypatch.setattr(os, "link", lambda *paths: done.append("link") or link(*paths))
    replace_file(tmp_path / "a", b"x")
    put(tmp_path / "b", b"x", "number")
    assert done == ["sync", "replace", "sync", "link"]


@pytest.mark.parametrize("taken", ["replace", "number"])
@pytest.mark.parametrize("place", ["os.fsync", "os.replace", "os.link", "os.path.samestat"])
def test_what_a_killed_run_leaves_is_gone_after_the_next(tmp_path, place, taken):
    code = f"""
import os, signal, sys
from kerasart.image.atomic_files import write_file
def end(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
{place} = end
write_file("a.txt", lambda file: file.write(b"half"), {taken!r})
"""
    process = subprocess.run([sys.executable, "-c", code], cwd=tmp_path)
    if process.returncode == 0:
        assert names_in(tmp_path) == ["a.txt"]  # That way led not past this place.
        return
    assert process.returncode == -signal.SIGKILL
    assert any(each.endswith(".tmp") for each in names_in(tmp_path))
    path = put(tmp_path / "a.txt", b"whole", taken)
    assert path.read_bytes() == b"whole"
    if (tmp_path / "a.txt").exists() and path.name != "a.txt":
        assert (tmp_path / "a.txt").read_bytes() == b"half"  # It was whole, and is still.
    assert not [each for each in names_in(tmp_path) if each.endswith(".tmp")]


def test_claims_keep_other_processes_out_until_they_end_or_are_killed(tmp_path):
    code = """
from kerasart.image.atomic_files import claim
with claim("film", [(0, 3), (7, 9)]):
    print(flush=True)
    input()
"""
    command = [sys.executable, "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    for end in (lambda process: process.kill(), lambda process: process.communicate(b"\n")):
        with subprocess.Popen(command, cwd=tmp_path, **pipes) as process:
            process.stdout.readline()
            with claim(tmp_path / "other"), claim(tmp_path / "film", [(3, 7), (9, None)]):
                pass
            for taken in ([(0, None)], [(2, 3)], [(3, 8)]):
                with (
                    pytest.raises(FileExistsError, match="Cannot write .* Received: "),
                    claim(tmp_path / "film", taken),
                ):
                    pass
            end(process)
        with claim(tmp_path / "film"):
            assert len(names_in(tmp_path)) == 1
        assert names_in(tmp_path) == []


def test_pictures_go_the_same_way(tmp_path):
    image = np.zeros((1, 1, 3), np.uint8)
    assert write_picture(tmp_path / "a.png", image, taken="number") == tmp_path / "a.png"
    assert write_picture(tmp_path / "a.png", image, taken="number") == tmp_path / "a-2.png"
    with pytest.raises(FileExistsError):
        write_picture(tmp_path / "a.png", image, taken="refuse")
    assert names_in(tmp_path) == ["a-2.png", "a.png"]


def test_next_free_path(tmp_path):
    path = tmp_path / "my.dream.png"
    for name in ("my.dream.png", "my.dream-2.png", "my.dream-3.png"):
        assert next_free_path(str(path)) == tmp_path / name
        (tmp_path / name).touch()


def test_next_free_path_minds_dangling_links(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "nowhere")
    assert next_free_path(tmp_path / "a.png") == tmp_path / "a-2.png"


def test_a_file_is_moved_to_a_name_that_is_free(tmp_path):
    (tmp_path / "wanted.txt").write_text("there")
    (tmp_path / "file").write_text("new")
    assert move_to_free(tmp_path / "file", tmp_path / "wanted.txt") == tmp_path / "wanted-2.txt"
    texts = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert texts == {"wanted.txt": "there", "wanted-2.txt": "new"}
