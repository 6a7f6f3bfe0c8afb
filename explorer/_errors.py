"""Every error that explorer raises, in one place.

All of them derive from `ExplorerError`, so ``except ex.ExplorerError`` catches
whatever the package says of its own accord::

    ExplorerError
    ├── ArgumentError            a call that cannot be meant as written
    │   └── ColumnNotFoundError  a name that the table does not have
    ├── SourceError              a place that rows should come from
    │   └── FetchError           a URL that cannot be fetched
    ├── ImageError               one image that cannot be read or decoded
    │   └── ImageLimitError      one image larger than the limits allow
    ├── DeferredError            a deferred column that cannot be defined
    │   └── CycleError           deferred columns that need each other
    ├── ComputeError             a computation that cannot go on
    │   ├── OutputError          a function that returned something else than it declared
    │   └── WorkerError          a worker that cannot be made, or that ends again and again
    ├── MissingExtraError        an optional dependency that is not installed
    └── ProtocolError            a message that the other side cannot understand

Each error says what was given and what was expected; `hint` holds the next
thing to type.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable


class ExplorerError(Exception):
    """The root of all errors raised by explorer.

    Parameters
    ----------
    message
        What was given, and what was expected instead.
    hint
        The next thing to type, when there is one.

    Attributes
    ----------
    message : str
    hint : str or None

    Examples
    --------
    >>> import explorer as ex
    >>> try:
    ...     ex.samples.digits().select("lable")
    ... except ex.ExplorerError as error:
    ...     print(error.hint)
    Did you mean 'label'?
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class ArgumentError(ExplorerError, ValueError):
    """A call that cannot be meant as written."""

    @classmethod
    def unknown_keyword(cls, where: str, given: str, known: Iterable[str]) -> Self:
        """Refuse a keyword that `where` does not take."""
        names = sorted(known)
        return cls(
            f"{where} has no keyword {given!r}.",
            hint=did_you_mean(given, names) or f"It takes: {', '.join(names)}.",
        )

    @classmethod
    def not_one_of(cls, what: str, given: object, known: Iterable[str]) -> Self:
        """Refuse a value that is not among the known ones."""
        names = list(known)
        return cls(
            f"{what} is {given!r}, which is not one of {', '.join(map(repr, names))}.",
            hint=did_you_mean(str(given), names),
        )


class ColumnNotFoundError(ArgumentError, KeyError):
    """A name that the table does not have."""

    @classmethod
    def named(cls, given: str, columns: Iterable[str]) -> Self:
        """Say which columns there are, the nearest one first."""
        names = list(columns)
        shown = ", ".join(map(repr, names[:20])) + (", …" if len(names) > 20 else "")
        return cls(
            f"There is no column {given!r}. The table has: {shown or 'no columns'}.",
            hint=did_you_mean(given, names),
        )


class SourceError(ExplorerError):
    """A place that rows should come from, and do not."""


class FetchError(SourceError):
    """A URL that cannot be fetched: no such host, no answer in time, a refusal, or too much of an answer.

    Parameters
    ----------
    message, hint
        As in `ExplorerError`.
    url
        What was asked for, without a password.
    status
        The HTTP status of the last answer, when there was one.
    tries
        How often it was asked for.

    Attributes
    ----------
    url : str
    status : int or None
    tries : int
    """

    def __init__(
        self,
        message: str,
        *,
        url: str = "",
        status: int | None = None,
        tries: int = 0,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.url = url
        self.status = status
        self.tries = tries


class ImageError(ExplorerError):
    """One image that cannot be read or decoded."""


class ImageLimitError(ImageError):
    """One image that is larger than the limits allow."""


class DeferredError(ExplorerError):
    """A deferred column that cannot be defined as asked."""


class CycleError(DeferredError):
    """Deferred columns that need each other."""


class ComputeError(ExplorerError):
    """A computation that cannot go on."""


class OutputError(ComputeError):
    """A function that returned something else than it declared."""


class WorkerError(ComputeError):
    """A worker that cannot be made, or that ends again and again: no row can be computed."""


class MissingExtraError(ExplorerError, ImportError):
    """An optional dependency that is not installed."""


class ProtocolError(ExplorerError):
    """A message between page and kernel that the other side cannot understand."""


class ExplorerWarning(UserWarning):
    """Something went on that the person should know of, and that stopped nothing."""


def did_you_mean(given: str, known: Iterable[str]) -> str | None:
    """Return a sentence with the nearest known names, or None when none is near.

    Examples
    --------
    >>> did_you_mean("lable", ["label", "split"])
    "Did you mean 'label'?"
    """
    folded = {name.casefold(): name for name in known}
    near = get_close_matches(given.casefold(), folded, n=3, cutoff=0.55)
    if not near:
        return None
    return f"Did you mean {' or '.join(repr(folded[name]) for name in near)}?"
