"""Optional dependencies: imported when first needed, or refused with the line that installs them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from explorer._errors import MissingExtraError

if TYPE_CHECKING:
    from types import ModuleType


def require(module: str, *, extra: str, needed_for: str) -> ModuleType:
    """Import `module`, or say which extra of explorer brings it.

    Parameters
    ----------
    module
        Dotted name, for instance ``"torch"``.
    extra
        The extra of explorer that installs it.
    needed_for
        What the person was calling, for the message.

    Raises
    ------
    MissingExtraError
        When the module, or something that it needs, is not installed.

    Examples
    --------
    >>> require("json", extra="torch", needed_for="ex.model()").__name__
    'json'
    """
    try:
        return import_module(module)
    except ImportError as error:
        top = module.partition(".")[0]
        raise MissingExtraError(
            f"{needed_for} needs {top}, which cannot be imported here ({error}).",
            hint=f'Install it with: pip install "explorer[{extra}]"',
        ) from error
