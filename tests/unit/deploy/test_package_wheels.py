"""pip is the real one; its wheels are small and made here, so that nothing needs a network."""

from __future__ import annotations

import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from chalicelib.deploy.package import wheels
from chalicelib.deploy.package.runtimes import RUNTIMES, runtime
from chalicelib.errors import PackageRefused

AMAZON_2 = runtime("3.11")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch) -> Path:
    """A folder that pip takes all wheels from."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def wheel(shelf: Path, name: str, *, tag: str = "py3-none-any", version: str = "1.0", told: str = "") -> None:
    """Put a wheel on the shelf whose file name says `tag` and whose content says `told`."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(shelf / f"{name}-{version}-{tag}.whl", "w") as made:
        made.writestr(f"{name}/__init__.py", "")
        made.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        made.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {told or tag}\n")
        made.writestr(f"{info}/RECORD", f"{name}/__init__.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def requirements(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "requirements.txt"
    file.write_text(text)
    return file


def test_pinned_wheels_are_installed_with_what_they_own(tmp_path, shelf):
    wheel(shelf, "whole")
    wheel(shelf, "fast", tag="cp311-cp311-manylinux_2_17_x86_64")
    listed = requirements(tmp_path, "# why\nwhole==1.0\nfast==1.0  # because\n")
    installed = wheels.install(listed, tmp_path / "out", AMAZON_2)
    assert [(each.name, each.version) for each in installed] == [("fast", "1.0"), ("whole", "1.0")]
    assert installed[1].tops == {"whole", "whole-1.0.dist-info"}
    assert (tmp_path / "out" / "fast" / "__init__.py").exists()


@pytest.mark.parametrize("tag", [
    "cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_17_x86_64", "cp311-cp311-linux_x86_64",
    "cp311-cp311-manylinux_2_17_aarch64", "cp311-cp311-macosx_11_0_arm64"])
def test_wheel_for_another_system_is_not_taken(tmp_path, shelf, tag):
    wheel(shelf, "fast", tag=tag)
    with pytest.raises(PackageRefused, match=r"No matching distribution found for fast==1\.0"):
        wheels.install(requirements(tmp_path, "fast==1.0"), tmp_path / "out", AMAZON_2)


def test_source_that_would_be_built_here_is_not_taken(tmp_path, shelf):
    (shelf / "fast-1.0.tar.gz").write_bytes(b"")
    with pytest.raises(PackageRefused, match=r"No matching distribution found for fast==1\.0"):
        wheels.install(requirements(tmp_path, "fast==1.0"), tmp_path / "out", AMAZON_2)


def test_wheel_that_was_built_on_a_desk_is_seen_by_what_it_tells_inside(tmp_path, shelf):
    wheel(shelf, "fast", told="cp311-cp311-linux_x86_64")
    with pytest.raises(PackageRefused, match=r"not built for Python 3\.11 on Amazon Linux 2: fast"):
        wheels.install(requirements(tmp_path, "fast==1.0"), tmp_path / "out", AMAZON_2)


def test_newer_glibc_is_fine_where_the_runtime_has_it(tmp_path, shelf):
    wheel(shelf, "fast", tag="cp312-cp312-manylinux_2_28_x86_64")
    assert wheels.install(requirements(tmp_path, "fast==1.0"), tmp_path / "out", RUNTIMES["3.12"])


def test_what_is_missing_or_too_much_in_the_folder_is_named(tmp_path, shelf):
    wheel(shelf, "whole")
    wheel(shelf, "other")
    wheels.install(requirements(tmp_path, "whole==1.0\nother==1.0"), tmp_path / "out", AMAZON_2)
    found = tuple(metadata.distributions(path=[str(tmp_path / "out")]))
    with pytest.raises(PackageRefused, match=r"other \(wanted 2.0, got 1.0\), third \(wanted 1.0, got None\)"):
        wheels.check_pins({"whole": "1.0", "other": "2.0", "third": "1.0"}, found)


@pytest.mark.parametrize("line", ["numpy", "numpy>=2", "numpy==2.*; python_version<'3.12'", "numpy==1,<2", "-e .",
                                  "x @ https://example.com/x.whl"])
def test_line_that_is_no_plain_pin_is_refused(tmp_path, line):
    with pytest.raises(PackageRefused):
        wheels.pins(requirements(tmp_path, line))


def test_names_are_compared_as_pip_does(tmp_path):
    assert wheels.pins(requirements(tmp_path, "PyJWT==2.0\ntyping_extensions==4.0")) \
        == {"pyjwt": "2.0", "typing-extensions": "4.0"}


def test_python_that_we_do_not_build_for_is_refused_with_those_that_we_do():
    with pytest.raises(PackageRefused, match=r"3\.9.*3\.11, 3\.12"):
        runtime("3.9")
