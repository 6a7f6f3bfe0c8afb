"""Frames in memory become tables; other things are told how."""

from __future__ import annotations

import pickle

import numpy as np
import polars as pl
import pytest
from PIL import Image

import explorer as ex
from explorer._errors import ArgumentError, ExplorerWarning, SourceError
from explorer.compute.deferred import Image as ImageDtype
from explorer.sources.frames import from_arrow, from_pandas, from_polars
from explorer.table.image_column import image

pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")


class Stream:
    """What another library's table looks like: nothing but the stream."""

    def __init__(self, source):
        self.source = source

    def __arrow_c_stream__(self, requested_schema=None):
        return self.source.__arrow_c_stream__(requested_schema)


class Batch:
    def __init__(self, source):
        self.source = source

    def __arrow_c_array__(self, requested_schema=None):
        return self.source.__arrow_c_array__(requested_schema)


# Polars


def test_frames_lazy_frames_and_dicts_give_the_same():
    columns = {"a": [1, 2], "b": ["x", None]}
    for given in (
        pl.DataFrame(columns),
        pl.LazyFrame(columns),
        columns,
        {"a": pl.Series([1, 2]), "b": ["x", None]},
    ):
        assert from_polars(given).to_polars().equals(pl.DataFrame(columns))


def test_the_frame_is_left_as_it_is():
    frame = pl.DataFrame({"a": [1, 2]})
    from_polars(frame).filter(pl.col("a") > 1)
    assert frame.columns == ["a"]


def test_base_dir_is_where_paths_begin(tmp_path):
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    for made in (
        from_polars({"path": ["a.png"]}, base_dir=tmp_path),
        from_polars(pl.LazyFrame({"path": ["a.png"]}), base_dir=tmp_path),
        from_pandas(pd.DataFrame({"path": ["a.png"]}), base_dir=tmp_path),
        from_arrow(pa.table({"path": ["a.png"]}), base_dir=tmp_path),
    ):
        assert made.with_columns(img=image("path"))["img"][0]().size == (3, 2)
    with pytest.raises(SourceError, match="does not exist"):
        from_polars({"path": ["a.png"]}, base_dir=tmp_path / "missing")


def test_a_dict_of_images_is_a_column_of_images():
    red, none = Image.new("RGB", (3, 2), "red"), None
    table = from_polars({"i": [0, 1], "image": [red, none], "pixels": [np.zeros((4, 5, 3), np.uint8)] * 2})
    assert table.columns == ["i", "image", "pixels"]
    assert table.schema["image"] == table.schema["pixels"] == ImageDtype
    assert table.counters.images_decoded == 0
    assert table["image"][0]() is red
    assert table["pixels"][1]().size == (5, 4)
    with pytest.warns(ExplorerWarning, match="the value is null"):
        table.compute("image")
    assert table.errors()["row"].to_list() == [1]


def test_an_object_column_of_images_is_a_column_of_images():
    red = Image.new("RGB", (3, 2), "red")
    table = from_polars(
        pl.DataFrame({"image": [red, red], "other": [{1}, {2}]}, schema_overrides={"other": pl.Object})
    )
    assert table.schema["image"] == ImageDtype
    assert table.schema["other"] == pl.Object
    assert table["image"][1]() is red


def test_other_things_are_refused_with_what_they_were():
    with pytest.raises(ArgumentError, match="not list"):
        from_polars([1, 2])
    with pytest.raises(ArgumentError, match="not Series"):
        from_polars(pl.Series([1]))
    with pytest.raises(ArgumentError, match=r"not numpy\.ndarray") as caught:
        from_polars(np.zeros((2, 2)))
    assert caught.value.hint == "Name its columns: ex.from_polars(pl.from_numpy(…))"
    with pytest.raises(ArgumentError, match="do not make a frame"):
        from_polars({"a": [1, 2], "b": [1, 2, 3]})


@pytest.mark.parametrize(
    ("given", "function"),
    [
        (pd.DataFrame({"a": [1]}), "ex.from_pandas"),
        (pa.table({"a": [1]}), "ex.from_arrow"),
        (Stream(pa.table({"a": [1]})), "ex.from_arrow"),
        ([{"a": 1}], "pl.from_dicts"),
    ],
)
def test_what_another_function_takes_is_told_so(given, function):
    with pytest.raises(ArgumentError) as caught:
        from_polars(given)
    assert function in caught.value.hint


# pandas


def test_columns_of_pandas_are_what_they_are_in_polars():
    frame = pd.DataFrame(
        {
            "text": pd.Series(["a", None], dtype=object),
            "string": pd.Series(["a", None], dtype="string"),
            "kind": pd.Categorical(["u", "v"]),
            "nullable": pd.array([1, None], dtype="Int64"),
            "float": [1.5, float("nan")],
            "when": pd.to_datetime(["2020-01-01", "2021-01-01"]),
            "vector": [np.zeros(2), np.ones(3)],
        }
    )
    got = from_pandas(frame).to_polars()
    assert got["text"].to_list() == got["string"].to_list() == ["a", None]
    assert got["kind"].to_list() == ["u", "v"]
    assert got["nullable"].to_list() == [1, None]
    assert got["when"].dtype == pl.Datetime
    assert got["vector"].to_list() == [[0, 0], [1, 1, 1]]


def test_the_index_is_left_out_unless_asked_for():
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    assert from_pandas(frame).columns == ["a"]
    assert from_pandas(frame, include_index=True).to_polars()["key"].to_list() == ["x", "y"]


def test_the_rows_keep_their_order_whatever_the_index_says():
    images = [Image.new("L", (size, 1)) for size in (1, 2, 3)]
    frame = pd.DataFrame({"image": images}, index=[2, 0, 1]).sort_index()
    table = from_pandas(frame)
    assert [cell().width for cell in table["image"]] == [2, 3, 1]
    assert [cell().width for cell in table.gather([2, 1, 0])["image"]] == [1, 3, 2]


def test_images_in_an_object_column_are_images_and_the_frame_is_left_alone():
    frame = pd.DataFrame({"image": [Image.new("L", (2, 2)), None], "array": [np.zeros((9, 8))] * 2})
    table = from_pandas(frame)
    assert table.schema["image"] == table.schema["array"] == ImageDtype
    assert table["array"][0]().size == (8, 9)
    assert isinstance(frame["image"].iloc[0], Image.Image)


def test_pandas_columns_that_make_no_column_are_named():
    with pytest.raises(ArgumentError, match=r"'mixed' holds values .*int, str") as caught:
        from_pandas(pd.DataFrame({"a": [1, 2], "mixed": [1, "a"]}))
    assert "frame['mixed'].astype(str)" in caught.value.hint
    with pytest.raises(ArgumentError, match="'a' twice"):
        from_pandas(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(ArgumentError, match="overlap"):
        from_pandas(pd.DataFrame({"a": [1]}, index=pd.Index([5], name="a")), include_index=True)


def test_from_pandas_refuses_what_is_no_data_frame():
    with pytest.raises(ArgumentError, match="not a pandas Series") as caught:
        from_pandas(pd.Series([1]))
    assert "to_frame" in caught.value.hint
    with pytest.raises(ArgumentError) as caught:
        from_pandas(pl.DataFrame({"a": [1]}))
    assert "ex.from_polars" in caught.value.hint


# Arrow


def test_anything_that_speaks_arrow_is_taken():
    data = pa.table({"a": [1, 2], "b": ["x", None]})
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
    for given in (
        data,
        data.to_batches()[0],
        data.to_reader(),
        Stream(data),
        Batch(data.to_batches()[0]),
        frame,
        frame.to_pandas(),
    ):
        assert from_arrow(given).to_polars().equals(frame)


def test_a_stream_is_read_once_and_its_errors_are_told():
    reader = pa.table({"a": [1, 2]}).to_reader()
    assert from_arrow(Stream(reader)).to_polars()["a"].to_list() == [1, 2]
    with pytest.raises(StopIteration):
        reader.read_next_batch()

    def batches():
        yield pa.record_batch({"a": [1]})
        raise OSError("the server is gone")

    broken = pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), batches())
    with pytest.raises(ArgumentError, match=r"cannot read this Stream .*the server is gone") as caught:
        from_arrow(Stream(broken))
    assert "once" in caught.value.hint


def test_an_empty_table_keeps_its_columns():
    table = from_arrow(pa.table({"a": pa.array([], pa.int32())}))
    assert (table.columns, table.height) == (["a"], 0)


def test_what_arrow_is_no_table_is_told_so():
    with pytest.raises(ArgumentError, match="one column of Int64"):
        from_arrow(pa.array([1, 2]))
    with pytest.raises(ArgumentError, match="not list") as caught:
        from_arrow([{"a": 1}])
    assert "pl.from_dicts" in caught.value.hint
    with pytest.raises(ArgumentError, match="cannot read"):
        from_arrow(pa.table({"a": [1], "b": [2]}).rename_columns(["a", "a"]))
    with pytest.raises(ArgumentError, match="PyCapsule") as caught:
        from_arrow({"a": [1]})
    assert "ex.from_polars" in caught.value.hint


def test_images_in_memory_are_written_with_the_table_pixel_by_pixel(tmp_path):
    modes = ["RGB", "L", "1", "P", "RGBA", "CMYK", "I;16", "F", "HSV"]
    ramp = Image.linear_gradient("L").resize((6, 4))
    given = [ramp.convert(mode) if mode != "HSV" else ramp.convert("RGB").convert(mode) for mode in modes]
    t = from_polars({"image": [*given, None], "mode": [*modes, None]})
    with pytest.warns(ExplorerWarning, match="1 of 10 rows failed"):
        t.write(tmp_path / "table")
    back = ex.read(tmp_path / "table")
    assert back.schema == t.schema
    for row, one in enumerate(given):
        wanted = one.convert("RGB") if one.mode == "HSV" else one
        seen = back["image"][row]()
        assert (seen.mode, seen.tobytes()) == (wanted.mode, wanted.tobytes()), one.mode
    with pytest.raises(ex.ComputeError, match="the value is null"):
        back["image"][len(given)]()
    back.write(tmp_path / "again")
    assert ex.read(tmp_path / "again")["image"][0]().tobytes() == given[0].tobytes()


def test_a_turned_image_in_memory_is_not_turned_again(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (6, 4), "red").save(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as opened:
        as_it_is = opened.convert("RGB")
    from_polars({"image": [as_it_is]}).write(tmp_path / "table")
    assert ex.read(tmp_path / "table")["image"][0]().size == (6, 4)


def test_images_in_memory_travel_to_workers():
    torch = pytest.importorskip("torch")
    images = [Image.new("RGB", (5, 4), (level, 0, 0)) for level in range(4)]
    rows = pickle.loads(pickle.dumps(from_polars({"image": images})["image"].to_torch_dataset()))  # noqa: S301
    loader = torch.utils.data.DataLoader(rows, batch_size=2, num_workers=1)
    assert [batch[:, 0, 0, 0].tolist() for batch in loader] == [[0, 1], [2, 3]]


@pytest.mark.parametrize("function", [from_polars, from_pandas, from_arrow])
def test_a_misspelt_keyword_is_told(function):
    with pytest.raises(
        ArgumentError, match=rf"ex\.{function.__name__}\(\) has no keyword 'basedir'"
    ) as caught:
        function(pl.DataFrame({"a": [1]}), basedir=".")
    assert caught.value.hint == "Did you mean 'base_dir'?"
