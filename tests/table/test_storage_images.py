from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import dataclass

import numpy as np
import PIL.Image
import polars as pl
import pytest

import explorer as ex
from explorer.table.image_column import ImageLoader
from explorer.table.restoring import read
from explorer.table.storage import write
from tests.digits_like import png, table


def description(folder):
    return json.loads((folder / "table.json").read_text(encoding="utf-8"))


def data_of(folder):
    return folder / description(folder)["data"]


@pytest.fixture
def photos(tmp_path):
    """A folder of six files: good ones, one of no image, and one name that no file has."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(4):
        pixels = rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"{number}.jpg", quality=90)
    (folder / "page.jpg").write_text("<html>404</html>")
    return folder


def of_photos(folder, **options):
    paths = ["0.jpg", "1.jpg", "gone.jpg", "page.jpg", "2.jpg", None, "3.jpg"]
    t = ex.from_polars({"path": paths, "number": range(7)})
    return t.with_columns(image=ex.image("path", base_dir=folder, **options))


def pixels(t, name="image"):
    return [np.asarray(cell()).tolist() for cell in t[name]]


def test_packed_images_have_the_same_pixels_where_their_folder_is_gone(tmp_path, photos):
    t = of_photos(photos)
    good = t.filter(pl.col("number").is_in([0, 1, 4, 6]))
    before = pixels(good)
    with pytest.warns(ex.ExplorerWarning, match="2 of 7 rows failed"):
        t.write(tmp_path / "t", images="pack")
    (tmp_path / "t").rename(tmp_path / "elsewhere")
    shutil.rmtree(photos)
    again = read(tmp_path / "elsewhere")
    assert again.columns == ["path", "number", "image"]
    assert again.deferred == ["image"]
    assert again.counters.images_decoded == 0
    assert pixels(again.filter(pl.col("number").is_in([0, 1, 4, 6])).sort("number")) == before
    assert again.counters.images_decoded == 4


def test_packed_bytes_are_the_files_as_they_are_and_anything_reads_them(tmp_path, photos):
    good = of_photos(photos).filter(pl.col("number").is_in([0, 1, 4, 6]))
    good.write(tmp_path / "t", images="pack")
    parts = data_of(tmp_path / "t") / "images" / "image"
    assert pl.read_parquet(parts / "*.parquet")["image"].to_list() == [
        (photos / f"{number}.jpg").read_bytes() for number in range(4)
    ]


def test_files_that_cannot_be_read_keep_their_reason_and_the_others_fail_where_they_are_decoded(
    tmp_path, photos
):
    with pytest.warns(ex.ExplorerWarning, match="gone.jpg"):
        of_photos(photos).write(tmp_path / "t", images="pack")
    shutil.rmtree(photos)
    again = read(tmp_path / "t")
    kept = again.errors()
    assert kept["row"].to_list() == [2, 5]
    assert "file not found" in kept["message"][0]
    assert "the value is null" in kept["message"][1]
    with pytest.warns(ex.ExplorerWarning, match="HTML page"):
        again.compute("image")
    assert again.errors()["row"].to_list() == [2, 3, 5]
    function = next(f for f in description(tmp_path / "t")["functions"] if f["name"] == "image")
    assert (function["computed"], function["failed"]) == (0, 2)


def test_a_failure_that_was_known_before_is_kept_with_its_hint(tmp_path, photos):
    t = ex.from_polars({"path": ["0.jpg", "../outside.jpg"]})
    t = t.with_columns(image=ex.image("path", base_dir=photos))
    with pytest.warns(ex.ExplorerWarning, match="outside"):
        t.compute("image")
    t.write(tmp_path / "t", images="pack")
    failure = read(tmp_path / "t")._binding.deferred["image"].node.results.failure(1)
    assert "lies outside of base_dir" in failure.message
    assert failure.hint.startswith("Allow its folder")


@dataclass(frozen=True)
class CountingLoader(ImageLoader):
    reads: list[str] = None

    def read(self, value):
        self.reads.append(value)
        return (self.base_dir / value).read_bytes()


def counted(folder, reads, mode="RGB"):
    spec = ex.image("path", base_dir=folder)
    return spec.with_options(function=CountingLoader(folder, mode, ex.Limits(), reads=reads))


def test_each_file_is_read_once_also_for_two_columns_of_the_same_files(tmp_path, photos):
    reads = []
    t = ex.from_polars({"path": [f"{number}.jpg" for number in range(4)]})
    t = t.with_columns(image=counted(photos, reads), grey=counted(photos, reads, mode="L"))
    t.write(tmp_path / "t", images="pack")
    assert sorted(reads) == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert t.counters.images_decoded == 0
    assert t.counters.bytes_read == sum((photos / name).stat().st_size for name in reads)
    assert [path.name for path in (data_of(tmp_path / "t") / "images").iterdir() if path.is_dir()] == [
        "image"
    ]
    again = read(tmp_path / "t")
    assert (again["image"][1]().mode, again["grey"][1]().mode) == ("RGB", "L")


def test_packed_images_lie_in_parts_of_bounded_size(tmp_path, photos):
    names = [f"{number % 4}.jpg" for number in range(40)]
    t = ex.from_polars({"path": names}).with_columns(image=ex.image("path", base_dir=photos))
    write(t, tmp_path / "t", images="pack", pack_bytes=5_000)
    files = {f: e for f, e in description(tmp_path / "t")["files"].items() if f.startswith("images/image/")}
    assert len(files) > 4
    assert sum(entry["rows"] for entry in files.values()) == 40
    assert max(entry["bytes"] for entry in files.values()) < 5_000 + 2_000
    again = read(tmp_path / "t")
    shuffled = again.sample(40, seed=1, shuffle=True)
    expected = [np.asarray(PIL.Image.open(photos / name)).tolist() for name in shuffled.to_polars()["path"]]
    assert pixels(shuffled) == expected


def test_reading_a_packed_table_reads_no_image(tmp_path, photos):
    ex.from_polars({"path": ["0.jpg"]}).with_columns(image=ex.image("path", base_dir=photos)).write(
        tmp_path / "t", images="pack"
    )
    again = read(tmp_path / "t")
    assert again.counters.bytes_read == 0
    again["image"][0]()
    assert again.counters.bytes_read == (photos / "0.jpg").stat().st_size


def test_paths_that_are_computed_and_paths_that_were_dropped_are_packed_too(tmp_path, photos):
    t = ex.from_polars({"number": [0, 1]})
    t = t.with_columns(path=ex.defer(lambda number: f"{number}.jpg", returns=str))
    t = t.with_columns(image=ex.image("path", base_dir=photos)).drop("path", "number")
    before = pixels(t)
    t.write(tmp_path / "t", images="pack")
    shutil.rmtree(photos)
    content = description(tmp_path / "t")
    assert content["kept"] == []
    assert [function["name"] for function in content["functions"]] == ["image"]
    assert pixels(read(tmp_path / "t")) == before


def shade(image):
    return np.asarray(image)[0, 0].tolist()


def test_columns_computed_from_packed_images_come_back_attached(tmp_path, photos):
    t = (
        of_photos(photos, mode="L")
        .filter(pl.col("number").is_in([0, 1]))
        .with_columns(shade=ex.defer(shade, "image", returns=int))
    )
    t.head(1).compute("shade")
    t.drop("image").write(tmp_path / "t", images="pack")
    expected = t.to_polars("shade")
    shutil.rmtree(photos)
    again = read(tmp_path / "t", columns=["shade"])
    assert again.to_polars("shade").equals(expected)


def test_bytes_and_images_that_functions_make_are_not_packed_again(tmp_path):
    t = table(3).with_columns(
        made=ex.defer(lambda number: PIL.Image.new("L", (2, 2), number), returns=ex.Image)
    )
    t.write(tmp_path / "t", images="pack")
    assert not (data_of(tmp_path / "t") / "images").exists()
    with pytest.warns(ex.ExplorerWarning, match="made"):
        assert read(tmp_path / "t")["image"][2]().getpixel((0, 0)) == 2


def test_packed_images_stay_packed_when_the_table_is_written_again(tmp_path, photos):
    good = of_photos(photos).filter(pl.col("number").is_in([0, 1, 4, 6]))
    before = pixels(good)
    good.write(tmp_path / "t", images="pack")
    shutil.rmtree(photos)
    read(tmp_path / "t").write(tmp_path / "second")
    shutil.rmtree(tmp_path / "t")
    second = read(tmp_path / "second")
    assert pixels(second) == before
    second.filter(pl.col("number") > 1).write(tmp_path / "second", overwrite=True)
    assert pixels(read(tmp_path / "second")) == before[2:]
    # What was read before is still whole, as its data are held until it is gone.
    assert [np.asarray(image).tolist() for image in second.head(2)["image"]()] == before[:2]


def test_packed_images_that_vanished_keep_a_table_from_being_written_without_them(tmp_path, photos):
    good = of_photos(photos).filter(pl.col("number").is_in([0, 1]))
    good.write(tmp_path / "t", images="pack")
    again = read(tmp_path / "t")
    shutil.rmtree(data_of(tmp_path / "t") / "images")
    with pytest.raises(ex.SourceError, match="Images that were packed cannot be read"):
        again.write(tmp_path / "second")
    assert not (tmp_path / "second").exists()
    with pytest.warns(ex.ExplorerWarning, match="replaced, moved or deleted"):
        again.compute("image")
    with pytest.raises(ex.SourceError, match=r"images/image/0000\.parquet is missing") as caught:
        read(tmp_path / "t")
    assert "columns=[…]" in caught.value.hint
    assert read(tmp_path / "t", columns=["number"]).height == 2


def test_a_truncated_pack_is_named_with_its_size(tmp_path, photos):
    of_photos(photos).head(2).write(tmp_path / "t", images="pack")
    path = data_of(tmp_path / "t") / "images" / "image" / "0000.parquet"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ex.SourceError, match=rf"0000\.parquet is truncated: 500 of {size:,} bytes"):
        read(tmp_path / "t")


@pytest.mark.parametrize("place", ["", "0", "../../secret", "0:5", "0:-5+10", "0:0+99999999"])
def test_a_place_changed_by_hand_leads_to_no_other_file(tmp_path, photos, place):
    of_photos(photos).head(1).write(tmp_path / "t", images="pack")
    path = data_of(tmp_path / "t") / "images" / "image.places.parquet"
    pl.DataFrame({"place": [place]}).write_parquet(path)
    with pytest.warns(ex.ExplorerWarning, match="1 of 1 rows failed"):
        read(tmp_path / "t").compute("image")


def test_options_can_be_given_anew_for_packed_images(tmp_path, photos):
    of_photos(photos).head(2).write(tmp_path / "t", images="pack")
    shutil.rmtree(photos)
    again = read(tmp_path / "t", functions={"image": ex.image("path", mode="L")})
    assert again["image"][0]().mode == "L"


def test_packed_images_are_thumbnails_and_torch_rows_too_and_travel_to_workers(tmp_path, photos):
    pytest.importorskip("torch")
    of_photos(photos).head(2).write(tmp_path / "t", images="pack")
    shutil.rmtree(photos)
    again = read(tmp_path / "t")
    assert "data:image" in again._repr_html_()
    rows = pickle.loads(pickle.dumps(again.to_torch_dataset(["image"])))  # noqa: S301 - as torch does
    assert rows[1]["image"].shape == (3, 20, 30)


def test_an_interrupt_while_packing_leaves_nothing_and_the_table_that_was_there(tmp_path, photos):
    class Impatient(CountingLoader):
        def read(self, value):
            if value == "2.jpg":
                raise KeyboardInterrupt
            return super().read(value)

    t = ex.from_polars({"path": [f"{number}.jpg" for number in range(4)]})
    spec = ex.image("path").with_options(function=Impatient(photos, "RGB", ex.Limits(), []))
    t = t.with_columns(image=spec)
    with pytest.raises(KeyboardInterrupt):
        write(t, tmp_path / "t", images="pack", pack_bytes=10)
    assert not (tmp_path / "t").exists()
    write(table(2), tmp_path / "t")
    with pytest.raises(KeyboardInterrupt):
        write(t, tmp_path / "t", images="pack", overwrite=True)
    assert read(tmp_path / "t").height == 2
    assert len([*(tmp_path / "t").iterdir()]) == 2


def test_another_word_for_images_is_refused(tmp_path):
    with pytest.raises(ex.ArgumentError, match=r"images= of write\(\) is 'packed'") as caught:
        table(1).write(tmp_path / "t", images="packed")
    assert caught.value.hint == "Did you mean 'pack'?"
    with pytest.raises(ex.ArgumentError, match="has no keyword 'overwirte'") as caught:
        table(1).write(tmp_path / "t", overwirte=True)
    assert caught.value.hint == "Did you mean 'overwrite'?"
    with pytest.raises(ex.ArgumentError, match="has no keyword 'column'"):
        read(tmp_path / "t", column=["a"])
    assert not (tmp_path / "t").exists()


# References


def test_images_beside_a_table_are_found_when_both_move(tmp_path):
    project = tmp_path / "project"
    (project / "photos").mkdir(parents=True)
    (project / "photos" / "a.png").write_bytes(png(7))
    t = ex.from_polars({"path": ["a.png"]}).with_columns(image=ex.image("path", base_dir=project / "photos"))
    t.write(project / "t")
    assert description(project / "t")["folders"] == {str(project / "photos"): "../photos"}
    project.rename(tmp_path / "moved")
    again = read(tmp_path / "moved" / "t")
    assert again["image"][0]().size == (8, 8)
    assert again.to_polars()["path"].to_list() == ["a.png"]


def test_the_table_s_own_folder_of_images_is_found_when_it_moves_too(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "a.png").write_bytes(png(7))
    t = ex.from_polars({"path": ["a.png"]}, base_dir=tmp_path / "project")
    t.write(tmp_path / "project" / "t")
    (tmp_path / "project").rename(tmp_path / "moved")
    again = read(tmp_path / "moved" / "t").with_columns(image=ex.image("path"))
    assert again["image"][0]().getpixel((0, 0)) == (7, 7, 7)


def test_images_whose_folder_is_gone_are_announced_with_what_to_type(tmp_path, photos):
    t = of_photos(photos)
    t.write(tmp_path / "t")
    photos.rename(tmp_path / "elsewhere")
    with pytest.warns(ex.ExplorerWarning, match=r"were in .*photos, which is not there") as caught:
        read(tmp_path / "t")
    assert caught[0].filename == __file__
    assert f'ex.read("{tmp_path / "t"}", base_dir="…")' in str(caught[0].message)
    again = read(tmp_path / "t", base_dir=tmp_path / "elsewhere")
    assert again["image"][0]().size == (30, 20)
    # Nobody asked for images here.
    assert read(tmp_path / "t", columns=["path"]).height == 7


def test_images_in_the_table_need_no_folder(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    table(2).write(tmp_path / "t")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work").rmdir()
    assert read(tmp_path / "t")["image"][1]().getpixel((0, 0)) == 1
