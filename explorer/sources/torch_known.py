"""What a torch data set says of its rows without any of them being computed."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.compute.call import to_plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is known of all rows.

    Parameters
    ----------
    parts
        How many parts an item has; None when that is not known.
    columns
        Part of the item to its values in all rows, one array of numbers each.
    classes
        Names of the classes that part 1 counts.
    files
        Path of the file that part 0 is the image of, in all rows.
    images
        Whether part 0 is a PIL image.
    """

    parts: int | None = None
    columns: Mapping[int, np.ndarray[Any, Any]] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    files: Sequence[str] | None = None
    images: bool = False

    def take(self, rows: np.ndarray[Any, Any]) -> Known:
        """Return what is known of some of the rows."""
        return replace(
            self,
            columns={part: values[rows] for part, values in self.columns.items()},
            files=None if self.files is None else [self.files[row] for row in rows.tolist()],
        )


def known_of(dataset: Any) -> Known:
    """Return what is known of a data set of torch or torchvision; nothing of one that somebody else wrote.

    Whoever overrides how an item is made may give another label than the one that is listed, so that
    only classes whose items are made by these libraries are asked.

    Examples
    --------
    >>> import torch
    >>> from torch.utils.data import Subset, TensorDataset
    >>> rows = TensorDataset(torch.zeros(4, 3, 8, 8), torch.tensor([5, 6, 7, 8]))
    >>> known_of(Subset(rows, [3, 0])).columns
    {1: array([8, 5])}
    """
    data = sys.modules.get("torch.utils.data")
    if data is None:
        return Known()
    if isinstance(dataset, data.Subset) and _makes_items(dataset, data.Subset):
        return known_of(dataset.dataset).take(np.asarray(dataset.indices, dtype=np.int64))
    if isinstance(dataset, data.ConcatDataset) and _makes_items(dataset, data.ConcatDataset):
        return _together([known_of(part) for part in dataset.datasets if len(part)])
    if isinstance(dataset, data.TensorDataset) and _makes_items(dataset, data.TensorDataset):
        columns = {
            part: values
            for part, tensor in enumerate(dataset.tensors)
            if tensor.ndim == 1 and (values := to_plain(tensor)).dtype.kind in "biuf"
        }
        return Known(len(dataset.tensors), columns)
    vision = sys.modules.get("torchvision.datasets.vision")
    if vision is not None and isinstance(dataset, vision.VisionDataset):
        return _of_vision(dataset)
    return Known()


def _makes_items(dataset: object, cls: Any) -> bool:
    kind: Any = type(dataset)
    return bool(kind.__getitem__ is cls.__getitem__)


def _together(parts: list[Known]) -> Known:
    if not parts:
        return Known()
    first = parts[0]
    if any((each.parts, each.classes) != (first.parts, first.classes) for each in parts):
        return Known()
    shared = set.intersection(*(set(each.columns) for each in parts))
    files = [file for each in parts for file in each.files or ()]
    return Known(
        first.parts,
        {part: np.concatenate([each.columns[part] for each in parts]) for part in sorted(shared)},
        first.classes,
        files if all(each.files is not None for each in parts) else None,
        all(each.images for each in parts),
    )


def _of_vision(dataset: Any) -> Known:
    """Return what is known of a torchvision data set whose items are pairs of image and label."""
    if not str(type(dataset).__getitem__.__module__).startswith("torchvision.datasets"):
        return Known()
    both = dataset.transforms
    if dataset.target_transform is not None or type(both).__name__ not in ("NoneType", "StandardTransform"):
        return Known()
    folder = sys.modules["torchvision.datasets.folder"]
    files = None
    if _makes_items(dataset, folder.DatasetFolder):
        targets: Any = [label for _, label in dataset.samples]
        if dataset.transform is None and dataset.loader in (folder.default_loader, folder.pil_loader):
            files = [str(path) for path, _ in dataset.samples]
    else:
        targets = getattr(dataset, "targets", None)
    labels = _labels(targets, len(dataset))
    if labels is None:
        return Known()
    classes: Any = getattr(dataset, "classes", None)
    named = isinstance(classes, (list, tuple)) and all(isinstance(name, str) for name in classes)
    held: Any = getattr(dataset, "data", None)
    in_memory = getattr(held, "shape", ())[:1] == (len(dataset),)
    return Known(
        parts=2,
        columns={1: labels},
        classes=tuple(classes) if named and classes else None,
        files=files,
        images=dataset.transform is None and (files is not None or in_memory),
    )


def _labels(targets: Any, rows: int) -> np.ndarray[Any, Any] | None:
    """Return labels that are one integer a row; some data sets have several, or others than they give."""
    if targets is None:
        return None
    try:
        labels: np.ndarray[Any, Any] = np.asarray(to_plain(targets))
    except (TypeError, ValueError):
        return None
    fitting = labels.shape == (rows,) and (labels.dtype.kind in "iu" or rows == 0)
    return labels.astype(np.int64) if fitting else None
