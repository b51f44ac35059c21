import pytest

from kerasart.studio.gate import Gate

GATE = Gate(8077, "secret")
OWN = {"Host": "127.0.0.1:8077", "Cookie": "kerasart_8077=secret"}
POST = OWN | {"Origin": "http://127.0.0.1:8077"}


def refuse(method, headers, **more):
    return GATE.refuse(method, headers.items(), **more)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", OWN),
        ("GET", OWN | {"Host": "localhost:8077"}),
        ("GET", OWN | {"Host": "[::1]:8077"}),
        ("GET", OWN | {"Sec-Fetch-Site": "same-origin"}),
        ("GET", OWN | {"Sec-Fetch-Site": "none"}),
        ("GET", OWN | {"Cookie": "other=1; kerasart_8077=secret; more=2"}),
        ("POST", POST),
        ("POST", POST | {"Sec-Fetch-Site": "same-origin"}),
        ("POST", POST | {"host": "127.0.0.1:8077"}),
    ],
)
def test_the_page_is_let_in(method, headers):
    names = {name.lower(): value for name, value in headers.items()}
    assert refuse(method, names) is None


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Cookie": OWN["Cookie"]}),  # No Host.
        ("GET", OWN | {"Host": "evil.example:8077"}),  # DNS rebinding, with the right key.
        ("GET", OWN | {"Host": "127.0.0.1"}),
        ("GET", OWN | {"Host": "127.0.0.1:8078"}),
        ("GET", OWN | {"Host": "127.0.0.1:8077.evil.example"}),
        ("GET", OWN | {"Host": "evil.example@127.0.0.1:8077"}),
        ("GET", OWN | {"host": "evil.example:8077"}),  # Two of them.
        ("GET", OWN | {"Sec-Fetch-Site": "cross-site"}),
        ("GET", OWN | {"Sec-Fetch-Site": "same-site"}),
        ("GET", OWN | {"Sec-Fetch-Site": "anything"}),
        ("GET", OWN | {"Origin": "http://evil.example"}),
        ("GET", OWN | {"Origin": "null"}),
        ("GET", {"Host": OWN["Host"]}),  # No key.
        ("GET", OWN | {"Cookie": "kerasart_8077=secre"}),
        ("GET", OWN | {"Cookie": "kerasart_8077="}),
        ("GET", OWN | {"Cookie": "kerasart_8078=secret"}),
        ("GET", OWN | {"Cookie": "xkerasart_8077=secret"}),
        ("GET", OWN | {"Cookie": "kerasart_8077=\u20ac"}),
        ("POST", OWN),  # No Origin.
        ("POST", POST | {"Origin": "http://evil.example"}),
        ("POST", POST | {"Origin": "https://127.0.0.1:8077"}),
        ("POST", POST | {"Origin": "http://127.0.0.1:8078"}),
        ("POST", POST | {"Origin": "null"}),
        ("POST", POST | {"Sec-Fetch-Site": "none"}),
        ("POST", POST | {"Sec-Fetch-Site": "cross-site"}),
        ("HEAD", OWN),
        ("DELETE", POST),
        ("OPTIONS", POST),
    ],
)
def test_nobody_else_is(method, headers):
    sentence = refuse(method, headers)
    assert sentence
    assert "secret" not in sentence


def test_the_key_in_the_address_opens_the_page():
    headers = {"Host": OWN["Host"]}
    assert refuse("GET", headers, key="secret") is None
    assert refuse("GET", headers, key="guess")
    assert refuse("GET", headers | {"Host": "evil.example"}, key="secret")


def test_an_address_that_was_asked_for_is_known_by_its_own_name():
    gate = Gate(80, "secret", "192.168.1.5")
    headers = {"Cookie": "kerasart_80=secret"}
    assert gate.refuse("GET", (headers | {"Host": "192.168.1.5:80"}).items()) is None
    assert gate.refuse("GET", (headers | {"Host": "192.168.1.6:80"}).items())
    assert Gate(80, "k", "::1").hosts[0] == "[::1]:80"
