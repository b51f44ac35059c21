import io
import time
from pathlib import Path
from types import SimpleNamespace

from PIL import Image

from benchmarks.fake_server import FakeServer, signatures_of

ROOT = Path(__file__).parents[2]


def test_the_table_counts_pictures_and_requests():
    from benchmarks.serving import LOADS, format_table

    waited = {load: [0.5] * 8 for load in LOADS} | {(1, 1): [0.1] * 9 + [1.1]}
    spent, used = dict.fromkeys(LOADS, 2.0), dict.fromkeys(LOADS, 4.0)
    _, _, *rows = format_table(waited, spent, used).splitlines()
    rows = {tuple(map(int, row[:2])): row[2:] for row in (line.split("|")[1:-1] for line in rows)}
    assert list(rows) == list(LOADS)
    cells = {load: [cell.strip() for cell in row] for load, row in rows.items()}
    assert cells[1, 1] == ["5.00", "1.00", "0.400", "0.100", "1.010", "10"]
    assert cells[1, 4] == ["16.00", "3.20", "0.125", "0.500", "0.500", "8"]


def test_every_load_has_its_turns():
    from benchmarks.serving import LOADS, measure

    def ask(files):
        asked.append(files)
        time.sleep(0.01)

    asked = []
    waited, spent, used = measure(ask, b"photo", 2, 0.05)
    assert {len(files) for files in asked} == {1, 2, 4, 8} and {*sum(asked, [])} == {b"photo"}
    for load in LOADS:
        assert 0.1 <= spent[load] < 5 and 0 < used[load] < spent[load]
        assert 2 * load[0] <= len(waited[load]) <= 12 * load[0]
        assert min(waited[load]) >= 0.01


def test_models_and_servers_are_asked_alike(exported, monkeypatch):
    from benchmarks.model_server import find_library
    from benchmarks.serving import ask_model, ask_model_by_cpp, ask_server, random_jpeg

    files = [random_jpeg((32, 48))] * 2
    with FakeServer(signatures_of(exported), "grpc", "few") as server:
        options = SimpleNamespace(server=server.address, name="few")
        answers = [ask_model(exported)(files), ask_server(options)(files)]
    if Path(find_library()).exists():
        monkeypatch.setattr(
            "benchmarks.serving.call_in_new_process", lambda call, *args: call(*args)
        )
        answers.append(ask_model_by_cpp(exported)(files))
    assert all(list(each) == list(answers[0]) for each in answers)
    with Image.open(io.BytesIO(answers[0][1])) as painted:
        assert (painted.format, painted.size) == ("PNG", (48, 32))
