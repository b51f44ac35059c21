"""`plan`: what is to be painted, of all photos in a folder, and what is painted already."""

from __future__ import annotations

import hashlib
import json
from array import array
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from kerasart.image.fingerprint import fingerprint
from kerasart.image.photos import is_other_picture, is_readable, name_paintings, warn_of_others
from kerasart.scale.manifest import Manifest
from kerasart.scale.painting import PhotoPainter
from kerasart.scale.requirements import pyarrow
from kerasart.scale.stores import Store


class Plan(NamedTuple):
    """What is to be painted, and how.

    Attributes:
        photos: Where the photos are.
        output: Where paintings go, under the photos' names.
        painting: How they are painted.
        settings_hash: That of all that determines a painting besides the photo.
        jobs: A `pyarrow.Table` of the photos that are left: `path`, `output`, `size` and `modified`
            as in the `Manifest`; `known_input`, the hash of the photo that was painted there with
            the same settings; and `known_output`, that of what was painted there; null if nothing
            was.
        done: The number of photos that are painted already.
        manifest: The `Manifest` of the output.
    """

    photos: Store
    output: Store
    painting: PhotoPainter
    settings_hash: str
    jobs: Any
    done: int
    manifest: Manifest


def plan(photos: Store, output: Store, painting: PhotoPainter) -> Plan:
    """Compares the photos in a folder with what was painted of them.

    A photo is done if there is a file in its place, and the manifest says that it was painted of
    this photo, by these settings. It is taken for the same as long as its size and its time are:
    none is read here. Where its time is unknown, a worker reads it and compares.

    Args:
        photos, output, painting: As in `Plan`.

    Raises:
        ImportError: If PyArrow is not installed.
        ValueError: If there is no photo, or the photos are in the folder of paintings.
        OSError: If a store cannot be listed.
    """
    if output.locate(photos) is not None:
        raise ValueError(
            f"`output` must be a folder that does not hold the photos, '{photos}'. "
            f"Received: '{output}'"
        )
    pa, pc = pyarrow(), pyarrow("compute")
    settings_hash = _hash(painting.identity())
    table = _list_photos(photos, output)
    there = pa.array((entry.name for entry in output.list()), pa.string())
    manifest = Manifest(output, there)
    rows = manifest.rows.take(pc.index_in(table["output"], manifest.rows["output"]))
    is_same = pc.and_(_equal(rows["path"], table["path"]), pc.is_null(rows["reason"]))
    is_same = pc.and_(is_same, _equal(rows["settings_hash"], settings_hash))
    is_done = pc.and_(is_same, pc.is_in(table["output"], there))
    is_done = pc.and_(is_done, pc.greater(table["modified"], 0))
    for name in ("size", "modified"):
        is_done = pc.and_(is_done, _equal(rows[name], table[name]))
    known = pc.if_else(is_same, rows["input_hash"], pa.scalar(None, pa.string()))
    jobs = table.append_column("known_input", known)
    jobs = jobs.append_column("known_output", rows["output_hash"]).filter(pc.invert(is_done))
    done = len(table) - len(jobs)
    return Plan(photos, output, painting, settings_hash, jobs, done, manifest)


def _hash(identity):
    text = json.dumps(fingerprint(identity), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _list_photos(photos, output):
    """Lists the photos, sorted, each with where its painting goes."""
    names, sizes, times, others = [], array("q"), array("q"), []
    own = photos.locate(output)  # What is painted may lie among the photos, and is none of them.
    for name, size, modified in photos.list():
        if own is not None and name.startswith(f"{own}/"):
            continue
        path = PurePosixPath(name)
        if is_readable(path):
            names.append(name)
            sizes.append(size)
            times.append(modified)
        elif is_other_picture(path):
            others.append(name)
    warn_of_others(others)
    if not names:
        raise ValueError(f"`input` must be a folder that holds pictures. Received: '{photos}'")
    table = pyarrow().table({"path": names, "size": sizes, "modified": times}).sort_by("path")
    outputs = name_paintings(table["path"].to_pylist())
    return table.append_column("output", pyarrow().array(outputs))


def _equal(one, other):
    compute = pyarrow("compute")
    return compute.fill_null(compute.equal(one, other), False)
