"""The data sets that are downloaded, from a server of this machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import time
from dataclasses import replace

import polars as pl
import pytest
from PIL import Image

from explorer._errors import FetchError, SourceError
from explorer.remote.client import Web
from explorer.remote.fetcher import Fetcher
from explorer.sources import samples
from explorer.sources.downloads import IMAGENETTE, LABELS, MNIST, imagenette_table, mnist_table
from tests.loopback import Loopback, Reply, ranged

PHOTOS = (
    "train/n01440764/n01440764_10.JPEG",
    "train/n01440764/n01440764_9.JPEG",
    "train/n03888257/n03888257_1.JPEG",
    "val/n01440764/ILSVRC2012_val_1.JPEG",
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server():
    loopback = Loopback()
    yield loopback
    loopback.close()


@pytest.fixture
def fetcher():
    made = Fetcher(Web(cache=False, retries=0), proxy=lambda place: None)
    yield made
    made.close()


@pytest.fixture
def offline():
    def unknown(host, port):
        raise OSError("Name or service not known")

    made = Fetcher(Web(cache=False, retries=0), proxy=lambda place: None, resolve=unknown)
    yield made
    made.close()


def digits(rows=3, **first):
    lines = [{"image": [number] * 784, "label": number % 10} for number in range(rows)]
    lines[0].update(first)
    return gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode(), mtime=0)


def photo():
    buffer = io.BytesIO()
    Image.new("RGB", (16, 12), (200, 10, 10)).save(buffer, "JPEG")
    return buffer.getvalue()


def archive(names=PHOTOS, *, extra=()):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(f"imagenette2-160/{name}")
            data = photo()
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for member in extra:
            tar.addfile(member)
    return buffer.getvalue()


def served(source, server, body, rows):
    """Return a source whose file a server of this machine has."""
    server.replies[f"/{source.file}"] = ranged(body)
    return replace(
        source,
        url=server.url(f"/{source.file}"),
        sha256=hashlib.sha256(body).hexdigest(),
        size=len(body),
        rows=rows,
    )


# MNIST


def test_mnist_is_downloaded_once(server, fetcher, cache):
    source = served(MNIST, server, digits(), rows=3)
    for _ in range(2):
        table = mnist_table(source, fetcher=fetcher)
        assert table.columns == ["image", "label"]
        assert table.to_polars("label")["label"].to_list() == [0, 1, 2]
    assert len(server.asked) == 1
    kept = [path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file()]
    assert kept == ["samples/mnist/mnist_handwritten_test.json.gz"]


def test_mnist_of_the_real_size_is_the_one_whose_checksum_is_known(server, fetcher, data_dir):
    body = (data_dir / "mnist" / "mnist_handwritten_test.json.gz").read_bytes()
    source = served(MNIST, server, body, rows=10_000)
    assert (source.sha256, source.size) == (MNIST.sha256, MNIST.size)
    table = mnist_table(source, fetcher=fetcher)
    frame = table.to_polars()
    assert frame.schema == {"label": pl.Int64}
    assert frame.height == 10_000
    assert frame["label"].head(5).to_list() == [7, 2, 1, 0, 4]
    assert table["image"][:5]().shape == (5, 28, 28)
    assert table["image"][9_999]().getextrema()[1] > 128


def test_without_a_network_it_says_what_to_put_where(offline, cache):
    with pytest.raises(
        FetchError, match=r"could not be fetched: the host 'github\.com' is unknown"
    ) as caught:
        mnist_table(fetcher=offline)
    assert caught.value.hint.splitlines() == [
        "Check how it is spelled, and that this machine is online.",
        (
            f"Put mnist_handwritten_test.json.gz into {cache}/samples/mnist, "
            "or set EXPLORER_CACHE to the folder that holds samples/mnist/mnist_handwritten_test.json.gz."
        ),
    ]
    with pytest.raises(FetchError, match="or the folder imagenette2-160 that it unpacks to"):
        imagenette_table(fetcher=offline)


def test_a_file_that_was_put_there_is_used_without_a_network(offline, cache):
    folder = cache / "samples" / "mnist"
    folder.mkdir(parents=True)
    (folder / "mnist_handwritten_test.json.gz").write_bytes(digits())
    assert mnist_table(replace(MNIST, rows=3), fetcher=offline).height == 3


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (digits(2), "it has 2 rows, and 3 are expected"),
        (digits(image=[0] * 783), "not every image has 784 pixels"),
        (digits(image=[None] * 784), "not every image has 784 pixels"),
        (digits(image=None), "not every image has 784 pixels"),
        (digits(image=[256] * 784), "256"),
        (digits(label=10), "not every label is a digit"),
        (digits(label=None), "not every label is a digit"),
        (b"<html>no such file</html>", "error parsing"),
        (digits()[:-20], "is not what was expected"),
        (b"", "it has 0 rows"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(cache, offline, body, said):
    folder = cache / "samples" / "mnist"
    folder.mkdir(parents=True)
    (folder / "mnist_handwritten_test.json.gz").write_bytes(body)
    with pytest.raises(SourceError, match=said) as caught:
        mnist_table(replace(MNIST, rows=3), fetcher=offline)
    assert caught.value.hint == "Delete it, and call again to download it."


# Imagenette


def test_imagenette_is_downloaded_unpacked_and_listed(server, fetcher, cache):
    source = served(IMAGENETTE, server, archive(), rows=4)
    for _ in range(2):
        table = imagenette_table(source, fetcher=fetcher)
        frame = table.to_polars("path", "wnid", "label", "split")
        assert table.columns == ["path", "wnid", "label", "split", "img"]
        assert frame["path"].to_list() == [PHOTOS[1], PHOTOS[0], *PHOTOS[2:]]
        assert frame["wnid"].to_list() == ["n01440764", "n01440764", "n03888257", "n01440764"]
        assert frame["label"].to_list() == ["tench", "tench", "parachute", "tench"]
        assert frame["split"].to_list() == ["train", "train", "train", "val"]
    assert table.counters.images_decoded == 0
    assert table["img"][3]().size == (16, 12)
    assert len(server.asked) == 1
    assert [path.name for path in (cache / "samples" / "imagenette").iterdir()] == ["imagenette2-160"]


def test_every_class_has_a_name():
    assert len(LABELS) == len(set(LABELS.values())) == 10


def test_an_archive_that_was_put_there_is_checked_and_stays(server, offline, cache):
    source = served(IMAGENETTE, server, archive(), rows=4)
    placed = cache / "samples" / "imagenette" / "imagenette2-160.tgz"
    placed.parent.mkdir(parents=True)
    placed.write_bytes(b"another archive")
    with pytest.raises(SourceError, match=r"is not the archive that was expected: its sha256 is \w{64}, not"):
        imagenette_table(source, fetcher=offline)
    placed.write_bytes(archive())
    with pytest.raises(SourceError, match="is not the archive"):
        # Gzip notes the time: another file with the same photos.
        imagenette_table(replace(source, sha256="0" * 64), fetcher=offline)
    body = placed.read_bytes()
    source = replace(source, sha256=hashlib.sha256(body).hexdigest())
    assert imagenette_table(source, fetcher=offline).height == 4
    assert placed.read_bytes() == body


def test_a_folder_that_was_put_there_is_used(offline, cache):
    for name in PHOTOS:
        path = cache / "samples" / "imagenette" / "imagenette2-160" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo())
    (path.parent / "notes.txt").write_text("no photo")
    (path.parent / "._hidden.JPEG").write_text("no photo")
    assert imagenette_table(fetcher=offline).height == 4


def test_a_folder_without_photos_is_refused(offline, cache):
    (cache / "samples" / "imagenette" / "imagenette2-160").mkdir(parents=True)
    with pytest.raises(SourceError, match="it holds no train"):
        imagenette_table(fetcher=offline)


def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../outside.JPEG"),
        tarfile.TarInfo("imagenette2-160/../../outside.JPEG"),
        link("imagenette2-160/out", "/etc"),
        link("imagenette2-160/out", "../../.."),
        link("imagenette2-160/out", "/etc/passwd", tarfile.LNKTYPE),
        link("imagenette2-160/device", "", tarfile.CHRTYPE),
    ],
)
def test_nothing_leaves_the_folder(server, fetcher, cache, tmp_path, member):
    source = served(IMAGENETTE, server, archive(extra=[member]), rows=4)
    with pytest.raises(SourceError, match="is not what was expected"):
        imagenette_table(source, fetcher=fetcher)
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert [path.name for path in (cache / "samples" / "imagenette").iterdir()] == ["imagenette2-160.tgz"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (archive(PHOTOS[:2]), "it holds 2 photos, and 4 are expected"),
        (archive()[: len(archive()) // 2], "is not what was expected"),
        (b"no archive", "is not what was expected"),
    ],
)
def test_a_spoiled_archive_leaves_no_folder(server, fetcher, cache, body, said):
    source = served(IMAGENETTE, server, body, rows=4)
    with pytest.raises(SourceError, match=said):
        imagenette_table(source, fetcher=fetcher)
    assert [path.name for path in (cache / "samples" / "imagenette").iterdir()] == ["imagenette2-160.tgz"]


def test_what_a_killed_process_left_is_removed(server, fetcher, cache):
    source = served(IMAGENETTE, server, archive(), rows=4)
    old, new = (cache / "samples" / "imagenette" / f"imagenette2-160.{name}.unpacking" for name in ("a", "b"))
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (time.time() - 7200,) * 2)
    imagenette_table(source, fetcher=fetcher)
    assert not old.exists()
    assert new.exists()


def test_a_refused_download_says_where_to_put_it_too(server, fetcher):
    source = replace(MNIST, url=server.url("/mnist_handwritten_test.json.gz"))
    server.replies["/mnist_handwritten_test.json.gz"] = Reply(403)
    with pytest.raises(FetchError, match=r"403 Forbidden\.(?s:.)*Put mnist_handwritten_test.json.gz into"):
        mnist_table(source, fetcher=fetcher)


def test_the_names_lead_to_the_sets(cache, monkeypatch):
    folder = cache / "samples" / "imagenette" / "imagenette2-160" / "val" / "n01440764"
    folder.mkdir(parents=True)
    (folder / "a.JPEG").write_bytes(photo())
    assert samples.get("imagenette").height == samples.imagenette().height == 1
