"""A machine gets its Chromium where that may be done, and is told loudly what a lack of it means."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.local.processes import bare_environment
from tests.browser import chromium
from tests.browser.install import PACKAGES
from tests.browser.needed import lacking
from tests.functional.local_run import ROOT

APT = """#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >> "$0.calls"
case "$*" in *" install "*) printf '#!/bin/sh\\n' > "${0%/*}/chromium"; chmod +x "${0%/*}/chromium";; esac
"""
SUDO = """#!/bin/sh
shift
exec "$@"
"""


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """All programs of a machine: what scripts need, and what a test adds."""
    for name in ("env", "sh", "chmod", "true"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    program(tmp_path, "sudo", SUDO)
    return tmp_path


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def installed(bin_folder: Path, **environment: str) -> str:
    """What the installer says on a machine with these programs."""
    done = subprocess.run([sys.executable, "-m", "tests.browser.install"], cwd=ROOT, text=True, timeout=60,
                          env=bare_environment(**environment) | {"PATH": str(bin_folder)}, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_machine_with_apt_gets_chromium_and_a_font(bin_folder: Path) -> None:
    program(bin_folder, "apt-get", APT)

    said = installed(bin_folder)

    update, install = (bin_folder / "apt-get.calls").read_text().splitlines()
    assert update.startswith("noninteractive ")
    assert update.endswith(" update")
    assert install.endswith(f" install -y --no-install-recommends {' '.join(PACKAGES)}")
    assert chromium.LACKING not in said


def test_a_machine_with_a_browser_is_left_alone(bin_folder: Path) -> None:
    program(bin_folder, "apt-get", APT)
    program(bin_folder, "google-chrome", "#!/bin/sh\n")

    assert installed(bin_folder) == ""
    assert not (bin_folder / "apt-get.calls").exists()


def test_a_browser_that_is_named_must_be_there(bin_folder: Path) -> None:
    program(bin_folder, "google-chrome", "#!/bin/sh\n")

    assert chromium.LACKING in installed(bin_folder, CHROMIUM="/nowhere/chromium")


def test_a_machine_without_apt_is_told_what_is_not_tested(bin_folder: Path) -> None:
    said = installed(bin_folder)

    assert "there is no apt-get" in said
    assert chromium.LACKING in said


def test_a_failure_of_apt_is_told_and_stops_nothing(bin_folder: Path) -> None:
    program(bin_folder, "apt-get", "#!/bin/sh\nexit 100\n")

    said = installed(bin_folder)

    assert "apt-get update failed" in said
    assert chromium.LACKING in said


def test_what_is_lacking_is_skipped_on_a_desk_and_fails_under_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "false")
    with pytest.raises(pytest.skip.Exception, match="NO PAGE"):
        lacking(chromium.LACKING)

    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="NO PAGE"):
        lacking(chromium.LACKING)
