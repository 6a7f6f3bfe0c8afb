"""Why a URL was not read, and whether to ask again."""

from __future__ import annotations

import email.utils
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from explorer._errors import FetchError

if TYPE_CHECKING:
    from explorer.remote.addresses import Place
    from explorer.remote.transport import Answer

MAX_WAIT_S = 30.0
_WHOLE = {200, 203}
_PART = 206
_TRY_AGAIN = {408, 425, 429}
_NEVER_AGAIN = {501, 505}
_HINTS = {
    401: "The server wants a name and a password: https://NAME:PASSWORD@…",
    403: "The server refuses this URL: it may have expired, want a login, or forbid programs.",
    429: "Ask for less at once: ex.Web(concurrency=4, backoff_s=2).",
}


@dataclass(eq=False)
class Trouble(Exception):  # noqa: N818  (it never leaves this room)
    """Why one try did not succeed.

    Parameters
    ----------
    what
        The rest of the sentence that begins with the URL.
    again
        Whether another try may do better.
    hint
        The next thing to type.
    status
        The HTTP status, when there was an answer.
    wait_s
        When the server says to come back.
    """

    what: str
    again: bool = False
    hint: str | None = None
    status: int | None = None
    wait_s: float | None = None


def refusal(answer: Answer, now: float, *, part: bool) -> Trouble | None:
    """Return what is wrong with an answer, or None when its body is what was asked for.

    Parameters
    ----------
    answer
        No redirect.
    now
        Seconds since 1970, for servers that name the time at which to come back.
    part
        Whether a part was asked for.
    """
    status = answer.status
    if status in _WHOLE or (part and status == _PART):
        return None
    said = f"{status} {answer.reason}".strip()
    again = status in _TRY_AGAIN or (status >= 500 and status not in _NEVER_AGAIN)
    wait_s = _retry_after(answer, now) if again else None
    if wait_s is not None and wait_s > MAX_WAIT_S:
        said += f", and the server asks to come back in {wait_s:,.0f} s"
    return Trouble(said, again=again, hint=_HINTS.get(status), status=status, wait_s=wait_s)


def _retry_after(answer: Answer, now: float) -> float | None:
    """Return the seconds after which a server wants to be asked again, when it says so."""
    said = answer.headers.get("Retry-After", "").strip()
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - now)
    except (TypeError, ValueError):
        return None


def give_up(place: Place, trouble: Trouble, tries: int) -> NoReturn:
    """Raise what a person reads when no try has succeeded."""
    often = f" (tried {tries} times)" if tries > 1 else ""
    raise FetchError(
        f"{place.shown} could not be fetched: {trouble.what}{often}.",
        url=place.shown,
        status=trouble.status,
        tries=tries,
        hint=trouble.hint,
    ) from trouble.__cause__
