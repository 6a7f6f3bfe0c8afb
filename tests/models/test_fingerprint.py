"""The fingerprint of a net changes with what it has learned, and with nothing else."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from explorer._errors import ArgumentError
from explorer.models.fingerprint import fingerprint


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


def test_it_is_the_same_for_the_same_weights():
    assert fingerprint(net()) == fingerprint(net())
    assert len(fingerprint(net())) == 32


def test_it_does_not_depend_on_mode_layout_or_gradients():
    one, other = net(), net().eval().to(memory_format=torch.channels_last)
    one(torch.randn(1, 3, 3, 3).repeat(2, 1, 1, 1))
    other.load_state_dict(one.state_dict())
    one.requires_grad_(requires_grad=False)
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m[0].weight.data[0, 0, 0, 0].add_(1e-6),
        lambda m: m[1].running_mean.add_(1),
        lambda m: m[1].num_batches_tracked.add_(1),
        lambda m: m.to(torch.bfloat16),
        lambda m: m.double(),
        lambda m: m.add_module("more", nn.Linear(1, 1)),
        lambda m: setattr(m[3], "weight", nn.Parameter(m[3].weight.data.reshape(4, 2))),
    ],
)
def test_it_changes_with_any_weight_dtype_shape_and_name(change):
    before, changed = net(), deepcopy(net())
    change(changed)
    assert fingerprint(before) != fingerprint(changed)


def test_values_that_move_between_neighbours_change_it():
    one = nn.ParameterList([torch.zeros(2), torch.ones(1)])
    other = nn.ParameterList([torch.zeros(1), torch.ones(2)])
    assert fingerprint(one) != fingerprint(other)


def test_a_net_without_weights_has_one():
    assert fingerprint(nn.ReLU())


def test_weights_without_bytes_are_refused():
    with torch.device("meta"):
        bare = nn.Linear(2, 2)
    with pytest.raises(ArgumentError, match="'weight'"):
        fingerprint(bare)


def test_state_that_is_an_object_is_refused():
    class Odd(nn.Module):
        def get_extra_state(self):
            return object()

    with pytest.raises(ArgumentError, match=r"type object(.|\n)*version="):
        fingerprint(Odd())
