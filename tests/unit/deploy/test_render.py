"""Tests for the rendered project."""

from __future__ import annotations

import importlib.util
import json
import sys

from chalicelib.deploy.render import render

TAG = sys.implementation.cache_tag


def project(folder):
    for name in ("app.py", "chalicelib/__init__.py", "chalicelib/jobs/model.py", "chalicelib/local/run.py",
                 "chalicelib/deploy/up.py", "chalicelib/cli.py", "chalicelib/jobs/__pycache__/old.pyc"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x = 1\n")
    return folder


def rendered(tmp_path, **more):
    return render("dev", {"app_name": "dropmill"}, project=project(tmp_path / "project"), build=tmp_path / "build",
                  **more)


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def seen(folder):
    """Bytes and time of every file that Chalice packs."""
    packed = [folder / name for name in files(folder) if name.startswith(("app", "chalicelib", "vendor"))]
    return {path: (path.read_bytes(), path.stat().st_mtime) for path in packed}


def test_what_no_function_runs_is_left_out(tmp_path):
    sources = {name for name in files(rendered(tmp_path)) if name.endswith(".py")}
    assert sources == {"app.py", "chalicelib/__init__.py", "chalicelib/jobs/model.py"}


def test_chalice_finds_nothing_to_build(tmp_path):
    lines = (rendered(tmp_path) / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == []


def test_every_module_comes_compiled_also_those_that_chalice_adds(tmp_path):
    assert {f"chalicelib/jobs/__pycache__/model.{TAG}.pyc", f"vendor/__pycache__/app.{TAG}.pyc",
            f"vendor/chalice/__pycache__/app.{TAG}.pyc"} <= files(rendered(tmp_path))


def test_bytecode_is_valid_whatever_time_its_source_has(tmp_path):
    """Lambda's files carry other times than ours; bytecode that is compared with them would be thrown away."""
    compiled = rendered(tmp_path) / f"chalicelib/jobs/__pycache__/model.{TAG}.pyc"
    flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
    assert flags == 0b01, "unchecked hash"
    assert compiled.read_bytes()[:4] == importlib.util.MAGIC_NUMBER


def test_equal_sources_make_equal_files(tmp_path):
    assert seen(rendered(tmp_path)) == seen(rendered(tmp_path))


def test_what_was_removed_from_the_sources_goes_and_what_chalice_keeps_stays(tmp_path):
    folder = rendered(tmp_path)
    (folder / "chalicelib" / "gone.py").write_text("")
    record = folder / ".chalice" / "deployed" / "dev.json"
    record.parent.mkdir()
    record.write_text("{}")
    assert "chalicelib/gone.py" not in files(rendered(tmp_path))
    assert record.exists()


def test_dependencies_go_along_where_they_are_given(tmp_path):
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "pandas.py").write_text("")
    assert "vendor/pandas.py" in files(rendered(tmp_path, vendor=tmp_path / "packages"))


def test_the_configuration_is_the_given_one(tmp_path):
    assert json.loads((rendered(tmp_path) / ".chalice" / "config.json").read_text()) == {"app_name": "dropmill"}
