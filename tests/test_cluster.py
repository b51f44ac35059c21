import json

import pytest

from kerasart.cluster import Cluster, is_chief, read_cluster


def config(task, **cluster):
    return json.dumps({"cluster": cluster, "task": task})


@pytest.mark.parametrize(
    ("task", "cluster", "index"),
    [
        ({"type": "worker", "index": 1}, {"worker": ["a:1", "b:1"]}, 1),
        ({"type": "worker", "index": "0"}, {"worker": ["a:1", "b:1"]}, 0),
        ({"type": "chief", "index": 0}, {"chief": ["a:1"], "worker": ["b:1"]}, 0),
        ({"type": "worker", "index": 0}, {"worker": ["b:1"], "chief": ["a:1"]}, 1),
    ],
)
def test_the_chief_comes_first(monkeypatch, task, cluster, index):
    monkeypatch.setenv("TF_CONFIG", config(task, **cluster))
    assert read_cluster() == Cluster(("a:1", "b:1"), index)
    assert is_chief() == (index == 0)


@pytest.mark.parametrize(
    "text", ["", " ", "{}", config({"type": "worker", "index": 0}, worker=["a:1"])]
)
def test_who_is_alone_is_the_chief(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    assert read_cluster() is None
    assert is_chief()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "7",
        '{"cluster": [1, 2]}',
        '{"cluster": {"worker": 2}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}}',
        config({"type": "worker", "index": 2}, worker=["a:1", "b:1"]),
        config({"type": "ps", "index": 0}, worker=["a:1", "b:1"], ps=["c:1"]),
        config({"type": "worker", "index": None}, worker=["a:1", "b:1"]),
    ],
)
def test_what_names_no_workers_is_refused(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=r"TF_CONFIG must be JSON that lists all.*Received"):
        read_cluster()
