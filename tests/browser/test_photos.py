"""Real photos with a real model: the README's second example in a real JupyterLab."""

from __future__ import annotations

import pytest

from tests.browser.looking import Looking

PHOTOS = """
import torch, torchvision, explorer as ex, polars as pl
from torchvision.models import SqueezeNet1_0_Weights, squeezenet1_0

weights = torch.load(r"{data}/weights/squeezenet1_0-deepcompression.pth", weights_only=True)
net = squeezenet1_0()
net.load_state_dict(weights)
preset = SqueezeNet1_0_Weights.IMAGENET1K_V1
t = ex.read_csv(r"{data}/imagenette/imagenette.csv")
t = t.with_columns(img=ex.image("img_path", base_dir=r"{data}/imagenette"))
t = t.with_columns(
    ex.model(net, "img", transform=preset.transforms(), labels=range(1000), layers={{"features": "features"}})
)
view = t.explore(color="label", histograms=["label", "confidence"], captions=["label_idx", "pred"])
view
"""


@pytest.mark.slow
def test_photos_are_decoded_and_classified_as_they_come_on_screen(open_notebook, data_dir):
    notebook = open_notebook([PHOTOS.format(data=data_dir)], timeout=120)
    view = Looking(notebook)
    view.settled(timeout=60)
    declared = view.declared()
    notebook.wait_for_python(f"view.counters.rows_inferred == {len(declared)}", timeout=60)
    assert notebook.python("view.counters.images_decoded") == len(declared)
    assert notebook.python("view.counters.decode_calls") == len(declared)
    known = "(pl.col('pred') == pl.col('label_idx'))"
    rows = f"t.gather({declared})"
    assert notebook.python(f"{rows}.filter({known}).height") / len(declared) > 0.4
    assert notebook.python("view.counters.rows_inferred") == len(declared)
    notebook.screenshot("photos")
    before = view.epoch()
    view.bar("label", "church").click()
    view.after_epoch(before)
    assert notebook.python("view.selection.table['label']().unique().to_list()") == ["church"]
    notebook.screenshot("photos-church")
