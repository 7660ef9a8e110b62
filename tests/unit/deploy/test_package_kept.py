"""A package is built again when anything that it was made of, or it itself, has changed; and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.deploy.package import kept

REPORT = {"python": "3.11", "zipped": 1}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "chalicelib" / "jobs").mkdir(parents=True)
    for name in ("requirements.txt", "app.py", "chalicelib/jobs/model.py"):
        (folder / name).write_text("x = 1\n")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "vendor"
    folder.mkdir()
    (folder / "six.py").write_text("x = 1\n")
    return folder


def test_package_that_was_made_of_the_same_is_recalled(project, target):
    kept.remember(target, kept.key(project, python="3.11"), REPORT)
    assert kept.recall(target, kept.key(project, python="3.11")) == REPORT


@pytest.mark.parametrize("name", ["requirements.txt", "app.py", "chalicelib/jobs/model.py", "chalicelib/new.py"])
def test_package_is_forgotten_when_the_project_changes(project, target, name):
    kept.remember(target, kept.key(project, python="3.11"), REPORT)
    (project / name).write_text("x = 2\n")
    assert kept.recall(target, kept.key(project, python="3.11")) is None


def test_package_is_forgotten_when_it_is_wanted_otherwise(project, target):
    kept.remember(target, kept.key(project, python="3.11"), REPORT)
    assert kept.recall(target, kept.key(project, python="3.12")) is None


def test_package_is_forgotten_when_somebody_touched_it(project, target):
    kept.remember(target, kept.key(project), REPORT)
    (target / "six.py").write_text("x = 2\n")
    assert kept.recall(target, kept.key(project)) is None


@pytest.mark.parametrize("gone", ["package", "note"])
def test_nothing_is_recalled_where_there_is_nothing(project, target, gone):
    kept.remember(target, kept.key(project), REPORT)
    (target / "six.py").unlink()
    target.rmdir() if gone == "package" else target.with_name("vendor.json").unlink()
    assert kept.recall(target, kept.key(project)) is None
