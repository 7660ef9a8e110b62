"""The rates back in the very file that was dropped: re-read with other programs, nothing else has moved."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import requests
from openpyxl.comments import Comment
from openpyxl.styles import Border, Font, PatternFill, Side

from chalicelib.jobs.model import stamp
from tests.functional.engine import Context, Engine
from tests.functional.prices import BILL_FILE, LIST, MATCH, by_queue, send, with_list
from tests.functional.rest import Answer, Api

ROUTE = "/api/price-matching"
WALL, CONCRETE, DOOR = LIST[2][1], LIST[1][1], LIST[3][1]
ADDED = ["Matched code", "Matched description", "Matched unit", "Match confidence", "Match status"]


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws)


def matched(api: Api, body: bytes, name: str = "bill.xlsx", **fields: str) -> str:
    answer = send(api, MATCH, body, name, **fields)
    assert answer.status == 200, answer.text
    return str(answer.json["jobId"])


def serve_tasks(engine: Engine) -> int:
    return engine.serve("tasks", lambda records: engine.services.task_worker(Context()).work(records), 10)


def asked(api: Api, engine: Engine, job_id: str) -> Answer:
    begun = api("GET", f"{ROUTE}/{job_id}/export")
    assert (begun.status, begun.headers["location"]) == (202, f"/exports/{begun.json['exportId']}"), begun.text
    serve_tasks(engine)
    return api("GET", begun.headers["location"])


def exported(api: Api, engine: Engine, job_id: str) -> tuple[bytes, Any]:
    told = asked(api, engine, job_id).json
    assert told["status"] == "completed", told
    return requests.get(told["url"], timeout=10).content, told


def rich() -> bytes:
    """A bill as estimators keep them: two sheets with equal row numbers, formats, merges, formulas, a cover."""
    made = openpyxl.Workbook()
    cover = made.active
    cover.title = "Cover"
    cover["B2"] = "TOWER - BILL OF QUANTITIES"
    cover.merge_cells("B2:F4")
    for name, rows in (("Structure", [(CONCRETE, "m3", 10), (WALL, "m2", 20), ("Helicopter lights", "set", 2)]),
                       ("Finishes", [(DOOR, "nr", 3), (CONCRETE, "m3", 4), (WALL, "m2", 5)])):
        sheet = made.create_sheet(name)
        sheet["A1"] = name.upper()
        sheet.merge_cells("A1:F1")
        sheet.append(["Item", "Description", "Unit", "Qty", "Rate", "Amount"])
        for number, (text, unit, quantity) in enumerate(rows, start=1):
            row = number + 2
            sheet.append([number, text, unit, quantity, None, f"=D{row}*E{row}"])
            sheet.cell(row, 5).number_format = '"$"#,##0.00'
            sheet.cell(row, 5).fill = PatternFill("solid", fgColor="FFFFE0")
            sheet.cell(row, 2).font = Font(name="Georgia", bold=True, italic=True, color="FF8800")
            sheet.cell(row, 2).border = Border(bottom=Side("double"))
        sheet["D7"], sheet["F7"] = "Total", "=SUM(F3:F5)"
        sheet.column_dimensions["B"].width = 47
        sheet.freeze_panes = "A3"
        sheet["B3"].comment = Comment("check with the engineer", "Bo")
    body = io.BytesIO()
    made.save(body)
    return body.getvalue()


def test_rates_stand_in_their_rows_and_everything_else_is_kept(api: Api, engine: Engine):
    with_list(api)
    source = rich()
    body, told = exported(api, engine, matched(api, source))
    assert (told["filename"], told["rowCount"], told["details"]["formatsKept"]) == ("bill-priced.xlsx", 6, True)
    assert told["details"]["formulasKept"] == 5
    before, after = (openpyxl.load_workbook(io.BytesIO(each)) for each in (source, body))
    assert after.sheetnames == before.sheetnames == ["Cover", "Structure", "Finishes"]
    rates = {name: [after[name].cell(row, 5).value for row in (3, 4, 5)] for name in ("Structure", "Finishes")}
    assert rates == {"Structure": [145.35, 62.1, None], "Finishes": [210, 145.35, 62.1]}
    assert [[after[name].cell(row, 7).value for row in (3, 4, 5)] for name in ("Structure", "Finishes")] == \
        [["CW-101", "BW-200", None], ["DR-310", "CW-101", "BW-200"]]
    assert [cell.value for cell in after["Structure"][2]][6:] == ADDED
    assert [after["Structure"].cell(row, 11).value for row in (3, 5)] == ["accepted", "unmatched"]
    for sheet in before:
        twin = after[sheet.title]
        assert twin.merged_cells.ranges == sheet.merged_cells.ranges
        assert (twin.freeze_panes, twin.column_dimensions["B"].width) == \
            (sheet.freeze_panes, sheet.column_dimensions["B"].width)
        for row in sheet.iter_rows():
            for cell in row:
                other = twin[cell.coordinate]
                assert looks(other) == looks(cell), cell.coordinate
                if cell.column != 5 or cell.value is not None:
                    assert (other.value, other.comment and other.comment.text) == \
                        (cell.value, cell.comment and cell.comment.text), cell.coordinate


def test_libreoffice_computes_the_totals_over_the_rates(api: Api, engine: Engine, tmp_path: Path):
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed (libreoffice-calc): nobody opens the priced bill as people do")
    with_list(api)
    body, told = exported(api, engine, matched(api, rich()))
    (tmp_path / told["filename"]).write_bytes(body)
    subprocess.run([office, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", "xlsx",
                    "--outdir", str(tmp_path / "out"), str(tmp_path / told["filename"])], check=True,
                   capture_output=True, timeout=120)
    opened = openpyxl.load_workbook(tmp_path / "out" / told["filename"], data_only=True)
    assert [opened["Structure"].cell(row, 6).value for row in (3, 4, 7)] == [1453.5, 1242, 2695.5]
    assert [opened["Finishes"].cell(row, 6).value for row in (3, 4, 5, 7)] == pytest.approx([630, 581.4, 310.5, 1521.9])
    assert [opened["Finishes"].cell(row, 11).value for row in (2, 3)] == ["Match status", "accepted"]


def looks(cell: Any) -> tuple[str, ...]:
    return repr(cell.font), repr(cell.fill), repr(cell.border), cell.number_format


def test_what_a_person_wrote_into_the_bill_stays(api: Api, engine: Engine):
    with_list(api)
    made = openpyxl.Workbook()
    sheet = made.active
    for row in (["Description", "Unit", "Qty", "Rate", "Amount"], [CONCRETE, "m3", 10, 99, 990],
                [WALL, "m2", 20, None, None]):
        sheet.append(row)
    body = io.BytesIO()
    made.save(body)
    job_id = matched(api, body.getvalue())
    api("PATCH", f"{ROUTE}/results/{job_id}-1-3", {"rate": 60.5})
    content, told = exported(api, engine, job_id)
    rows = [[cell.value for cell in row] for row in openpyxl.load_workbook(io.BytesIO(content)).active]
    assert rows[1][3:5] == [99, 990]
    assert rows[2][3:5] == [60.5, 1210]
    assert told["details"]["valuesKept"] == 2
    shown = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert [(row["Matched rate"], row["Matched total"], row["Match status"]) for row in shown] == \
        [(145.35, 1453.5, "accepted"), (60.5, 1210, "manual")]


def test_a_rate_for_another_unit_makes_no_total_in_the_bill_but_is_shown_beside_it(api: Api, engine: Engine):
    with_list(api)
    rows = [["Description", "Unit", "Qty", "Rate", "Amount"], [CONCRETE, "m3", 10, None, "=C2*D2"],
            [WALL, "hrs", 8, None, "=C3*D3"]]
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    body = io.BytesIO()
    made.save(body)
    job_id = matched(api, body.getvalue())
    content, _told = exported(api, engine, job_id)
    opened = openpyxl.load_workbook(io.BytesIO(content)).active
    header, concrete, wall = ([cell.value for cell in row] for row in opened)
    assert [concrete[3], wall[3]] == [145.35, None]
    beside = dict(zip(header, wall, strict=True))
    assert (beside["Matched rate"], beside["Matched unit"], beside["Match status"]) == (
        62.1, "m2", "review, the units differ")
    item = api("GET", f"{ROUTE}/{job_id}/results").json["results"][1]["candidates"][0]["itemId"]
    assert api("PATCH", f"{ROUTE}/results/{job_id}-1-3", {"itemId": item}).status == 200
    again, _told = exported(api, engine, job_id)
    assert openpyxl.load_workbook(io.BytesIO(again)).active["D3"].value == 62.1, "a person has said so"


def test_a_text_file_keeps_its_bytes_and_gets_columns(api: Api, engine: Engine):
    with_list(api)
    source = f'Description;Unit;Qty;Remark\r\n"{WALL}";m2;2,5;Größe\r\nNothing such;x;1;-\r\n'.encode("cp1252")
    content, told = exported(api, engine, matched(api, source, "bill.csv"))
    assert (told["filename"], told["details"]["formatsKept"]) == ("bill-priced.csv", True)
    lines = content.decode("cp1252").split("\r\n")
    assert [line.startswith(old) for line, old in zip(lines, source.decode("cp1252").split("\r\n"), strict=True)] == \
        [True] * 4
    rows = list(csv.DictReader(io.StringIO(content.decode("cp1252"), newline=""), delimiter=";"))
    assert [(row["Matched code"], row["Match status"]) for row in rows] == [("BW-200", "accepted"), ("", "unmatched")]


def test_an_old_workbook_becomes_a_new_one_with_its_values(api: Api, engine: Engine):
    import xlwt

    with_list(api)
    made = xlwt.Workbook()
    for name in ("One", "One/Two"[:3] + " b"):
        sheet = made.add_sheet(name)
        for number, row in enumerate((["", "Bill"], [], ["Code", "Description", "Unit", "Qty", "Rate"],
                                      ["007", WALL, "m2", 2.5, ""], ["", "=1+1", "nr", 1, ""])):
            for column, value in enumerate(row):
                sheet.write(number, column, value)
    body = io.BytesIO()
    made.save(body)
    content, told = exported(api, engine, matched(api, body.getvalue(), "bill.xls"))
    assert (told["filename"], told["rowCount"], told["details"]) == ("bill-priced.xlsx", 4, {"formatsKept": False})
    for sheet in openpyxl.load_workbook(io.BytesIO(content)):
        rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
        assert rows[0][:2] == [None, "Bill"]
        assert (rows[3][:4], rows[4][1]) == (["007", WALL, "m2", 2.5], "=1+1")
        shown = dict(zip(rows[2], rows[3], strict=True))
        assert (shown["Matched rate"], shown["Matched total"], shown["Match status"]) == (62.1, 155.25, "accepted")
        assert sheet["B5"].data_type == "s"


def test_the_results_of_a_rematch_are_exported_with_those_of_its_job(api: Api, engine: Engine):
    with_list(api)
    job_id = matched(api, BILL_FILE)
    newer = with_list(api, [*LIST, ["HL-1", "Helicopter landing lights", "set", 999]])
    again = api("POST", f"{ROUTE}/{job_id}/rematch", {"listId": newer}).json["jobId"]
    by_queue(engine)
    content, told = exported(api, engine, again)
    rates = [row[4].value for row in openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(min_row=2)]
    assert (rates, told["rowCount"]) == ([145.35, 62.1, 999], 3)


def test_a_bill_that_was_dropped_into_the_bucket_is_matched_priced_and_matched_again(api: Api, engine: Engine):
    with_list(api)
    job = engine.drop(BILL_FILE, "uploads/prices/bill.xlsx", stamp(datetime.now(UTC)))
    by_queue(engine)
    content, told = exported(api, engine, job.job_id)
    rates = [row[4].value for row in openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(min_row=2)]
    assert (rates, told["rowCount"]) == ([145.35, 62.1, None], 3)
    assert api("POST", f"{ROUTE}/{job.job_id}/rematch").json["action"] == "started"


def test_a_file_that_is_no_longer_kept_is_said_to_be_so(api: Api, engine: Engine):
    with_list(api)
    job_id = matched(api, BILL_FILE)
    job = engine.job(job_id)
    engine.aws.client("s3").delete_object(Bucket=job.bucket, Key=job.file_key, VersionId=job.version_id)
    told = asked(api, engine, job_id).json
    assert (told["status"], told["error"]["code"], told["url"]) == ("error", "FILE_EXPIRED", None)
    assert api("POST", f"{ROUTE}/{job_id}/rematch", {}).code == "FILE_EXPIRED"


def test_an_export_that_runs_twice_is_the_same_file(api: Api, engine: Engine):
    with_list(api)
    job_id = matched(api, rich())
    begun = api("GET", f"{ROUTE}/{job_id}/export").json
    message = engine.bodies("tasks")[0]
    for _ in range(2):
        engine.send("tasks", message)
    assert serve_tasks(engine) == 2
    assert api("GET", f"/exports/{begun['exportId']}").json["status"] == "completed"
