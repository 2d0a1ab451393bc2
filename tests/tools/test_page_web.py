"""Who may use the page's routes: pages that came from here, and nobody else's."""

import re
import socket
from collections.abc import Iterator

import pytest

from tests.support.page_street import NUMBERS, TERMINAL_ID, Page

KEYS = f"/handsets/{TERMINAL_ID}/keys"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with Page() as made:
        yield made


def token_of(page: Page) -> str:
    found = re.search(r'name="token" content="([^"]{20,})"', page.request("GET", "/")[2])
    assert found
    return found[1]


def keyed(page: Page) -> list[str]:
    return [arguments["keys"] for what, arguments in page.handset.asked if what == "keys"]


def test_a_key_with_the_token_is_pressed_and_one_without_is_not(page: Page):
    token = token_of(page)
    before = len(keyed(page))
    for headers in ({}, {"X_Pointwire_Token": ""}, {"X_Pointwire_Token": "wrong"},
                    {"X_Pointwire_Token": "é"}):
        assert page.request("POST", KEYS, {"keys": "9"}, **headers)[0] == 403
    assert len(keyed(page)) == before
    assert page.request("POST", KEYS, {"keys": "5"}, X_Pointwire_Token=token)[0] == 200
    assert keyed(page)[before:] == ["5"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1",
                                  "127.0.0.1:1"])
def test_another_host_name_is_refused_whatever_it_asks(page: Page, host: str):
    host = host.format(port=page.port)
    for method, path in (("GET", "/"), ("GET", "/events"), ("GET", "/static/page.js")):
        assert page.request(method, path, Host=host)[0] == 421
    token = token_of(page)
    assert page.request("POST", KEYS, {"keys": "5"}, Host=host, X_Pointwire_Token=token)[0] == 421


def test_another_site_gets_neither_events_nor_scripts_but_may_link_here(page: Page):
    for path in ("/events", "/static/page.js"):
        assert page.request("GET", path, Sec_Fetch_Site="cross-site")[0] == 403
    assert page.request("GET", "/", Sec_Fetch_Site="cross-site")[0] == 200
    token = token_of(page)
    assert page.request("POST", KEYS, {"keys": "5"}, Sec_Fetch_Site="same-site",
                        X_Pointwire_Token=token)[0] == 403


def test_every_answer_says_what_a_browser_may_do_with_it(page: Page):
    for path in ("/", "/static/page.css", "/nowhere"):
        headers = page.request("GET", path)[1]
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "http" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


def test_wrong_requests_are_named_and_change_nothing(page: Page):
    token, before = token_of(page), len(keyed(page))
    for path, body, status in ((KEYS, {"keys": ""}, 400), (KEYS, [], 400), (KEYS, {}, 400),
                               (f"/handsets/{TERMINAL_ID}/dance", {}, 400),
                               ("/handsets/7/keys", {"keys": "1"}, 400),
                               ("/handsets/x/keys", {"keys": "1"}, 404),
                               (KEYS, {"keys": "1" * 5000}, 413)):
        found, _, text = page.request("POST", path, body, X_Pointwire_Token=token)
        assert found == status and "error" in text, (path, body)
    assert page.request("GET", KEYS)[0] == 405 and len(keyed(page)) == before


def test_events_begin_with_the_street_and_hold_no_card_number(page: Page):
    with socket.create_connection(("127.0.0.1", page.port), 20) as link:
        link.sendall(f"GET /events HTTP/1.0\r\nHost: 127.0.0.1:{page.port}\r\n\r\n".encode())
        heard = b""
        for end in (b"event: street", b"event: handset"):
            while end not in heard:
                got = link.recv(65536)
                assert got, heard
                heard += got
            page.says("saved", journal=7, trace=1, type=1)
    text = heard.decode()
    assert "text/event-stream" in text and text.index("event: street") < text.index('"saved"')
    assert not any(str(number) in text for number in NUMBERS)
