"""Stores: a folder of this machine, and of a file system of PyArrow or fsspec, are used alike."""

import os

import pytest

from kerasart.scale.stores import Entry, LocalStore, RemoteStore, open_store

pa = pytest.importorskip("pyarrow")
from pyarrow import fs  # noqa: E402

KINDS = ("folder", "renaming", "objects")


@pytest.fixture(params=KINDS)
def store(request, tmp_path):
    if request.param == "folder":
        return open_store(str(tmp_path / "store"))
    if request.param == "objects":
        return open_store(f"memory://{tmp_path.name}/store")
    return RemoteStore(fs.LocalFileSystem(), str(tmp_path / "store"), "remote", False)


def test_what_is_written_is_read_listed_and_deleted(store):
    assert list(store.list()) == []
    assert store.find("sub/a.png") is None
    store.write("sub/a.png", b"one", "refuse")
    store.write("b.gz", b"plain", "refuse")  # Its bytes are its own: nothing is unpacked.
    assert store.read("sub/a.png") == store.find("sub/a.png") == b"one"
    assert store.read("b.gz") == b"plain"
    listed = {entry.name: entry.size for entry in store.list()}
    assert listed == {"sub/a.png": 3, "b.gz": 5}
    for _ in range(2):
        store.delete("b.gz")
    assert [entry.name for entry in store.list()] == ["sub/a.png"]
    with pytest.raises((OSError, ValueError)):
        store.read("b.gz")


def test_what_is_there_is_replaced_only_if_asked_for(store):
    store.write("a", b"one", "refuse")
    with pytest.raises(FileExistsError, match="Received"):
        store.write("a", b"two", "refuse")
    assert store.read("a") == b"one"
    store.write("a", b"two", "replace")
    assert store.read("a") == b"two"
    assert [entry.name for entry in store.list()] == ["a"]


def test_a_write_that_fails_leaves_nothing_in_its_place(tmp_path, monkeypatch):
    store = RemoteStore(fs.LocalFileSystem(), str(tmp_path), "remote", False)
    monkeypatch.setattr(RemoteStore, "_put", lambda *_: exec("raise OSError('full')"))
    with pytest.raises(OSError, match="full"):
        store.write("a", b"one", "replace")
    assert list(store.list()) == []


def test_one_folder_is_found_in_another(tmp_path):
    def places(one, other):
        return open_store(one).locate(open_store(other))

    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    outer = str(tmp_path / "in")
    assert places(outer, outer) in ("", ".")
    assert places(outer, f"{tmp_path}/link/sub") == "sub"
    assert places(outer, f"file://{outer}/sub") == "sub"
    assert places(outer, f"{outer}2") is None
    assert places(f"{outer}/sub", outer) is None
    assert places("memory://a/in", "memory://a/in/sub") == "sub"
    assert places("memory://a/in", "memory://a/in2") is None
    assert places("memory://a/in", outer) is places(outer, "memory://a/in") is None


def test_a_folder_of_links_is_listed_once_and_broken_links_are_told(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "broken").symlink_to(tmp_path / "gone")
    (tmp_path / "linked").symlink_to(tmp_path / "a")
    listed = sorted(LocalStore(tmp_path).list())
    assert [(name, size) for name, size, _ in listed] == [("a", 1), ("broken", -1), ("linked", 1)]
    assert Entry("broken", -1, 0) in listed


def test_a_pipe_is_no_photo(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ValueError, match="regular file"):
        LocalStore(tmp_path).read("a.png")


def test_an_address_of_no_file_system_is_refused():
    with pytest.raises(ValueError, match="Received"):
        open_store("nothing://bucket/photos")


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a").touch()
    for place in (tmp_path / "a", tmp_path / "a" / "sub"):
        with pytest.raises(NotADirectoryError, match=f"Received: the file '{tmp_path / 'a'}'"):
            list(LocalStore(place).list())
    with pytest.raises(OSError, match="^Cannot make the folder '.*Received: Not a directory$"):
        LocalStore(tmp_path).write("a/b/c", b"", "refuse")


def test_a_name_that_is_not_utf8_is_left_out(tmp_path, caplog):
    for name in (b"a.png", b"caf\xe9.png"):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    assert [entry.name for entry in LocalStore(tmp_path).list()] == ["a.png"]
    assert caplog.messages == ["left out, for its name is not UTF-8: 'caf\\udce9.png'"]
