"""Photos that are painted in a stream: which are told of when, and in which order."""

import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np

from kerasart.scale.streaming import stream


class Immediate(Executor):
    """Does all at once."""

    def submit(self, call, *arguments):
        future = Future()
        future.set_result(call(*arguments))
        return future


def read(job):
    if job == "bad":
        raise ValueError("a bad photo")
    return SimpleNamespace(image=np.zeros((1, 2, 2, 3)), job=job)


def test_what_is_written_is_told_before_the_next_is_painted():
    told, known = [], []

    def paint(photos):
        known.append(len(told))
        return photos

    for job, outcome in stream(range(6), read, paint, lambda *_: "there", Immediate()):
        assert outcome == "there"
        told.append(job)
    assert told == list(range(6)) and known == list(range(6))


def test_the_order_is_that_of_the_photos_whatever_takes_long():
    is_painted = threading.Event()

    def paint(photos):
        if photos[0].job == "last":
            is_painted.set()
        return photos

    def write(job, photo, painted):
        assert is_painted.wait(30)  # The first is there only once the last is painted.

    jobs = ["first", "bad", "last"]
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(stream(jobs, read, paint, write, pool))
    assert [job for job, _ in outcomes] == jobs
    assert [str(outcome) for _, outcome in outcomes] == ["None", "a bad photo", "None"]
