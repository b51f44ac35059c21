import pytest

from kerasart.export.versions import add_version, versions


def write(text):
    def write_version(path):
        path.mkdir()
        (path / "model").write_text(text)

    return write_version


def test_versions_are_never_overwritten(tmp_path):
    folder = tmp_path / "models" / "same"
    assert add_version(folder, write("first")).name == "1"
    (folder / "9").mkdir()
    (folder / "notes").mkdir()
    second = add_version(folder, write("second"))
    assert (second.name, versions(folder)) == ("10", [1, 9, 10])
    assert [(folder / name / "model").read_text() for name in ("1", "10")] == ["first", "second"]
    assert sorted(path.name for path in folder.iterdir()) == ["1", "10", "9", "notes"]


def test_what_fails_leaves_nothing(tmp_path):
    def fail(path):
        write("half")(path)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        add_version(tmp_path / "same", fail)
    assert list((tmp_path / "same").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="Cannot make the folder '.*/file/model': .* Received: Not a"):
        add_version(tmp_path / "file" / "model", write("first"))
