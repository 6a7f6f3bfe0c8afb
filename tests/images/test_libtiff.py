"""Damaged TIFFs print nothing, and other people's printing is left as it was."""

from __future__ import annotations

import io
from threading import Barrier, Thread

import pytest
from PIL import Image, _imagingmath

from explorer._errors import ImageError
from explorer.images.decode import decode
from explorer.images.libtiff import _setters, libtiff_is_quiet, setters_in

pytestmark = pytest.mark.skipif(not _setters(), reason="this Pillow hides libtiff's handlers")


@pytest.fixture
def damaged() -> bytes:
    """A compressed TIFF whose strips libtiff finds cut off, and says so."""
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 60).save(buffer, "TIFF", compression="tiff_lzw")
    data = bytearray(buffer.getvalue())
    data[8:3000] = b"\xff" * 2992
    return bytes(data)


def seen_by_pillow_alone(data: bytes) -> None:
    with pytest.raises(OSError, match="decoder error"), Image.open(io.BytesIO(data)) as image:
        image.load()


def test_a_damaged_tiff_is_an_error_and_prints_nothing(damaged, capfd):
    seen_by_pillow_alone(damaged)
    assert capfd.readouterr().err
    with pytest.raises(ImageError, match="TIFF"):
        decode(damaged)
    assert capfd.readouterr().err == ""
    seen_by_pillow_alone(damaged)
    assert capfd.readouterr().err


def test_the_handlers_come_back_when_the_last_thread_has_left(capfd, damaged):
    inside, first_has_left = Barrier(3), Barrier(3)

    def stay(*, longer: bool) -> None:
        with libtiff_is_quiet():
            inside.wait(30)
            if longer:
                first_has_left.wait(30)
        if not longer:
            first_has_left.wait(30)

    threads = [Thread(target=stay, kwargs={"longer": longer}) for longer in (True, False)]
    for thread in threads:
        thread.start()
    inside.wait(30)
    seen_by_pillow_alone(damaged)
    assert capfd.readouterr().err == ""
    first_has_left.wait(30)
    for thread in threads:
        thread.join()
    seen_by_pillow_alone(damaged)
    assert capfd.readouterr().err


def test_where_there_is_no_libtiff_nothing_is_set(tmp_path):
    assert setters_in(str(tmp_path / "nowhere.so")) == ()
    assert setters_in(_imagingmath.__file__) == ()
