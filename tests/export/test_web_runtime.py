import pytest
from web_runtime_files import make_archive, make_package

from kerasart.export.web_runtime import FILES, read_runtime


def test_an_archive_and_its_folder_hold_the_same(tmp_path):
    folder = make_package(tmp_path / "folder")
    found = read_runtime(folder)
    assert found == {name: f"content of {name}".encode() for name in FILES}
    assert read_runtime(make_archive(tmp_path / "package.tgz", folder)) == found


def test_what_is_not_that_package_is_refused_with_the_command_that_fetches_it(tmp_path):
    text = tmp_path / "text.tgz"
    text.write_text("no archive")
    old = make_package(tmp_path / "old", version="1.20.0")
    other = make_package(tmp_path / "other", name="onnxruntime-node")
    lacking = make_package(tmp_path / "lacking", files=FILES[1:])
    packed = make_archive(tmp_path / "lacking.tgz", lacking)
    broken = make_package(tmp_path / "broken")
    (broken / "package.json").write_text("{")
    cut = tmp_path / "cut.tgz"
    cut.write_bytes(
        make_archive(tmp_path / "whole.tgz", make_package(tmp_path / "new")).read_bytes()[:200]
    )
    expected = {
        tmp_path / "none.tgz": "No such file",
        text: "not a gzip file|could not be opened",
        old: "onnxruntime-web 1.20.0",
        other: "onnxruntime-node 1.30.0",
        lacking: FILES[0],
        packed: FILES[0],
        broken: "property name",
        cut: "end-of-stream",
    }
    for path, words in expected.items():
        sentence = (
            rf"`npm pack onnxruntime-web@1\.30\.0` fetches it\. Received: '{path}'.*({words})"
        )
        with pytest.raises(ValueError, match=sentence):
            read_runtime(path)
