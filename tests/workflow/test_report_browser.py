"""The report in a real browser: every picture shows, no link is broken, the console is silent."""

import html
import json
import re
import shutil
import subprocess
from urllib.parse import unquote

import pytest

from convscope.occlusion.storage import read_maps

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-sync", "--disable-background-networking", "--disable-component-update"),
    "--enable-logging=stderr",
]
PROBE = """<script>
window.addEventListener("load", () => {
  const images = [...document.images];
  const broken = images.filter((image) => !image.complete || image.naturalWidth === 0);
  const links = [...document.querySelectorAll("a[href]")].map((a) => a.getAttribute("href"));
  const lost = links.filter((h) => h[0] === "#" && !document.getElementById(h.slice(1)));
  const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
  // Where curves have values: go to the second amount of each plot by keyboard.
  const values = [...document.querySelectorAll(".probe")].map((probe) => {
    probe.focus();
    probe.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"}));
    const shown = probe.parentElement.querySelector(".values");
    return [probe.getAttribute("aria-valuenow"), shown.textContent];
  });
  // Where maps have values: point at the middle of each.
  const pointed = [...document.querySelectorAll("[data-occlusion] .probe")].map((probe) => {
    const edges = probe.getBoundingClientRect();
    const [clientX, clientY] = [edges.left + edges.width / 2, edges.top + edges.height / 2];
    probe.parentElement.querySelector(".values").textContent = "";
    probe.dispatchEvent(new PointerEvent("pointermove", {clientX, clientY}));
    return probe.parentElement.querySelector(".values").textContent;
  });
  const broke = broken.length;
  const found = {images: images.length, broken: broke, links, lost, wide, values, pointed};
  document.documentElement.setAttribute("data-found", JSON.stringify(found));
});
</script>"""


def look(page, folder, width):
    """Open a copy of the page that notes what the browser made of it."""
    copy = page.with_name("probed.html")
    copy.write_text(page.read_text().replace("</body>", f"{PROBE}</body>"))
    done = subprocess.run(
        [
            *(CHROMIUM, *FLAGS, f"--user-data-dir={folder}", f"--window-size={width},900"),
            *("--virtual-time-budget=5000", "--dump-dom", copy.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    copy.unlink()
    found = json.loads(html.unescape(re.search(r'data-found="([^"]*)"', done.stdout)[1]))
    return found, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.skipif(CHROMIUM is None, reason="the browser chromium is not installed")
@pytest.mark.parametrize("width", [1280, 500])
def test_every_picture_shows_and_nothing_is_broken(copy_of_finished, tmp_path, width):
    page = copy_of_finished.directory / "results/tiny/report/index.html"
    found, console = look(page, tmp_path / "browser", width)
    # 4 scenes, each plain, rotated and occluded.
    assert found["images"] == 12
    assert found["broken"] == 0
    assert found["lost"] == []
    assert not found["wide"]
    assert console == []
    files = [link for link in found["links"] if not link.startswith(("#", "http"))]
    assert any(link.endswith("predictions.csv") for link in files)
    for link in files:
        assert (page.parent / unquote(link.split("#")[0])).is_file(), link


@pytest.mark.skipif(CHROMIUM is None, reason="the browser chromium is not installed")
def test_the_pages_of_projections_are_whole(projected, tmp_path):
    report = projected.directory / "results/tiny_deconvnet/report"
    pages = sorted((report / "projections").rglob("*.html"))
    assert len(pages) >= 4
    for number, page in enumerate(pages):
        found, console = look(page, tmp_path / f"browser{number}", 500)
        assert (found["broken"], found["lost"], found["wide"], console) == (0, [], False, []), page
        for link in found["links"]:
            if not link.startswith(("#", "http")):
                assert (page.parent / unquote(link.split("#")[0])).is_file(), link


@pytest.mark.skipif(CHROMIUM is None, reason="the browser chromium is not installed")
@pytest.mark.parametrize("width", [1280, 500])
def test_the_pages_of_invariance_are_whole(moved, tmp_path, width):
    report = moved.directory / "results/tiny_invariance/report"
    pages = sorted((report / "invariance").rglob("*.html"))
    assert len(pages) == 2
    for number, page in enumerate(pages):
        found, console = look(page, tmp_path / f"browser{number}", width)
        assert (found["broken"], found["lost"], found["wide"], console) == (0, [], False, []), page
        for link in found["links"]:
            if not link.startswith(("#", "http")):
                assert (page.parent / unquote(link.split("#")[0])).is_file(), link
        assert found["values"], page
        assert all(f"{amount}" in text for amount, text in found["values"]), found["values"]


@pytest.mark.skipif(CHROMIUM is None, reason="the browser chromium is not installed")
def test_the_pages_of_synthesis_are_whole(synthesised, tmp_path):
    report = synthesised.directory / "results/tiny_synthesis/report"
    pages = [p for name in ("maximisation", "inversion") for p in (report / name).rglob("*.html")]
    # Two first pages, the class, the scene.
    assert len(pages) == 4
    for number, page in enumerate(sorted(pages)):
        found, console = look(page, tmp_path / f"browser{number}", 500)
        assert (found["broken"], found["lost"], found["wide"], console) == (0, [], False, []), page
        for link in found["links"]:
            if not link.startswith(("#", "http")):
                assert (page.parent / unquote(link.split("#")[0])).is_file(), link
        # The first two values of score and probability can be read on the class's page.
        shown = [amount for amount, _ in found["values"]]
        assert shown == (["1", "1"] if page.parent.name == "classes" else []), page


@pytest.mark.skipif(CHROMIUM is None, reason="the browser chromium is not installed")
def test_the_pages_of_occlusion_are_whole_and_tell_the_values_of_cells(occluded, tmp_path):
    results = occluded.directory / "results/tiny_occlusion"
    pages = sorted((results / "report/occlusion").rglob("*.html"))
    assert len(pages) == 4
    (path,) = results.glob("occlusion/small/*/coarse/occlusion.h5")
    (maps,) = read_maps(path).values()
    for number, page in enumerate(pages):
        found, console = look(page, tmp_path / f"browser{number}", 1280)
        assert (found["broken"], found["lost"], found["wide"], console) == (0, [], False, []), page
        for link in found["links"]:
            if not link.startswith(("#", "http")):
                assert (page.parent / unquote(link.split("#")[0])).is_file(), link
        # Every map tells the value of the cell in its middle, and where its patch lies.
        assert bool(found["pointed"]) == (page.parent.name == "images")
        for text in found["pointed"]:
            assert f": {maps.probabilities[0, 2, 2]:.4f} (clean" in text
            assert "cell 2, 2; patch on rows 84–139, columns 84–139" in text


def test_the_page_is_self_contained(finished):
    text = (finished.directory / "results/tiny/report/index.html").read_text()
    assert not re.search(r'(?:src|<link[^>]*href)="(?!data:)', text)
    assert "@import" not in text
