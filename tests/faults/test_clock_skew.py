"""Inputs from a machine whose clock is wrong: nothing runs because of it."""

import os
import time
from functools import partial

import numpy as np
from PIL import Image

DAY = 86_400


def test_a_file_of_tomorrow_or_of_yesterday_starts_nothing_and_is_named(sheet):
    """Even a file that is too large for Snakemake to compare what it holds."""
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), dtype=np.uint8)
    large = sheet.folder / "a.png"
    Image.fromarray(noise).save(large)
    assert large.stat().st_size > 1_000_000
    sheet.write(sheet.rows("a"))
    prepare = partial(sheet.project.run, "--until", "prepare_images", config=sheet.config())
    assert prepare().jobs == {"prepare_images": 1}
    for skew in (-DAY, DAY):
        os.utime(large, (time.time() + skew,) * 2)
        assert prepare("-n").jobs == {}
    # What would be older than its input is refused by Snakemake, by name.
    outcome = prepare("--forceall")
    assert outcome.status != 0
    assert "older modification time" in outcome.text
    assert "a.png" in outcome.text
