"""Colours that mean something only together with the profile inside the file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


def in_srgb(image: Image.Image, mode: str | None) -> Image.Image:
    """Return a loaded image in plain RGB where its numbers would show wrong colours without its profile.

    That is so for CMYK and for RGB whose profile is a table (XYB, scanners): taken for plain RGB such
    images look like negatives. Other RGB profiles, of cameras and screens, differ little from plain RGB,
    and their numbers are left as they are in the file.

    Parameters
    ----------
    image
        In any mode; the same object comes back when there is nothing to do.
    mode
        What it is going to become; CMYK that stays CMYK keeps its numbers.

    Examples
    --------
    >>> from PIL import Image
    >>> image = Image.new("RGB", (4, 4))
    >>> in_srgb(image, "RGB") is image
    True
    """
    data = image.info.get("icc_profile")
    if not data or image.mode not in ("RGB", "CMYK") or (image.mode == "CMYK" and mode in (None, "CMYK")):
        return image
    # Few files need it, and importing the package should not.
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        if image.mode == "RGB" and profile.profile.is_matrix_shaper:
            return image
        made = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, ImportError):
        # A damaged profile or one for something else says nothing; a Pillow without LittleCMS reads none.
        return image
    if made is None:
        return image
    made.info.pop("icc_profile", None)
    return made
