"""A deferred column: a function of other columns of the same row, called when somebody looks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Image(pl.DataType):
    """The dtype of a column of images: PIL images, decoded when looked at, never in the frame."""


Dtype: TypeAlias = pl.DataType | type[pl.DataType]
Kind: TypeAlias = Literal["image", "header", "model", "function", "expression"]
OnError: TypeAlias = Literal["keep", "null", "raise"]

SINGLE = ""
"""The output name of a function that returns one column; the table gives it its name."""


@dataclass(frozen=True, slots=True, eq=False)
class Deferred:
    """A function and the columns that it is a function of. Defining one calls nothing.

    Parameters
    ----------
    function
        Called with one value per input (or one batch per input when `batched`), positionally.
    inputs
        Names of the input columns, stored or deferred.
    returns
        Output name to dtype. A function with one output has the single name ``""``.
        `polars.Unknown` means that the dtype is taken from the first values; `polars.Object` holds
        what does not fit into a frame (tensors, any Python value).
    batched
        Whether the function takes and returns whole batches.
    stacked
        For batched functions: whether each input arrives stacked into one array where its
        shapes agree (else always a list of values).
    batch_size
        Most rows in one call of a batched function.
    workers
        How many calls run at the same time, each for a row, or for a batch of a batched function.
    processes
        Whether the workers are processes; threads else.
    init
        For a class: the keywords with which each worker makes its instance. None for a function.
    kind
        What it is, for counters and progress: an image loader, a reader of headers of images (which
        decodes and infers nothing), a model, any other function, or a Polars expression, whose
        function takes one frame of its inputs.
    on_error
        ``"keep"``: a failing row becomes an error value; ``"null"``: a null; ``"raise"``: the error
        ends the computation.
    version
        Part of the fingerprint; change it to say that the answers changed.
    name
        How the function is called in messages.
    """

    function: Callable[..., Any]
    inputs: tuple[str, ...]
    returns: Mapping[str, Dtype]
    batched: bool = False
    stacked: bool = True
    batch_size: int = 64
    workers: int = 1
    processes: bool = False
    init: Mapping[str, Any] | None = None
    kind: Kind = "function"
    on_error: OnError = "keep"
    version: str = ""
    name: str = field(default="")

    @property
    def several(self) -> bool:
        """Whether the function returns several named columns."""
        return tuple(self.returns) != (SINGLE,)

    def with_options(self, **changes: Any) -> Deferred:
        """Return a copy with some fields changed."""
        return replace(self, **changes)
