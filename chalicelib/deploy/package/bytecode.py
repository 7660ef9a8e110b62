"""Compiles modules ahead, because Lambda cannot: its code is read-only, so each cold start would compile anew.

The bytecode is of the kind that is never compared with its source: neither the date that the zip gives a file nor the
one that unpacking does can make it stale. It holds no path of this machine.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from chalicelib.errors import PackageRefused


def compile_files(python: Path, folder: Path, files: Iterable[Path]) -> int:
    """Compile `files`, all below `folder`, with the interpreter that will run them; answers how many.

    Raises PackageRefused for one that is no Python of that version.
    """
    names = sorted(file.relative_to(folder).as_posix() for file in files)
    done = subprocess.run([str(python), "-I", "-S", "-B", "-c", _PROGRAM, str(folder)], input=json.dumps(names),
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageRefused(f"a module cannot be compiled: {done.stderr.strip()}")
    return len(names)


def compile_folder(python: Path, folder: Path) -> int:
    """Compile every module below `folder`."""
    return compile_files(python, folder, folder.rglob("*.py"))


_PROGRAM = """
import json, py_compile, sys
for name in json.load(sys.stdin):
    path = f"{sys.argv[1]}/{name}"
    py_compile.compile(path, dfile=name, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
"""
