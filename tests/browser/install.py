"""`python -m tests.browser.install`: Debian's Chromium and a font, where they lack and where we may install them.

It never fails. The tests judge a machine without a browser: they skip on a desk and fail under CI.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests.browser.chromium import LACKING, executable

PACKAGES = ("chromium", "fonts-dejavu-core")
APT = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120")


def main() -> int:
    if executable() is None:
        problem = install()
        if executable() is None:
            print(f"{problem or 'apt-get installed no chromium'}\n{LACKING}", file=sys.stderr)
    return 0


def install() -> str:
    """Let apt do it. The answer is what was in the way, or nothing."""
    if not shutil.which("apt-get"):
        return "there is no apt-get to install chromium with"
    become = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if become and not (shutil.which("sudo") and _works([*become, "true"])):
        return "installing chromium needs root, or sudo without a password: apt-get install chromium"
    print("installing chromium for the browser tests (once)", flush=True)
    # The lists of a fresh container are empty, those of an old machine name files that are gone.
    for step in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        if not _works([*become, *APT, *step]):
            return f"apt-get {step[0]} failed; its lines above say why"
    return ""


def _works(command: list[str]) -> bool:
    return subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
