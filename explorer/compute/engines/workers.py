"""What is called for a deferred function: itself, an instance of its class, or a process that has it."""

from __future__ import annotations

import os
import pickle
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING, Any
from weakref import finalize

from explorer._errors import ComputeError, MissingExtraError, WorkerError
from explorer._optional import require
from explorer.compute.engines import worker_main

if TYPE_CHECKING:
    from collections.abc import Callable

    from explorer.compute.deferred import Deferred

AWAKE_S = 0.5
"""How long a wait may be deaf to an interruption whose signal came to another thread."""

MOST_DEATHS = 16
"""How many workers may end one after the other before the function is taken to end them all."""


def runner(spec: Deferred) -> Callable[..., Any]:
    """Make what is called for the rows of `spec`, now that the first of them is wanted.

    Raises
    ------
    WorkerError
        When an instance cannot be made, or a process cannot have the function.
    """
    if spec.processes:
        return Processes(spec)
    if spec.init is not None:
        return Instances(spec)
    getattr(spec.function, "open", lambda: None)()
    return spec.function


class Instances:
    """Calls instances of a class, each by one thread at a time; no more are made than work at once.

    Parameters
    ----------
    spec
        Its function is the class, `init` the keywords of its instances. The first is made now.

    Examples
    --------
    >>> from explorer.compute.deferred import Deferred
    >>> class Scaled:
    ...     def __init__(self, by):
    ...         self.by = by
    ...     def __call__(self, x):
    ...         return self.by * x
    >>> Instances(Deferred(Scaled, ("x",), {}, init={"by": 3}))(7)
    21
    """

    def __init__(self, spec: Deferred) -> None:
        self._spec = spec
        self._idle = [self._made()]

    def _made(self) -> Callable[..., Any]:
        try:
            instance: Callable[..., Any] = self._spec.function(**(self._spec.init or {}))
        except Exception as error:
            raise _not_made(self._spec, f"{type(error).__name__}: {error}") from error
        return instance

    def __call__(self, *values: Any) -> Any:
        """Call an instance that nobody calls now."""
        try:
            instance = self._idle.pop()
        except IndexError:
            instance = self._made()
        try:
            return instance(*values)
        finally:
            self._idle.append(instance)


def _not_made(spec: Deferred, reason: str) -> WorkerError:
    return WorkerError(
        f"{spec.name} could not be made: {reason}",
        hint="No row was computed with it. Mend that and compute again; it is tried anew.",
    )


class Processes:
    """Calls a function in other processes, each of which has made it once.

    The processes are started when there is work for them, stay for the next rows, and end with the
    function, or with this process, however that ends.

    Parameters
    ----------
    spec
        Its function, or its class and the keywords of the instance in each process. The first process
        is started now.
    """

    def __init__(self, spec: Deferred) -> None:
        self._spec = spec
        self._recipe = _packed(spec)
        self._lock = Lock()
        self._deaths = 0
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()
        self._ended = finalize(self, _end, self._all)
        self._idle.append(self._started())

    def _started(self) -> _Process:
        process = _Process(self._spec, self._recipe)
        with self._lock:
            self._all.add(process)
        try:
            process.wait_until_made()
        except BaseException:
            self._let_go(process)
            raise
        return process

    def _let_go(self, process: _Process) -> None:
        with self._lock:
            self._all.discard(process)
        process.end()

    def __call__(self, *values: Any) -> Any:
        """Have a process that is idle call it; a row at which the process ends is an error."""
        request = pickle.dumps(values, protocol=pickle.HIGHEST_PROTOCOL)
        with self._lock:
            process = self._idle.pop() if self._idle else None
        process = process or self._started()
        try:
            answer = process.ask(request)
        except _Gone:
            self._let_go(process)
            raise self._death(process) from None
        except BaseException:
            self._let_go(process)
            raise
        with self._lock:
            self._deaths = 0
            if process in self._all:
                self._idle.append(process)
        return _value(answer)

    def _death(self, process: _Process) -> ComputeError:
        with self._lock:
            self._deaths += 1
            deaths = self._deaths
        how = process.exit_words()
        if deaths >= MOST_DEATHS:
            return WorkerError(
                f"{deaths} processes of {self._spec.name} ended one after the other, the last {how}.",
                hint="Call the function by hand on one row; rows computed before are kept.",
            )
        return ComputeError(f"the process that computed it ended, {how}")

    def stop(self) -> None:
        """End all processes, also those in the middle of a call; the next call starts others."""
        with self._lock:
            processes = [*self._all]
            self._all.clear()
            self._idle.clear()
        for process in processes:
            process.end()


class _Gone(Exception):  # noqa: N818 - it is no error yet; caught in this module
    """The process on the other side has ended."""


class _Process:
    """One worker process."""

    def __init__(self, spec: Deferred, recipe: bytes) -> None:
        self._spec = spec
        # What it prints goes where this process prints; standard output carries the answers.
        printed = _duplicate_of_standard_output()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this very interpreter, and a file of ours
                [sys.executable, "-P", str(Path(worker_main.__file__)), str(printed)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(printed,) if printed >= 0 else (),
                # Ctrl-C is for the process that asks, which then ends this one.
                process_group=0 if os.name == "posix" else None,
            )
        except OSError as error:
            raise WorkerError(
                f"{spec.name} is to run in a process, and none can be started here: {error}",
                hint="Leave processes=True out to run it in threads.",
            ) from error
        finally:
            if printed >= 0:
                os.close(printed)
        with suppress(OSError):
            self._send(pickle.dumps((sys.path, recipe)))

    def _send(self, message: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        worker_main.send(self._process.stdin, message)

    def wait_until_made(self) -> None:
        try:
            _value(self._received())
        except _Gone:
            self.end()
            raise _not_made(self._spec, f"its process ended, {self.exit_words()}") from None
        except Exception as error:
            raise _not_made(self._spec, f"{type(error).__name__}: {error}") from error

    def ask(self, request: bytes) -> bytes:
        try:
            self._send(request)
        except (OSError, ValueError):
            raise _Gone from None
        return self._received()

    def _received(self) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        try:
            _wait_for(self._process.stdout)
            answer = worker_main.receive(self._process.stdout)
        except (OSError, ValueError):
            answer = None
        if answer is None:
            raise _Gone
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError, ValueError):
                assert stream is not None  # noqa: S101 - both were asked for
                stream.close()

    def exit_words(self) -> str:
        code = self._process.wait()
        if code >= 0:
            return f"with exit code {code}"
        names = {int(number): number.name for number in signal.Signals}
        name = names.get(-code, f"signal {-code}")
        return f"killed by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")


def _wait_for(stream: IO[bytes]) -> None:
    """Wait until something can be read, awake now and then, so that an interruption is noticed."""
    if os.name == "posix":
        waiting = select.poll()
        waiting.register(stream, select.POLLIN)
        while not waiting.poll(1000 * AWAKE_S):
            pass


def _duplicate_of_standard_output() -> int:
    if os.name != "posix":
        return -1
    with suppress(OSError):
        return os.dup(1)
    return -1


def _end(processes: set[_Process]) -> None:
    for process in processes:
        process.end()


def _value(answer: bytes) -> Any:
    """Return what a process answered, or raise what was raised there."""
    kind, content = pickle.loads(answer)  # noqa: S301 - from a process that this one has started
    if kind == "value":
        return content
    name, message, text, whole = content
    error: Exception | None = None
    if whole is not None:
        with suppress(Exception):
            error = pickle.loads(whole)  # noqa: S301 - from a process that this one has started
    if not isinstance(error, Exception):
        error = type(name, (Exception,), {})(message)
    error.add_note(f"It was raised in a worker process:\n{text}")
    raise error


def _packed(spec: Deferred) -> bytes:
    """Pickle a function so that another process can make it again.

    Raises
    ------
    WorkerError
        When it holds what cannot travel.
    """
    content = (spec.function, None if spec.init is None else dict(spec.init))
    plain: bytes | None = None
    with suppress(Exception):
        plain = pickle.dumps(content)
        if b"__main__" not in plain:
            return plain
    try:
        cloudpickle = require("cloudpickle", extra="processes", needed_for="processes=True")
    except MissingExtraError as error:
        raise WorkerError(
            f"{spec.name} is defined here, where other processes do not find it.",
            hint="Move it into a module and import it from there, or install what takes it along as it is: "
            'pip install "explorer[processes]"',
        ) from error
    try:
        taken: bytes = cloudpickle.dumps(content)
    except Exception as error:
        raise WorkerError(
            f"{spec.name} cannot be given to another process: {type(error).__name__}: {error}",
            hint="Give a class whose instances open what cannot travel: "
            f"ex.defer({spec.name}, …, init={{…}}, processes=True).",
        ) from error
    return taken
