"""A stand-in for the npm package onnxruntime-web, of small files."""

import json
import tarfile

from kerasart.export.web_runtime import FILES


def make_package(folder, version="1.30.0", name="onnxruntime-web", files=FILES):
    """Makes an unpacked package."""
    (folder / "dist").mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": name, "version": version}))
    for each in files:
        (folder / "dist" / each).write_text(f"content of {each}")
    return folder


def make_archive(path, folder):
    """Packs it as npm does."""
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, "package")
    return path
