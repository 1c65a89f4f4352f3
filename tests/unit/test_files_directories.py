"""A folder appears whole or not at all."""

import stat

import pytest

from convscope.files import replacing_directory


def fill(path, files, error=None):
    with replacing_directory(path) as folder:
        for name in files:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(name)
        if error:
            raise error


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_folder_appears_with_all_its_files_and_parents(tmp_path):
    fill(tmp_path / "a" / "figures", ["1.png", "deep/2.png"])
    assert names(tmp_path) == ["a/figures/1.png", "a/figures/deep/2.png"]


def test_a_folder_replaces_what_stood_there(tmp_path):
    fill(tmp_path / "figures", ["old.png", "both.png"])
    fill(tmp_path / "figures", ["new.png", "both.png"])
    assert names(tmp_path / "figures") == ["both.png", "new.png"]
    assert list(tmp_path.iterdir()) == [tmp_path / "figures"]


def test_a_failure_leaves_the_old_folder_and_no_remains(tmp_path):
    fill(tmp_path / "figures", ["old.png"])
    with pytest.raises(RuntimeError, match="midway"):
        fill(tmp_path / "figures", ["new.png"], RuntimeError("midway"))
    assert names(tmp_path) == ["figures/old.png"]
    assert list(tmp_path.iterdir()) == [tmp_path / "figures"]


def test_nothing_is_there_before_the_end(tmp_path):
    with replacing_directory(tmp_path / "figures") as folder:
        (folder / "1.png").write_text("1")
        assert not (tmp_path / "figures").exists()


def test_a_failed_rename_brings_the_old_folder_back(tmp_path):
    fill(tmp_path / "figures", ["old.png"])
    with pytest.raises(OSError), replacing_directory(tmp_path / "figures") as folder:  # noqa: PT011
        folder.rmdir()
    assert names(tmp_path) == ["figures/old.png"]


def test_others_may_read_it(tmp_path):
    (tmp_path / "plain").mkdir()
    fill(tmp_path / "figures", ["1.png"])
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "figures")]
    assert modes[0] == modes[1]
