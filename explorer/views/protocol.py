"""The messages between page and kernel, version 1.

State travels in traits, data and requests in custom messages tagged ``kind``. Requests are read here
into frozen values; whatever cannot be read is a `ProtocolError`, which the session turns into a
reply or a notice.

===========  ==========================================================================
page sends   carries
===========  ==========================================================================
hello        protocol, page, dpr, media, buffers; with one 4-byte buffer that proves that they pass
bye          page: it is gone
viewport     seq, epoch, start, stop, ahead, px, columns, missing: absolute, the latest wins
select       seq, source, clause or null
ask          rid, op, args: every one is answered by exactly one ``reply``
cancel       rid
===========  ==========================================================================

The kernel sends ``rows``, ``tiles``, ``cells``, ``columns``, ``mask``, ``reply`` and ``notice``. Rows on
the wire are positions in the view's table as it was opened (uint32). Raw arrays are little-endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from explorer._errors import ProtocolError
from explorer.views.clauses import parse as parse_clause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from explorer.views.clauses import Clause

PROTOCOL = 1
MOST_ROWS = 20_000
MOST_PX = 4096
CHUNK_BYTES = 2 * 2**20
OPS = ("sort", "detail", "axes", "facet", "rows", "clear")


@dataclass(frozen=True, slots=True)
class Hello:
    """The page is there. `page`: its number; `buffers`: whether binary buffers reach both sides."""

    protocol: int
    page: int
    dpr: float
    buffers: bool


@dataclass(frozen=True, slots=True)
class Bye:
    """A page of the view is gone; a later `Hello` may bring another."""

    page: int


@dataclass(frozen=True, slots=True)
class Viewport:
    """What is on screen: positions `start` to `stop`, and those of `ahead` soon.

    `missing` are rows on screen whose tile was sent and is not there.
    """

    seq: int
    epoch: int
    start: int
    stop: int
    ahead: tuple[int, int]
    px: int
    columns: tuple[str, ...]
    missing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Select:
    """A source sets its clause, or takes it away."""

    seq: int
    source: str
    clause: Clause | None


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that gets exactly one reply."""

    rid: int
    op: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cancel:
    """The answer to a request is not wanted any more."""

    rid: int


Message: TypeAlias = "Hello | Bye | Viewport | Select | Ask | Cancel"


def parse(content: object) -> Message:
    """Read a message of the page.

    Raises
    ------
    ProtocolError
        For an unknown kind, a missing field, or a value of the wrong type or size.

    Examples
    --------
    >>> parse({"kind": "cancel", "rid": 3})
    Cancel(rid=3)
    """
    if not isinstance(content, dict):
        raise ProtocolError(f"A message is an object, not {type(content).__name__}.")
    kind = content.get("kind")
    match kind:
        case "hello":
            return Hello(
                _int(content, "protocol"),
                _int(content, "page"),
                _float(content, "dpr", 1.0),
                content.get("buffers") is not False,
            )
        case "bye":
            return Bye(_int(content, "page"))
        case "viewport":
            return _viewport(content)
        case "select":
            clause = content.get("clause")
            return Select(
                _int(content, "seq"),
                _text(content, "source"),
                None if clause is None else parse_clause(clause),
            )
        case "ask":
            args = content.get("args", {})
            op = _text(content, "op")
            if op not in OPS or not isinstance(args, dict):
                raise ProtocolError(f"There is no op {op!r} to ask for; there are {', '.join(OPS)}.")
            return Ask(_int(content, "rid"), op, args)
        case "cancel":
            return Cancel(_int(content, "rid"))
    raise ProtocolError(f"A message of the unknown kind {kind!r}.")


def _viewport(content: Mapping[str, Any]) -> Viewport:
    start, stop = _int(content, "start"), _int(content, "stop")
    ahead = content.get("ahead") or [stop, stop]
    if not (isinstance(ahead, list) and len(ahead) == 2):
        raise ProtocolError(f"viewport.ahead is [start, stop], not {ahead!r}.")
    first, last = (whole(end, "viewport.ahead") for end in ahead)
    if (
        not 0 <= start <= stop
        or stop - start > MOST_ROWS
        or not 0 <= first <= last
        or last - first > MOST_ROWS
    ):
        raise ProtocolError(f"viewport: rows {start} to {stop} and ahead {first} to {last} cannot be shown.")
    px = _int(content, "px")
    if not 8 <= px <= MOST_PX:
        raise ProtocolError(f"viewport.px is {px}; it lies between 8 and {MOST_PX}.")
    missing = content.get("missing", [])
    columns = content.get("columns", [])
    if not isinstance(missing, list) or len(missing) > MOST_ROWS or not isinstance(columns, list):
        raise ProtocolError("viewport.missing and viewport.columns are lists.")
    return Viewport(
        seq=_int(content, "seq"),
        epoch=_int(content, "epoch"),
        start=start,
        stop=stop,
        ahead=(first, last),
        px=px,
        columns=tuple(str(column) for column in columns),
        missing=tuple(whole(row, "viewport.missing") for row in missing),
    )


def _int(content: Mapping[str, Any], name: str) -> int:
    return whole(content.get(name), f"{content.get('kind')}.{name}")


def whole(value: object, where: str) -> int:
    """Read a whole number that is not negative, or raise `ProtocolError` naming `where`."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ProtocolError(f"{where} is {value!r}; it must be a whole number.")
    return value


def _float(content: Mapping[str, Any], name: str, default: float) -> float:
    value = content.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ProtocolError(f"{content.get('kind')}.{name} is {value!r}; it must be a number.")
    return float(value)


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str):
        raise ProtocolError(f"{content.get('kind')}.{name} is {value!r}; it must be text.")
    return value
