from __future__ import annotations

import inspect

import pytest

import explorer as ex
from explorer import _errors
from explorer._optional import require


def test_every_error_is_an_explorer_error_and_stands_in_the_tree():
    classes = [
        c for _, c in inspect.getmembers(_errors, inspect.isclass) if issubclass(c, Exception) and c.__doc__
    ]
    errors = [c for c in classes if not issubclass(c, Warning)]
    assert all(issubclass(c, ex.ExplorerError) for c in errors)
    assert all(c.__name__ in (_errors.__doc__ or "") for c in errors)


def test_an_error_says_what_is_wrong_and_then_what_to_type():
    error = ex.ArgumentError("n is -1.", hint="n=1")
    assert str(error) == "n is -1.\nn=1"
    assert str(ex.ColumnNotFoundError.named("lable", ["label"])).endswith("Did you mean 'label'?")


def test_errors_can_be_caught_as_what_they_are_in_python():
    assert issubclass(ex.ColumnNotFoundError, KeyError)
    assert issubclass(ex.ArgumentError, ValueError)
    assert issubclass(ex.MissingExtraError, ImportError)


def test_a_missing_extra_gives_the_line_that_installs_it():
    with pytest.raises(ex.MissingExtraError) as caught:
        require("no_such_module_anywhere", extra="torch", needed_for="ex.model()")
    assert "ex.model() needs no_such_module_anywhere" in caught.value.message
    assert caught.value.hint == 'Install it with: pip install "explorer[torch]"'
