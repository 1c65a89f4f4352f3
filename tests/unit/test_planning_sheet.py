"""Sample sheets: what is read, and how every mistake is named by its row."""

import pytest

from convscope.errors import UserError
from convscope.planning.sheet import read_sheet
from planning_toys import HEADER, ROOT, sheet_plan, urls, write_sheet

SCHEMA = ROOT / "workflow/schemas/images.schema.yaml"
BASES = {"photographs": "https://example.org/photographs", "mirror": "https://example.org/mirror"}
URL = "https://example.org/a.jpg"


def read(path):
    return read_sheet(path, SCHEMA, BASES)


def refusal(path):
    with pytest.raises(UserError) as found:
        read(path)
    return str(found.value)


def test_a_full_sheet(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/cat.jpg").write_bytes(b"")
    sheet = write_sheet(
        tmp_path,
        [
            ("cat", "own/cat.jpg", " tabby ", "0" * 64, " normal , rotate_180 "),
            ("dog.2", URL),
            ("emu-3", "{mirror}/n1/emu 3.JPEG", "ostrich"),
        ],
    )
    cat, dog, emu = read(sheet)
    assert (cat.number, cat.source, cat.label) == (2, str(tmp_path / "own/cat.jpg"), "tabby")
    assert (cat.sha256, cat.variants, cat.is_url) == ("0" * 64, ("normal", "rotate_180"), False)
    assert (dog.number, dog.source, dog.is_url) == (3, URL, True)
    assert (dog.label, dog.sha256, dog.variants) == (None, None, None)
    assert (emu.source, emu.is_url) == ("https://example.org/mirror/n1/emu 3.JPEG", True)


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
        lambda text: text.rstrip("\n").encode(),
        lambda text: text.replace("\nb", "\n\n\nb").encode(),
    ],
    ids=["plain", "BOM", "CRLF", "BOM and CRLF", "no last newline", "blank lines"],
)
def test_spellings_of_the_same_sheet(tmp_path, encode):
    text = f"source\timage\tlabel\n{URL}\ta\tgrüner Vogel\n{URL}?b\tb\t\n"
    (tmp_path / "sheet.tsv").write_bytes(encode(text))
    rows = read(tmp_path / "sheet.tsv")
    assert [(row.image, row.label) for row in rows] == [("a", "grüner Vogel"), ("b", None)]


def test_a_missing_sheet(tmp_path):
    text = refusal(tmp_path / "none.tsv")
    assert "none.tsv" in text
    assert "missing" in text
    assert "working directory" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["row 1", "no column 'image'", "nothing"]),
        (b"image,source\na,b\n", ["row 1", "no column 'image'", "image,source", "tabs"]),
        (b"image\tlabel\na\tb\n", ["row 1", "no column 'source'"]),
        (b"image\tsource\tlable\na\tb\tc\n", ["row 1", "unknown column 'lable'", "'label'"]),
        (b"image\tsource\t\na\tb\t\n", ["row 1", "unknown column ''"]),
        (b"image\tsource\tsource\na\tb\tc\n", ["row 1", "repeated column 'source'"]),
        (b"image\tsource\tlabel\na\tb\n", ["row 2", "more or fewer cells", "tabs"]),
        (b"image\tsource\na\tb\tc\n", ["row 2", "more or fewer cells"]),
        ("image\tsource\nä\tb\n".encode("latin-1"), ["cannot be read", "UTF-8"]),
        ("image\tsource\na\tb\n".encode("utf-16"), ["cannot be read", "UTF-8"]),
        (b'image\tsource\na\t"b\n', ["cannot be read", "quotation marks"]),
    ],
)
def test_a_sheet_that_is_no_sheet(tmp_path, content, words):
    (tmp_path / "sheet.tsv").write_bytes(content)
    text = refusal(tmp_path / "sheet.tsv")
    for word in [str(tmp_path / "sheet.tsv"), *words]:
        assert word in text


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "a b", "a ", " a", "..", "a..b", "../a", "a/b", "a\\b", ".a", "-a", "_a", "ä"),
        *("日本", "a\u200b", "a:b", "{a}", "<a>", "a\x00", "a" * 101, '"a\n"'),
    ],
)
def test_unsafe_ids(tmp_path, name):
    text = refusal(write_sheet(tmp_path, [("good", URL), (name, URL)]))
    assert "sheet.tsv, row" in text
    assert "column image" in text
    assert "letters, digits" in text


def test_duplicate_ids(tmp_path):
    text = refusal(write_sheet(tmp_path, [("a", URL), ("b", URL), ("a", URL)]))
    assert "sheet.tsv, row 4, column image" in text
    assert "duplicate image 'a', first in row 2" in text


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", ["non-empty"]),
        ("none.jpg", ["none.jpg is missing", "relative to the sheet"]),
        (".", ["is missing"]),
        ("x" * 5000, ["is missing"]),
        ("{photograph}/a.jpg", ["'photograph'", "'photographs'"]),
        ("{}/a.jpg", ["base URL ''"]),
        ("ftp://example.org/a.jpg", ["cannot fetch", "http"]),
        ("file:///a.jpg", ["cannot fetch", "http"]),
        ("https:/example.org/a.jpg", ["cannot fetch", "http"]),
        ("http://", ["cannot fetch", "http"]),
        ("http://[1/a.jpg", ["cannot fetch", "http"]),
    ],
)
def test_bad_sources(tmp_path, source, words):
    text = refusal(write_sheet(tmp_path, [("good", URL), ("bad", source)]))
    for word in ["sheet.tsv, row 3, column source", *words]:
        assert word in text


@pytest.mark.parametrize("sha256", ["abc", "0" * 63, "A" * 64, "g" * 64])
def test_bad_checksums(tmp_path, sha256):
    text = refusal(write_sheet(tmp_path, [("a", URL, "", sha256)]))
    assert "row 2, column sha256" in text
    assert "64 digits" in text


@pytest.mark.parametrize("variants", ["normal,rotate_90", "normal,,rotate_180", ","])
def test_bad_variants_are_named_by_their_row(tmp_path, variants):
    with pytest.raises(UserError, match=r"sheet\.tsv, row 3, column variants: unknown variant"):
        sheet_plan(tmp_path, [("a", URL), ("b", URL, "", "", variants)])


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("taby", ["unknown class 'taby'", "'tabby'", "empty label"]),
        ("cardigan", ["ambiguous", "264 (n02113186)", "474 (n02963159)", "index or wnid"]),
        ("1000", ["unknown class '1000'"]),
        ("n00000000", ["unknown class 'n00000000'"]),
    ],
)
def test_bad_labels_are_named_by_their_row(tmp_path, label, words):
    with pytest.raises(UserError) as found:
        sheet_plan(tmp_path, [("a", URL, "tabby"), ("b", URL, label)])
    for word in ["sheet.tsv, row 3, column label", *words]:
        assert word in str(found.value)


@pytest.mark.parametrize("label", ["tabby", "Tabby", "n02123045", "281", "german_shepherd", ""])
def test_good_labels(tmp_path, label):
    plan = sheet_plan(tmp_path, [("a", URL, label)])
    assert plan.sample_sets["toys"].images["a"].label == (label or None)


def test_a_sheet_without_images(tmp_path):
    with pytest.raises(UserError, match=r"sheet\.tsv: the sheet has no image"):
        sheet_plan(tmp_path, [])


def test_columns_may_be_left_out_and_reordered(tmp_path):
    full = sheet_plan(tmp_path, [row[:2] for row in urls(5)])
    rows = [row[1::-1] for row in urls(5)]
    short = sheet_plan(tmp_path, rows, header=("source", "image"))
    assert full.batches == short.batches
    assert len(HEADER) == 5
