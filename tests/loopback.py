"""A real HTTP server on this machine that answers as a test says."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable


@dataclass
class Asked:
    """What came in."""

    path: str
    headers: dict[str, str]
    port: int


@dataclass
class Reply:
    """What goes out; `body` may also write to the connection by itself."""

    status: int = 200
    body: bytes | Callable[[Any], None] = b""
    headers: dict[str, str] = field(default_factory=dict)
    end_headers: bool = True


class Loopback:
    """Serves replies by path; a list of replies is used up one by one, its last one stays."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.replies: dict[str, Reply | list[Reply] | Callable[[Asked], Reply]] = {}
        self.asked: list[Asked] = []
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError, OSError):
                    super().handle()

            def do_GET(self) -> None:
                asked = Asked(self.path, dict(self.headers), self.client_address[1])
                loopback.asked.append(asked)
                # The other side may leave in the middle; that is what some tests are about.
                with contextlib.suppress(ConnectionError):
                    self._send(loopback._reply(asked))

            def _send(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if callable(reply.body):
                    if reply.end_headers:
                        self.end_headers()
                    else:
                        self.flush_headers()
                    reply.body(self)
                    self.close_connection = True
                    return
                if "Content-Length" not in reply.headers:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
                self.close_connection = int(reply.headers.get("Content-Length", 0)) > len(reply.body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            # Hands are shaken in the thread of the connection: a client that refuses stops nobody else.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _reply(self, asked: Asked) -> Reply:
        found = self.replies.get(asked.path, Reply(404, b"<html>no</html>", {"Content-Type": "text/html"}))
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found(asked) if callable(found) else found


def ranged(body: bytes, *, tag: str = '"one"', cut: int | None = None) -> Callable[[Asked], Reply]:
    """Reply with a file, or the part that was asked for; `cut` breaks off after as many bytes."""

    def reply(asked: Asked) -> Reply:
        wanted = asked.headers.get("Range")
        if wanted is None or asked.headers.get("If-Range", tag) != tag:
            start, status, headers = 0, 200, {"ETag": tag}
        else:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                return Reply(416, b"", {"Content-Range": f"bytes */{len(body)}"})
            headers = {"ETag": tag, "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
            status = 206
        rest = body[start:]
        headers["Content-Length"] = str(len(rest))
        return Reply(status, rest if cut is None else rest[:cut], headers)

    return reply
