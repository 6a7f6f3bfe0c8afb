"""Data sets of Hugging Face become tables without decoding an image."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys

import polars as pl
import pytest
from PIL import Image

import explorer as ex
from explorer._errors import ArgumentError, ExplorerWarning
from explorer.compute.deferred import Image as ImageDtype
from explorer.sources.huggingface import from_huggingface, table_of

os.environ["HF_HUB_OFFLINE"] = "1"
datasets = pytest.importorskip("datasets")
datasets.disable_progress_bars()

FEATURES = datasets.Features(
    {
        "image": datasets.Image(),
        "label": datasets.ClassLabel(names=["cat", "dog"]),
        "id": datasets.Value("int32"),
    }
)


def encoded(width: int, height: int = 2, colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()


def pets(rows: int = 6, **columns):
    """A data set whose row i has an image that is i + 1 pixels wide."""
    given = {
        "image": [{"bytes": encoded(i + 1), "path": f"{i}.png"} for i in range(rows)],
        "label": [i % 2 for i in range(rows)],
        "id": list(range(rows)),
    }
    return datasets.Dataset.from_dict(given | columns, features=FEATURES)


@pytest.fixture
def on_disk(tmp_path):
    """The same, in a file that is mapped into memory."""
    pets().save_to_disk(tmp_path / "pets")
    return datasets.load_from_disk(tmp_path / "pets")


@pytest.fixture(params=["in memory", "in the frame", "in its file"])
def table_from(request, tmp_path):
    """Each of the ways that images are kept."""

    def made(dataset, **options):
        if request.param != "in memory":
            dataset.save_to_disk(tmp_path / "kept")
            dataset = datasets.load_from_disk(tmp_path / "kept")
        most = 0 if request.param == "in its file" else 2**20
        return table_of(dataset, **{"split": None, "mode": "RGB"} | options, in_frame_bytes=most)

    return made


def widths(table):
    return [cell().width for cell in table["image"]]


def test_columns_are_those_of_the_set_with_the_names_of_its_classes(table_from):
    table = table_from(pets())
    assert table.columns == ["image", "label", "label_name", "id"]
    assert table.schema["image"] == ImageDtype
    frame = table.to_polars("label", "label_name", "id")
    assert frame["label"].to_list() == [0, 1, 0, 1, 0, 1]
    assert frame["label_name"].dtype == pl.Enum(["cat", "dog"])
    assert frame["label_name"].to_list() == ["cat", "dog"] * 3
    assert frame["id"].dtype == pl.Int32


def test_only_what_is_looked_at_is_decoded(table_from):
    table = table_from(pets()).filter(pl.col("label_name") == "dog").sort("id", descending=True)
    assert table.counters.images_decoded == 0
    assert widths(table.head(2)) == [6, 4]
    assert table.counters.images_decoded == 2


@pytest.mark.filterwarnings("ignore:Specifying null_placement:FutureWarning")  # of sort() with pyarrow 25
@pytest.mark.parametrize(
    "choose",
    [
        lambda ds: ds.shuffle(seed=3),
        lambda ds: ds.select([4, 0, 0, 2]),
        lambda ds: ds.filter(lambda row: row["id"] % 3 == 0),
        lambda ds: ds.sort("id", reverse=True),
        lambda ds: ds.select(range(2, 5)),
        lambda ds: ds.shuffle(seed=3).select([5, 1]),
        lambda ds: datasets.concatenate_datasets([ds.select([5, 1]), ds]),
    ],
)
@pytest.mark.parametrize("most", [0, 2**20])
def test_chosen_and_shuffled_rows_are_respected(on_disk, choose, most):
    chosen = choose(on_disk)
    table = table_of(chosen, split=None, mode="RGB", in_frame_bytes=most)
    expected = [row + 1 for row in chosen["id"]]
    assert table.to_polars("id")["id"].to_list() == chosen["id"][:]
    assert widths(table) == expected


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux which pages are in memory")
@pytest.mark.slow
def test_opening_touches_no_image(tmp_path):
    # Each byte of the images is a hole of the file, and looking at one would read it.
    def rows():
        for i in range(200):
            yield {"image": {"bytes": bytes(100_000), "path": None}, "label": 0, "id": i}

    made = datasets.Dataset.from_generator(rows, features=FEATURES, cache_dir=str(tmp_path / "cache"))
    made.save_to_disk(tmp_path / "set")
    code = (
        "import sys, datasets, explorer as ex\n"
        "from explorer.sources.huggingface import table_of\n"
        "def mapped():\n"
        "    inside = False\n"
        "    for line in open('/proc/self/smaps'):\n"
        "        if '-' in line.split()[0]: inside = '.arrow' in line\n"
        "        elif inside and line.startswith('Rss'): yield int(line.split()[1])\n"
        f"rows = datasets.load_from_disk({str(tmp_path / 'set')!r})\n"
        "most = int(sys.argv[1])\n"
        "before = sum(mapped())\n"
        "table = table_of(rows.shuffle(seed=0), split=None, mode='RGB', in_frame_bytes=most)\n"
        "table.filter(id=7).height, table.sort('id').head(3).to_polars('label')\n"
        "print(sum(mapped()) - before)\n"
    )

    def touched(most: int) -> int:
        done = subprocess.run(
            [sys.executable, "-c", code, str(most)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    assert touched(0) < 1000, "kB of the mapped file, of 20,000"
    assert touched(10**9) > 10_000, "this would not be found out"


def test_a_folder_of_images_is_read_by_its_paths(tmp_path):
    for i, name in enumerate(("cat/a.png", "cat/b.png", "dog/c.png")):
        (tmp_path / "pets" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "pets" / name).write_bytes(encoded(i + 1))
    made = datasets.load_dataset(
        "imagefolder", data_dir=str(tmp_path / "pets"), cache_dir=str(tmp_path / "cache")
    )
    table = from_huggingface(made, split="train")
    assert table.to_polars("label_name")["label_name"].to_list() == ["cat", "cat", "dog"]
    assert table.counters.bytes_read == 0
    assert widths(table) == [1, 2, 3]
    # The set names files of this folder; nothing outside of it is opened up.
    assert table._binding.deferred["image"].node.spec.function.base_dir == (tmp_path / "pets").resolve()


def test_paths_that_are_links_are_followed(tmp_path):
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    snapshot.mkdir()
    (blobs / "0a1b").write_bytes(encoded(5))
    (snapshot / "a.png").symlink_to(blobs / "0a1b")
    made = datasets.Dataset.from_dict({"image": [str(snapshot / "a.png")]}).cast_column(
        "image", datasets.Image()
    )
    assert widths(from_huggingface(made)) == [5]


def test_a_file_that_is_gone_costs_its_own_row(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(5))
    paths = [str(tmp_path / "a.png"), str(tmp_path / "gone.png"), None]
    made = datasets.Dataset.from_dict({"image": paths}).cast_column("image", datasets.Image())
    table = from_huggingface(made)
    with pytest.warns(ExplorerWarning, match="2 of 3 rows"):
        table.compute("image")
    assert table.errors()["row"].to_list() == [1, 2]
    assert "file not found" in table.errors()["message"][0]


def test_bytes_that_are_no_image_cost_their_own_row(table_from):
    kept = [{"bytes": b"<html>", "path": None}, {"bytes": encoded(3), "path": None}, None]
    table = table_from(pets(3, image=kept))
    with pytest.warns(ExplorerWarning, match="2 of 3 rows"):
        table.compute("image")
    assert table.errors()["row"].to_list() == [0, 2]
    assert table["image"][1]().width == 3


def test_bytes_and_paths_may_be_mixed(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(5))
    kept = [{"bytes": None, "path": str(tmp_path / "a.png")}, {"bytes": encoded(3), "path": "b.png"}]
    assert widths(from_huggingface(pets(2, image=kept))) == [5, 3]


def test_bytes_and_paths_may_be_mixed_in_a_mapped_file(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(5))
    kept = [{"bytes": None, "path": str(tmp_path / "a.png")}, {"bytes": encoded(3), "path": "b.png"}]
    pets(2, image=kept).save_to_disk(tmp_path / "kept")
    mapped = datasets.load_from_disk(tmp_path / "kept")
    assert widths(table_of(mapped, split=None, mode="RGB", in_frame_bytes=0)) == [5, 3]


def test_thumbnails_and_pixels_are_of_the_same_picture(table_from):
    table = table_from(pets())
    assert "data:image/" in table.head(2)._repr_html_()
    assert table.counters.images_decoded == 2
    assert table.counters.bytes_read > 0


def test_the_mode_is_the_one_that_the_set_says_else_the_one_asked_for(table_from):
    grey = pets().cast_column("image", datasets.Image(mode="L"))
    assert table_from(grey)["image"][0]().mode == "L"


def test_the_mode_may_be_asked_for():
    assert from_huggingface(pets(), mode="L")["image"][0]().mode == "L"
    with pytest.raises(ArgumentError, match="mode is 'grey'"):
        from_huggingface(pets(), mode="grey")


def test_labels_without_a_class_have_no_name():
    table = from_huggingface(pets(4, label=[0, -1, None, 1]))
    assert table.to_polars("label_name")["label_name"].to_list() == ["cat", None, None, "dog"]


def test_a_column_that_is_there_keeps_its_name():
    named = pets(2).add_column("label_name", ["Tom", "Rex"])
    table = from_huggingface(named)
    assert table.to_polars("label_name")["label_name"].to_list() == ["Tom", "Rex"]


def test_images_in_the_frame_are_written_and_read_with_it(tmp_path):
    import explorer as ex

    from_huggingface(pets()).write(tmp_path / "table")
    assert widths(ex.read(tmp_path / "table")) == [1, 2, 3, 4, 5, 6]


def test_images_in_a_mapped_file_are_packed_when_asked_and_missed_aloud_else(on_disk, tmp_path):
    t = table_of(on_disk, split=None, mode="RGB", in_frame_bytes=0)
    with pytest.warns(ExplorerWarning, match=r"images of 'image' lie in a data set .*\n.*images=\"pack\""):
        t.write(tmp_path / "without")
    t.write(tmp_path / "with", images="pack")
    back = ex.read(tmp_path / "with")
    assert back.schema == t.schema
    assert widths(back) == widths(t)


def test_images_in_a_mapped_file_are_torch_rows(on_disk):
    torch = pytest.importorskip("torch")
    t = table_of(on_disk, split=None, mode="RGB", in_frame_bytes=0)
    rows = t.to_torch_dataset(["image", "label"])
    loader = torch.utils.data.DataLoader(rows, batch_size=1, num_workers=1)
    assert [batch["image"].shape[-1] for batch in loader] == [1, 2, 3, 4, 5, 6]
    assert t.counters.images_decoded == 0


@pytest.mark.parametrize("most", [0, 2**20])
def test_headers_are_read_of_the_bytes_that_the_set_holds(on_disk, most):
    t = table_of(on_disk, split=None, mode="RGB", in_frame_bytes=most).with_columns(ex.image_header("image"))
    assert t["width"]().to_list() == [1, 2, 3, 4, 5, 6]
    assert t.counters.images_decoded == 0


def test_a_reader_of_mapped_images_travels_by_the_name_of_its_file(on_disk):
    table = table_of(on_disk, split=None, mode="RGB", in_frame_bytes=0)
    loader = table._binding.deferred["image"].node.spec.function
    sent = pickle.dumps(loader)
    assert encoded(6) not in sent
    assert pickle.loads(sent)(5).width == 6  # noqa: S301 - made just above


def test_other_features_are_what_they_are_stored_as():
    features = datasets.Features(
        {
            "grid": datasets.Array2D((2, 2), "uint8"),
            "frames": datasets.List(datasets.Image()),
            "tags": datasets.List(datasets.ClassLabel(names=["a", "b"])),
            "nested": {"image": datasets.Image(), "n": datasets.Value("int8")},
        }
    )
    red = Image.new("RGB", (3, 2), "red")
    made = datasets.Dataset.from_dict(
        {
            "grid": [[[1, 2], [3, 4]]],
            "frames": [[red, red]],
            "tags": [[0, 1]],
            "nested": [{"image": red, "n": 1}],
        },
        features=features,
    )
    frame = from_huggingface(made).to_polars()
    assert frame["grid"].to_list() == [[[1, 2], [3, 4]]]
    assert frame["tags"].to_list() == [[0, 1]]
    assert frame["frames"].dtype == pl.List(pl.Struct({"bytes": pl.Binary, "path": pl.String}))
    assert frame["nested"].struct.field("n").to_list() == [1]


def test_sets_without_images_and_without_rows():
    assert from_huggingface(datasets.Dataset.from_dict({"text": ["a"]})).columns == ["text"]
    empty = from_huggingface(pets(0))
    assert (empty.height, empty.schema["image"]) == (0, ImageDtype)


def test_the_table_says_where_it_came_from():
    made = pets(1)
    made.info.dataset_name = "pets"
    assert from_huggingface(made)._origin.title == "pets"


# Splits


def test_splits_come_one_after_another_with_their_names():
    both = datasets.DatasetDict({"train": pets(3).shuffle(seed=1), "test": pets(2), "empty": pets(0)})
    table = from_huggingface(both)
    assert table.columns == ["image", "label", "label_name", "id", "split"]
    frame = table.to_polars("id", "split")
    assert frame["split"].to_list() == ["train"] * 3 + ["test"] * 2
    assert frame["split"].dtype == pl.Enum(["train", "test", "empty"])
    assert widths(table) == [row + 1 for row in frame["id"]]
    alone = from_huggingface(both, split="test")
    assert (alone.height, "split" in alone.columns) == (2, False)


def test_splits_that_make_no_table_are_told():
    with pytest.raises(ArgumentError, match=r"'tset'.*not one of 'train', 'test'") as caught:
        from_huggingface(datasets.DatasetDict({"train": pets(1), "test": pets(1)}), split="tset")
    assert caught.value.hint == "Did you mean 'test'?"
    with pytest.raises(ArgumentError, match="has no others"):
        from_huggingface(pets(1), split="train")
    differing = datasets.DatasetDict({"train": pets(1), "test": datasets.Dataset.from_dict({"id": ["a"]})})
    with pytest.raises(ArgumentError, match="test has id") as caught:
        from_huggingface(differing)
    assert 'split="train"' in caught.value.hint
    own = datasets.DatasetDict({"train": pets(1).add_column("split", ["a"])})
    with pytest.raises(ArgumentError, match="'split' of its own"):
        from_huggingface(own)
    with pytest.raises(ArgumentError, match="without splits"):
        from_huggingface(datasets.DatasetDict())


# What is no data set of rows


def test_a_set_that_is_read_once_says_how_to_keep_its_beginning():
    stream = pets(3).to_iterable_dataset()
    with pytest.raises(ArgumentError, match="has no rows to go to") as caught:
        from_huggingface(stream)
    names = {"datasets": datasets, "ds": stream}
    exec(caught.value.hint.partition(": ")[2], names)  # noqa: S102 - what is advised must run
    assert widths(from_huggingface(names["rows"])) == [1, 2, 3]
    with pytest.raises(ArgumentError) as caught:
        from_huggingface(datasets.IterableDatasetDict({"train": stream}))
    assert 'ds["train"].take(1000)' in caught.value.hint


def test_other_things_are_refused_with_what_takes_them():
    with pytest.raises(ArgumentError, match="not a name") as caught:
        from_huggingface("mnist")
    assert "datasets.load_dataset('mnist')" in caught.value.hint
    with pytest.raises(ArgumentError, match="not DataFrame") as caught:
        from_huggingface(pl.DataFrame())
    assert "ex.from_polars" in caught.value.hint
    with pytest.raises(ArgumentError, match="no keyword 'splits'") as caught:
        from_huggingface(pets(1), splits="train")
    assert caught.value.hint == "Did you mean 'split'?"
