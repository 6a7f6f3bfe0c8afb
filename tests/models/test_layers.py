"""Reading inner layers through hooks that never stay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explorer._errors import ArgumentError, OutputError
from explorer.models.inference import Inference
from explorer.models.layers import capturing, check


def net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 5, 1),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(5 * 4 * 4, 7),
        nn.ReLU(inplace=True),
    ).eval()


def hooks(module: nn.Module) -> int:
    return sum(len(inner._forward_hooks) for inner in module.modules())


def test_maps_are_averaged_over_space_and_vectors_kept():
    module, x = net(), torch.randn(2, 3, 4, 4)
    with torch.no_grad(), capturing(module, {"maps": "0", "vector": "3"}) as captured:
        module(x)
        torch.testing.assert_close(captured["maps"], module[0](x).mean((2, 3)))
    assert captured["vector"].shape == (2, 7)


def test_a_layer_is_read_before_the_next_writes_into_it():
    module = net()
    with torch.no_grad(), capturing(module, {"before": "3", "after": "4"}) as captured:
        module(torch.randn(64, 3, 4, 4))
    assert (captured["before"] < 0).any()
    torch.testing.assert_close(captured["after"], captured["before"].relu())


@pytest.mark.parametrize(("shape", "width"), [((3,), 1), ((3, 4), 4), ((3, 4, 5), 20), ((3, 4, 5, 6), 4)])
def test_every_rank_makes_one_vector_a_row(shape, width):
    module = nn.Sequential(nn.Identity())
    with capturing(module, {"out": "0"}) as captured:
        module(torch.zeros(shape))
    assert captured["out"].shape == (3, width)


def test_of_a_tuple_the_first_tensor_is_taken():
    module = nn.ModuleDict({"rnn": nn.LSTM(4, 6, batch_first=True)})
    with capturing(module, {"out": "rnn"}) as captured:
        module["rnn"](torch.zeros(2, 3, 4))
    assert captured["out"].shape == (2, 18)


def test_hooks_are_gone_afterwards():
    module = net()
    with capturing(module, {"a": "0", "b": "1"}):
        assert hooks(module) == 2
    assert hooks(module) == 0


def test_hooks_are_gone_after_a_failure():
    module = net()
    with pytest.raises(RuntimeError), capturing(module, {"a": "0"}):
        module(torch.zeros(1, 2))
    assert hooks(module) == 0


def test_hooks_are_gone_when_one_layer_is_missing():
    module = net()
    with pytest.raises(AttributeError), capturing(module, {"a": "0", "b": "nowhere"}):
        pass
    assert hooks(module) == 0


def test_hooks_of_others_stay():
    module = net()
    module[0].register_forward_hook(lambda *_: None)
    Inference(module, transform=lambda value: value, layers={"a": "0"})([torch.zeros(3, 4, 4)])
    assert hooks(module) == 1


def test_an_unknown_layer_is_refused_with_the_nearest():
    module = nn.Sequential()
    module.add_module("features", nn.Sequential(nn.Linear(1, 1)))
    with pytest.raises(ArgumentError, match=r"no layer 'feature'(.|\n)*Did you mean 'features'"):
        check(module, {"a": "feature"})
    with pytest.raises(ArgumentError, match=r"'features', 'features\.0'"):
        check(module, {"a": "zzz"})


def test_a_layer_that_does_not_run_is_told():
    class Skipping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, x):
            return self.used(x)

    infer = Inference(Skipping(), transform=lambda value: value, layers={"a": "idle"})
    with pytest.raises(OutputError, match="'idle' did not run"):
        infer([torch.zeros(4)])


def test_a_layer_without_the_batch_first_is_told():
    class Turning(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = nn.Identity()

        def forward(self, x):
            return self.inside(x.T).T

    infer = Inference(Turning(), transform=lambda value: value, layers={"a": "inside"})
    with pytest.raises(OutputError, match="gave 4 rows for a batch of 2"):
        infer([torch.zeros(4)] * 2)


@pytest.mark.parametrize("output", [None, {"a": torch.zeros(1)}, (), (1,), torch.tensor(1.0)])
def test_an_output_without_vectors_is_told(output):
    class Odd(nn.Module):
        def forward(self, x):
            return output

    with (
        pytest.raises(OutputError, match="does not make one vector a row"),
        capturing(module := nn.Sequential(Odd()), {"a": "0"}),
    ):
        module(torch.zeros(1))
