"""What is taken out of the package, what it weighs, and that equal content is an equal zip."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.deploy.package import bytecode, sizes, sources, strip
from chalicelib.deploy.package.wheels import Installed
from chalicelib.errors import PackageRefused

MB = sizes.MB


def fill(folder: Path, *names: str, content: str = "x = 1\n") -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_strip_takes_tests_stubs_headers_and_commands(tmp_path):
    kept = {"a/__init__.py", "a/testing.py", "a/data.json", "a/bin/tool.py", "a.libs/liba.so.1",
            "a-1.dist-info/METADATA", "a-1.dist-info/licenses/LICENSE", "a-1.dist-info/entry_points.txt"}
    fill(tmp_path, *kept, "a/tests/test_a.py", "a/b/tests/data/big.csv", "a/__init__.pyi", "a/fast.c", "a/conftest.py",
         "a/__pycache__/b.pyc", "bin/a", "a-1.dist-info/RECORD", "a-1.dist-info/WHEEL", "a/py.typed")
    removed = strip.strip(tmp_path)
    assert names(tmp_path) == kept
    assert removed == 10 * len("x = 1\n")


def test_equal_content_is_an_equal_zip_whenever_and_however_it_was_written(tmp_path):
    ours, theirs = fill(tmp_path / "a", "x.py", "b/y.py"), fill(tmp_path / "b", "b/y.py", "x.py")
    os.utime(theirs / "x.py", (1, 1))
    (theirs / "x.py").chmod(0o600)
    packed = [sizes.archive(folder, folder.with_suffix(".zip")).read_bytes() for folder in (ours, theirs)]
    assert packed[0] == packed[1]


def test_settled_files_have_one_date_and_can_be_read_by_everybody(tmp_path):
    fill(tmp_path, "a/x.py")
    (tmp_path / "a" / "x.py").chmod(0o600)
    (tmp_path / "a").chmod(0o700)
    strip.settle(tmp_path)
    assert {path.stat().st_mtime for path in (tmp_path, tmp_path / "a", tmp_path / "a" / "x.py")} == {strip.DATE}
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "a" / "x.py").stat().st_mode & 0o777 == 0o644


def test_weight_is_told_by_distribution(tmp_path):
    fill(tmp_path / "in", "big/x.py", "big.libs/y.so", content="x = 1\n" * 100)
    fill(tmp_path / "in", "small.py", "lost/x.py")
    archived = sizes.archive(tmp_path / "in", tmp_path / "out.zip")
    told = sizes.shares(archived, [Installed("Big", "1", frozenset({"big", "big.libs"})),
                                   Installed("small", "1", frozenset({"small.py"}))])
    assert {each.name: each.unzipped for each in told} == {"Big": 1200, "small": 6, "lost": 6}
    assert told[0].name == "Big"


@pytest.mark.parametrize(("zipped", "unzipped", "direct"), [(47, 240, True), (200, 240, False)])
def test_package_within_the_limits_passes(zipped, unzipped, direct):
    sizes.check(zipped * MB, unzipped * MB, direct=direct)


@pytest.mark.parametrize(("zipped", "unzipped", "direct", "said"), [
    (47 * MB + 1, MB, True, "47.0 MB zipped.*--road template"), (MB, 240 * MB + 1, True, "240.0 MB unpacked"),
    (MB, 241 * MB, False, "241.0 MB unpacked")])
def test_package_beyond_a_limit_is_refused(zipped, unzipped, direct, said):
    with pytest.raises(PackageRefused, match=said):
        sizes.check(zipped, unzipped, direct=direct)


def test_bytecode_is_used_though_the_source_has_another_date(tmp_path):
    fill(tmp_path, "late.py", content="told = 'compiled'\n")
    assert bytecode.compile_files(Path(sys.executable), tmp_path, [tmp_path / "late.py"]) == 1
    (tmp_path / "late.py").write_text("told = 'source'\n")
    told = subprocess.run([sys.executable, "-c", "import late; print(late.told)"], cwd=tmp_path, text=True,
                          capture_output=True, check=True)
    assert told.stdout == "compiled\n"


def test_bytecode_is_the_same_wherever_it_is_made(tmp_path):
    source = "names = {'a', 'b', 'c'}\ndef call(x):\n    return x in {'one', 'two', 'three'} or names\n"
    made = []
    for place in ("here", "there"):
        folder = fill(tmp_path / place, "a.py", "b.py", content=source)
        bytecode.compile_folder(Path(sys.executable), folder)
        made.append(sorted((path.name, path.read_bytes()) for path in folder.rglob("*.pyc")))
    assert len(made[0]) == 2
    assert made[0] == made[1]


def test_module_that_is_no_python_is_refused(tmp_path):
    fill(tmp_path, "bad.py", content="def (:\n")
    with pytest.raises(PackageRefused, match=r"bad\.py"):
        bytecode.compile_folder(Path(sys.executable), tmp_path)


def test_imports_are_found_at_the_top_and_inside_and_told_from_optional_ones(tmp_path):
    fill(tmp_path, "app.py", content="""
from __future__ import annotations
import json, numpy.linalg
from typing import TYPE_CHECKING
from chalicelib import jobs
if TYPE_CHECKING:
    import mypy_boto3_s3
def late():
    from openpyxl.cell import WriteOnlyCell
try:
    import pyvips
except ImportError:
    pyvips = None
""")
    found = sources.imports(tmp_path)
    assert set(found.needed) == {"import json", "import numpy.linalg", "from typing import TYPE_CHECKING",
                                 "from openpyxl.cell import WriteOnlyCell"}
    assert found.optional == {"import pyvips": "app.py"}


def test_sources_go_without_what_runs_on_a_desk_and_without_bytecode(tmp_path):
    project = fill(tmp_path / "project", "app.py", "chalicelib/__init__.py", "chalicelib/local/run.py",
                   "chalicelib/deploy/up.py", "chalicelib/cli.py", "chalicelib/jobs/local.py", "chalicelib/jobs/cli.py",
                   "chalicelib/__pycache__/x.pyc", "tests/test_app.py", "README.md")
    sources.copy_sources(project, tmp_path / "out")
    assert names(tmp_path / "out") == {"app.py", "chalicelib/__init__.py", "chalicelib/jobs/local.py",
                                       "chalicelib/jobs/cli.py"}
