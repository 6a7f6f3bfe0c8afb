"""`ex.model()`: what it declares, what it refuses, and what it answers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from torch import nn

import explorer as ex
from explorer._errors import ArgumentError, ComputeError, OutputError
from explorer.models.inference import model


class Counting(nn.Module):
    """A small convolutional net that counts its forward passes."""

    def __init__(self, classes: int = 3, channels: int = 3) -> None:
        super().__init__()
        self.calls = 0
        self.conv = nn.Conv2d(channels, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4, classes)
        self.unused = nn.Linear(1, 1)

    def forward(self, x):
        self.calls += 1
        return self.head(self.drop(self.relu(self.conv(x)).mean((2, 3))))


class Returning(nn.Module):
    """A net that returns what a function makes of the number of rows."""

    def __init__(self, make) -> None:
        super().__init__()
        self.make = make

    def forward(self, x):
        return self.make(len(x))


def pictures(count: int, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> list[Image.Image]:
    random = np.random.default_rng(0)
    bands = len(Image.new(mode, (1, 1)).getbands())
    shape = (size[1], size[0], bands) if bands > 1 else (size[1], size[0])
    return [Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)) for _ in range(count)]


def infer(net, values, **keywords):
    deferred = model(net, "img", **keywords)
    deferred.function.open()
    return deferred.function(values)


# ------------------------------------------------------------------------------ what it declares


def test_defining_calls_the_net_zero_times():
    net = Counting()
    model(net, "img", labels=["a", "b", "c"], layers={"activation": "conv"})
    assert net.calls == 0


def test_outputs_are_declared_in_order_with_their_dtypes():
    deferred = model(
        Counting(), "img", labels=["a", "b", "c"], layers={"activation": "conv", "features": "head"}
    )
    assert dict(deferred.returns) == {
        "pred": pl.String,
        "confidence": pl.Float32,
        "probs": pl.Array(pl.Float32, 3),
        "activation": pl.List(pl.Float32),
        "features": pl.List(pl.Float32),
    }
    assert list(deferred.returns) == ["pred", "confidence", "probs", "activation", "features"]
    assert (deferred.kind, deferred.batched, deferred.stacked) == ("model", True, False)
    assert (deferred.inputs, deferred.batch_size, deferred.name) == (("img",), 32, "Counting")


def test_without_labels_the_prediction_is_a_number():
    deferred = model(Counting(), "img")
    assert deferred.returns["pred"] == pl.Int64
    assert deferred.returns["probs"] == pl.List(pl.Float32)


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        (range(3), pl.Int64),
        (("a", "b", "c"), pl.String),
        (np.array([5, 6, 7], dtype=np.int16), pl.Int16),
        (pl.Series([5, 6, 7], dtype=pl.UInt8), pl.UInt8),
        (pl.Series(["x", "y", "z"], dtype=pl.Enum(["x", "y", "z"])), pl.Enum(["x", "y", "z"])),
    ],
)
def test_the_prediction_has_the_dtype_of_the_labels(labels, dtype):
    deferred = model(Counting(), "img", labels=labels)
    assert deferred.returns["pred"] == dtype
    pred = deferred.function(pictures(4))["pred"]
    assert pl.Series(pred, dtype=deferred.returns["pred"]).is_in(list(labels)).all()


# ------------------------------------------------------------------------------ what it refuses


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"labels": []}, "labels is empty"),
        ({"labels": ["a", "b", "a"]}, "twice: 'a'"),
        ({"labels": ["a", None]}, "null"),
        ({"labels": ["a", 1]}, "labels do not fit"),
        ({"labels": "abc"}, "labels is a str"),
        ({"labels": {0: "a", 1: "b"}}, r"labels=list\(names.values"),
        ({"labels": {"a", "b"}}, "labels is a set"),
        ({"layers": {"pred": "conv"}}, "gives already"),
        ({"layers": {"probs": "conv"}}, "gives already"),
        ({"layers": {"confidence": "conv"}}, "gives already"),
        ({"layers": {"activation": "cnov"}}, "no layer 'cnov'(.|\n)*Did you mean 'conv'"),
        ({"layers": ["conv"]}, "layers is a list(.|\n)*Write layers="),
        ({"layers": {"": "conv"}}, "two names"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"device": "gpu"}, "device is 'gpu'"),
        ({"transform": 3}, "transform is of type int"),
        ({"lables": ["a"]}, r"ex.model\(\) has no keyword 'lables'(.|\n)*Did you mean 'labels'"),
        ({"num_workers": 2}, "has no keyword 'num_workers'"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_definition(keywords, words):
    with pytest.raises(ArgumentError, match=words):
        model(Counting(), "img", **keywords)


@pytest.mark.parametrize(
    ("net", "inputs", "words"),
    [
        ("resnet18", ["img"], "cannot be called"),
        (Counting, ["img"], r"not an instance(.|\n)*Write Counting\(\)"),
        (Counting(), [], "no column"),
        (Counting(), [lambda image: image], "names of columns"),
    ],
)
def test_nets_and_inputs_that_cannot_be_meant_are_refused(net, inputs, words):
    with pytest.raises(ArgumentError, match=words):
        model(net, *inputs)


def test_layers_of_a_plain_function_are_refused():
    with pytest.raises(ArgumentError, match=r"torch\.nn\.Module only"):
        model(lambda x: x, "img", layers={"a": "b"})


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ArgumentError, match="this machine does not have"):
        model(Counting(), "img", device="cuda")


# ------------------------------------------------------------------------------ what it answers


def test_answers_are_those_of_the_net_in_evaluation_mode():
    net, images = Counting(), pictures(5)
    answer = infer(net, images, labels=["a", "b", "c"])
    batch = torch.stack([torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255 for image in images])
    with torch.inference_mode():
        expected = net.eval()(batch).softmax(1).numpy()
    np.testing.assert_allclose(answer["probs"], expected, rtol=1e-5)
    assert answer["probs"].dtype == np.float32
    assert answer["pred"] == [["a", "b", "c"][at] for at in expected.argmax(1)]
    np.testing.assert_allclose(answer["confidence"], expected.max(1), rtol=1e-5)


def test_one_image_alone_makes_a_batch():
    answer = infer(Counting(), pictures(1))
    assert answer["pred"].shape == (1,)
    assert answer["pred"].dtype == np.int64


def test_the_training_flags_come_back_module_by_module():
    net = Counting()
    net.train()
    net.drop.eval()
    infer(net, pictures(2), layers={"activation": "conv"})
    assert net.training
    assert net.conv.training
    assert not net.drop.training


def test_the_training_flags_come_back_after_a_failure():
    net = Counting(channels=1).train()
    with pytest.raises(ComputeError):
        infer(net, pictures(2))
    assert net.training


def test_the_net_can_be_trained_on_after_inference():
    net = Counting().train()
    infer(net, pictures(2))
    net(torch.rand(2, 3, 8, 8)).sum().backward()
    assert net.head.weight.grad is not None


def test_weights_keep_how_they_lie_in_memory():
    net = Counting()
    infer(net, pictures(4))
    assert net.conv.weight.is_contiguous()


def test_a_net_that_flattens_with_view_works():
    class Viewing(Counting):
        def forward(self, x):
            return self.head(self.conv(x).view(len(x), -1)[:, :4])

    deferred = model(Viewing(), "img")
    first = deferred.function(pictures(3))
    assert first["probs"].shape == (3, 3)
    np.testing.assert_array_equal(deferred.function(pictures(3))["probs"], first["probs"])


def test_transform_is_called_once_with_each_image():
    seen = []

    def transform(image):
        seen.append(image.size)
        return torch.zeros(3, 4, 4)

    infer(Counting(), [*pictures(2), *pictures(1, (5, 9))], transform=transform)
    assert seen == [(8, 8), (8, 8), (5, 9)]


def test_a_failing_transform_raises_its_own_error():
    def transform(image):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        infer(Counting(), pictures(2), transform=transform)


def test_several_inputs_arrive_in_order():
    def net(left, right):
        return torch.stack([left.mean((1, 2, 3)), right], 1)

    deferred = model(net, "img", "number")
    answer = deferred.function([Image.new("L", (2, 2), 255)] * 2, [3.0, -1.0])
    assert answer["pred"].tolist() == [1, 0]


def test_lists_of_numbers_go_through_a_transform():
    answer = infer(
        Counting(channels=1),
        [[0] * 16, [255] * 16],
        transform=lambda row: torch.tensor(row).reshape(1, 4, 4) / 255,
    )
    assert answer["probs"].shape == (2, 3)


def test_a_half_precision_net_gets_halves_and_gives_float32():
    answer = infer(Counting().to(torch.bfloat16), pictures(2), layers={"activation": "conv"})
    assert answer["probs"].dtype == answer["activation"].dtype == np.float32


def test_an_output_with_logits_is_taken():
    class Output:
        def __init__(self, logits):
            self.logits = logits

    answer = infer(Returning(lambda n: Output(torch.eye(4)[:n])), pictures(3))
    assert answer["pred"].tolist() == [0, 1, 2]


def test_a_row_without_finite_scores_has_no_prediction():
    scores = torch.tensor([[0.0, 1.0], [float("nan"), 0.0], [float("-inf"), 0.0]])
    answer = infer(Returning(lambda n: scores), pictures(3), labels=["a", "b"])
    assert answer["pred"] == ["b", None, "b"]
    assert np.isnan(answer["confidence"]).tolist() == [False, True, False]


# ------------------------------------------------------------------------------ what is wrong with a net


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (torch.zeros, r"shape \(4,\); \(4, 3\) is expected(.|\n)*batch dimension"),
        (lambda n: torch.zeros(3), r"shape \(3,\)"),
        (lambda n: torch.tensor(1.0), r"shape \(\)"),
        (lambda n: torch.zeros(n - 1, 3), r"shape \(3, 3\)(.|\n)*each of the 4 images"),
        (lambda n: torch.zeros(n, 5), r"shape \(4, 5\)(.|\n)*labels with 5 names"),
        (lambda n: torch.zeros(n, 1), r"shape \(4, 1\)(.|\n)*two classes"),
        (lambda n: torch.zeros(n, 3, 2, 2), r"shape \(4, 3, 2, 2\)(.|\n)*AdaptiveAvgPool2d"),
        (lambda n: torch.zeros(n, 3, dtype=torch.int64), "floating point"),
        (lambda n: (torch.zeros(n, 3), None), r"a tuple of 2 \(Tensor, NoneType\)"),
        (lambda n: {"out": torch.zeros(n, 3)}, "a dict with 'out'"),
        (lambda n: None, "type NoneType"),
        (lambda n: np.zeros((n, 3)), "type ndarray"),
    ],
)
def test_a_wrong_output_says_what_came_and_what_to_do(make, words):
    with pytest.raises(OutputError, match=words) as caught:
        infer(Returning(make), pictures(4), labels=["a", "b", "c"])
    assert caught.value.hint


def test_images_of_several_sizes_ask_for_a_resize():
    with pytest.raises(OutputError, match=r"2 shapes(.|\n)*Resize and CenterCrop"):
        infer(Counting(), [*pictures(1), *pictures(1, (9, 9))])


def test_images_of_several_modes_ask_for_one():
    with pytest.raises(OutputError, match=r'2 shapes(.|\n)*mode="RGB"'):
        infer(Counting(), [*pictures(1), *pictures(1, mode="L")])


def test_a_transform_without_a_tensor_is_told():
    with pytest.raises(OutputError, match=r"returned a PIL image(.|\n)*ToTensor"):
        infer(Counting(), pictures(2), transform=lambda image: image)


def test_a_failing_net_names_the_shape_it_was_given():
    with pytest.raises(ComputeError, match=r"shape \(2, 3, 8, 8\) \(float32\)") as caught:
        infer(Counting(channels=1), pictures(2))
    assert not isinstance(caught.value, OutputError)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_integers_from_a_transform_are_explained():
    with pytest.raises(ComputeError, match=r"uint8(.|\n)*ToDtype\(torch.float32, scale=True\)"):
        infer(Counting(), pictures(2), transform=lambda image: torch.zeros(3, 4, 4, dtype=torch.uint8))


def test_a_null_is_an_error_of_its_row():
    with pytest.raises(ComputeError, match="NoneType"):
        infer(Counting(), [None])


# ------------------------------------------------------------------------------ memory


def test_a_full_device_halves_the_batch_and_remembers():
    sizes = []

    class Greedy(Counting):
        def forward(self, x):
            sizes.append(len(x))
            if len(x) > 3:
                raise torch.OutOfMemoryError
            return super().forward(x)

    net = Greedy()
    deferred = model(net, "img", layers={"activation": "conv"})
    images = pictures(10)
    answer = deferred.function(images)
    assert sizes == [10, 5, 2, 2, 2, 2, 2]
    alone = np.concatenate([deferred.function([image])["probs"] for image in images])
    np.testing.assert_allclose(answer["probs"], alone, rtol=1e-5)
    assert answer["activation"].shape == (10, 4)
    sizes.clear()
    deferred.function(images)
    assert sizes == [2, 2, 2, 2, 2]


def test_one_row_that_does_not_fit_says_so():
    class Huge(Counting):
        def forward(self, x):
            raise torch.OutOfMemoryError

    with pytest.raises(ComputeError, match="One row alone"):
        infer(Huge(), pictures(4))


def test_a_net_that_is_trained_further_is_not_mixed_with_what_it_was():
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
    t = ex.samples.digits().with_columns(ex.model(net, "image", batch_size=8))
    before = t.head(8).to_polars("pred")
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    net(torch.ones(1, 64)).sum().backward()
    optimizer.step()
    assert t.head(8).to_polars("pred").equals(before)
    with pytest.raises(ex.OutputError, match="weights of Sequential changed"):
        t.head(9).to_polars("pred")
    again = t.with_columns(ex.model(net, "image", batch_size=8))
    assert again.head(9).to_polars("pred").height == 9
