"""Images that are fetched: each once, whatever becomes of sheet, batches and experiment."""

import shutil

import pytest

from servers import serving

PREPARE = ("--until", "prepare_images")


@pytest.fixture
def server(sheet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    for seed, name in enumerate("abcde"):
        sheet.draw(name, seed, folder)
    with serving(folder) as running:
        yield running


def prepared(sheet, *arguments, **changes):
    outcome = sheet.project.run(*PREPARE, *arguments, config=sheet.config(**changes))
    assert outcome.status == 0, outcome.text
    return outcome


def asked(server):
    """Return the pictures asked for since the last call, sorted."""
    names = sorted(request.path[1] for request in server.asked(".png"))
    server.requests.clear()
    return "".join(names)


def test_an_image_is_fetched_once(sheet, server):
    source = server.url("{name}.png")
    sheet.write(sheet.rows("abcd", source))
    assert prepared(sheet, batch_size=4).jobs == {"fetch_images": 1, "prepare_images": 1}
    assert asked(server) == "abcd"
    sheet.write(sheet.rows("dcba", source))
    assert prepared(sheet, batch_size=4).jobs == {}
    # An added image, smaller batches, another experiment.
    sheet.write(sheet.rows("abcde", source))
    jobs = prepared(sheet, batch_size=5).jobs
    assert jobs == {"fetch_images": 1, "prepare_images": 1}
    assert asked(server) == "e"
    assert prepared(sheet, batch_size=2).jobs["fetch_images"] > 1
    assert prepared(sheet, batch_size=5, experiment="other").jobs == {"prepare_images": 1}
    assert asked(server) == ""


def test_a_bad_address_is_named_by_its_row_and_the_others_are_kept(sheet, server):
    sheet.write(sheet.rows("axb", server.url("{name}.png")))
    config = sheet.config(batch_size=3)
    outcome = sheet.project.run(*PREPARE, config=config)
    assert outcome.status != 0
    gone = f"images.tsv, row 3, {server.url('x.png')}: the server has no such file"
    assert gone in outcome.text
    assert asked(server) == "abx"
    (server.folder / "x.png").write_bytes((server.folder / "c.png").read_bytes())
    assert prepared(sheet, batch_size=3).jobs == {"fetch_images": 1, "prepare_images": 1}
    assert asked(server) == "x"


def test_a_damaged_image_is_named_and_how_to_fetch_it(sheet, server):
    sheet.write(sheet.rows("ab", server.url("{name}.png")))
    prepared(sheet)
    asked(server)
    image = min(sheet.folder.glob("results/shared/images/*/image"))
    (manifest,) = sheet.folder.glob("results/shared/image_groups/*/manifest.tsv")
    image.write_bytes(b"?")
    shutil.rmtree(sheet.folder / "results/sheet/images")
    outcome = sheet.project.run(*PREPARE, config=sheet.config())
    assert outcome.status != 0
    assert f"images/{image.parent.name}/image" in outcome.text
    assert f"Delete it and {manifest.relative_to(sheet.folder)}" in outcome.text
    image.unlink()
    manifest.unlink()
    prepared(sheet)
    assert len(asked(server)) == 1
