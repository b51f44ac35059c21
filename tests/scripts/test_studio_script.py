import http.client
import os
import re
import signal
import time

import pytest
from conftest import ROOT, SECONDS

SCRIPT = ROOT / "scripts" / "studio.py"


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--host=example.com", "`host` must be the numeric address"),
        ("--host=0.0.0.0", "`host` must be the numeric address"),
        ("--host=::", "`host` must be the numeric address"),
        ("--host=192.0.2.1", "`host` an address of this machine"),
        ("--folder=file", "File exists"),
    ],
)
def test_what_cannot_be_opened_is_refused_in_a_line(run, tmp_path, flag, message):
    (tmp_path / "file").touch()
    outcome = run(tmp_path, "--noopen", flag)
    assert outcome.code == 1
    (line,) = outcome.lines
    assert message in line


def test_a_studio_is_opened_outlives_its_tabs_and_is_closed(start, run, tmp_path):
    studio = start(tmp_path, "--noopen", "--port=0", "--folder=works")
    address = studio.stdout.readline().decode()
    port, key = re.search(r"http://127\.0\.0\.1:(\d+)/\?key=(\S+)", address).groups()
    connection = http.client.HTTPConnection("127.0.0.1", int(port))
    headers = {"Cookie": f"kerasart_{port}={key}"}
    connection.request("GET", "/events", headers=headers)
    connection.getresponse().readline()
    connection.close()
    # A second one finds the port taken, or the folder.
    other = run(tmp_path, "--noopen", f"--port={port}", "--folder=other")
    assert other.code == 1 and "`port` must be free" in other.stderr
    other = run(tmp_path, "--noopen", "--port=0", "--folder=works")
    assert other.code == 1 and "`folder` must not be that of a studio" in other.stderr
    # The server writes to the tab that is closed, more than once.
    own = headers | {"Origin": f"http://127.0.0.1:{port}"}
    dream = '{"kind": "dream", "photo": "cat", "preset": "gentle"}'
    for path, body in (("/jobs", dream), ("/jobs/1/stop", "{}"), ("/jobs", dream)):
        connection.request("POST", path, body, own)
        assert connection.getresponse().read()
        time.sleep(0.3)
    connection.request("GET", "/works", headers=headers)
    assert connection.getresponse().read() == b"[]"
    studio.send_signal(signal.SIGTERM)
    output, errors = studio.communicate(timeout=SECONDS)
    assert (studio.returncode, errors) == (0, b"")
    assert b"The studio is closed" in output
    assert os.listdir(tmp_path / "works") == [".unfinished"]
    assert (tmp_path / "works" / ".unfinished" / "2.json").exists()
