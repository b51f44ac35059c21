"""`read_runtime`: what a page that paints needs of onnxruntime-web, from its npm package."""

import json
import tarfile
import zlib
from os import PathLike
from pathlib import Path

_NAME, _VERSION = "onnxruntime-web", "1.30.0"
ARCHIVE = f"{_NAME}-{_VERSION}.tgz"  # As `npm pack` calls it.

# For the processor, and for WebGPU.
FILES = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
    "ort.webgpu.min.mjs",
    "ort-wasm-simd-threaded.asyncify.mjs",
    "ort-wasm-simd-threaded.asyncify.wasm",
)


def read_runtime(path: str | PathLike[str] = ARCHIVE) -> dict[str, bytes]:
    """Reads the files of onnxruntime-web that a page needs.

    Args:
        path: The npm package: the archive that `npm pack` fetches, or its unpacked folder, such as
            node_modules/onnxruntime-web.

    Returns:
        A dict of `FILES` to their content.

    Raises:
        ValueError: If it is not this package, of the version that pages are made for.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return _read_package(lambda name: (path / name).read_bytes())
        with tarfile.open(path) as archive:
            return _read_package(lambda name: _read_member(archive, f"package/{name}"))
    except (OSError, EOFError, KeyError, ValueError, tarfile.TarError, zlib.error) as error:
        raise ValueError(
            f"`runtime` must be the npm package {_NAME} {_VERSION}, an archive or its folder: "
            f"`npm pack {_NAME}@{_VERSION}` fetches it. Received: '{path}' ({error})"
        ) from error


def _read_member(archive, name):
    return archive.extractfile(name).read()


def _read_package(read):
    description = json.loads(read("package.json"))
    found = description["name"], description["version"]
    if found != (_NAME, _VERSION):
        raise ValueError(" ".join(found))
    return {name: read(f"dist/{name}") for name in FILES}
