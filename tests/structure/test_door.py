"""Everything public is exported by explorer/__init__.py, and shows itself as explorer.X."""

from __future__ import annotations

import inspect

import pytest

import explorer as ex

KEPT = {
    "ExplorerError",
    "ImageTable",
    "defer",
    "from_polars",
    "image",
    "model",
    "read_csv",
    "read_folder",
    "read_ndjson",
    "read_parquet",
    "samples",
}
PUBLIC = [name for name in ex.__all__ if not name.startswith("_")]


def test_the_list_of_names_is_sorted_and_has_no_doubles():
    assert list(ex.__all__) == sorted(set(ex.__all__))


def test_dir_gives_exactly_the_public_names():
    assert [name for name in dir(ex) if not name.startswith("_")] == PUBLIC


def test_names_that_others_rely_on_are_kept():
    assert set(PUBLIC) >= KEPT


@pytest.mark.parametrize("name", ex.__all__)
def test_every_public_name_resolves(name):
    assert getattr(ex, name) is not None


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_says_that_it_lives_at_the_door(name):
    value = getattr(ex, name)
    if inspect.ismodule(value):
        assert value.__name__.startswith("explorer.")
    elif inspect.isclass(value) or inspect.isroutine(value):
        assert f"{value.__module__}.{value.__qualname__}" == f"explorer.{name}"


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_has_a_docstring(name):
    value = getattr(ex, name)
    if inspect.ismodule(value) or inspect.isclass(value) or inspect.isroutine(value):
        assert inspect.getdoc(value)


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="read_cvs"):
        ex.read_cvs  # noqa: B018, the access is what is tested
