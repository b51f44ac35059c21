import io
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import load
from benchmarks.model_server import Batcher, ServedProcess, find_library, name_of, read_signatures
from kerasart.client.transports import RestTransport

STYLES = 3


def test_requests_that_come_together_are_one_batch():
    def run(values):
        sizes.append(len(values["x"]))
        return {"y": [2 * each for each in values["x"]]}

    sizes = []
    batcher = Batcher(run, most=3, wait=0.2, threads=1)
    with ThreadPoolExecutor(7) as pool:
        answers = list(pool.map(lambda i: batcher({"x": [i]}), range(7)))
    assert answers == [{"y": [2 * i]} for i in range(7)]
    assert sizes == batcher.sizes and sum(sizes) == 7 and max(sizes) == 3


def test_what_fails_one_fails_its_batch():
    def run(values):
        raise RuntimeError("no")

    batcher = Batcher(run, most=2, wait=0.2, threads=1)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(batcher, {"x": [i]}) for i in range(2)]
    assert [str(call.exception()) for call in calls] == ["no", "no"]
    assert batcher.sizes == [2]


class Transport:
    """Answers with the file that it is asked for, or with its sentence, if it has one."""

    def ask(self, signature, inputs):
        time.sleep(0.01)
        file, error = inputs["image_bytes"][0], inputs.get("error", b"")
        if file == b"fails":
            raise ValueError("no answer")
        return {"image_bytes": [b"" if error else file], "error": [error]}


def test_each_answer_is_compared_and_timed_from_when_it_was_due(monkeypatch):
    monkeypatch.setattr(load, "resident_memory", lambda pid: 5 * 2**20)
    cases = [
        ({"image_bytes": [b"a"]}, b"a", b""),
        ({"image_bytes": [b"a"]}, b"other", b""),
        ({"image_bytes": [b"a"], "error": b"too small. Rec"}, b"", b"too small"),
        ({"image_bytes": [b"a"], "error": b"too small. Rec"}, b"a", b""),
        ({"image_bytes": [b"a"]}, b"", b"too small"),
        ({"image_bytes": [b"fails"]}, b"a", b""),
    ]
    start = time.perf_counter()
    memory, answers = load.ask_steadily(Transport(), cases, 50, 1)
    assert time.perf_counter() - start >= 0.1
    assert memory == [5 * 2**20] * 2
    assert [right for _, _, _, right in answers] == [True, False, True, False, False, False]
    assert [bad for _, _, bad, _ in answers] == [False, False, True, False, True, False]
    assert all(0.01 <= seconds < 5 for _, seconds, _, _ in answers)
    row = [cell.strip() for cell in load.format_table(answers, memory).splitlines()[2].split("|")]
    assert row[1:5] == ["1", "6", "2", "4"] and row[-2] == "5"
    assert load.summarise(answers, memory, [1, 3]).startswith("6 requests, 4 wrong answers; +0 MB")


def test_good_and_bad_requests_differ():
    good, bad = load.make_good_requests(STYLES), load.make_bad_requests(STYLES)
    assert {tuple(request) for request in [*good, *(request for request, _ in bad)]} == {
        ("image_bytes", "style_weights", "strength", "format")
    }
    sizes, kinds = set(), set()
    for request in good:
        with Image.open(io.BytesIO(request["image_bytes"][0])) as picture:
            sizes.add(picture.size)
            kinds.add((picture.format, picture.mode))
        assert request["style_weights"].shape == (1, STYLES) and request["strength"].shape == (1,)
    assert len(sizes) == 4 and len(kinds) == 4
    assert len({sentence for _, sentence in bad}) > 6


def test_a_process_serves_what_the_model_answers(exported):
    if not Path(find_library()).exists():
        pytest.skip("this TensorFlow comes without its C++ library")
    good, bad = load.make_good_requests(STYLES)[:5], load.make_bad_requests(STYLES)
    files = load.paint_alone(exported, good)
    cases = [(request, file, b"") for request, file in zip(good, files, strict=True)]
    cases += [(request, b"", sentence) for request, sentence in bad]
    with ServedProcess(exported, read_signatures(exported), wait=0.05) as server:
        transport = RestTransport(server.address, name_of(exported), None, 20.0)
        load.check_all(transport, cases)
        memory, answers = load.ask_steadily(transport, cases, 100, server.pid)
    assert all(right for _, _, _, right in answers)
    assert 2**20 < memory[0] < 2**32
    assert sum(server.sizes) == 2 * len(cases) and max(server.sizes) > 1
