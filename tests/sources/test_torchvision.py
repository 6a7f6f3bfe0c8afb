"""Data sets of torchvision: what they list is stored, and their images are read when looked at."""

from __future__ import annotations

import polars as pl
import pytest
from PIL import Image

import explorer as ex
from explorer.compute.deferred import Image as ImageDtype
from tests.sources.torch_looking import looked_at

torch = pytest.importorskip("torch")
datasets = pytest.importorskip("torchvision.datasets")
transforms = pytest.importorskip("torchvision.transforms")

from torch.utils.data import ConcatDataset, Subset, random_split  # noqa: E402


def idx(*shape: int, values: bytes) -> bytes:
    """The format of MNIST's files: unsigned bytes of some shape."""
    sizes = b"".join(size.to_bytes(4, "big") for size in shape)
    return bytes([0, 0, 8, len(shape)]) + sizes + values


@pytest.fixture
def mnist(tmp_path):
    """MNIST, with 5 test images; image i is grey i and its label 9 - i."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    pixels = b"".join(bytes([i]) * 784 for i in range(5))
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(5, 28, 28, values=pixels))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(5, values=bytes([9, 8, 7, 6, 5])))

    def load(**options):
        return datasets.MNIST(tmp_path, train=False, **options)

    return load


@pytest.fixture
def folder(tmp_path):
    for i, name in enumerate(("cat/a.jpg", "cat/sub/b.jpg", "dog/c.jpg")):
        (tmp_path / "pets" / name).parent.mkdir(exist_ok=True, parents=True)
        Image.new("RGB", (10 + i, 8)).save(tmp_path / "pets" / name)
    return tmp_path / "pets"


def widths(table):
    return [cell().width for cell in table["image"]]


def test_mnist_needs_no_item(mnist):
    table, lines = looked_at(mnist())
    assert lines == []
    assert table.columns == ["image", "label", "label_name"]
    assert table.deferred == ["image"]
    frame = table.to_polars()
    assert frame["label"].to_list() == [9, 8, 7, 6, 5]
    assert frame["label_name"].to_list()[:2] == ["9 - nine", "8 - eight"]
    assert table.counters.images_decoded == 0
    assert [table["image"][i]().getpixel((0, 0)) for i in (4, 0)] == [4, 0]
    assert table.counters.images_decoded == 2


def test_transformed_items_come_transformed_and_labels_stay_known(mnist):
    table, lines = looked_at(mnist(transform=transforms.ToTensor()))
    assert lines == ["MNIST: looked at item 0 of 5: image: Image"]
    assert table["image"][3]().getpixel((5, 5)) == 3
    assert table.deferred == ["image"]
    turned = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.1307, 0.3081)])
    normalised, _ = looked_at(mnist(transform=turned))
    assert normalised.schema["image"] == pl.Object
    assert normalised["image"][0]().shape == (1, 28, 28)


def test_transformed_labels_are_made_with_their_items(mnist):
    table, lines = looked_at(mnist(target_transform=lambda label: -label))
    assert lines == ["MNIST: looked at item 0 of 5: image: Image, label: Int64"]
    assert table.columns == ["image", "label"]
    assert table.to_polars("label")["label"].to_list() == [-9, -8, -7, -6, -5]


def test_declared_columns_take_what_is_listed(mnist):
    table, lines = looked_at(mnist(), returns={"image": ex.Image, "label": pl.UInt8})
    assert (lines, table.deferred) == ([], ["image"])
    assert table.schema["label"] == pl.UInt8


def test_parts_of_it_are_known_too(mnist):
    whole = mnist()
    table, lines = looked_at(ConcatDataset([Subset(whole, [4, 1]), whole]), names=("digit", "kind"))
    assert lines == []
    assert table.columns == ["digit", "kind", "kind_name"]
    assert table.to_polars("kind")["kind"].to_list() == [5, 8, 9, 8, 7, 6, 5]
    assert [cell().getpixel((0, 0)) for cell in table["digit"]] == [4, 1, 0, 1, 2, 3, 4]
    part, _ = random_split(whole, [2, 3], generator=torch.Generator().manual_seed(0))
    halves, _ = looked_at(part)
    assert halves.to_polars("label")["label"].to_list() == [9 - i for i in part.indices]


def test_an_image_folder_is_read_by_its_files(folder):
    table, lines = looked_at(datasets.ImageFolder(folder))
    assert lines == []
    assert table.columns == ["image", "label", "label_name", "path"]
    frame = table.to_polars()
    assert frame["path"].to_list() == ["cat/a.jpg", "cat/sub/b.jpg", "dog/c.jpg"]
    assert frame["label_name"].to_list() == ["cat", "cat", "dog"]
    assert table.counters.bytes_read == 0
    assert widths(table) == [10, 11, 12]
    assert table.counters.bytes_read > 0
    # As anything that is read by its files, it can be kept.
    table.write(folder.parent / "kept")
    assert widths(ex.read(folder.parent / "kept")) == [10, 11, 12]


def test_an_image_folder_with_links_and_a_relative_root(folder, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    Image.new("RGB", (40, 8)).save(elsewhere / "d.jpg")
    (folder / "emu").symlink_to(elsewhere)
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    table, _ = looked_at(datasets.ImageFolder("../pets"))
    monkeypatch.chdir(tmp_path)
    assert widths(table) == [10, 11, 12, 40]


def test_an_image_folder_that_loads_or_transforms_in_its_own_way_is_asked_for_items(folder):
    def loader(path):
        return Image.new("L", (77, 7))

    table, lines = looked_at(datasets.ImageFolder(folder, loader=loader))
    assert lines == ["ImageFolder: looked at item 0 of 3: image: Image"]
    assert table.columns == ["image", "label", "label_name"]
    assert widths(table) == [77, 77, 77]
    cropped, _ = looked_at(datasets.ImageFolder(folder, transform=transforms.CenterCrop(4)))
    assert widths(cropped) == [4, 4, 4]


def test_a_broken_file_costs_its_own_row(folder):
    (folder / "cat" / "a.jpg").write_bytes(b"<html>not found</html>")
    for dataset in (
        datasets.ImageFolder(folder),
        datasets.ImageFolder(folder, transform=lambda image: image),
    ):
        table, _ = looked_at(dataset, returns={"image": ex.Image, "label": int})
        with pytest.warns(ex.ExplorerWarning, match="1 of 3 rows failed"):
            table.compute("image")
        assert table.errors()["row"].to_list() == [0]
        assert table.to_polars("label")["label"].to_list() == [0, 0, 1]


def test_fake_data_is_made_row_by_row():
    fake = datasets.FakeData(size=1000, image_size=(3, 12, 12), num_classes=4)
    table, lines = looked_at(fake)
    assert lines == ["FakeData: looked at item 0 of 1,000: image: Image, label: Int64"]
    assert dict(table.schema) == {"image": ImageDtype, "label": pl.Int64}
    assert table["label"][3]() == fake[3][1]
    assert table["image"][3]().tobytes() == fake[3][0].tobytes()
    assert table.counters.images_decoded == 1
    three = table.filter(pl.col("label") == 3).head(2)
    assert three.height == 2
    assert table.counters.images_decoded <= 33
