"""Small apps started in the environment that stands in for Lambda's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from chalicelib.deploy.package.importing import Layout, check_imports, probe
from chalicelib.errors import PackageRefused

PYTHON = Path(sys.executable)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the probe reads /proc")


@pytest.fixture
def place(tmp_path: Path) -> Layout:
    """An app that imports a library at the top, one inside a function, and one of the runtime."""
    made = Layout(tmp_path / "code", tmp_path / "packages", tmp_path / "runtime")
    for file, text in {
        made.code / "app.py": "import quick\nimport boto3\nfrom chalicelib import late\n",
        made.code / "chalicelib" / "__init__.py": "",
        made.code / "chalicelib" / "late.py": "def later():\n    from slow import Reader, Writer\n",
        made.packages / "quick.py": "", made.packages / "slow.py": "Reader = Writer = object\n",
        made.runtime / "boto3.py": "",
    }.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return made


def test_app_whose_imports_are_all_there_passes(place):
    check_imports(place, PYTHON)


def test_library_that_only_a_function_imports_is_missed_too(place):
    (place.packages / "slow.py").unlink()
    with pytest.raises(PackageRefused, match=r"from slow import Reader \(chalicelib/late\.py\): ModuleNotFoundError"):
        check_imports(place, PYTHON)


def test_name_that_a_library_no_longer_has_is_missed(place):
    (place.packages / "slow.py").write_text("Reader = object\n")
    with pytest.raises(PackageRefused, match="from slow import Writer"):
        check_imports(place, PYTHON)


def test_libraries_of_this_machine_do_not_count(place):
    (place.code / "chalicelib" / "more.py").write_text("import pytest\n")
    with pytest.raises(PackageRefused, match="import pytest"):
        check_imports(place, PYTHON)


def test_optional_library_may_be_absent(place):
    (place.code / "chalicelib" / "more.py").write_text("try:\n    import pyvips\nexcept ImportError:\n    pyvips = 0\n")
    check_imports(place, PYTHON)


@pytest.mark.parametrize(("does", "said"), [
    ("open(__file__ + '.cache', 'w')", "Read-only file system"),
    ("open('/var/cached', 'w')", "Read-only file system"),
    ("import socket; socket.create_connection(('127.0.0.1', 9), 1)", "connects to")])
def test_module_that_does_at_import_what_lambda_forbids_is_refused(place, does, said):
    (place.packages / "quick.py").write_text(does)
    with pytest.raises(PackageRefused, match=f"import quick.*{said}"):
        check_imports(place, PYTHON)


def test_home_is_not_there_and_tmp_can_be_written(place):
    (place.packages / "quick.py").write_text(
        "import os, tempfile\nassert 'HOME' not in os.environ\ntempfile.TemporaryFile().write(b'x')\n")
    check_imports(place, PYTHON)


def test_what_is_logged_does_not_disturb_the_answer(place):
    (place.packages / "quick.py").write_text("print('hello')\n")
    cost = probe(place, PYTHON, what="imports", statements=["import quick"])
    assert cost.told == {}
    assert cost.modules["quick"] == str(place.packages / "quick.py")
    assert cost.cpu > 0
    assert cost.peak > 1


def test_process_that_dies_is_told_with_its_last_words(place):
    (place.packages / "quick.py").write_text("import sys; sys.exit('no luck')\n")
    with pytest.raises(PackageRefused, match="no luck"):
        check_imports(place, PYTHON)
