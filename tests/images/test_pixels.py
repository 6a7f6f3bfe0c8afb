"""Numbers become the picture that they mean, or an ImageError that counts them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from explorer._errors import ArgumentError, ImageError, ImageLimitError
from explorer.images.limits import Limits
from explorer.images.pixels import check_shape, from_batch, from_values, layout

RAMP = list(range(6))


def grey(values, shape=None):
    return np.asarray(from_values(values, shape, mode="L")).tolist()


@pytest.mark.parametrize(
    "values",
    [
        RAMP,
        tuple(RAMP),
        np.array(RAMP),
        np.array(RAMP, np.int16),
        np.array(RAMP, np.uint8),
        bytes(RAMP),
        bytearray(RAMP),
        memoryview(bytes(RAMP)),
        [[number] for number in RAMP],
        np.array([RAMP]),
    ],
)
def test_flat_values_take_the_named_shape(values):
    assert grey(values, (2, 3)) == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "values", [[[0, 1, 2], [3, 4, 5]], np.arange(6).reshape(2, 3), np.arange(6).reshape(2, 3, 1)]
)
def test_arrays_have_a_shape_of_their_own(values):
    assert grey(values) == [[0, 1, 2], [3, 4, 5]]


def test_fractions_are_levels_of_one_and_booleans_black_and_white():
    assert grey([0.0, 0.5, 1.0, 0.25], (2, 2)) == [[0, 128], [255, 64]]
    assert grey(np.array([0, 1], np.float16), (1, 2)) == [[0, 255]]
    assert grey([True, False], (1, 2)) == [[255, 0]]


def test_nothing_is_scaled_by_what_a_row_happens_to_hold():
    assert grey([0, 1], (1, 2)) == [[0, 1]]
    assert grey([0.0, 0.1], (1, 2)) == [[0, 26]]


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_the_last_axis_is_the_channels(channels, mode):
    array = np.arange(2 * 3 * channels, dtype=np.uint8).reshape(2, 3, channels)
    image = from_values(array, mode=None)
    assert (image.mode, image.size) == (mode, (3, 2))
    assert (np.asarray(image).reshape(array.shape) == array).all()
    assert (np.asarray(from_values(array.ravel(), array.shape, mode=None)) == np.asarray(image)).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_come_first_where_they_cannot_be_last(channels):
    array = np.arange(channels * 30, dtype=np.uint8).reshape(channels, 6, 5)
    image = np.asarray(from_values(array, mode=None)).reshape(6, 5, channels)
    assert (image == array.transpose(1, 2, 0)).all()
    assert layout((channels, 6, 5)) == (6, 5, channels)


def test_where_both_ends_could_be_the_channels_the_last_are():
    assert layout((3, 8, 4)) == (3, 8, 4)
    assert layout((1, 28, 1)) == (1, 28, 1)


def test_transparency_is_laid_on_white_and_modes_are_as_asked():
    clear = np.zeros((1, 1, 4), np.uint8)
    assert from_values(clear).getpixel((0, 0)) == (255, 255, 255)
    assert from_values(clear, mode="RGBA").getpixel((0, 0)) == (0, 0, 0, 0)
    assert from_values([7], (1, 1)).getpixel((0, 0)) == (7, 7, 7)


def test_wide_modes_keep_values_of_any_size():
    assert np.asarray(from_values([[-5, 70_000]], mode="I")).tolist() == [[-5, 70_000]]
    assert np.asarray(from_values([[0.5, 3.25]], mode="F")).tolist() == [[0.5, 3.25]]


def test_a_read_only_array_and_one_that_is_no_block_are_taken():
    array = np.arange(24, dtype=np.uint8).reshape(4, 6)
    array.flags.writeable = False
    assert grey(array[::2, ::3]) == [[0, 3], [12, 15]]


@pytest.mark.parametrize(
    ("values", "shape", "message"),
    [
        ([0] * 783, (28, 28), "783 pixel values were given, but shape (28, 28) needs 784"),
        ([0] * 900, (28, 28), "900 pixel values were given, but shape (28, 28) needs 784\nshape=(30, 30)"),
        (
            [0] * 3072,
            (28, 28),
            "3,072 pixel values were given, but shape (28, 28) needs 784\nshape=(32, 32, 3)",
        ),
        ([], (2, 2), "0 pixel values were given, but shape (2, 2) needs 4"),
        (b"abc", (2, 2), "3 pixel values were given, but shape (2, 2) needs 4"),
        (
            np.zeros((14, 56)),
            (28, 28),
            "pixel values of shape (14, 56) were given, but shape=(28, 28) is named",
        ),
        ([0] * 784, None, "784 pixel values in a row, without a shape\nName it: shape=(28, 28)"),
        ([0] * 7, None, "7 pixel values in a row, without a shape\nName it: shape=(height, width)"),
        (b"abcd", None, "bytes of raw pixels have no shape\nName it: shape=(height, width)"),
        ([1, None, 3, None], (2, 2), "2 of the 4 pixel values are null or NaN"),
        ([1.0, float("nan")], (1, 2), "1 of the 2 pixel values is null or NaN"),
        ([[1, 2], [3]], None, "ragged pixel values: rows of 1 to 2 values"),
        ([[1, 2], 3], None, "ragged pixel values: some rows are lists and others numbers"),
        ([[[1, 2], [3]], [[1, 2], [3]]], None, "ragged pixel values: not every pixel has as many channels"),
        ([0, 256], (1, 2), "whole numbers from 0 to 256: pixel values are whole numbers from 0 to 255 or"),
        ([-1, 3], (1, 2), "whole numbers from -1 to 3"),
        ([0.0, 255.0], (1, 2), "fractions from 0 to 255: pixel values are"),
        ([0.0, 255.0], (1, 2), "Divide them by 255, or make them whole numbers."),
        ([0.0, float("inf")], (1, 2), "fractions from 0 to inf"),
        ("0 1 2", (1, 3), "pixel values are numbers, not '0 1 2'"),
        (["0", "1"], (1, 2), "pixel values are numbers, not <U1 values"),
        ([object()], (1, 1), "pixel values are numbers, not object"),
        (None, (1, 1), "no pixel values: the value is null"),
        (np.zeros((2, 2, 2, 2)), None, "shape (2, 2, 2, 2) is no image"),
        (np.zeros((0, 5)), None, "shape (0, 5) is no image"),
        (np.zeros((7, 6, 5)), None, "shape (7, 6, 5) is no image"),
        (5, None, "shape () is no image"),
        (10**30, (1, 1), "pixel values are numbers, not int"),
    ],
)
def test_what_is_no_image_counts_what_was_given(values, shape, message):
    with pytest.raises(ImageError) as caught:
        from_values(values, shape)
    assert message in str(caught.value)


def test_an_encoded_image_where_raw_pixels_are_named_says_so(jpeg):
    with pytest.raises(ImageError, match=r"an encoded image \(JPEG\)") as caught:
        from_values(jpeg, (28, 28))
    assert "Leave shape= out" in caught.value.hint


def test_raw_pixels_that_begin_like_an_image_are_pixels_when_their_number_fits():
    assert grey(b"BM23", (2, 2)) == [[66, 77], [50, 51]]


def test_the_limit_of_pixels_holds_for_values_too():
    with pytest.raises(ImageLimitError, match="20 x 10 pixels"):
        from_values(np.zeros((10, 20)), limits=Limits(max_pixels=199))


@pytest.mark.parametrize(
    ("shape", "meant"),
    [
        ("28x28", (28, 28)),
        ("28, 28", (28, 28)),
        ("32*32*3", (32, 32, 3)),
        (28, (28, 28)),
        ((784,), (28, 28)),
        ((28.0, 28.0), (28, 28)),
        ((0, 5), (28, 28)),
        ((5, 6, 7), (28, 28)),
        ((-28, 28), (28, 28)),
        ((True, True), (28, 28)),
        ("square", (28, 28)),
        ({}, (28, 28)),
    ],
)
def test_a_shape_that_is_none_names_the_one_that_was_meant(shape, meant):
    with pytest.raises(ArgumentError) as caught:
        check_shape("ex.image()", shape)
    assert f"shape={shape!r} of ex.image()" in str(caught.value)
    assert caught.value.hint == f"For instance: shape={meant}"


def test_a_shape_may_be_a_list_as_json_has_it():
    assert check_shape("ex.image()", [3, 32, 32]) == (3, 32, 32)


def test_the_result_is_a_plain_image():
    assert type(from_values([[1]])) is Image.Image


def test_values_that_are_no_levels_are_spread_only_when_that_is_asked_for():
    wide = np.array([[0, 30000, 60000]], np.uint16)
    assert np.asarray(from_values(wide, mode=None, spread=True)).tolist() == [[0, 128, 255]]
    with pytest.raises(ImageError, match="whole numbers from 0 to 60000"):
        from_values(wide)
    assert np.asarray(from_values([[0, 7]], mode=None, spread=True)).tolist() == [[0, 7]]
    holes = np.array([[np.nan, 1.0, 3.0]])
    assert np.asarray(from_values(holes, mode=None, spread=True)).tolist() == [[0, 0, 255]]


def test_the_channels_of_a_tensor_come_first_where_both_ends_could_be_them():
    values = np.zeros((3, 7, 4), np.uint8)
    assert from_values(values).size == (7, 3)
    assert from_values(values, channels_first=True).size == (4, 7)
    assert from_values(np.zeros((2, 5, 3), np.uint8), channels_first=True).size == (5, 2)


@pytest.mark.parametrize("values", [[[0, 300]], [[-1, 2]], [[-1.5, 2.0]], [[0.0, 900.0]]])
def test_values_of_another_range_say_how_to_bring_them_to_fractions(values):
    with pytest.raises(ImageError) as caught:
        from_values(values)
    assert "(values - black) / (white - black)" in caught.value.hint


@pytest.mark.parametrize("mode", [None, "L", "RGB", "RGBA", "LA", "1", "CMYK"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, bool])
@pytest.mark.parametrize(
    ("own", "shape"),
    [
        ((6,), (2, 3)),
        ((4, 5), None),
        ((4, 5, 3), None),
        ((3, 4, 5), None),
        ((4, 5, 2), None),
        ((4, 5, 4), None),
    ],
)
def test_images_made_together_are_those_made_one_by_one(own, shape, dtype, mode):
    rng = np.random.default_rng(0)
    most = 255 if dtype in (np.uint8, np.int64) else 1
    values = [(rng.random(own) * most).round(2).astype(dtype) for _ in range(3)]
    together = from_batch(values, shape, mode=mode)
    alone = [from_values(each, shape, mode=mode) for each in values]
    assert [(i.mode, i.size, i.tobytes()) for i in together] == [(i.mode, i.size, i.tobytes()) for i in alone]


@pytest.mark.parametrize(
    "odd",
    [
        np.array([0, 1, 256]),
        np.array([0, -1, 2]),
        np.array([0.0, np.nan, 1.0]),
        np.array([0, 1]),
        np.array(["a", "b", "c"]),
        [0, 1, 2],
        None,
    ],
)
def test_values_with_an_odd_one_among_them_are_not_made_together(odd):
    fine = np.array([0, 1, 2], dtype=getattr(odd, "dtype", np.int64) if np.size(odd) == 3 else np.int64)
    assert from_batch([fine, odd], (1, 3), mode="L") is None


def test_images_beyond_the_limit_are_not_made_together():
    values = [np.zeros((4, 4), np.uint8)] * 2
    assert from_batch(values, mode="L", limits=Limits(max_pixels=15)) is None


def test_an_image_made_together_can_be_painted_on_and_its_neighbours_stay():
    values = [np.zeros(4, np.uint8), np.zeros(4, np.uint8)]
    first, second = from_batch(values, (2, 2), mode="L")
    first.putpixel((0, 0), 9)
    assert (first.getpixel((0, 0)), second.getpixel((0, 0)), values[0].tolist()) == (9, 0, [0, 0, 0, 0])
