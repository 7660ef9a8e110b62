"""Rejects that come back: downloaded, corrected as people do it, dropped again, linked to who rejected them."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import requests

from chalicelib.jobs import undo
from chalicelib.jobs.model import Job, Status
from tests.conftest import Aws
from tests.functional.engine import Context, Engine, book
from tests.functional.rest import Api

Rows = list[dict[str, str]]

PEOPLE = [["First Name", "Last Name", "E-Mail", "Company", "Favourite colour", "Nothing here", None],
          ["Ann", "Able", "ann@example.com", "Acme", "red", None, None],
          ["Bob", None, None, None, "blue", None, "no label"],
          ["Cid", None, None, None, None, None, None]]
OTHERS = [["Mail", "Full Name", "Firma", "-Code"],
          ["dan@example.com", "Dan Doe", "Dorn", "1"],
          [None, "Eve", None, "-x"]]


@pytest.fixture
def engine(aws: Aws) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "2"})


def dropped(engine: Engine, body: bytes, name: str, at: str = "2026-11-22T01:00:00.000Z") -> Job:
    job = engine.drop(body, f"uploads/leads/{name}", at)
    engine.split()
    engine.work()
    return engine.job(job.job_id)


def parent_of_three(engine: Engine) -> Job:
    """Two sheets with other headers, and three rejects in them."""
    job = dropped(engine, book(People=PEOPLE, Others=OTHERS), "people.xlsx")
    assert (job.status, job.new, job.rejected) == (Status.COMPLETED, 2, 3)
    return job


def rejects(api: Api, job: Job, **query: Any) -> tuple[list[str], Rows]:
    answer = api("GET", f"/status/{job.job_id}/rejects", **query)
    if query.get("format") == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(requests.get(answer.json["url"], timeout=10).content)).active
        names, *lines = ([str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True))
        return names, [dict(zip(names, line, strict=True)) for line in lines]
    reader = csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"), newline=""))
    return list(reader.fieldnames or ()), list(reader)


def corrected(rows: Rows) -> Rows:
    """As a person would: what lacks is filled in."""
    for number, row in enumerate(rows):
        if row["_worksheet"] == "People":
            row["E-Mail"] = f"c{number}@example.com"
        else:
            row["Mail"] = f"c{number}@example.com"
    return rows


# --- ways to save a table


def plain_csv(names: list[str], rows: Rows) -> bytes:
    return _csv(names, rows, ",").encode()


def excel_csv(names: list[str], rows: Rows) -> bytes:
    """As a German Excel does: a byte order mark and semicolons."""
    return b"\xef\xbb\xbf" + _csv(names, rows, ";").encode()


def workbook(names: list[str], rows: Rows) -> bytes:
    return book(Sheet1=[names, *([row[name] for name in names] for row in rows)])


def libreoffice(names: list[str], rows: Rows, tmp_path: Path, ending: str) -> bytes:
    """Opened and saved by LibreOffice, which guesses types: numbers become numbers."""
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed (libreoffice-calc): nobody opens and saves the file as people do")
    source = tmp_path / "rejects.csv"
    source.write_bytes(plain_csv(names, rows))
    subprocess.run([office, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", ending,
                    "--outdir", str(tmp_path / "out"), str(source)], check=True, capture_output=True, timeout=120)
    return (tmp_path / "out" / f"rejects.{ending}").read_bytes()


def _csv(names: list[str], rows: Rows, delimiter: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, names, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


# --- tests


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
def test_rejects_file_has_all_columns_of_the_sheets_with_rejects_in_their_order(api: Api, engine: Engine, format_):
    job = parent_of_three(engine)
    names, rows = rejects(api, job, format=format_)
    formula = "'-Code" if format_ == "csv" else "-Code"
    assert names == ["First Name", "Last Name", "E-Mail", "Company", "Favourite colour", "Nothing here", "column G",
                     "Mail", "Full Name", "Firma", formula, "_job_id", "_worksheet", "_row", "_error_code",
                     "_error_field", "_error_message"]
    assert [(row["_worksheet"], row["_row"], row["_job_id"]) for row in rows] == [
        ("People", "3", job.job_id), ("People", "4", job.job_id), ("Others", "3", job.job_id)]
    assert (rows[0]["column G"], rows[0]["Nothing here"], rows[0]["E-Mail"]) == ("no label", "", "")


@pytest.mark.parametrize("save", [plain_csv, excel_csv, workbook, "xlsx", "ods"])
def test_corrected_file_completes_its_parent_and_rows_are_stored_once(
    api: Api, engine: Engine, save: Callable[[list[str], Rows], bytes] | str, tmp_path: Path,
) -> None:
    job = parent_of_three(engine)
    names, rows = rejects(api, job, bom=True)
    rows = corrected(rows)
    body = libreoffice(names, rows, tmp_path, save) if isinstance(save, str) else save(names, rows)
    ending = save if isinstance(save, str) else "xlsx" if save is workbook else "csv"
    child = dropped(engine, body, f"fixed.{ending}", "2026-11-22T02:00:00.000Z")
    assert (child.status, child.new, child.rejected, child.parent_job_id) == (Status.COMPLETED, 3, 0, job.job_id)
    told = api("GET", f"/status/{job.job_id}").json
    assert told["corrections"] == {"parentJobId": None, "corrected": 3, "open": 0, "correctedBy": [child.job_id],
                                   "unlinkedRows": 0}
    assert "All 3 rejected rows" in told["userMessage"]
    leads = {lead["email"]: lead for lead in engine.stored()}
    assert len(leads) == 5
    eve = leads["c2@example.com"]
    assert (eve["firstName"], eve["corrects"]) == ("Eve", {"jobId": job.job_id, "worksheet": "Others", "row": 3})
    assert all("_job_id" not in lead.get("remarks", "") and "error" not in lead.get("remarks", "")
               for lead in leads.values())
    assert "blue" in leads["c0@example.com"]["remarks"]
    lineage = api("GET", f"/leads/{eve['lead_id']}/lineage").json
    assert (lineage["corrects"], lineage["sourceFile"]) == (
        {"jobId": job.job_id, "_worksheet": "Others", "row": 3}, f"fixed.{ending}")


def test_row_that_is_still_bad_is_rejected_again_and_keeps_its_place_in_the_first_file(api: Api, engine: Engine):
    job = parent_of_three(engine)
    names, rows = rejects(api, job)
    corrected(rows[:2])
    child = dropped(engine, plain_csv(names, rows), "fixed.csv", "2026-11-22T02:00:00.000Z")
    assert (child.new, child.rejected, engine.job(job.job_id).corrected) == (2, 1, 2)
    again, left = rejects(api, child)
    assert [(row["_job_id"], row["_worksheet"], row["_row"]) for row in left] == [(job.job_id, "Others", "3")]
    grandchild = dropped(engine, plain_csv(again, corrected(left)), "fixed2.csv", "2026-11-22T03:00:00.000Z")
    parent = engine.job(job.job_id)
    assert (grandchild.parent_job_id, parent.corrected) == (job.job_id, 3)
    assert list(parent.corrected_by) == [child.job_id, grandchild.job_id]


def test_a_row_corrected_twice_counts_once_and_is_stored_once_without_an_email_too(api: Api, engine: Engine):
    job = parent_of_three(engine)
    names, rows = rejects(api, job)
    for row in rows:
        row["Last Name" if row["_worksheet"] == "People" else "Firma"] = "Known"
    first = dropped(engine, plain_csv(names, rows), "fixed.csv", "2026-11-22T02:00:00.000Z")
    rows[0]["Company"] = "Better Ltd"
    second = dropped(engine, plain_csv(names, rows), "better.csv", "2026-11-22T03:00:00.000Z")
    assert (first.new, second.new, second.updated, second.unchanged) == (3, 0, 1, 2)
    assert (engine.job(job.job_id).corrected, len(engine.stored())) == (3, 5)


def test_delivered_again_and_on_twins_a_correction_counts_once(api: Api, engine: Engine):
    job = parent_of_three(engine)
    names, rows = rejects(api, job)
    engine.drop(plain_csv(names, corrected(rows)), "uploads/leads/fixed.csv")
    engine.split()
    for body in engine.bodies("leads") * 3:
        engine.send("leads", body)
    engine.work()
    assert engine.job(job.job_id).corrected == 3


def test_an_undone_correction_opens_the_rejects_again(api: Api, engine: Engine):
    job = parent_of_three(engine)
    names, rows = rejects(api, job)
    child = dropped(engine, plain_csv(names, corrected(rows)), "fixed.csv", "2026-11-22T02:00:00.000Z")
    for _ in range(2):
        engine.services.call(undo.undo, job_id=child.job_id, by="ada")
        engine.serve("tasks", lambda records: engine.services.task_worker(Context()).work(records), 20)
    told = api("GET", f"/status/{job.job_id}").json["corrections"]
    assert (told["corrected"], told["open"], len(engine.stored())) == (0, 3, 2)


@pytest.mark.parametrize("spoil", ["unknown", "foreign", "row", "sheet", "blank"])
def test_a_link_that_leads_nowhere_is_passed_over_and_its_rows_are_processed(api: Api, engine: Engine, spoil: str):
    job = parent_of_three(engine)
    foreign = dropped(engine, book(People=PEOPLE), "people.xlsx".replace("people", "bo/people"))
    assert foreign.owner == "bo"
    names, rows = rejects(api, job)
    change = {"unknown": {"_job_id": "0" * 32}, "foreign": {"_job_id": foreign.job_id}, "row": {"_row": "2"},
              "sheet": {"_worksheet": "Nowhere"}, "blank": {"_job_id": "", "_row": "", "_worksheet": ""}}[spoil]
    rows = [{**row, **change, "E-Mail": f"x{number}@example.com", "Company": "X Ltd"}
            for number, row in enumerate(rows)]
    child = dropped(engine, plain_csv(names, rows), "fixed.csv", "2026-11-22T02:00:00.000Z")
    assert (child.status, child.new, child.parent_job_id) == (Status.COMPLETED, 3, "")
    assert (child.unlinked, engine.job(job.job_id).corrected) == (0 if spoil == "blank" else 3, 0)
    assert engine.job(foreign.job_id).corrected_by in ((), [])
    assert not [lead for lead in engine.stored() if "TOO_FEW" in lead.get("remarks", "")]


def test_an_apostrophe_that_our_csv_put_before_a_formula_is_taken_off_again(api: Api, engine: Engine):
    job = parent_of_three(engine)
    names, rows = rejects(api, job)
    assert rows[2]["'-Code"] == "'-x"
    dropped(engine, plain_csv(names, corrected(rows)), "fixed.csv", "2026-11-22T02:00:00.000Z")
    eve = next(lead for lead in engine.stored() if lead["email"] == "c2@example.com")
    assert eve["remarks"] == "-Code: -x"


def test_a_dry_run_of_a_corrected_file_knows_what_it_corrects(api: Api, engine: Engine):
    job = parent_of_three(engine)
    names, rows = rejects(api, job)
    engine.services.blobs.put("uploads/leads/default/fixed.csv", plain_csv(names, corrected(rows)))
    told = api("POST", "/dry-run", {"fileKey": "uploads/leads/default/fixed.csv"}).json
    assert (told["corrects"], told["rows"], told["checkedRejects"]) == ([job.job_id], 3, 0)
