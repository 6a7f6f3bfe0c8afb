"""Many images on one: a picture to put into a report or to compare in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from PIL import Image, ImageDraw, ImageFont

from explorer._errors import ArgumentError, ExplorerError
from explorer.images.modes import to_mode
from explorer.images.thumbnail import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

_Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

_PAPER = (255, 255, 255)
_INK = (40, 44, 52)
_MISSING = (243, 240, 238)
_REASON = (150, 60, 40)
_GUTTER = 8
_CAPTION = 16
_LETTERS = 11


def contact_sheet(
    images: Sequence[Image.Image | ExplorerError],
    *,
    columns: int = 8,
    px: int = 96,
    captions: Sequence[str] = (),
) -> Image.Image:
    """Lay images out on white, row by row, each in its own square.

    Parameters
    ----------
    images
        Images, or the errors that stand in their place: those become tiles with their reason.
    columns
        Most tiles in a row.
    px
        Side of a tile in pixels. Images of less than half of it are enlarged by a whole factor, their
        pixels kept sharp.
    captions
        One line under each of the first tiles, cut where it does not fit.

    Examples
    --------
    >>> sheet = contact_sheet([Image.new("L", (8, 8))] * 3, columns=2, px=32)
    >>> sheet.mode, sheet.size
    ('RGB', (88, 88))
    """
    check_sheet(columns, px)
    across = max(1, min(columns, len(images)))
    down = -(-len(images) // columns)
    line = _CAPTION if captions else 0
    step_x, step_y = px + _GUTTER, px + line + _GUTTER
    sheet = Image.new("RGB", (across * step_x + _GUTTER, max(1, down) * step_y + _GUTTER), _PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_LETTERS)
    for number, item in enumerate(images):
        row, column = divmod(number, columns)
        left, top = _GUTTER + column * step_x, _GUTTER + row * step_y
        if isinstance(item, ExplorerError):
            sheet.paste(_reason_tile(item, px, font), (left, top))
        else:
            tile = _tile(item, px)
            sheet.paste(tile, (left + (px - tile.width) // 2, top + (px - tile.height) // 2))
        if number < len(captions):
            text = _shortened(_one_line(captions[number]), px, font)
            pen.text((left + px / 2, top + px + 2), text, fill=_INK, font=font, anchor="ma")
    return sheet


def check_sheet(columns: object, px: object) -> None:
    """Refuse what is no number of columns or of pixels.

    Examples
    --------
    >>> try:
    ...     check_sheet(0, 96)
    ... except ArgumentError as error:
    ...     print(error)
    contact_sheet(columns=0, px=96): both are whole numbers from 1.
    """
    if not all(isinstance(each, int) and each >= 1 for each in (columns, px)):
        raise ArgumentError(f"contact_sheet(columns={columns!r}, px={px!r}): both are whole numbers from 1.")


def _tile(image: Image.Image, px: int) -> Image.Image:
    shown = to_mode(image, "RGB")
    factor = px // max(image.size)
    if factor > 1:
        return shown.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    size = fit(image.size, px)
    return shown if shown.size == size else shown.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _reason_tile(error: ExplorerError, px: int, font: _Font) -> Image.Image:
    tile = Image.new("RGB", (px, px), _MISSING)
    pen = ImageDraw.Draw(tile)
    lines = _wrapped(_one_line(error.message), px - 8, font)
    room = max(1, (px - 8) // (_LETTERS + 2))
    if len(lines) > room:
        lines = [*lines[: room - 1], _shortened(lines[room - 1] + "…", px - 8, font)]
    for number, text in enumerate(lines):
        pen.text((4, 4 + number * (_LETTERS + 2)), text, fill=_REASON, font=font)
    return tile


def _one_line(text: str) -> str:
    return " ".join(str(text).split())


def _wrapped(text: str, width: int, font: _Font) -> list[str]:
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(_shortened(word, width, font))
    return lines


def _shortened(text: str, width: int, font: _Font) -> str:
    if font.getlength(text) <= width:
        return text
    # A caption may be a whole document; no more of it than could ever fit is measured.
    text = text[: max(1, width)]
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
