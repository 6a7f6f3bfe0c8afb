"""Choosing a device, and going on when its memory is full."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explorer._errors import ArgumentError, ComputeError
from explorer.models.devices import by_parts, choose, is_out_of_memory


def test_auto_takes_the_fastest_there_is():
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert choose("auto", nn.Linear(1, 1)).type == expected


def test_a_device_may_be_given_as_a_name_or_an_object():
    assert choose("cpu") == choose(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize("device", ["gpu", "cdua", "", 3.5])
def test_an_unknown_device_is_refused(device):
    with pytest.raises(ArgumentError, match="device is"):
        choose(device)


def test_a_wrong_name_gets_the_nearest():
    with pytest.raises(ArgumentError, match="Did you mean 'cuda'"):
        choose("cdua")


def test_a_device_beyond_those_there_are_is_refused():
    with pytest.raises(ArgumentError, match="this machine does not have"):
        choose("cuda:99")


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (torch.OutOfMemoryError(), True),
        (MemoryError(), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("shape mismatch"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_a_full_memory_is_told_from_other_failures(error, full):
    assert is_out_of_memory(error) is full


def limited(limit: int, calls: list[tuple[int, int]]):
    def forward(start: int, stop: int) -> list[int]:
        calls.append((start, stop))
        if stop - start > limit:
            raise torch.OutOfMemoryError
        return list(range(start, stop))

    return forward


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 16, 17, 100])
@pytest.mark.parametrize("rows", [1, 2, 7, 16, 17])
def test_every_row_is_run_once_and_in_order(limit, rows):
    parts, size = by_parts(limited(limit, []), rows, at_most=16)
    assert [row for part in parts for row in part] == list(range(rows))
    assert 1 <= size <= 16


def test_parts_halve_until_they_fit_and_memory_is_released_between():
    calls, released = [], []
    _, size = by_parts(limited(2, calls), 8, at_most=8, release=lambda: released.append(len(calls)))
    assert calls == [(0, 8), (0, 4), (0, 2), (2, 4), (4, 6), (6, 8)]
    assert released == [1, 2]
    assert size == 2


def test_a_short_last_part_does_not_shrink_the_size():
    assert by_parts(limited(4, []), 5, at_most=4)[1] == 4


def test_one_row_too_many_ends_it():
    with pytest.raises(ComputeError, match="One row alone") as caught:
        by_parts(limited(0, []), 3, at_most=3)
    assert isinstance(caught.value.__cause__, torch.OutOfMemoryError)


def test_other_errors_pass():
    def forward(start: int, stop: int) -> None:
        raise KeyError(start)

    with pytest.raises(KeyError):
        by_parts(forward, 3, at_most=3)
