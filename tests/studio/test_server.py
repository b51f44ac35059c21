"""The studio over HTTP: what its page asks for, and what others try."""

import errno
import http.client
import io
import json
import os
import re
import socket
import struct
import threading
import time
import zlib
from urllib.parse import quote

import numpy as np
import pytest
from fake_dreams import fake_dreams, write_clip
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from waiting import SECONDS, wait_until

from kerasart.image.files import write_picture
from kerasart.studio import server as server_module
from kerasart.studio import sources as sources_module
from kerasart.studio.handler import MAX_BYTES
from kerasart.studio.server import StudioServer

DREAM = {"kind": "dream", "photo": "cat", "preset": "gentle"}


@pytest.fixture
def fakes(monkeypatch):
    return fake_dreams(monkeypatch)


@pytest.fixture
def studio(tmp_path, fakes):
    server = StudioServer(tmp_path, max_pixels=10**6, prepare=lambda: None)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.close()
    thread.join()


def own_headers(studio, method="GET"):
    host = studio.gate.hosts[0]
    headers = {"Host": host, "Cookie": f"{studio.gate.cookie}={studio.gate.key}"}
    return headers | ({"Origin": f"http://{host}"} if method == "POST" else {})


def ask(studio, method, path, body=None, headers=None, **more):
    """Asks as the page does; returns status, headers and body."""
    given = own_headers(studio, method) if headers is None else headers
    connection = http.client.HTTPConnection("127.0.0.1", studio.gate.port, timeout=SECONDS)
    try:
        connection.request(method, path, body, given | more)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def post(studio, path, value):
    status, _, body = ask(studio, "POST", path, json.dumps(value))
    return status, json.loads(body)


def say(studio, text):
    """Sends bytes, and returns all that is answered until the connection is closed."""
    with socket.create_connection(("127.0.0.1", studio.gate.port), timeout=SECONDS) as plain:
        plain.sendall(text)
        heard = b""
        while data := plain.recv(65536):
            heard += data
        return heard


def picture_bytes(side=40, kind="PNG", **options):
    noise = np.random.default_rng(side).integers(0, 255, (side, side, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, kind, **options)
    return out.getvalue()


def test_the_address_that_is_printed_opens_the_page(studio):
    path = studio.url.removeprefix(f"http://127.0.0.1:{studio.gate.port}")
    status, headers, _ = ask(studio, "GET", path, headers={"Host": studio.gate.hosts[0]})
    assert (status, headers["Location"]) == (303, "/")
    cookie = headers["Set-Cookie"]
    assert "HttpOnly; SameSite=Strict" in cookie
    own = {"Host": studio.gate.hosts[0], "Cookie": cookie.partition(";")[0]}
    status, headers, body = ask(studio, "GET", "/", headers=own)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"<title>kerasart studio" in body


def test_all_that_the_page_names_is_served(studio):
    for path in ("/studio.js", "/studio.css", "/icon.svg", "/brush.js", "/pictures/cat.webp"):
        status, headers, body = ask(studio, "GET", path)
        assert status == 200 and body
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert not [name for name in headers if name.lower().startswith("access-control")]


def test_the_page_holds_no_script_of_its_own(studio):
    page = studio.pages["index.html"].decode()
    assert page.count("<script") == 1 and " onclick" not in page and " style=" not in page
    scripts = [text.decode() for name, text in studio.pages.items() if name.endswith(".js")]
    for text in scripts:
        assert "innerHTML" not in text and "eval(" not in text and "http://" not in text


def test_from_a_photo_to_a_work(studio, fakes):
    fakes.pause.set()
    status, _, body = ask(studio, "POST", "/sources", picture_bytes())
    source = json.loads(body)
    assert (status, source["width"], source["height"]) == (201, 40, 40)
    status, headers, body = ask(studio, "GET", f"/sources/{source['name']}")
    assert (status, headers["Content-Type"], body[:2]) == (200, "image/jpeg", b"\xff\xd8")
    status, job = post(studio, "/jobs", DREAM | {"photo": source["name"]})
    assert (status, job) == (201, {"number": 1})

    def list_works():
        return json.loads(ask(studio, "GET", "/works")[2])

    (work,) = wait_until(list_works)
    assert (work["name"], work["width"], work["height"]) == ("dream.png", 32, 24)
    assert work["recipe"]["photo"] == source["name"]
    assert ask(studio, "GET", "/works/dream.png")[2][:4] == b"\x89PNG"
    assert ask(studio, "GET", "/works/dream.png/small")[2][:2] == b"\xff\xd8"
    status, told = post(studio, "/command", work["recipe"])
    kept = studio.sources.path(source["name"])
    assert f"kerasart-deep-dream --image={kept} --preset=gentle" in told["command"]
    assert kept.parent.name == "sources"


def test_events_tell_of_jobs_until_they_end(studio, fakes):
    connection = http.client.HTTPConnection("127.0.0.1", studio.gate.port, timeout=SECONDS)
    connection.request("GET", "/events", headers=own_headers(studio))
    answer = connection.getresponse()
    assert answer.headers["Content-Type"] == "text/event-stream"
    post(studio, "/jobs", DREAM)
    states = []
    while "done" not in states:
        line = answer.readline()
        if line.startswith(b"data: "):
            jobs = json.loads(line[6:])["jobs"]
            states += [job["state"] for job in jobs]
            if "running" in states:
                fakes.pause.set()
    connection.close()


def test_stop_and_preview(studio):
    post(studio, "/jobs", DREAM)
    wait_until(lambda: ask(studio, "GET", "/jobs/1/preview")[0] == 200)
    assert post(studio, "/jobs/1/stop", {}) == (200, {"stopped": True})
    wait_until(lambda: studio.gallery.find("dream.png"))
    assert post(studio, "/jobs/99999999999999/stop", {}) == (200, {"stopped": False})


@pytest.mark.parametrize(
    ("method", "path", "changes"),
    [
        ("GET", "/", {"Cookie": ""}),
        ("GET", "/?key=guess", {"Cookie": ""}),
        ("GET", "/works", {"Cookie": ""}),
        ("GET", "/studio.js", {"Cookie": ""}),
        ("GET", "/events", {"Cookie": ""}),
        ("GET", "/works", {"Host": "evil.example"}),  # DNS rebinding.
        ("GET", "/works", {"Sec-Fetch-Site": "cross-site"}),
        ("GET", "/works", {"Origin": "http://evil.example"}),
        ("POST", "/jobs", {"Origin": "http://evil.example"}),  # CSRF.
        ("POST", "/jobs", {"Origin": "null"}),
        ("POST", "/jobs/1/stop", {"Sec-Fetch-Site": "cross-site"}),
        ("POST", "/sources", {"Cookie": ""}),
    ],
)
def test_nobody_else_is_answered(studio, method, path, changes):
    headers = own_headers(studio, method) | changes
    body = json.dumps(DREAM) if method == "POST" else None
    status, headers, body = ask(studio, method, path, body, headers)
    assert status == 403
    assert set(json.loads(body)) == {"error"}
    assert studio.gate.key.encode() not in body
    assert not studio.jobs.describe()["jobs"]


def test_a_key_works_for_the_page_alone(studio):
    path = f"/works?key={studio.gate.key}"
    assert ask(studio, "GET", path, headers={"Host": studio.gate.hosts[0]})[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "/works/../secret.png",
        "/works/..%2fsecret.png",
        "/works/%2e%2e/secret.png",
        "/works//etc/passwd",
        "/works/sources",
        "/works/.unfinished",
        "/works/link.png",
        "/works/secret.txt",
        "/works/dream.png%00.png",
        "/works/" + "a" * 1000,
        "/../kerasart/studio/server.py",
        "/pictures/../index.html",
        "/pictures/..%2findex.html",
        "//etc/passwd",
        "/server.py",
        "/jobs/1/../../works",
        "/jobs/-1/preview",
        "/jobs/%D9%A1/preview",
        "/nothing",
        "/sources",
    ],
)
def test_nothing_is_found_by_a_path(studio, tmp_path, path):
    (tmp_path.parent / "secret.png").write_bytes(picture_bytes())
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "link.png").symlink_to(tmp_path.parent / "secret.png")
    assert ask(studio, "GET", path)[0] == 404
    assert json.loads(ask(studio, "GET", "/works")[2]) == []


@pytest.mark.parametrize("name", ["../cat", "..%2fcat", "0123456789abcdef", "/etc/passwd"])
def test_no_source_is_a_path(studio, name):
    assert ask(studio, "GET", f"/sources/{name}")[0] in (400, 404)
    status, answer = post(studio, "/jobs", DREAM | {"photo": name})
    assert status == 400 and answer["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[1]",
        b"null",
        b"{",
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"kind": "dream", "photo": "cat", "preset": "gentle", "size": NaN}',
        b'{"kind": "dream", "photo": "cat", "preset": "gentle", "size": 1e999}',
        b'{"kind": "dream", "photo": "cat", "preset": "gentle", "sheet": [1]}',
        b'{"kind": "dream", "photo": "cat", "preset": "gentle", "weights": "/tmp/x"}',
        b'{"kind": "dream", "photo": "cat", "preset": "gentle", "seed": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_request_is_refused_in_a_sentence(studio, body):
    for path in ("/jobs", "/command", "/try"):
        status, _, answer = ask(studio, "POST", path, body)
        assert (status, set(json.loads(answer))) == (400, {"error"}), path
    assert not studio.jobs.describe()["jobs"]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width, height):
    """A PNG whose head says how large it is, and whose pixels are zeros, well packed."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(10**6), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html><script>alert(1)</script>",
        png_of(30_000, 30_000),
        png_of(2**31 - 1, 2**31 - 1),
        picture_bytes()[:-200],
        picture_bytes(1100),  # A million pixels and some.
    ],
)
def test_what_is_no_picture_or_a_bomb_is_refused(studio, data):
    before = time.process_time()
    status, _, body = ask(studio, "POST", "/sources", data)
    assert (status, set(json.loads(body))) == (400, {"error"})
    assert not re.search("Received|Cannot|max_pixels|0000000", json.loads(body)["error"])
    assert time.process_time() - before < 5
    assert not os.listdir(studio.sources._uploads.name)


def test_works_that_others_laid_there_are_shown_as_text_or_not_at_all(studio, tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_of(30_000, 30_000))
    (tmp_path / "none.png").write_bytes(b"<script>alert(1)</script>")
    image = np.zeros((8, 8, 3), np.float32)
    recipe = DREAM | {"photo": "../../etc/passwd"}
    for name, text in {
        "deep.png": "[" * 50_000,
        "long.png": json.dumps("a" * 100_000),
        "list.png": "[1]",
        "nan.png": '{"a": NaN}',
        "endless.png": '{"a": 1e999}',
        "recipe.png": json.dumps({"studio": recipe, "sheet": 1, "x": "<script>alert(1)</script>"}),
    }.items():
        write_picture(tmp_path / name, image, text={"kerasart": text})
    (tmp_path / os.fsdecode(b"\xff.png")).write_bytes(picture_bytes())
    packed = PngInfo()
    packed.add_text("kerasart", "a" * 10**8, zip=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "packed.png", pnginfo=packed)
    body = ask(studio, "GET", "/works")[2]
    works = {work["name"]: work for work in json.loads(body)}
    names = {"deep.png", "long.png", "list.png", "nan.png", "endless.png", "recipe.png"}
    assert set(works) == names
    assert b"NaN" not in body and b"Infinity" not in body  # The page could not read it.
    assert all(work["recipe"] is None for work in works.values())
    assert works["recipe.png"]["record"]["x"] == "<script>alert(1)</script>"
    assert ask(studio, "GET", "/works/bomb.png/small")[0] == 400


@pytest.mark.parametrize("width", [1e999, -8, 0, "x", None, [], 10**400])
def test_films_that_others_laid_there_hide_no_works(studio, tmp_path, width):
    (tmp_path / "a.png").write_bytes(picture_bytes())
    (tmp_path / "a.mp4").touch()
    (tmp_path / ".films").mkdir()
    record = json.dumps({"width": width, "height": 8})
    (tmp_path / ".films" / "a.mp4.json").write_text(record)
    works = json.loads(ask(studio, "GET", "/works")[2])
    assert [work["name"] for work in works] == ["a.png"]


def test_what_is_transparent_is_shown_as_white(studio, tmp_path):
    pixels = np.zeros((400, 400, 4), np.uint8)
    pixels[:, 200:, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    source = json.loads(ask(studio, "POST", "/sources", (tmp_path / "a.png").read_bytes())[2])
    for path in ("/works/a.png/small", f"/sources/{source['name']}"):
        with Image.open(io.BytesIO(ask(studio, "GET", path)[2])) as shown:
            grey = np.asarray(shown.convert("L"))
        middle = grey.shape[1] // 2
        assert grey[:, : middle - 8].min() > 250 and grey[:, middle + 8 :].max() < 5


@pytest.mark.parametrize("name", ["a b.png", "%2e%2f#?.png", "größe.png", "<b>.png"])
def test_works_of_any_name_are_served(studio, tmp_path, name):
    (tmp_path / name).write_bytes(picture_bytes())
    status, _, body = ask(studio, "GET", f"/works/{quote(name, safe='')}")
    assert (status, body) == (200, picture_bytes())
    assert ask(studio, "GET", f"/works/{quote(name, safe='')}/small")[0] == 200


def test_a_disk_that_takes_nothing_is_told(studio, monkeypatch):
    def refuse(*given, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(studio.sources, "add", refuse)
    status, _, body = ask(studio, "POST", "/sources", picture_bytes())
    assert (status, json.loads(body)["error"][:17]) == (400, "The disk is full:")


def test_bodies_are_bounded_before_they_are_read(studio):
    headers = own_headers(studio, "POST")
    for more, expected in [
        ({"Content-Length": str(MAX_BYTES + 1)}, 413),
        ({"Content-Length": "9" * 30}, 413),
        ({"Content-Length": "-1"}, 411),
        ({"Content-Length": "1e3"}, 411),
        ({}, 411),
        ({"Transfer-Encoding": "chunked"}, 411),
        ({"Transfer-Encoding": "chunked", "Content-Length": "3"}, 411),
        ({"Content-Length": str(MAX_BYTES + 1), "Expect": "100-continue"}, 413),
    ]:
        lines = [f"{name}: {value}" for name, value in (headers | more).items()]
        text = "\r\n".join(["POST /sources HTTP/1.1", *lines, "", ""]).encode()
        answer = say(studio, text)
        assert answer.startswith(f"HTTP/1.1 {expected} ".encode()), more
        assert answer.count(b"HTTP/1.1") == 1
    assert ask(studio, "POST", "/jobs", b" " * 70_000)[0] == 413


def test_what_is_no_http_ends_nothing(studio):
    for text in (
        b"\x16\x03\x01\x02\x00\x01",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", studio.gate.port), timeout=SECONDS) as plain:
            plain.sendall(text)
            plain.shutdown(socket.SHUT_WR)
            try:
                assert b" 200 " not in plain.recv(65536)
            except ConnectionError:
                pass
    assert ask(studio, "GET", "/works")[0] == 200


def test_200_silent_connections_keep_nobody_out(studio, monkeypatch):
    monkeypatch.setattr(StudioServer, "header_seconds", 600.0)  # None is over by itself.
    others = set(threading.enumerate())  # Of other tests in this process, too.
    silent = [socket.create_connection(("127.0.0.1", studio.gate.port)) for _ in range(200)]
    try:
        assert ask(studio, "GET", "/works")[0] == 200
        assert len(studio._deadlines) <= server_module._MOST_CONNECTIONS
        most = server_module._MOST_CONNECTIONS
        wait_until(lambda: len(set(threading.enumerate()) - others) <= most)
    finally:
        for each in silent:
            each.close()


def test_slow_heads_and_slow_bodies_are_cut_off(studio, monkeypatch):
    monkeypatch.setattr(StudioServer, "header_seconds", 0.3)
    monkeypatch.setattr(StudioServer, "body_seconds", 0.3)
    head = b"GET /works HTTP/1.1\r\n"
    lines = [f"{name}: {value}\r\n" for name, value in own_headers(studio, "POST").items()]
    body = "".join(["POST /sources HTTP/1.1\r\n", *lines, "Content-Length: 9999\r\n\r\n"]).encode()
    for start in (head, body):
        with socket.create_connection(("127.0.0.1", studio.gate.port), timeout=SECONDS) as plain:
            plain.sendall(start)
            with pytest.raises(ConnectionError):
                for _ in range(1000):
                    plain.sendall(b"a")
                    time.sleep(0.05)
    monkeypatch.undo()
    assert ask(studio, "GET", "/works")[0] == 200
    assert not studio.jobs.describe()["jobs"]


def test_a_closed_tab_ends_nothing(studio, fakes, caplog):
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", studio.gate.port)
        connection.request("GET", "/events", headers=own_headers(studio))
        connection.getresponse()
        connection.close()
    post(studio, "/jobs", DREAM)
    fakes.pause.set()
    wait_until(lambda: studio.gallery.find("dream.png"))
    assert not caplog.records


def test_exif_and_place_of_a_photo_reach_no_work(studio, fakes):
    fakes.pause.set()
    exif = Image.Exif()
    exif[0x010F] = "a maker of cameras"
    data = picture_bytes(kind="JPEG", exif=exif)
    name = json.loads(ask(studio, "POST", "/sources", data)[2])["name"]
    assert b"cameras" not in ask(studio, "GET", f"/sources/{name}")[2]
    post(studio, "/jobs", DREAM | {"photo": name})
    path = wait_until(lambda: studio.gallery.find("dream.png"))
    assert b"cameras" not in path.read_bytes()


def test_uploads_of_which_nothing_was_made_are_forgotten(studio):
    names = [
        json.loads(ask(studio, "POST", "/sources", picture_bytes(side))[2])["name"]
        for side in range(10, 30)
    ]
    assert ask(studio, "GET", f"/sources/{names[-1]}")[0] == 200
    assert ask(studio, "GET", f"/sources/{names[0]}")[0] == 400


def test_a_source_for_which_there_is_no_room_is_not_kept_in_part(studio, tmp_path, monkeypatch):
    data = picture_bytes()
    name = json.loads(ask(studio, "POST", "/sources", data)[2])["name"]

    def run_out(source, file):
        file.write(source.read(100))
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(sources_module.shutil, "copyfileobj", run_out)
        status, answer = post(studio, "/jobs", DREAM | {"photo": name})
    assert status == 400 and "disk is full" in answer["error"]
    assert not any((tmp_path / "sources").iterdir())
    assert post(studio, "/jobs", DREAM | {"photo": name})[0] == 201
    assert (tmp_path / "sources" / f"{name}.png").read_bytes() == data


def test_the_queue_that_is_full_says_so(studio):
    statuses = [post(studio, "/jobs", DREAM)[0] for _ in range(20)]
    assert 429 in statuses


def test_a_film_is_taken_and_its_first_frame_shown(studio, tmp_path):
    data = write_clip(tmp_path / "clip.avi.mp4").read_bytes()
    status, _, body = ask(studio, "POST", "/films", data)
    told = json.loads(body)
    assert (status, told["width"], told["height"], told["film"]) == (201, 64, 48, True)
    assert ask(studio, "GET", f"/sources/{told['name']}")[2][:2] == b"\xff\xd8"


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_an_animated_picture_is_a_film(studio, kind):
    frames = [Image.new("RGB", (30, 20), (80 * number, 0, 0)) for number in range(3)]
    for is_film in (True, False):
        out = io.BytesIO()
        frames[0].save(out, kind, save_all=True, append_images=frames[1:] if is_film else [])
        told = json.loads(ask(studio, "POST", "/sources", out.getvalue())[2])
        assert (told["width"], told["height"], told["film"]) == (30, 20, is_film)
        about = json.loads(ask(studio, "GET", f"/sources/{told['name']}/about")[2])
        assert about == told


def test_what_is_told_of_a_source(studio):
    told = json.loads(ask(studio, "GET", "/sources/cat/about")[2])
    assert told == {"name": "cat", "width": 451, "height": 300, "film": False}
    assert ask(studio, "GET", "/sources/0123456789abcdef/about")[0] == 400


def test_a_file_that_is_deleted_while_works_are_listed(studio, tmp_path, monkeypatch):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(picture_bytes())
    scan = studio.gallery._scan

    def scan_and_delete():
        entries = scan()
        (tmp_path / "a.png").unlink(missing_ok=True)
        return entries

    monkeypatch.setattr(studio.gallery, "_scan", scan_and_delete)
    works = json.loads(ask(studio, "GET", "/works")[2])
    assert [work["name"] for work in works] == ["b.png"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#EXTM3U\n#EXTINF:1\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\0\0\0 ftypisom" + bytes(100),
        picture_bytes(),
    ],
)
def test_what_is_no_film_is_refused(studio, data):
    status, _, body = ask(studio, "POST", "/films", data)
    assert (status, set(json.loads(body))) == (400, {"error"})
    assert "Received" not in json.loads(body)["error"]
    assert not os.listdir(studio.sources._uploads.name)


def test_players_ask_for_parts_of_a_film(studio, tmp_path):
    (tmp_path / "film.mp4").write_bytes(bytes(range(256)))
    for asked, status, expected in [
        ("bytes=0-", 206, bytes(range(256))),
        ("bytes=10-19", 206, bytes(range(10, 20))),
        ("bytes=250-999", 206, bytes(range(250, 256))),
        ("bytes=9-3", 200, bytes(range(256))),
        ("bytes=256-", 200, bytes(range(256))),
        ("bytes=-5", 200, bytes(range(256))),
        ("bytes=1-2,4-5", 200, bytes(range(256))),
        ("bytes=" + "9" * 30 + "-", 200, bytes(range(256))),
    ]:
        got, headers, body = ask(studio, "GET", "/works/film.mp4", Range=asked)
        assert (got, body) == (status, expected), asked
        assert headers["Content-Type"] == "video/mp4"
    # What was not made here is not listed.
    assert json.loads(ask(studio, "GET", "/works")[2]) == []
