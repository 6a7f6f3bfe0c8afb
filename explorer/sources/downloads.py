"""The data sets that are downloaded: where they are, how they are checked, how they become tables."""

from __future__ import annotations

import contextlib
import shutil
import tarfile
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from explorer._errors import FetchError, SourceError
from explorer._progress import Progress
from explorer.remote.cache import cache_folder
from explorer.sources.paths import natural
from explorer.table.image_column import image
from explorer.table.table import ImageTable

if TYPE_CHECKING:
    from explorer._progress import Sink
    from explorer.remote.fetcher import Fetcher

_ABANDONED_AFTER_S = 3600.0


@dataclass(frozen=True, slots=True)
class Source:
    """One file on the network.

    Parameters
    ----------
    name
        Of the data set, and of its folder in the cache.
    url
        Where the file is.
    sha256
        Of the file, in hexadecimal.
    size
        Of the file, in bytes.
    rows
        How many rows the table has.
    """

    name: str
    url: str
    sha256: str
    size: int
    rows: int

    @property
    def file(self) -> str:
        """The file's own name."""
        return self.url.rpartition("/")[2]

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        return cache_folder() / "samples" / self.name


MNIST = Source(
    name="mnist",
    url=(
        "https://github.com/Eventual-Inc/mnist-json/raw/"
        "050b114dfb7e9b003498f2aaff1811667f9651de/mnist_handwritten_test.json.gz"
    ),
    sha256="a92174bb16502997ded7ab6c42ab729e0063e0f0bcd60f40e7ab0d3b80ecc465",
    size=2_388_439,
    rows=10_000,
)
IMAGENETTE = Source(
    name="imagenette",
    url="https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz",
    sha256="64d0c4859f35a461889e0147755a999a48b49bf38a7e0f9bd27003f10db02fe5",
    size=99_003_388,
    rows=13_394,
)
LABELS = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}
"""The classes of Imagenette by their WordNet ids, which are the names of its folders."""


def mnist_table(
    source: Source = MNIST, *, fetcher: Fetcher | None = None, sink: Sink | None = None
) -> ImageTable:
    """Return the table of MNIST, see `explorer.samples.mnist`."""
    path = source.folder / source.file
    _fetched(source, path, fetcher, sink)
    try:
        # Strict: a pixel that is no whole number from 0 to 255 is an error here.
        frame = pl.read_ndjson(path, schema={"image": pl.List(pl.UInt8), "label": pl.Int64})
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise _spoiled(path, str(error).strip().partition("\n")[0]) from error
    wrong = _wrong_with(frame, source.rows)
    if wrong is not None:
        raise _spoiled(path, wrong)
    table = ImageTable.from_frame(frame, title=source.name)
    return table.with_columns(image=image("image", shape=(28, 28), mode="L"))


def _wrong_with(frame: pl.DataFrame, rows: int) -> str | None:
    """Say in what these are not handwritten digits of 28x28 pixels."""
    if frame.height != rows:
        return f"it has {frame.height:,} rows, and {rows:,} are expected"
    lengths = frame["image"].list.len().fill_null(0)
    if not (lengths == 28 * 28).all() or frame["image"].explode().null_count():
        return "not every image has 784 pixels"
    if not frame["label"].is_between(0, 9).fill_null(value=False).all():
        return "not every label is a digit"
    return None


def imagenette_table(
    source: Source = IMAGENETTE, *, fetcher: Fetcher | None = None, sink: Sink | None = None
) -> ImageTable:
    """Return the table of Imagenette, see `explorer.samples.imagenette`."""
    folder = source.folder / source.file.removesuffix(".tgz")
    if not folder.is_dir():
        archive = source.folder / source.file
        was_there = archive.exists()
        _fetched(source, archive, fetcher, sink, or_folder=folder)
        if was_there:
            _check_placed(source, archive)
        _unpack(source, archive, folder, sink)
        if not was_there:
            archive.unlink(missing_ok=True)
    paths = _photos(folder)
    if not paths:
        raise _spoiled(folder, "it holds no train/*/*.JPEG or val/*/*.JPEG")
    parts = pl.Series("path", paths, dtype=pl.String).str.split("/")
    wnid = parts.list.get(1)
    frame = pl.DataFrame(
        {
            "path": paths,
            "wnid": wnid,
            "label": wnid.replace_strict(LABELS, default=None, return_dtype=pl.String),
            "split": parts.list.get(0),
        }
    )
    table = ImageTable.from_frame(frame, base_dir=folder, title=source.name)
    return table.with_columns(img=image("path", base_dir=folder))


def _photos(folder: Path) -> list[str]:
    """List the photos below train and val, the training ones first."""
    found = [
        path.relative_to(folder).as_posix()
        for split in ("train", "val")
        for path in folder.glob(f"{split}/*/*")
        if path.suffix.lower() in {".jpeg", ".jpg"} and not path.name.startswith(".")
    ]
    return sorted(found, key=natural)


def _fetched(
    source: Source, path: Path, fetcher: Fetcher | None, sink: Sink | None, *, or_folder: Path | None = None
) -> None:
    """Download a file unless it is there; without a network, say where it can be put by hand."""
    if path.exists():
        return
    from explorer.remote.download import download

    try:
        download(
            source.url,
            path,
            checksum=f"sha256:{source.sha256}",
            size=source.size,
            fetcher=fetcher,
            sink=sink,
        )
    except FetchError as error:
        unpacked = "" if or_folder is None else f" (or the folder {or_folder.name} that it unpacks to)"
        inside = Path("samples", source.name, path.name)
        by_hand = (
            f"Put {path.name}{unpacked} into {path.parent}, "
            f"or set EXPLORER_CACHE to the folder that holds {inside}."
        )
        raise FetchError(
            error.message,
            url=error.url,
            status=error.status,
            tries=error.tries,
            hint=f"{error.hint}\n{by_hand}" if error.hint else by_hand,
        ) from error.__cause__


def _check_placed(source: Source, archive: Path) -> None:
    """Refuse an archive that somebody put there and that is another one; it is theirs, and stays."""
    from explorer.remote.download import digest

    with archive.open("rb", buffering=0) as file:
        found = digest(file, "sha256")
    if found != source.sha256:
        raise SourceError(
            f"{archive} is not the archive that was expected: its sha256 is {found}, not {source.sha256}.",
            hint=f"Delete it and call again to download {source.url}.",
        )


def _unpack(source: Source, archive: Path, folder: Path, sink: Sink | None) -> None:
    """Unpack an archive beside its folder, and give that its name when it is whole."""
    if not hasattr(tarfile, "data_filter"):
        raise SourceError(
            "This version of Python cannot unpack archives safely.",
            hint=f"Take Python 3.11.4 or newer, or unpack {archive} yourself.",
        )
    _remove_abandoned(folder)
    with contextlib.ExitStack() as afterwards:
        try:
            beside = tempfile.mkdtemp(prefix=f"{folder.name}.", suffix=".unpacking", dir=folder.parent)
            afterwards.callback(shutil.rmtree, beside, ignore_errors=True)
            progress = Progress(
                archive.name, total=source.rows, unit="photos", done_word="unpacked", sink=sink
            )
            count = _extract(archive, Path(beside), folder.name, progress)
            if count != source.rows:
                raise _spoiled(archive, f"it holds {count:,} photos, and {source.rows:,} are expected")
            Path(beside, folder.name).rename(folder)
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise _spoiled(archive, str(error) or "it ends in the middle") from error
        except OSError as error:
            # Another process may have been faster.
            if not folder.is_dir():
                reason = error.strerror or error
                raise SourceError(f"{archive} cannot be unpacked beside itself: {reason}.") from error


def _extract(archive: Path, into: Path, name: str, progress: Progress) -> int:
    """Write what an archive holds, and return how many photos came out under `name`."""
    with tarfile.open(archive, "r:gz") as members, progress:
        for member in members:
            # Nothing leaves the folder: neither by an absolute path, nor by .., nor through a link.
            members.extract(member, into, filter="data")
            progress.advance(member.isfile() and member.name.lower().endswith((".jpeg", ".jpg")))
    return len(_photos(into / name))


def _remove_abandoned(folder: Path) -> None:
    """Remove what a killed process left half unpacked."""
    for left in folder.parent.glob(f"{folder.name}.*.unpacking"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED_AFTER_S:
                shutil.rmtree(left, ignore_errors=True)


def _spoiled(path: Path, what: str) -> SourceError:
    return SourceError(
        f"{path} is not what was expected: {what}.", hint="Delete it, and call again to download it."
    )
