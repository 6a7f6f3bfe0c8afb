"""The view in a real JupyterLab: what is computed, and how its parts follow one another."""

from __future__ import annotations

import pytest

from tests.browser.looking import DIGITS, Looking


@pytest.fixture
def view(open_notebook):
    notebook = open_notebook(
        [
            DIGITS,
            'view = t.explore(color="label", histograms=["label", "pred", "confidence"], x="x", y="y")\nview',
        ]
    )
    looking = Looking(notebook)
    looking.settled()
    return looking


def test_exactly_the_rows_on_screen_and_ahead_are_decoded_and_inferred(view):
    tiles, declared = view.tiles(), view.declared()
    assert 10 < len(tiles) <= len(declared) < 200
    assert set(tiles) <= set(declared)
    view.notebook.wait_for_python(f"view.counters.rows_inferred == {len(declared)}")
    counters = "[view.counters.images_decoded, view.counters.decode_calls, view.counters.rows_inferred]"
    assert view.python(counters) == [len(declared)] * 3
    assert view.number("rows") == 1797
    assert view.number("decoded") == len(declared)
    assert view.number("inferred") == len(declared)
    view.notebook.screenshot("view-light")
    view.notebook.theme("dark")
    view.notebook.screenshot("view-dark")
    view.notebook.theme("light")


def test_a_lasso_is_followed_by_grid_histograms_and_python(view):
    before = view.epoch()
    view.lasso([(-3, -3), (3.5, -3), (3.5, 8), (-3, 8)])
    view.after_epoch(before)
    points, highlighted = view.points()
    bars = view.bars("label")
    selected = view.selected_in_python()
    assert points == 1797
    assert 0 < selected < 1797
    # The scatter is not filtered by its own lasso; the histograms are.
    assert highlighted == 1797
    assert sum(n for n, _ in bars.values()) == selected
    assert view.number("selected") == selected
    inside = "((pl.col('x') < 3.5) & (pl.col('x') > -3) & (pl.col('y') > -3) & (pl.col('y') < 8))"
    assert abs(selected - view.python(f"t.filter({inside}).height")) <= 20
    assert view.python("t.filter(view.selection.expr).height") == selected
    shown = set(view.tiles())
    assert shown <= set(view.python("view.selection.rows.to_list()"))
    view.notebook.screenshot("lasso")


def test_a_click_on_a_class_bar_is_followed_by_scatter_and_grid(view):
    before = view.epoch()
    view.bar("label", 3).click()
    view.after_epoch(before)
    assert view.points()[1] == 183
    assert view.selected_in_python() == 183
    assert set(view.tiles()) <= set(view.python("np.flatnonzero(t['label']().to_numpy() == 3).tolist()"))
    # The histogram that was clicked is not filtered by its own clause.
    assert sum(n for n, _ in view.bars("label").values()) == 1797
    view.notebook.screenshot("class-bar")
    before = view.epoch()
    view.part("clear").click()
    view.after_epoch(before)
    assert view.selected_in_python() == 1797


def test_a_selection_from_python_is_followed_by_the_page(view):
    before = view.epoch()
    view.notebook.execute("view.select(pl.col('label') > 5)")
    view.after_epoch(before)
    expected = view.python("t.filter(pl.col('label') > 5).height")
    assert view.number("selected") == expected
    assert view.points()[1] == expected
    bars = view.bars("label")
    assert [bars[label][0] for label in range(6)] == [0] * 6
    assert all(bars[label][0] == bars[label][1] for label in range(6, 10))
    view.notebook.screenshot("select-from-python")


def test_scrolling_to_the_end_and_back_computes_what_was_looked_at(view):
    view.part("scroller").evaluate("scroller => { scroller.scrollTop = scroller.scrollHeight; }")
    view.page.wait_for_timeout(300)
    view.settled()
    assert 1796 in view.tiles()
    view.notebook.screenshot("scrolled-to-the-end")
    view.part("scroller").evaluate("scroller => { scroller.scrollTop = 0; }")
    view.page.wait_for_timeout(300)
    view.settled()
    assert view.tiles()[0] == 0
    decoded = view.python("view.counters.images_decoded")
    assert decoded == view.python("view.counters.rows_inferred") == view.python("view.counters.decode_calls")
    assert decoded < 400


def test_after_much_scrolling_page_and_kernel_know_the_same(view):
    place = "(scroller, share) => { scroller.scrollTop = share * scroller.scrollHeight; }"
    for step in range(40):
        view.part("scroller").evaluate(place, step * 0.381966 % 1)
        view.page.wait_for_timeout(30 * (1 + step % 4))
    view.page.wait_for_timeout(300)
    view.settled()
    view.notebook.wait_for_python("view._session._screen.progress[0] == 0")
    known = view.python("view.counters.rows_inferred")
    view.page.wait_for_timeout(300)
    assert known < 1797
    assert sum(total for _, total in view.bars("pred").values()) == known
    assert view.number("inferred") == known
    order = view.python("view._session._order.tolist()")
    tiles = view.tiles()
    assert tiles == order[order.index(tiles[0]) :][: len(tiles)]


def test_an_image_is_enlarged_with_all_its_values(view):
    view.part("tile").nth(2).click()
    detail = view.part("detail")
    detail.wait_for()
    detail.get_by_text("confidence", exact=True).wait_for()
    for name in ("label", "split", "pred", "x", "y"):
        assert detail.get_by_text(name, exact=True).count() >= 1
    view.notebook.screenshot("detail")
    view.page.keyboard.press("ArrowRight")
    view.page.wait_for_timeout(300)
    view.page.keyboard.press("Escape")
    detail.wait_for(state="hidden")


def test_sorting_changes_the_order_and_decodes_only_what_is_new(view):
    before = view.epoch()
    view.part("sort").select_option("label")
    view.after_epoch(before)
    first = view.tiles()[0]
    assert view.python(f"t['label'][{first}]()") == 0
    assert view.python("view.selection.table.height") == 1797


def test_the_open_view_can_be_pointed_at_new_columns(view):
    view.notebook.execute("t = t.with_columns(u=pl.col('y'), v=pl.col('x'))\nview.update(t, x='u', y='v')")
    view.page.wait_for_function(
        "canvas => Number(canvas.dataset.points) === 1797", arg=view.part("scatter-canvas").element_handle()
    )
    view.settled()
    assert view.part("axis-x").input_value() == "u"


def test_an_empty_selection_says_so_and_can_be_cleared(view):
    before = view.epoch()
    view.notebook.execute("view.select(pl.col('label') > 50)")
    view.after_epoch(before)
    assert view.tiles() == []
    assert view.python("view.selection.table.height") == 0
    view.root.get_by_text("No rows match").wait_for()
    view.notebook.screenshot("empty-selection")
    before = view.epoch()
    view.part("clear").first.click()
    view.after_epoch(before)
    assert len(view.tiles()) > 10


def test_after_a_restarted_kernel_the_view_says_so_and_its_plots_still_follow(view):
    view.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    view.part("notice").get_by_text("Run the cell again").wait_for()
    view.bar("label", 3).click()
    view.page.wait_for_timeout(300)
    assert view.points()[1] == 183
    assert view.part("kernel").inner_text() == "no kernel"
    view.notebook.screenshot("kernel-gone")


def test_keys_in_the_detail_never_reach_the_notebook(view):
    cells = len(view.notebook.cells())
    view.part("tile").nth(1).click()
    detail = view.part("detail")
    detail.wait_for()
    box = detail.bounding_box()
    view.page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    for key in ("x", "d", "d", "ArrowRight", "Escape"):
        view.page.keyboard.press(key)
    detail.wait_for(state="hidden")
    assert len(view.notebook.cells()) == cells


def test_running_the_cell_again_leaves_no_threads_and_no_work_behind(view):
    view.notebook.execute("import threading; before = threading.active_count()")
    for _ in range(4):
        view.page.evaluate(
            "() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1;"
            " return window.jupyterapp.commands.execute('notebook:run-cell'); }"
        )
        view.page.wait_for_timeout(400)
        view.settled()
    view.notebook.wait_for_python("threading.active_count() <= before + 1")
    views = "[w for w in type(view).widgets.values() if type(w) is type(view)]"
    assert view.python(f"sum(bool(v._session._pages) for v in {views})") == 1


MILLION = """
import tempfile, pathlib, PIL.Image, numpy as np, polars as pl, explorer as ex
folder = pathlib.Path(tempfile.mkdtemp())
for shade in range(200):
    PIL.Image.fromarray(np.full((120, 160, 3), shade, dtype=np.uint8)).save(folder / f"{shade}.jpg")

def table(rows):
    paths = pl.DataFrame({"path": [f"{i}.jpg" for i in range(200)]})
    frame = pl.concat([paths] * (rows // 200)).with_columns(label=pl.int_range(pl.len()) % 10)
    return ex.from_polars(frame).with_columns(image=ex.image("path", base_dir=folder))

small = table(1_000).explore(color="label")
big = table(1_000_000).explore(color="label")
"""


def test_a_million_rows_decode_as_many_images_as_a_thousand(open_notebook):
    decoded = []
    for name in ("small", "big"):
        looking = Looking(open_notebook([MILLION, name]), name)
        looking.settled()
        looking.page.wait_for_timeout(500)
        looking.settled()
        decoded.append(looking.python(f"{name}.counters.images_decoded"))
        if name == "big":
            assert looking.number("rows") == 1_000_000
            looking.part("scroller").evaluate("scroller => { scroller.scrollTop = scroller.scrollHeight; }")
            looking.page.wait_for_timeout(300)
            looking.settled()
            assert 999_999 in looking.tiles()
        looking.notebook.screenshot(f"rows-{name}")
    assert decoded[0] == decoded[1] > 10


BROKEN = """
import io, PIL.Image, polars as pl, explorer as ex

def png(shade):
    out = io.BytesIO()
    PIL.Image.new("RGB", (64, 48), (shade, 80, 120)).save(out, "PNG")
    return out.getvalue()

data = [png(i) for i in range(12)]
data[3], data[7] = data[3][:60], b"<!doctype html><html>Not found</html>"
t = ex.from_polars(pl.DataFrame({"data": data, "<b>n</b>": ["<img src=x onerror=alert(1)>"] * 12}))
t = t.with_columns(image=ex.image("data"))
t = t.with_columns(mean=ex.defer(lambda image: sum(image.getpixel((0, 0))) / 3, "image", returns=float))
view = t.explore(captions=["mean", "<b>n</b>"], histograms=["mean"])
view
"""


def test_broken_files_are_tiles_with_their_reason_and_markup_stays_text(open_notebook):
    view = Looking(open_notebook([BROKEN]))
    view.settled()
    assert sorted(view.tiles("error")) == [3, 7]
    assert len(view.tiles("ready")) == 10
    label = view.root.locator('[data-testid="tile"][data-row="7"]').get_attribute("aria-label") or ""
    assert "an HTML page, not an image" in label
    assert view.page.locator("img[src=x]").count() == 0
    view.notebook.screenshot("broken-files")
