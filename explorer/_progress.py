"""One progress bar for long work: in a notebook, in a terminal, or nowhere.

A bar appears only when the work is long enough to be worth a look, never holds
the work up (it redraws at most ten times a second), and ends in one line that
stays: what was done, of how much, and why it stopped.
"""

from __future__ import annotations

import html
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

SHOW_AFTER_S = 0.5
REDRAW_EVERY_S = 0.1


class Sink(Protocol):
    """Where a bar is drawn."""

    def draw(self, text: str, share: float) -> None:
        """Show `text` and a bar filled to `share` (0 to 1)."""

    def finish(self, text: str) -> None:
        """Replace the bar by its last line."""


class Nowhere:
    """Draws nothing: scripts, pipes and tests."""

    def draw(self, text: str, share: float) -> None:
        """Draw nothing."""

    def finish(self, text: str) -> None:
        """Draw nothing."""


class Terminal:
    """One line on standard error, drawn over itself."""

    def draw(self, text: str, share: float) -> None:
        """Show a bar of 24 characters, then the text."""
        full = round(24 * share)
        sys.stderr.write(f"\r\x1b[2K{'█' * full}{'░' * (24 - full)} {text}")
        sys.stderr.flush()

    def finish(self, text: str) -> None:
        """Leave the last line."""
        sys.stderr.write(f"\r\x1b[2K{text}\n")
        sys.stderr.flush()


class Notebook:
    """One output of the cell, updated in place, readable in a saved notebook too."""

    def __init__(self) -> None:
        self._handle: Any = None

    def _show(self, text: str, markup: str) -> None:
        from IPython.display import display

        bundle = {"text/plain": text, "text/html": markup}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(bundle, raw=True)

    def draw(self, text: str, share: float) -> None:
        """Show the browser's own progress element, then the text."""
        self._show(
            text,
            f'<div style="font:13px system-ui,sans-serif"><progress max="1" value="{share:.4f}" '
            f'style="width:12em;vertical-align:middle"></progress> {html.escape(text)}</div>',
        )

    def finish(self, text: str) -> None:
        """Leave the last line."""
        self._show(text, f'<div style="font:13px system-ui,sans-serif;opacity:.75">{html.escape(text)}</div>')


def default_sink() -> Sink:
    """Choose the notebook when a kernel runs this, the terminal when there is one, else nowhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and getattr(shell, "kernel", None) is not None:
        return Notebook()
    return Terminal() if sys.stderr.isatty() else Nowhere()


class Progress:
    """Count work as it is done, and show it when it takes long.

    Parameters
    ----------
    label
        What is being done, for instance ``"pred, confidence"``.
    total
        How many rows there are to do; 0 when nobody knows.
    done_word
        What became of a row, for the last line: ``"inferred"`` gives "128 of 899 rows inferred".
    always
        Leave the last line even when the work was too short for a bar.
    unit
        What is counted, in the plural; ``"bytes"`` are shown as MB (10^6 bytes).
    kept
        Whether what was done before an interruption is kept, for the last line.
    sink, clock
        Where to draw, and the time in seconds.

    Examples
    --------
    >>> with Progress("pred", total=3, sink=Nowhere()) as progress:
    ...     for _ in range(3):
    ...         progress.advance(1)
    >>> progress.line
    'pred: 3 of 3 rows computed'
    """

    def __init__(
        self,
        label: str,
        *,
        total: int,
        done_word: str = "computed",
        always: bool = False,
        unit: str = "rows",
        kept: bool = True,
        sink: Sink | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.label = label
        self.total = total
        self.done = 0
        self.note = ""
        self._word = done_word
        self._always = always
        self._unit, self._per = ("MB", 1e6) if unit == "bytes" else (unit, 1.0)
        self._before = 0
        self._kept = kept
        self._sink = sink if sink is not None else default_sink()
        self._clock = clock
        self._started = self._drawn = clock()
        self._visible = False

    @property
    def line(self) -> str:
        """What was done so far, as one sentence."""
        of = f" of {self._number(self.total)}" if self.total or self._per == 1 else ""
        text = f"{self.label}: {self._number(self.done)}{of} {self._unit} {self._word}"
        return f"{text}, {self.note}" if self.note else text

    def _number(self, count: float) -> str:
        return f"{count / self._per:,.{0 if self._per == 1 else 1}f}"

    def begin_at(self, done: int) -> None:
        """Count `done` as done by an earlier run."""
        self.done = self._before = done

    def advance(self, rows: int) -> None:
        """Count `rows` more as done."""
        self.done += rows
        now = self._clock()
        if now - self._started >= SHOW_AFTER_S and now - self._drawn >= REDRAW_EVERY_S:
            self._drawn = now
            self._visible = True
            rate = (self.done - self._before) / (now - self._started)
            left = (self.total - self.done) / rate if rate and self.total else 0.0
            self._sink.draw(
                f"{self.line} · {self._number(rate)} {self._unit}/s · {left:,.0f} s left",
                self.done / max(self.total, 1),
            )

    def say(self, text: str) -> None:
        """Leave a line of its own, whatever becomes of the bar."""
        if self._visible:
            self._sink.finish(self.line)
            self._visible = False
        if isinstance(self._sink, Notebook):
            Notebook().finish(text)
        else:
            self._sink.finish(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self.note = "interrupted; what was done is kept" if self._kept else "interrupted"
        if self._visible or self._always or self.note:
            self._sink.finish(self.line)
