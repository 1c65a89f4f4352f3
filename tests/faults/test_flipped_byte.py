"""One wrong byte in a file between two rules: reported by name, and rebuilt when it is deleted."""

import random
import shutil

import h5py

from convscope.errors import UserError
from convscope.hdf5 import attribute, reading
from snakemake_runs import result_hashes

FLIPS = 60


def flip(path, offset):
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def everything(path):
    """Return all that a file of features holds."""
    found = {}

    def visit(name, item):
        found[name] = item[()].tobytes() if isinstance(item, h5py.Dataset) else None

    with reading(path, "features/1") as file:
        file.visititems(visit)
        found["attributes"] = [attribute(file, name) for name in ("images", "layers", "network")]
    return found


def test_a_job_names_the_damaged_file_and_how_to_rebuild_it(finished, copy_of_finished):
    results = copy_of_finished.directory / "results/tiny"
    features = min(results.glob("features/*/*/features.h5"))
    with h5py.File(features) as file:
        place = file["variants/normal/logits"].id.get_chunk_info(0)
    flip(features, place.byte_offset + place.size // 2)
    for folder in ("predictions", "report"):
        shutil.rmtree(results / folder)
    outcome = copy_of_finished.run()
    assert outcome.status != 0
    name = features.relative_to(copy_of_finished.directory)
    assert f"{name}: a checksum does not match: the file is damaged" in outcome.text
    assert "Delete it and run snakemake again to rebuild it." in outcome.text
    assert "Traceback" not in outcome.text
    features.unlink()
    again = copy_of_finished.run("--set-threads", "extract_features=1")
    assert again.status == 0, again.text
    assert result_hashes(copy_of_finished.directory) == result_hashes(finished.directory)


def test_no_flipped_byte_changes_what_is_read(finished, tmp_path):
    """Wherever it is: in numbers, names or attributes."""
    original = min(finished.directory.glob("results/tiny/features/*/*/features.h5"))
    expected = everything(original)
    moments = random.Random(0)
    noticed = 0
    for number in range(FLIPS):
        path = tmp_path / f"{number}.h5"
        shutil.copyfile(original, path)
        flip(path, moments.randrange(path.stat().st_size))
        try:
            assert everything(path) == expected
        except UserError as error:
            noticed += f"{path}: " in str(error) and "Delete it" in error.remedy
    assert noticed > FLIPS // 2
