import json
import socket
from pathlib import Path

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="strategies are TensorFlow's"
)
WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture
def start_two(forks):
    """Starts two workers of one training, the second with further arguments."""

    def start_two(folder, *of_second):
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        hosts = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
        for each in sockets:
            each.close()
        workers = []
        for index, arguments in enumerate([(), of_second]):
            task = {"type": "worker", "index": index}
            config = json.dumps({"cluster": {"worker": hosts}, "task": task})
            args = [WORKER, folder, *arguments]
            variables = {"TF_CONFIG": config, "no_proxy": "127.0.0.1"}
            workers.append(forks.start(WORKER.read_text(), args, folder, variables))
        return workers

    return start_two


def end(process):
    """Waits for a worker; returns how it ended, and its last words."""
    words = process.communicate(timeout=240)[1]
    return process.returncode, words.decode()[-3000:]


def test_two_workers_find_what_one_device_does_and_go_on_after_a_death(start_two, tmp_path):
    from worker import train

    alone = train(tmp_path)
    (tmp_path / "two").mkdir()
    chief, second = start_two(tmp_path / "two", 5)
    assert end(second)[0] == -9
    code, words = end(chief)
    assert code == 1
    assert "UnavailableError" in words
    for process in start_two(tmp_path / "two"):
        code, words = end(process)
        assert code == 0, words
    for number in range(2):
        with np.load(tmp_path / "two" / f"result_{number}.npz") as found:
            assert found["first"] == 4
            np.testing.assert_allclose(found["losses"], alone["losses"][4:], rtol=1e-5)
            np.testing.assert_allclose(found["weights"], alone["weights"], rtol=1e-5)
