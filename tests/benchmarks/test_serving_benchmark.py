import io
import time
from pathlib import Path
from types import SimpleNamespace

from fake_server import FakeServer, signatures_of
from PIL import Image

ROOT = Path(__file__).parents[2]


def test_the_table_counts_pictures_and_requests():
    from benchmarks.serving import LOADS, format_table

    waited = {load: [0.5] * 8 for load in LOADS} | {(1, 1): [0.1] * 9 + [1.1]}
    spent = dict.fromkeys(LOADS, 2.0)
    _, _, *rows = format_table(waited, spent).splitlines()
    rows = {tuple(map(int, row[:2])): row[2:] for row in (line.split("|")[1:-1] for line in rows)}
    assert list(rows) == list(LOADS)
    cells = {load: [cell.strip() for cell in row] for load, row in rows.items()}
    assert cells[1, 1] == ["5.00", "1.00", "0.100", "1.010", "10"]
    assert cells[1, 4] == ["16.00", "3.20", "0.500", "0.500", "8"]


def test_every_load_has_its_turns():
    from benchmarks.serving import LOADS, measure

    def ask(files):
        asked.append(files)
        time.sleep(0.01)

    asked = []
    waited, spent = measure(ask, b"photo", 2, 0.05)
    assert {tuple(files) for files in asked} == {(b"photo",), (b"photo",) * 4}
    for load in LOADS:
        assert 0.1 <= spent[load] < 5
        assert 2 * load[0] <= len(waited[load]) <= 12 * load[0]
        assert min(waited[load]) >= 0.01


def test_models_and_servers_are_asked_alike(exported):
    from benchmarks.serving import ask_model, ask_server, random_jpeg

    files = [random_jpeg((32, 48))] * 2
    with FakeServer(signatures_of(exported), "grpc", "few") as server:
        options = SimpleNamespace(server=server.address, name="few")
        answers = ask_model(exported)(files), ask_server(options)(files)
    assert list(answers[0]) == list(answers[1])
    with Image.open(io.BytesIO(answers[0][1])) as painted:
        assert (painted.format, painted.size) == ("PNG", (48, 32))
