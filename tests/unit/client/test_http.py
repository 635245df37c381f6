"""The HTTP transport: what is sent, which options it takes, and streams."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import httpx
import pytest

from ragkit import connect
from ragkit.api import errors
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.client._http import AsyncHttpStream, AsyncHttpTransport, HttpStream, HttpTransport

URL = "https://service.test/base/"
GET = HttpRequest("GET", "/v1beta/corpora/a", [("pageSize", "2"), ("filter", "a b")])


def handling(handler: Callable[[httpx.Request], httpx.Response]) -> dict[str, Any]:
    return {"transport": httpx.MockTransport(handler)}


def seen(request: HttpRequest, url: str = URL, **options: Any) -> httpx.Request:
    """The request as it would go on the wire."""
    requests: list[httpx.Request] = []

    def handler(got: httpx.Request) -> httpx.Response:
        requests.append(got)
        return httpx.Response(200)

    HttpTransport(url, options={**handling(handler), **options}).send(request)
    return requests[0]


def test_path_and_query_follow_the_base_url_as_they_are():
    sent = seen(HttpRequest("GET", "/v1beta/files/a%2Fb", GET.query))
    assert sent.url.raw_path == b"/base/v1beta/files/a%2Fb?pageSize=2&filter=a+b"


def test_headers_of_options_and_of_the_request_are_sent():
    request = HttpRequest("POST", "/v1beta/corpora", headers={"content-type": "x"}, body=b"{}")
    sent = seen(request, headers={"x-trace": "1", "User-Agent": "mine"})
    assert sent.headers["x-trace"] == "1"
    assert sent.headers["content-type"] == "x"
    assert sent.headers.get_list("user-agent") == ["mine"]
    assert sent.content == b"{}"


def phases(request: httpx.Request) -> dict[str, float]:
    timeout: dict[str, float] = request.extensions["timeout"]
    return timeout


def test_timeouts_per_phase():
    ours = httpx.Timeout(7, connect=1, pool=2)
    assert phases(seen(GET, timeout=ours)) == {"connect": 1, "read": 7, "write": 7, "pool": 2}
    for_one = HttpRequest("GET", GET.path, timeout=30)
    assert phases(seen(for_one, timeout=ours))["connect"] == 1
    assert phases(seen(for_one, timeout=ours))["read"] == 30
    short = HttpRequest("GET", GET.path, timeout=0.5)
    assert set(phases(seen(short)).values()) == {0.5}
    assert None not in phases(seen(GET)).values()


def test_httpx_takes_the_options(monkeypatch):
    taken: dict[str, Any] = {}
    monkeypatch.setattr("ragkit.client._http._Client", taken.update)
    options = {
        "proxy": "http://proxy.test:3128",
        "verify": ssl.create_default_context(),
        "limits": httpx.Limits(max_connections=3),
        "trust_env": False,
    }
    connect(URL, http_options=options)
    assert options.items() <= taken.items()
    assert taken["follow_redirects"] is False
    taken.clear()
    connect("https://service.test")
    assert taken["verify"] is True


def test_cookies_are_not_kept():
    requests: list[httpx.Request] = []

    def handler(got: httpx.Request) -> httpx.Response:
        requests.append(got)
        return httpx.Response(200, headers={"set-cookie": "a=b"})

    transport = HttpTransport(URL, options=handling(handler))
    transport.send(GET)
    transport.send(GET)
    assert "cookie" not in requests[1].headers


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("url", ["http://service.test", "https://service.test"])
def test_http2_is_on_over_tls_when_its_package_is_there(monkeypatch, there, url):
    taken: dict[str, Any] = {}
    monkeypatch.setattr("ragkit.client._http._Client", taken.update)
    monkeypatch.setattr(
        "ragkit.client._http.find_spec", lambda name: (there and name == "h2") or None
    )
    connect(url)
    assert taken["http2"] is (there and url.startswith("https"))
    connect(url, http_options={"http2": False})
    assert taken["http2"] is False


@pytest.mark.parametrize("option", ["follow_redirects", "auth", "base_url", "nonsense"])
def test_other_options_are_refused(option):
    with pytest.raises(errors.ConfigurationError, match=option):
        connect(URL, http_options={option: True})


@pytest.mark.parametrize(
    "url", ["https://u:s3cret@host", "https://host?key=s3cret", "https://host#s3cret"]
)
def test_secrets_in_the_url_are_refused_and_not_shown(url):
    with pytest.raises(errors.ConfigurationError) as caught:
        connect(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("failure", "sent"),
    [
        (httpx.ConnectError("refused"), False),
        (httpx.ConnectTimeout("slow"), False),
        (httpx.PoolTimeout("busy"), False),
        (httpx.ReadTimeout("slow"), True),
        (httpx.ReadError("reset"), True),
        (httpx.WriteError("reset"), True),
        (httpx.RemoteProtocolError("truncated"), True),
    ],
)
def test_a_failure_says_whether_the_request_may_have_arrived(failure, sent):
    def fail(request: httpx.Request) -> httpx.Response:
        raise failure

    with pytest.raises(errors.TransportError, match=r"https://service\.test: ") as caught:
        HttpTransport(URL, options=handling(fail)).send(GET)
    assert caught.value.sent is sent


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that arrives in two pieces and then breaks off."""

    closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield b"one"
        yield b"two"
        raise httpx.ReadError("reset")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in (b"one", b"two"):
            yield piece
        raise httpx.ReadError("reset")

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def test_a_stream_gives_pieces_as_they_arrive_and_says_when_it_breaks():
    body = Pieces()
    options = handling(lambda request: httpx.Response(200, headers={"X-A": "b"}, stream=body))
    reply = HttpTransport(URL, options=options).open(GET)
    assert (reply.status, reply.headers["x-a"]) == (200, "b")
    assert isinstance(reply, HttpStream)
    pieces = reply.body
    assert [next(pieces), next(pieces)] == [b"one", b"two"]
    with pytest.raises(errors.TransportError, match="reset"):
        next(pieces)
    assert body.closed


def test_a_stream_closed_early_gives_back_its_connection():
    body = Pieces()
    options = handling(lambda request: httpx.Response(200, stream=body))
    reply = HttpTransport(URL, options=options).open(GET)
    assert isinstance(reply, HttpStream)
    reply.close()
    assert body.closed


def test_an_asynchronous_stream():
    async def main() -> None:
        body = Pieces()
        options = handling(lambda request: httpx.Response(200, stream=body))
        transport = AsyncHttpTransport(URL, options=options)
        reply = await transport.open(GET)
        assert isinstance(reply, AsyncHttpStream)
        pieces = reply.body
        assert [await anext(pieces), await anext(pieces)] == [b"one", b"two"]
        with pytest.raises(errors.TransportError, match="reset"):
            await anext(pieces)
        assert body.closed
        early = Pieces()
        body = early
        reply = await transport.open(GET)
        assert isinstance(reply, AsyncHttpStream)
        await reply.close()
        assert early.closed
        await transport.close()

    anyio.run(main)


def test_an_error_in_place_of_a_stream_comes_whole_and_gives_back_its_connection():
    class Page(httpx.SyncByteStream, httpx.AsyncByteStream):
        closed = False

        def __iter__(self) -> Iterator[bytes]:
            yield b"busy"

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"busy"

        def close(self) -> None:
            self.closed = True

        async def aclose(self) -> None:
            self.closed = True

    pages = [Page(), Page()]
    options = handling(lambda request: httpx.Response(503, stream=pages[0]))
    whole = HttpResponse(503, b"busy", {})
    assert HttpTransport(URL, options=options).open(GET) == whole
    options = handling(lambda request: httpx.Response(503, stream=pages[1]))
    assert anyio.run(AsyncHttpTransport(URL, options=options).open, GET) == whole
    assert all(page.closed for page in pages)


def test_a_stream_that_cannot_begin_is_a_transport_error():
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(errors.TransportError, match="refused"):
        HttpTransport(URL, options=handling(fail)).open(GET)
