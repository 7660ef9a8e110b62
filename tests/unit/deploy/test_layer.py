"""Tests for the archive of the dependencies."""

from __future__ import annotations

import io
import os
import zipfile

from chalicelib.deploy import layer


def written(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_equal_files_make_equal_archives_whatever_their_time_and_order(tmp_path):
    one = written(tmp_path / "one", a="1", b__c="2")
    other = written(tmp_path / "other", b__c="2", a="1")
    os.utime(other / "a", (1, 1))
    assert layer.archive(one, "python") == layer.archive(other, "python")
    assert layer.fingerprint(one) == layer.fingerprint(other)


def test_another_content_or_another_name_is_another_fingerprint(tmp_path):
    prints = {layer.fingerprint(written(tmp_path / str(n), **files))
              for n, files in enumerate([{"a": "12", "b": ""}, {"a": "1", "b": "2"}, {"a": "12"}, {"c": "12"}])}
    assert len(prints) == 4


def test_modules_lie_where_lambda_looks_and_everybody_may_read_them(tmp_path):
    packed = zipfile.ZipFile(io.BytesIO(layer.archive(written(tmp_path, a="1"), "python")))
    (entry,) = packed.infolist()
    assert entry.filename == "python/a"
    assert entry.external_attr >> 16 & 0o444 == 0o444
