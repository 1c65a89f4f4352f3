"""The contract of reruns: which rules' params and inputs change when one thing changes."""

import hashlib
import os
import shlex
from pathlib import Path

import pytest

from convscope.fetching.fetched import Fetched, image_place, source_digest, write_manifest
from convscope.images.planned import located
from convscope.planning.image_sources import batch_inputs, batch_sources
from convscope.planning.settings import Settings
from planning_toys import (
    changed_jobs,
    merged,
    plan_of,
    sheet_overlay,
    sheet_plan,
    snapshot,
    urls,
    write_sheet,
)

SMALL = "batch_size: 4"
ALL_KINDS = """
experiment: all_kinds
networks: [vgg16, reference, eyes]
sample_sets: [photographs, mini_imagenet, scenes]
network_definitions:
  eyes: {architecture: alexnet, weights: random, sample_sets: [photographs]}
"""


def plain(value):
    if isinstance(value, dict):
        keys = list(value)
        return keys == sorted(keys) and all(map(plain, value.values()))
    if isinstance(value, list):
        return all(map(plain, value))
    return type(value) in (int, float, str, bool, type(None))


def everything(plan):
    """Return all params of a plan as they are."""
    settings = Settings(plan)
    found = [settings.tabulate_predictions(), settings.build_report()]
    for network, batch in plan.pairs():
        (geometry,) = (g for g in plan.geometries if g in plan.images_file(network, batch))
        found.append(settings.prepare_images(geometry, batch.name))
        found.append(settings.extract_features(network.name, batch.name))
        found.append(settings.check_network(network.name))
        if plan.sample_sets[batch.sample_set].settings["kind"] == "scenes":
            found.append(settings.draw_scenes(batch.name))
    return found


def test_settings_are_plain_values_with_sorted_keys():
    assert all(plain(settings) for settings in everything(plan_of(ALL_KINDS)))


def test_every_job_has_its_code_and_versions():
    for settings in everything(plan_of(ALL_KINDS)):
        assert len(settings["code"]) == 16
        assert settings["packages"]


def test_equal_configurations_have_equal_settings(tmp_path):
    first = snapshot(sheet_plan(tmp_path, urls(9), SMALL, "predictions: {top: 5}"))
    again = snapshot(sheet_plan(tmp_path, urls(9), "batch_size: 4.0", "predictions: {top: 5.0}"))
    assert first == again


def test_every_rule_is_in_the_snapshot():
    assert set(snapshot(plan_of(ALL_KINDS))) == {
        *("fetch_images", "fetch_mini_imagenet", "fetch_weights", "convert_weights"),
        *("make_random_weights", "train_reference", "check_network", "draw_scenes"),
        *("prepare_images", "extract_features", "tabulate_predictions", "build_report"),
    }


# The sample sheet.


def test_reordering_the_sheet_changes_nothing(tmp_path):
    rows = [(*row, "", "normal" if k % 2 else "") for k, row in enumerate(urls(30))]
    before = snapshot(sheet_plan(tmp_path, rows, SMALL))
    assert snapshot(sheet_plan(tmp_path, rows[::-1], SMALL)) == before


def test_relabelling_an_image_changes_the_table_only(tmp_path):
    rows = urls(9)
    before = snapshot(sheet_plan(tmp_path, rows, SMALL))
    rows[3] = (*rows[3][:2], "lion")
    assert set(changed_jobs(before, snapshot(sheet_plan(tmp_path, rows, SMALL)))) == {
        "tabulate_predictions"
    }


@pytest.mark.parametrize("count", [1, 4, 5, 40, 80])
def test_an_inserted_or_removed_image_changes_at_most_two_batches(tmp_path, count):
    short = snapshot(sheet_plan(tmp_path, urls(count), SMALL))
    long = snapshot(sheet_plan(tmp_path, urls(count + 1), SMALL))
    inserted = changed_jobs(short, long)
    assert 1 <= len(inserted["fetch_images"]) <= 2
    assert 1 <= len(inserted["prepare_images"]) <= 2
    assert 1 <= len(inserted["extract_features"]) <= 2
    removed = changed_jobs(long, short)
    assert len(removed.get("fetch_images", ())) <= 2
    assert len(removed.get("prepare_images", ())) <= 2
    assert len(removed.get("extract_features", ())) <= 2
    kept = {"make_random_weights", "check_network"}
    assert not kept & set(inserted)


def test_own_variants_of_an_image_change_the_extraction_of_its_batch(tmp_path):
    rows = urls(30)
    before = snapshot(sheet_plan(tmp_path, rows, SMALL))
    rows[3] = (*rows[3], "", "normal,rotate_180")
    changed = changed_jobs(before, snapshot(sheet_plan(tmp_path, rows, SMALL)))
    assert set(changed) == {"extract_features"}
    assert len(changed["extract_features"]) == 1


def test_another_address_of_an_image_changes_its_batch_only(tmp_path):
    rows = urls(30)
    before = snapshot(sheet_plan(tmp_path, rows, SMALL))
    rows[3] = (rows[3][0], "https://example.org/other.jpg", rows[3][2])
    changed = changed_jobs(before, snapshot(sheet_plan(tmp_path, rows, SMALL)))
    # Features follow, because their prepared images are made anew.
    assert set(changed) == {"fetch_images", "prepare_images"}
    assert [len(jobs) for jobs in changed.values()] == [1, 1]


def local_images(folder, count):
    for k in range(count):
        (folder / f"{k}.jpg").write_bytes(b"image %d" % k)
    return [(f"image_{k}", f"{k}.jpg", "tabby") for k in range(count)]


def test_local_files_are_bound_by_their_content(tmp_path):
    plan = sheet_plan(tmp_path, local_images(tmp_path, 3))
    (batch,) = plan.batches.values()
    for image, source in batch_sources(plan, batch).items():
        content = b"image " + image[-1].encode()
        assert source["sha256"] == hashlib.sha256(content).hexdigest()
        assert batch_inputs(plan, batch)[source["input"]] == str(tmp_path / f"{image[-1]}.jpg")


def test_a_given_checksum_of_the_content_changes_nothing(tmp_path):
    rows = local_images(tmp_path, 3)
    before = snapshot(sheet_plan(tmp_path, rows))
    digest = hashlib.sha256(b"image 1").hexdigest()
    assert snapshot(sheet_plan(tmp_path, [rows[0], (*rows[1], digest), rows[2]])) == before


def test_swapped_files_are_noticed_whatever_their_times(tmp_path):
    rows = local_images(tmp_path, 2)
    before = snapshot(sheet_plan(tmp_path, rows))
    (tmp_path / "0.jpg").rename(tmp_path / "old.jpg")
    (tmp_path / "1.jpg").rename(tmp_path / "0.jpg")
    (tmp_path / "old.jpg").rename(tmp_path / "1.jpg")
    assert set(changed_jobs(before, snapshot(sheet_plan(tmp_path, rows)))) == {"prepare_images"}


def test_swapped_names_are_noticed(tmp_path):
    rows = local_images(tmp_path, 2)
    before = snapshot(sheet_plan(tmp_path, rows))
    swapped = [("image_0", "1.jpg", "tabby"), ("image_1", "0.jpg", "tabby")]
    assert set(changed_jobs(before, snapshot(sheet_plan(tmp_path, swapped)))) == {"prepare_images"}


def test_a_file_written_anew_is_read_anew(tmp_path):
    rows = local_images(tmp_path, 2)
    before = snapshot(sheet_plan(tmp_path, rows))
    state = (tmp_path / "0.jpg").stat()
    (tmp_path / "0.jpg").write_bytes(b"image X")
    os.utime(tmp_path / "0.jpg", ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert set(changed_jobs(before, snapshot(sheet_plan(tmp_path, rows)))) == {"prepare_images"}


def test_paths_are_not_in_the_params_of_prepared_images(tmp_path, monkeypatch):
    folders = [tmp_path / "first", tmp_path / "second"]
    params = []
    for folder in folders:
        folder.mkdir()
        plan = sheet_plan(folder, local_images(folder, 3), "sample_sets: [toys, scenes]")
        settings = Settings(plan)
        (geometry,) = plan.geometries
        params.append([settings.prepare_images(geometry, batch) for batch in plan.batches])
    assert params[0] == params[1]
    assert "results" not in repr(params)
    assert str(tmp_path) not in repr(params)


# Names and places.


def test_the_experiments_name_is_in_no_shared_path():
    plans = [plan_of(ALL_KINDS), plan_of(ALL_KINDS, "experiment: other_name")]
    shared = []
    for plan in plans:
        settings = Settings(plan)
        inputs = [path for batch in plan.batches for path in settings.image_inputs(batch)]
        weights = [settings.weights_file(network) for network in plan.networks]
        weights.append(settings.weights_source(weights[0].split("/")[-2]))
        assert all(path.startswith("results/shared/") for path in weights)
        shared.append([path for path in [*inputs, *weights] if path.startswith("results/shared/")])
        own = [path for path in inputs if not path.startswith("results/shared/")]
        assert own
        assert all(path.startswith(f"{plan.results}/scenes/") for path in own)
    assert shared[0] == shared[1]
    assert len(shared[0]) > 7


def test_two_experiments_share_all_params_but_the_reports(tmp_path):
    first = snapshot(plan_of(ALL_KINDS))
    second = snapshot(plan_of(ALL_KINDS, "experiment: other_name"))
    for rule in ("fetch_images", "fetch_mini_imagenet", "fetch_weights", "convert_weights"):
        assert first[rule] == second[rule]
    params = [everything(plan_of(ALL_KINDS, f"experiment: {name}")) for name in ("a", "b")]
    differing = [pair for pair in zip(*params, strict=True) if pair[0] != pair[1]]
    assert [set(a) ^ set(b) for a, b in differing] == [set()]
    assert [key for a, b in differing for key in a if a[key] != b[key]] == ["experiment"]


def test_names_given_to_images_and_networks_are_in_no_shared_path(tmp_path):
    rows = urls(3)
    before = Settings(sheet_plan(tmp_path, rows))
    overlay = merged(sheet_overlay(write_sheet(tmp_path, [("x" + r[0], *r[1:]) for r in rows])))
    overlay["network_definitions"]["renamed"] = overlay["network_definitions"].pop("eyes")
    after = Settings(plan_of(overlay, "networks: [renamed]"))
    assert after.weights_file("renamed") == before.weights_file("eyes")
    paths = [{p for b in s.plan.batches for p in s.image_inputs(b)} for s in (before, after)]
    assert paths[0] == paths[1]


def write_manifests(settings, inputs):
    """Pretend that the fetch jobs of a plan have run; return the paths of their images."""
    places = {}
    for manifest in (path for path in inputs if path.endswith("manifest.tsv")):
        words = shlex.split(settings.fetch_images(Path(manifest).parent.name))
        for url, sha256 in zip(words[1::3], words[2::3], strict=True):
            places[url] = image_place(manifest, source_digest(url, sha256))
        digests = [place.parent.name for place in places.values()]
        write_manifest(manifest, [Fetched(digest, "0" * 64, 1) for digest in digests])
    return places


def test_planned_sources_name_their_files_in_the_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = plan_of(ALL_KINDS)
    kinds = set()
    for batch in plan.batches.values():
        inputs = batch_inputs(plan, batch)
        fetched = write_manifests(Settings(plan), inputs)
        for image, source in located(batch_sources(plan, batch), inputs).items():
            (kind,) = {"file", "zip", "scenes"} & set(source)
            kinds.add(kind)
            expected = plan.sample_sets[batch.sample_set].images[image].source
            if kind == "file":
                assert source["file"] == str(fetched[expected.place])
                assert source["sha256"] == "0" * 64
            elif kind == "zip":
                assert source[kind] in inputs
                assert source["member"] == f"{image}.jpg"
                assert source["zip"].endswith(f"/test/{expected.place}/images.zip")
            else:
                assert source == {"scenes": inputs[0], "id": expected.place}
    assert kinds == {"file", "zip", "scenes"}
