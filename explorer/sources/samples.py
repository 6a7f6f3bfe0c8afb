"""Data sets to try things on, ready as tables: ``ex.samples``."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import polars as pl

from explorer._errors import ArgumentError
from explorer.sources.downloads import imagenette_table, mnist_table
from explorer.table.image_column import image
from explorer.table.table import ImageTable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["digits", "get", "imagenette", "mnist"]


def digits() -> ImageTable:
    """Return 1,797 handwritten digits of 8x8 grey pixels. They come with the package: no download.

    Returns
    -------
    ImageTable
        Columns ``image`` (deferred, mode ``"L"``), ``label`` (Int64, 0 to 9) and ``split`` (String: 898 rows
        ``"train"``, 899 ``"test"``, both with as many of each digit, give or take one).

    Notes
    -----
    The test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak (UCI Machine
    Learning Repository, 1998, https://archive.ics.uci.edu/dataset/80, CC BY 4.0), as scikit-learn's
    ``load_digits`` gives it; its 17 levels of ink are scaled to 0..255.

    Examples
    --------
    >>> import explorer as ex
    >>> t = ex.samples.digits()
    >>> t.columns, t.height
    (['image', 'label', 'split'], 1797)
    >>> t["image"][0]().size
    (8, 8)
    """
    frame = pl.read_parquet(files("explorer.sources").joinpath("_digits.parquet").read_bytes())
    table = ImageTable.from_frame(frame, title="digits")
    return table.with_columns(image=image("image", mode="L"))


def mnist() -> ImageTable:
    """Return 10,000 handwritten digits of 28x28 grey pixels: the test set of MNIST. 2.4 MB, downloaded once.

    They are kept in ``samples/mnist`` of the cache folder: ``$EXPLORER_CACHE``, else the user's. Without a
    network, put the file ``mnist_handwritten_test.json.gz`` there.

    Returns
    -------
    ImageTable
        Columns ``image`` (deferred, mode ``"L"``, 0 is paper) and ``label`` (Int64, 0 to 9).

    Raises
    ------
    FetchError
        When the file is not there and cannot be downloaded; it says where to put it.
    SourceError
        When the file that is there holds something else.

    Notes
    -----
    By Y. LeCun, C. Cortes and C. Burges, as one JSON object a line, from
    https://github.com/Eventual-Inc/mnist-json.

    Examples
    --------
    >>> import explorer as ex
    >>> t = ex.samples.mnist()  # doctest: +SKIP
    >>> t.columns, t.height  # doctest: +SKIP
    (['image', 'label'], 10000)
    """
    return mnist_table()


def imagenette() -> ImageTable:
    """Return 13,394 photos of ten easy classes of ImageNet, 160 pixels high or wide. 99 MB, downloaded once.

    They are kept in ``samples/imagenette`` of the cache folder: ``$EXPLORER_CACHE``, else the user's. Without
    a network, put the file ``imagenette2-160.tgz`` there, or the folder that it unpacks to.

    Returns
    -------
    ImageTable
        Columns ``path`` (String), ``wnid`` (String, the class in WordNet), ``label`` (String, its name),
        ``split`` (String: 9,469 rows ``"train"``, then 3,925 ``"val"``) and ``img`` (deferred).

    Raises
    ------
    FetchError
        When the archive is not there and cannot be downloaded; it says where to put it.
    SourceError
        When the archive that is there is another one, or cannot be unpacked.

    Notes
    -----
    By J. Howard and fast.ai, https://github.com/fastai/imagenette. The photos are those of ImageNet: for
    research that earns nothing, with all rights at their photographers.

    Examples
    --------
    >>> import explorer as ex
    >>> t = ex.samples.imagenette()  # doctest: +SKIP
    >>> t.columns, t.height  # doctest: +SKIP
    (['path', 'wnid', 'label', 'split', 'img'], 13394)
    """
    return imagenette_table()


_SETS: dict[str, Callable[[], ImageTable]] = {"digits": digits, "mnist": mnist, "imagenette": imagenette}


def get(name: str) -> ImageTable:
    """Return a data set by its name.

    Parameters
    ----------
    name
        ``"digits"`` (comes with the package), ``"mnist"`` (2.4 MB) or ``"imagenette"`` (99 MB): these two are
        downloaded when they are asked for the first time.

    Raises
    ------
    ArgumentError
        When there is none of that name.
    FetchError
        When it is to be downloaded and cannot be.

    Examples
    --------
    >>> import explorer as ex
    >>> ex.samples.get("digits").height
    1797
    """
    if name not in _SETS:
        raise ArgumentError.not_one_of("ex.samples.get(): name", name, _SETS)
    return _SETS[name]()
