"""The code that runs is the code that was digested: another copy of convscope is refused."""

import shutil


def test_an_installed_copy_that_shadows_the_library_is_refused_by_its_path(
    project, tmp_path_factory
):
    installed = tmp_path_factory.mktemp("site-packages") / "convscope"
    shutil.copytree(project.repository / "scripts/convscope", installed)
    outcome = project.run("-n", environment={"PYTHONPATH": str(installed.parent)})
    assert outcome.status != 0
    assert str(installed / "__init__.py") in outcome.text
    assert "shadows the repository's" in outcome.text
    assert "pip uninstall convscope" in outcome.text


def test_the_repositorys_own_copy_on_the_path_is_welcome(project):
    scripts = str(project.repository / "scripts")
    assert project.run("-n", environment={"PYTHONPATH": scripts}).status == 0
