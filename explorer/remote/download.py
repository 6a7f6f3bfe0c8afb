"""Whole files from the network: resumed after an interruption, checked, and only then given their name."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from explorer._errors import ArgumentError, FetchError, SourceError
from explorer._progress import Progress
from explorer.remote.addresses import place_of
from explorer.remote.client import Web, fetcher_of
from explorer.remote.transport import BrokenError, OutOfTimeError
from explorer.remote.trouble import Trouble, give_up

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from explorer._progress import Sink
    from explorer.remote.addresses import Place
    from explorer.remote.fetcher import Fetcher
    from explorer.remote.transport import Answer

_PIECE = 256 * 2**10
_ALGORITHMS = {"sha256": 64, "md5": 32}
_PATIENT = Web(timeout_s=30.0, retries=3)


def download(
    url: str,
    target: str | os.PathLike[str],
    *,
    checksum: str | None = None,
    size: int | None = None,
    fetcher: Fetcher | None = None,
    sink: Sink | None = None,
) -> Path:
    """Fetch a file of any size.

    It grows beside its place as ``NAME.part``. When the download ends early, for whatever reason, that part
    is kept, and the next call goes on from there, provided the server can and its file is still the same.

    Parameters
    ----------
    url
        ``http://`` or ``https://``.
    target
        Where the file goes; folders on the way are made. One that is there already is left as it is, and
        nothing is asked of the network.
    checksum
        ``"sha256:…"`` or ``"md5:…"`` in hexadecimal. A file with another one is deleted.
    size
        In bytes, when it is known.
    fetcher
        What asks; a patient one by default (30 s between two pieces, 4 tries without a byte).
    sink
        Where the progress bar is drawn.

    Returns
    -------
    Path
        `target`.

    Raises
    ------
    FetchError
        When the file cannot be fetched, or is not the one that was expected.
    SourceError
        When it cannot be written, or another process is downloading it.
    """
    place = place_of(url)
    algorithm, expected = _parsed(checksum)
    target = Path(target)
    if target.exists():
        return target
    fetcher = fetcher or fetcher_of(_PATIENT)
    with _part(target) as part:
        # Another process may have been faster.
        if target.exists():
            return target
        progress = Progress(
            target.name, total=size or 0, done_word="downloaded", unit="bytes", always=True, sink=sink
        )
        with progress:
            _Filling(place, part, fetcher, progress, size=size, checked=expected is not None).run()
        if expected is not None:
            _check(place, part, algorithm, expected)
        part.name_it(target)
    return target


class _Part:
    """The file that grows, and what the server said of the whole."""

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        self.file = file
        self._note = path.with_name(path.name + ".json")

    @property
    def size(self) -> int:
        return self.file.seek(0, os.SEEK_END)

    def append(self, piece: bytes) -> None:
        left = memoryview(piece)
        with _written(self.path):
            while left:
                left = left[self.file.write(left) :]

    def empty(self) -> None:
        self.file.seek(0)
        self.file.truncate()

    def note(self, said: dict[str, Any]) -> None:
        """Remember by what the server knows this version of its file."""
        with _written(self._note):
            self._note.write_text(json.dumps(said), encoding="utf-8")

    def noted(self) -> dict[str, Any]:
        try:
            said = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def forget(self) -> None:
        self._note.unlink(missing_ok=True)

    def name_it(self, target: Path) -> None:
        """Give the whole file its name, still locked where that is possible."""
        if sys.platform == "win32":
            self.file.close()
        with _written(self.path):
            self.path.replace(target)
        self.forget()

    def delete(self) -> None:
        self.file.close()
        self.path.unlink(missing_ok=True)
        self.forget()


class _Filling:
    """Asks for what is missing of a part until nothing is."""

    def __init__(
        self,
        place: Place,
        part: _Part,
        fetcher: Fetcher,
        progress: Progress,
        *,
        size: int | None,
        checked: bool,
    ) -> None:
        self._place = place
        self._part = part
        self._fetcher = fetcher
        self._progress = progress
        self._size = size
        self._checked = checked

    def run(self) -> None:
        tries = 0
        while True:
            before = self._part.size
            tries += 1
            try:
                self._once()
            except Trouble as trouble:
                # Only tries that brought nothing count.
                tries = 1 if self._part.size > before else tries
                wait_s = self._fetcher.pause(trouble, tries)
                if wait_s is None:
                    self._progress.note = "stopped"
                    self._give_up(trouble, tries)
                self._fetcher.wait(wait_s)
            else:
                return

    def _give_up(self, trouble: Trouble, tries: int) -> NoReturn:
        if self._part.size and trouble.again:
            trouble.hint = f"The first {_mb(self._part.size)} are kept: call again to go on."
        give_up(self._place, trouble, tries)

    def _once(self) -> None:
        try:
            have = self._begin()
            followed = self._fetcher.follow(
                self._place, self._headers(have), self._fetcher.deadline(), whole=False
            )
            with contextlib.closing(followed.answer) as answer:
                if answer.status == 416 and have and self._is_all(answer, have):
                    return
                if answer.status == 416 and have:
                    self._part.empty()
                    raise Trouble("the file has changed on the server", again=True, wait_s=0.0)
                self._fetcher.check(answer, part=True)
                self._take(answer, have)
        except OutOfTimeError as error:
            trouble = self._fetcher.too_late()
            raise Trouble(trouble.what, again=True) from error
        except BrokenError as error:
            raise Trouble(f"the connection broke ({error})", again=True) from error

    def _begin(self) -> int:
        """Return how many bytes there are to go on from."""
        have = self._part.size
        said = self._part.noted()
        # What nobody can check must not be glued: the same URL, and a mark or a checksum for the whole.
        known = said.get("url") == self._place.url and (self._checked or _mark(said))
        too_many = self._size is not None and have > self._size
        if have and (not known or too_many):
            self._part.empty()
            have = 0
        self._progress.begin_at(have)
        return have

    def _headers(self, have: int) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            mark = _mark(self._part.noted())
            if mark:
                headers["If-Range"] = mark
        return headers

    def _is_all(self, answer: Answer, have: int) -> bool:
        total = re.fullmatch(r"bytes \*/(\d+)", answer.headers.get("Content-Range", "").strip())
        return total is not None and int(total[1]) == have and self._size in {None, have}

    def _take(self, answer: Answer, have: int) -> None:
        """Write the body of an answer behind what there is, or from the start when it is the whole."""
        if answer.status == 206:
            span = re.match(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
            total = int(span[2]) if span and span[2] != "*" else None
            if (
                not have
                or span is None
                or int(span[1]) != have
                or total != self._part.noted().get("size", total)
            ):
                self._part.empty()
                raise Trouble("the server sent another part than was asked for", again=True, wait_s=0.0)
        else:
            self._part.empty()
            have = 0
            declared = answer.headers.get("Content-Length", "")
            total = int(declared) if declared.isdecimal() else None
            headers = {name: answer.headers.get(name) for name in ("ETag", "Last-Modified")}
            self._part.note({"url": self._place.url, "size": total, **headers})
        self._refuse_another_size(total)
        self._progress.total = total or self._size or 0
        self._progress.begin_at(have)
        while piece := answer.read(_PIECE):
            have += len(piece)
            self._refuse_another_size(have, at_least=True)
            self._part.append(piece)
            self._progress.advance(len(piece))
        if self._size is not None and have < self._size:
            raise Trouble(f"it ended after {_mb(have)} of {_mb(self._size)}", again=True)

    def _refuse_another_size(self, found: int | None, *, at_least: bool = False) -> None:
        if self._size is None or found is None or (found <= self._size if at_least else found == self._size):
            return
        self._part.empty()
        self._part.forget()
        more = "at least " if at_least else ""
        raise Trouble(f"it has {more}{found:,} bytes, and {self._size:,} were expected")


@contextlib.contextmanager
def _part(target: Path) -> Iterator[_Part]:
    """Open the part of a file for this process alone."""
    path = target.with_name(target.name + ".part")
    while True:
        with _written(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Not buffered: what could not be written must not come back when the file is closed.
            file = path.open("a+b", buffering=0)
        with file:
            if not _locked(file):
                raise SourceError(
                    f"{target.name} is being downloaded by another process.",
                    hint="Wait until that has ended, then call again.",
                )
            # The other process may have given the file its name between opening and locking it.
            if not path.exists() or not os.path.samestat(path.stat(), os.fstat(file.fileno())):
                continue
            try:
                yield _Part(path, file)
            finally:
                if path.exists() and path.stat().st_size == 0:
                    path.unlink()
            return


def _locked(file: FileIO) -> bool:
    """Return whether this process may write; where files cannot be locked, the checksum has to do."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@contextlib.contextmanager
def _written(path: Path) -> Iterator[None]:
    """Say what is wrong with the disk."""
    try:
        yield
    except OSError as error:
        room = ""
        with contextlib.suppress(OSError):
            room = f" {_mb(shutil.disk_usage(path.parent).free)} are free there."
        raise SourceError(
            f"{path} cannot be written: {error.strerror or error}.{room}",
            hint="Name a folder with room in the environment variable EXPLORER_CACHE.",
        ) from error


def digest(file: FileIO, algorithm: str) -> str:
    """Return the checksum of an open file in hexadecimal."""
    file.seek(0)
    return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def _check(place: Place, part: _Part, algorithm: str, expected: str) -> None:
    found = digest(part.file, algorithm)
    if found == expected:
        return
    part.delete()
    raise FetchError(
        f"{place.shown} is not the file that was expected: its {algorithm} is {found}, not {expected}. "
        "It was deleted.",
        url=place.shown,
        tries=1,
        hint="Call again; if it stays so, the file has changed on the server.",
    )


def _parsed(checksum: str | None) -> tuple[str, str | None]:
    """Return the name of the algorithm and the digits."""
    if checksum is None:
        return "", None
    algorithm, _, digits = str(checksum).partition(":")
    if algorithm not in _ALGORITHMS:
        raise ArgumentError.not_one_of("The algorithm of a checksum", algorithm, _ALGORITHMS)
    if not re.fullmatch(rf"[0-9a-fA-F]{{{_ALGORITHMS[algorithm]}}}", digits):
        raise ArgumentError(
            f"The checksum {checksum!r} is none: {_ALGORITHMS[algorithm]} hexadecimal digits are expected "
            f"after {algorithm}:."
        )
    return algorithm, digits.lower()


def _mark(said: dict[str, Any]) -> str | None:
    """Return what stands for one version of a file in ``If-Range``; a weak mark does not."""
    tag = said.get("ETag")
    if tag and not tag.startswith("W/"):
        return str(tag)
    dated = said.get("Last-Modified")
    return str(dated) if dated else None


def _mb(count: float) -> str:
    return f"{count / 1e6:,.1f} MB"
