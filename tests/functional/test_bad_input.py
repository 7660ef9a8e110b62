"""Files that cannot become leads: the documented code on the job, no exception, and nothing left behind."""

from __future__ import annotations

import io
import json
import logging
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from chalicelib.errors import FileProblem
from chalicelib.jobs.model import Status
from tests.functional.engine import Engine, book, people

SAMPLES = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def engine(new_aws) -> Engine:
    """One account for all bad files: each is a job of its own."""
    return Engine(new_aws(), {"MAX_ROWS": "50", "MAX_COLUMNS": "20", "SPOOL_PART_BATCHES": "1", "BATCH_SIZE": "10"})


def _compound(*names: str) -> bytes:
    """A minimal OLE compound file: a header, one sector of FAT, one of directory with these streams."""
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    head += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    head += struct.pack("<I", 0) + b"\xff" * (4 * 108)
    fat = struct.pack("<II", 0xFFFFFFFD, 0xFFFFFFFE) + b"\xff" * (512 - 8)
    return head + fat + b"".join(_entry(name, place) for place, name in enumerate(("Root Entry", *names)))[:512].ljust(
        512, b"\0")


def _entry(name: str, place: int) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    kind = 5 if place == 0 else 2
    return (text.ljust(64, b"\0") + struct.pack("<HBB", len(text), kind, 1) + b"\xff" * 8
            + struct.pack("<I", 1 if place == 0 else 0xFFFFFFFF) + b"\0" * 36 + struct.pack("<IQ", 0xFFFFFFFE, 0))


def _zipped(**members: bytes) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return body.getvalue()


def _bomb() -> bytes:
    """A workbook whose one sheet unpacks to 300 MB of spaces."""
    body = io.BytesIO(book(A=people(3)))
    bomb = io.BytesIO()
    with zipfile.ZipFile(body) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if not name.startswith("xl/worksheets/"):
                new.writestr(name, old.read(name))
        with new.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            for _ in range(300):
                sheet.write(b" " * 1024 * 1024)
    return bomb.getvalue()


def _entities() -> bytes:
    body, evil = io.BytesIO(book(A=people(3))), io.BytesIO()
    with zipfile.ZipFile(body) as old, zipfile.ZipFile(evil, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.startswith("xl/worksheets/"):
                content = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + content[
                    content.index(b"<worksheet"):]
            new.writestr(name, content)
    return evil.getvalue()


def _csv(rows: int, columns: int = 2) -> bytes:
    header = ["Name", "Email", *(f"Extra {place}" for place in range(columns - 2))]
    lines = [",".join(header)] + [f"Ann Day,p{row}@example.com" for row in range(rows)]
    return "\n".join(lines).encode()


HTML = b"<html><body><table><tr><td>Name</td><td>Email</td></tr><tr><td>Ann</td><td>a@b.c</td></tr></table></body>"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 100

BAD: list[tuple[str, Callable[[], bytes], str]] = [
    ("empty.csv", lambda: b"", "EMPTY_FILE"),
    ("empty.xlsx", lambda: b"", "EMPTY_FILE"),
    ("encrypted.xlsx", lambda: _compound("EncryptionInfo", "EncryptedPackage"), "ENCRYPTED_WORKBOOK"),
    ("page.xls", lambda: HTML, "HTML_NOT_WORKBOOK"),
    ("header-only.csv", lambda: _csv(0), "NO_ROWS"),
    ("header-only.xlsx", lambda: book(A=[["Name", "Email"]], B=[]), "NO_ROWS"),
    ("blank.xlsx", lambda: book(A=[], B=[]), "NO_ROWS"),
    ("spaces.csv", lambda: b"  \n \n\n", "NO_ROWS"),
    ("no-header.csv", lambda: b"1,2,3\n4,5,6\n7,8,9\n", "NO_HEADER"),
    ("truncated.xlsx", lambda: book(A=people(40))[:-700], "CORRUPT_FILE"),
    ("picture.csv", lambda: PNG, "PICTURE_NOT_SPREADSHEET"),
    ("noise.xlsx", lambda: bytes(range(256)) * 40, "NOT_A_SPREADSHEET"),
    ("paper.csv", lambda: b"%PDF-1.7\n" + b"\0" * 50, "NOT_A_SPREADSHEET"),
    ("archive.zip", lambda: _zipped(readme=PNG), "UNSUPPORTED_FORMAT"),
    ("many.zip", lambda: _zipped(**{f"{number}.csv": _csv(1) for number in range(101)}), "TOO_MANY_FILES"),
    ("bomb.xlsx", _bomb, "ARCHIVE_BOMB"),
    ("entities.xlsx", _entities, "ENTITY_BOMB"),
    ("long.csv", lambda: _csv(51), "TOO_MANY_ROWS"),
    ("long-in-sheets.xlsx", lambda: book(A=people(30), B=people(30)), "TOO_MANY_ROWS"),
    ("wide.csv", lambda: _csv(1, columns=21), "TOO_MANY_COLUMNS"),
    ("cell.csv", lambda: b"Name,Email\n" + b"a" * 40_000 + b",a@b.c\n", "CELL_TOO_LONG"),
    ("hundred-megabytes.csv", lambda: b"Name,Email\nAnn," + b"a" * 100_000_000, "CELL_TOO_LONG"),
]


@pytest.mark.parametrize(("name", "body", "code"), BAD, ids=[name for name, _, _ in BAD])
def test_a_bad_file_ends_its_job_with_the_documented_code_and_leaves_nothing(
    engine: Engine, caplog: pytest.LogCaptureFixture, name: str, body: Callable[[], bytes], code: str,
) -> None:
    job = engine.drop(body(), f"uploads/leads/{name}")
    with caplog.at_level(logging.WARNING):
        assert engine.split() == 1
    ended = engine.job(job.job_id)
    assert ended.error is not None
    assert (ended.status, ended.error["code"], ended.error["recoverable"]) == (Status.ERROR, code, False)
    assert (ended.rows, ended.batches_total, ended.planned) == (0, 0, False)
    assert engine.spool(job) == []
    assert (engine.depth("leads"), engine.depth("split"), engine.depth("split-dlq"), engine.stored()) == (0, 0, 0, [])
    assert "Traceback" not in caplog.text
    assert ended.error["message"]
    assert "/tmp" not in json.dumps(ended.error)


def test_a_file_above_the_limit_is_not_even_fetched(aws) -> None:
    engine = Engine(aws, {"MAX_UPLOAD_BYTES": "1000"})
    job = engine.drop(_csv(100))

    class Unread:
        def __getattr__(self, name: str) -> Callable[..., object]:
            assert name != "download"
            return getattr(engine.services.blobs, name)

    engine.splitter(blobs=Unread()).split(job.job_id)
    assert engine.job(job.job_id).error["code"] == "FILE_TOO_LARGE"


def test_a_file_that_turns_bad_half_way_leaves_nothing_of_its_good_half(aws) -> None:
    engine = Engine(aws, {"MAX_ROWS": "1100", "SPOOL_PART_BATCHES": "10", "BATCH_SIZE": "20"})
    job = engine.drop(_csv(1200))
    engine.split()
    ended = engine.job(job.job_id)
    assert (ended.status, (ended.error or {}).get("code")) == (Status.ERROR, "TOO_MANY_ROWS")
    assert ended.plan_parts > 1
    assert (engine.spool(job), engine.depth("leads"), engine.services.ledger.sheets(job.job_id)) == ([], 0, ())


def test_a_bad_file_does_not_claim_its_bytes_for_ever(engine: Engine) -> None:
    codes = []
    for name in ("first.csv", "second.csv"):
        job = engine.drop(b"1,2,3\n4,5,6\n", f"uploads/leads/{name}")
        engine.split()
        codes.append((engine.job(job.job_id).error or {}).get("code"))
    assert codes == ["NO_HEADER", "NO_HEADER"]


def test_every_code_that_a_file_can_end_with_is_tried_here_or_where_its_cause_is() -> None:
    elsewhere = {"FILE_TOO_LARGE", "UPLOAD_NEVER_FINISHED", "SPLIT_FAILED", "ALL_BATCHES_FAILED", "NO_PRICE_LIST",
                 "FILE_EXPIRED"}
    assert {code for _, _, code in BAD} | elsewhere == {problem.value for problem in FileProblem}


@pytest.mark.parametrize(("sample", "code"), [
    ("sheets_sheetjs/biff5/password_2002_40_xor.xls", "ENCRYPTED_WORKBOOK"),
    ("sheets_sheetjs/password_2002_128_enhrsa.xls", "ENCRYPTED_WORKBOOK"),
])
def test_real_files_of_the_field_end_alike(engine: Engine, sample: str, code: str) -> None:
    path = SAMPLES / sample
    if not path.exists():
        pytest.skip("the sample files are not here")
    job = engine.drop(path.read_bytes(), f"uploads/leads/{path.name}")
    engine.split()
    assert (engine.job(job.job_id).error or {}).get("code") == code
