import os

import pytest
from PIL import Image

from kerasart.image.photos import find_photos


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path)


def test_pictures_are_found_in_all_folders_and_sorted(tmp_path):
    for name in ["b.png", "a.JPG", "sub/deep/c.webp", "sub/a.png"]:
        write(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    names = [path.relative_to(tmp_path).as_posix() for path in find_photos(tmp_path)]
    assert names == ["a.JPG", "b.png", "sub/a.png", "sub/deep/c.webp"]


def test_what_is_no_folder_of_pictures_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    for path in (tmp_path / "no", tmp_path / "notes.txt"):
        with pytest.raises(NotADirectoryError, match="`input` must be a folder .*Received: "):
            find_photos(path, "input")
    with pytest.raises(ValueError, match="`photos` must hold at least one .*which holds none"):
        find_photos(tmp_path)


def test_linked_folders_are_searched_and_rings_end(tmp_path):
    folder, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    write(folder / "z" / "a.png")
    write(elsewhere / "b.png")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "again").symlink_to(folder / "z")  # Found by its own name.
    (folder / "z" / "ring").symlink_to(folder)
    (elsewhere / "ring").symlink_to(elsewhere)
    names = [path.relative_to(folder).as_posix() for path in find_photos(folder)]
    assert names == ["linked/b.png", "z/a.png"]


def test_all_that_is_a_picture_is_found_or_told_of(tmp_path, caplog):
    read = ["a.jfif", "b.HEIC", "c.jpe", "d.apng", "e.png"]
    told = ["f.cr2", "g.svg", "h.PSD"]
    for name in [*read, *told, "notes.txt", "i.json", "j"]:
        (tmp_path / name).touch()
    assert [path.name for path in find_photos(tmp_path)] == read
    (record,) = caplog.records
    assert record.getMessage() == (
        f"left out, for their formats are not read: '{tmp_path / 'f.cr2'}' and 2 more"
    )


def test_what_macos_keeps_beside_pictures_is_told_of_and_no_picture(tmp_path, caplog):
    (tmp_path / "._a.jpg").write_bytes(b"\0\x05\x16\x07" + bytes(100))
    write(tmp_path / "._b.png")  # A picture of that name is one.
    write(tmp_path / "a.png")
    assert [path.name for path in find_photos(tmp_path)] == ["._b.png", "a.png"]
    (record,) = caplog.records
    assert "macOS" in record.getMessage() and "._a.jpg'" in record.getMessage()


def test_a_folder_that_cannot_be_read_is_told_of(tmp_path, caplog, monkeypatch):
    write(tmp_path / "a.png")
    write(tmp_path / "secret" / "b.png")
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert [path.name for path in find_photos(tmp_path)] == ["a.png"]
    assert "secret' cannot be read: Permission denied" in caplog.text
