"""Images that come from far are fetched as many at a time as their column says."""

from __future__ import annotations

import pytest

import explorer as ex
from tests.digits_like import png
from tests.views.page import Page


@pytest.mark.parametrize(("workers", "at_a_time"), [(2, 3), (16, 16)])
def test_tiles_of_a_column_with_many_workers_are_made_that_many_at_a_time(workers, at_a_time):
    frame = {"image": [png(i) for i in range(40)]}
    t = ex.from_polars(frame).with_columns(image=ex.image("image").with_options(workers=workers))
    page = Page(t, image="image", cores=3)
    assert page.steps.slots["decode"] == at_a_time
