"""Look at image data together with what a model says about it, inside the notebook that is already open.

>>> import explorer as ex
>>> t = ex.samples.digits()
>>> t.columns
['image', 'label', 'split']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from explorer import _errors
from explorer._errors import (
    ArgumentError,
    ColumnNotFoundError,
    ComputeError,
    CycleError,
    DeferredError,
    ExplorerError,
    ExplorerWarning,
    FetchError,
    ImageError,
    ImageLimitError,
    MissingExtraError,
    OutputError,
    ProtocolError,
    SourceError,
    WorkerError,
)
from explorer.compute.counters import Counters
from explorer.compute.deferred import Deferred, Image
from explorer.compute.define import defer
from explorer.images.limits import Limits
from explorer.models.inference import model
from explorer.remote.client import Web
from explorer.sources import samples
from explorer.sources.files import read_csv, read_ipc, read_json, read_ndjson, read_parquet
from explorer.sources.folder import read_folder
from explorer.sources.frames import from_arrow, from_pandas, from_polars
from explorer.sources.huggingface import from_huggingface
from explorer.sources.torch_dataset import from_torch
from explorer.table.column import Cell, Column
from explorer.table.concatenation import concat
from explorer.table.group_by import GroupBy
from explorer.table.image_column import image, image_header
from explorer.table.restoring import read
from explorer.table.table import ImageTable
from explorer.views.polygon import in_polygon

if TYPE_CHECKING:
    from explorer.views.widget import View

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "Cell",
    "Column",
    "ColumnNotFoundError",
    "ComputeError",
    "Counters",
    "CycleError",
    "Deferred",
    "DeferredError",
    "ExplorerError",
    "ExplorerWarning",
    "FetchError",
    "GroupBy",
    "Image",
    "ImageError",
    "ImageLimitError",
    "ImageTable",
    "Limits",
    "MissingExtraError",
    "OutputError",
    "ProtocolError",
    "SourceError",
    "View",
    "Web",
    "WorkerError",
    "concat",
    "defer",
    "from_arrow",
    "from_huggingface",
    "from_pandas",
    "from_polars",
    "from_torch",
    "image",
    "image_header",
    "in_polygon",
    "model",
    "read",
    "read_csv",
    "read_folder",
    "read_ipc",
    "read_json",
    "read_ndjson",
    "read_parquet",
    "samples",
]

_LATE = {"View": "explorer.views.widget"}
"""Public names whose modules are too heavy to load before somebody asks for them."""


def __getattr__(name: str) -> object:
    if name in _LATE:
        found = getattr(import_module(_LATE[name]), name)
        found.__module__ = __name__
        globals()[name] = found
        return found
    message = f"module {__name__!r} has no attribute {name!r}"
    hint = _errors.did_you_mean(name, __all__)
    raise AttributeError(f"{message}. {hint}" if hint else message)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


# Tracebacks and reprs name things where people find them.
for _name in __all__:
    if _name not in _LATE and hasattr(globals()[_name], "__qualname__"):
        globals()[_name].__module__ = __name__
del _name
