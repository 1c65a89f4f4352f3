"""Class lists: names, wnids and indices lead to one index, to none, or to a clear refusal."""

import pytest

from convscope.classes.lists import ClassList, class_list, read_class_list, scene_class_list
from convscope.errors import UserError
from convscope.scenes.names import SCENE_CLASSES


def write(folder, text, encoding="utf-8"):
    path = folder / "own.tsv"
    path.write_bytes(text.encode(encoding))
    return path


def refusal(path):
    with pytest.raises(UserError) as found:
        read_class_list(path, title="own.tsv")
    return str(found.value)


def test_imagenet():
    imagenet = class_list("imagenet")
    assert len(imagenet) == 1000
    assert len(set(imagenet.wnids)) == 1000
    assert imagenet.names[281] == "tabby"
    assert list(imagenet.wnids) == sorted(imagenet.wnids)


@pytest.mark.parametrize(
    ("text", "index"),
    [
        *(("tabby", 281), ("TABBY", 281), (" tabby ", 281), ("281", 281), ("n02123045", 281)),
        *(("german_shepherd", 235), ("German shepherd", 235), ("N02106662", 235)),
        *(("taby", None), ("1000", None), ("-1", None), ("", None), ("0281", None)),
    ],
)
def test_index_of(text, index):
    assert class_list("imagenet").index_of(text) == index


def test_every_class_of_imagenet_is_found_by_wnid_and_index():
    imagenet = class_list("imagenet")
    for index, wnid in enumerate(imagenet.wnids):
        assert imagenet.index_of(wnid) == imagenet.index_of(str(index)) == index


def test_an_ambiguous_name_lists_the_candidates():
    with pytest.raises(UserError) as found:
        class_list("imagenet").index_of("cardigan")
    for word in ["'cardigan'", "264 (n02113186)", "474 (n02963159)", "index or wnid"]:
        assert word in str(found.value)
    assert class_list("imagenet").indices_of("cardigan") == [264, 474]


def test_scenes():
    assert class_list("scenes").names == SCENE_CLASSES
    some = scene_class_list(("ringed_star", "striped_disc"))
    assert [some.index_of(name) for name in ("striped_disc", "ringed_star", "1")] == [1, 0, 1]
    assert some.index_of("rayed_flower") is None


def test_digits_for_names():
    digits = ClassList("digits", tuple("0123456789"), ("",) * 10)
    assert [digits.index_of(name) for name in digits.names] == list(range(10))
    shifted = ClassList("digits", ("1", "2"), ("", ""))
    assert shifted.index_of("2") == 1
    with pytest.raises(UserError, match="ambiguous"):
        shifted.index_of("1")


def test_names_with_and_without_underscores():
    names = ClassList("own", ("a_b", "c d"), ("", ""))
    assert [names.index_of(text) for text in ("a_b", "c_d", "c d")] == [0, 1, 1]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_users_list(tmp_path, encoding, newline):
    text = newline.join(["index\twnid\tname", "0\tn1\tgrüner Vogel", "1\t\tcat", ""])
    own = read_class_list(write(tmp_path, text, encoding), title="own")
    assert own == ClassList("own", ("grüner Vogel", "cat"), ("n1", ""))


def test_the_column_wnid_may_be_left_out(tmp_path):
    own = read_class_list(write(tmp_path, "index\tname\n0\tcat\n"), title="own")
    assert own == ClassList("own", ("cat",), ("",))


def test_an_edited_list_is_read_anew(tmp_path):
    path = write(tmp_path, "index\tname\n0\tcat\n")
    assert class_list(str(path)).names == ("cat",)
    write(tmp_path, "index\tname\n0\tdog\n")
    assert class_list(str(path)).names == ("dog",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["columns index and name"]),
        ("index\tname\twnid\n", ["names no class"]),
        ("name\twnid\ncat\tn1\n", ["columns index and name"]),
        ("index,name\n0,cat\n", ["columns index and name", "TSV"]),
        ("index\tname\n1\tcat\n", ["row 2", "index 0", "'1'"]),
        ("index\tname\n0\tcat\n2\tdog\n", ["row 3", "index 1", "'2'"]),
        ("index\tname\n0\tcat\n0\tdog\n", ["row 3", "index 1", "'0'"]),
        ("index\tname\n0\t\n", ["row 2", "a name"]),
        ("index\tname\nx\tcat\n", ["row 2", "'x'"]),
        ("index\tname\twnid\n0\tcat\n", ["row 2", "more or fewer cells"]),
        ("index\tname\n0\tcat\tn1\n", ["row 2", "more or fewer cells"]),
        ('index\tname\n0\t"cat\n', ["cannot be read"]),
    ],
)
def test_a_wrong_list_is_named_by_its_row(tmp_path, text, words):
    message = refusal(write(tmp_path, text))
    for word in ["own.tsv", *words]:
        assert word in message


def test_a_list_that_is_missing_or_not_utf8(tmp_path):
    assert "cannot be read" in refusal(tmp_path / "none.tsv")
    assert "cannot be read" in refusal(write(tmp_path, "index\tname\n0\tgrün\n", "latin-1"))
