"""Certificates, with a real one made on the spot."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import time

import pytest

from explorer._errors import FetchError
from explorer.remote.client import Web
from tests.loopback import Loopback, Reply

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for photos.test, trusted by those who trust itself."""
    folder = tmp_path_factory.mktemp("tls")
    command = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", "/CN=photos.test", "-addext", "subjectAltName=DNS:photos.test", "-days", "2"),
        *("-keyout", "key.pem", "-out", "cert.pem"),
    ]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def secure(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    names = []
    context.sni_callback = lambda sock, name, context: names.append(name)
    server = Loopback(context)
    server.replies["/cat.png"] = Reply(body=b"pixels")
    server.names = names
    yield server
    server.close()


@pytest.fixture
def read(fetch, secure):
    def from_host(host):
        web = Web(cache=False, retries=0)
        fetcher = fetch(web=web, clock=time.monotonic, resolve=lambda host, port: ["127.0.0.1"])
        return fetcher.read(f"https://{host}:{secure.port}/cat.png")

    return from_host


def test_a_host_is_known_by_its_name_though_it_is_connected_to_by_its_address(
    read, secure, certificate, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    assert read("photos.test") == b"pixels"
    assert secure.names == ["photos.test"]
    assert secure.asked[0].headers["Host"] == f"photos.test:{secure.port}"


def test_a_certificate_of_another_host_is_refused(read, secure, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    with pytest.raises(FetchError, match=r"certificate of other.test cannot be trusted \(Hostname mismatch"):
        read("other.test")
    assert secure.asked == []


def test_a_certificate_that_nobody_vouches_for_is_refused(read, secure):
    with pytest.raises(FetchError, match=r"cannot be trusted \(self-signed certificate") as caught:
        read("photos.test")
    assert "SSL_CERT_FILE" in caught.value.hint
    assert secure.asked == []
