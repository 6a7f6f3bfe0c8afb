"""What a worker process runs: it makes a function, then answers calls until nobody asks any more.

It is started as a script, not imported, so that a worker costs no more than the modules that its function
needs. Requests come on standard input; answers go to what was standard output, which is why whatever the
function prints is led to a place of its own, where it disturbs nothing and fills no pipe that nobody reads.
Each message is its length, 8 bytes, and a pickle.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import sys
import threading
import traceback
from queue import SimpleQueue
from typing import IO, Any

LENGTH = struct.Struct("<Q")


def send(stream: IO[bytes], message: bytes) -> None:
    """Write one message."""
    stream.write(LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """Read one message; None when the other side is gone."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    message = stream.read(length)
    return message if len(message) == length else None


def described(error: BaseException) -> bytes:
    """Pickle an exception as its type's name, its message, its traceback, and itself where that goes."""
    name, message = type(error).__name__, str(getattr(error, "message", None) or error)
    text = "".join(traceback.format_exception(error))
    whole = None
    with contextlib.suppress(Exception):
        whole = pickle.dumps(error)
        pickle.loads(whole)  # noqa: S301 - made in the line before
    return pickle.dumps(("error", (name, message, text, whole)))


def answered(function: Any, request: bytes) -> bytes:
    """Call the function for one request."""
    try:
        answer = function(*pickle.loads(request))  # noqa: S301 - from the process that started this one
        return pickle.dumps(("value", answer), protocol=pickle.HIGHEST_PROTOCOL)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the answer
        return described(error)


def made(recipe: bytes) -> Any:
    """Make what is going to be called: a function, opened, or an instance of a class."""
    function, init = pickle.loads(recipe)  # noqa: S301 - from the process that started this one
    if init is not None:
        return function(**init)
    getattr(function, "open", lambda: None)()
    return function


def main() -> None:
    """Serve until standard input ends, which it does when the process that asks is gone."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    printed = int(sys.argv[1])
    os.dup2(printed if printed >= 0 else 2, 1)
    if printed >= 0:
        os.close(printed)
    quiet = os.open(os.devnull, os.O_RDONLY)
    os.dup2(quiet, 0)
    os.close(quiet)
    waiting: SimpleQueue[bytes] = SimpleQueue()

    def listen() -> None:
        while (message := receive(requests)) is not None:
            waiting.put(message)
        # Also in the middle of a call: nobody is there to take its answer.
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    path, recipe = pickle.loads(waiting.get())  # noqa: S301 - from the process that started this one
    sys.path[:] = path
    try:
        function = made(recipe)
    except Exception as error:  # noqa: BLE001 - it is the answer
        send(answers, described(error))
        return
    send(answers, pickle.dumps(("value", os.getpid())))
    while True:
        send(answers, answered(function, waiting.get()))


if __name__ == "__main__":
    main()
