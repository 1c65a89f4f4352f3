"""What every job does around its work."""

import errno
import logging
import warnings
from pathlib import Path

import pytest

import convscope
from convscope import jobs
from convscope.code_digest import code_of
from convscope.errors import UserError
from convscope.jobs import explain_disk_error, running

SCRIPT = str(Path(convscope.__file__).parents[1] / "convert_weights.py")


def test_a_users_mistake_is_one_message_in_log_and_on_screen(tmp_path, capsys):
    log = tmp_path / "logs" / "job.log"
    with pytest.raises(SystemExit) as stop, running(SCRIPT, str(log)):
        raise UserError("there are 3 legs", where="row 7", remedy="Add one.")
    assert stop.value.code == 1
    for text in (log.read_text(), capsys.readouterr().err):
        assert "row 7: there are 3 legs. Add one." in text
        assert "Traceback" not in text


def test_any_other_failure_leaves_its_traceback_in_log_and_on_screen(tmp_path, capsys):
    log = tmp_path / "job.log"
    with pytest.raises(SystemExit), running(SCRIPT, str(log)):
        raise RuntimeError("unforeseen")
    for text in (log.read_text(), capsys.readouterr().err):
        assert "Traceback" in text
        assert "RuntimeError: unforeseen" in text


def test_records_and_warnings_reach_the_log_and_handlers_go(tmp_path):
    log = tmp_path / "job.log"
    before = list(logging.getLogger().handlers)
    with running(SCRIPT, str(log)):
        logging.getLogger("convscope.anything").info("half-way")
        warnings.warn("odd numbers", stacklevel=1)
    assert "half-way" in log.read_text()
    assert "odd numbers" in log.read_text()
    assert logging.getLogger().handlers == before


def test_code_that_changed_after_planning_is_refused(tmp_path):
    with running(SCRIPT, str(tmp_path / "a.log"), {"code": code_of(SCRIPT)}) as settings:
        assert settings["code"] == code_of(SCRIPT)
    with pytest.raises(SystemExit), running(SCRIPT, str(tmp_path / "b.log"), {"code": "0" * 16}):
        pytest.fail("the block must not run")
    assert "the code changed" in (tmp_path / "b.log").read_text()


def test_a_copy_of_the_library_elsewhere_is_refused_by_path(tmp_path):
    script = tmp_path / "scripts" / "job.py"
    script.parent.mkdir()
    script.write_text("")
    with pytest.raises(SystemExit), running(str(script), str(tmp_path / "job.log")):
        pytest.fail("the block must not run")
    text = (tmp_path / "job.log").read_text()
    assert str(Path(convscope.__file__).parent) in text
    assert "pip uninstall convscope" in text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "results/a.h5"), "disk is full"),
        (OSError(errno.EROFS, "Read-only file system", "results/a.h5"), "read-only"),
        (
            OSError("Can't write data (file write failed: errno = 28, error message)"),
            "disk is full",
        ),
    ],
)
def test_a_full_or_read_only_disk_is_said_plainly(tmp_path, error, words):
    with pytest.raises(SystemExit), running(SCRIPT, str(tmp_path / "job.log")):
        raise error
    text = (tmp_path / "job.log").read_text()
    assert words in text
    assert "Traceback" not in text


def test_other_system_errors_are_not_explained_away():
    assert explain_disk_error(OSError(errno.EPIPE, "Broken pipe")) is None


def test_the_log_of_a_second_run_replaces_the_first(tmp_path):
    log = tmp_path / "job.log"
    for word in ("first", "second"):
        with jobs.logging_to(log):
            logging.getLogger("x").info(word)
    assert "first" not in log.read_text()
