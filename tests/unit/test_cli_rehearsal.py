"""Dry runs, undo and budgets on the command line."""

from __future__ import annotations

from chalicelib import terminal
from tests.unit.test_cli import Answer, job, pauses, run, server, sheet

__all__ = ["pauses", "run", "server", "sheet"]

TOLD = {"dryRunId": "d", "status": "completed", "complete": True, "error": None, "fileName": "f.csv", "rows": 3,
        "duplicateOf": None, "checkedRows": 3, "checkedRejects": 1, "estimatedRejects": 1,
        "sheets": [{"worksheet": "Sheet1", "rows": 3, "headerRow": 2, "note": None, "columns": [
            {"header": "E-Mail", "field": "email", "score": 1.0},
            {"header": "Shoe\x1b[2J", "field": None, "score": 0.1}]}],
        "rejects": [{"worksheet": "Sheet1", "row": 4, "code": "TOO_FEW_FIELDS"}],
        "estimate": {"minutes": 0.5, "batches": 1, "aiCalls": 2, "usd": 0.0123}}


def test_dry_run_uploads_the_file_and_tells_what_would_become_of_it(server, sheet, run, capsys):
    server.script("POST /dry-run", Answer(200, TOLD))
    assert run("drop", str(sheet), "--dry-run", "--option", "headerRow=2") == 0
    assert "dryRun=true" in server.seen("POST /upload")[0].path
    assert server.seen("POST /dry-run")[0].json == {
        "fileKey": "uploads/leads/j1/f.csv", "pipeline": "leads", "options": {"headerRow": 2}}
    assert server.seen("PUT /status/j1") == []
    out = capsys.readouterr().out
    for words in ("3 rows", "header in row 2", "E-Mail -> email (1.00)", "Shoe", "row 4: TOO_FEW_FIELDS", "2 AI calls",
                  "0.0123 USD", "nothing was stored"):
        assert words in out
    assert "\x1b" not in out


def test_dry_run_of_a_large_file_is_waited_for(server, sheet, run, pauses):
    server.script("POST /dry-run", Answer(202, {"status": "processing", "statusUrl": "/dry-run/d", "retryAfterMs": 7}))
    server.script("GET /dry-run/d", Answer(200, {"status": "processing", "retryAfterMs": 7}), Answer(200, TOLD))
    assert run("drop", str(sheet), "--dry-run", "--json") == 0
    assert pauses == [0.007, 0.007]


def test_dry_run_of_a_file_that_cannot_become_rows_fails(server, sheet, run, capsys):
    server.script("POST /dry-run", Answer(200, {**TOLD, "status": "error", "estimate": None,
                                                "error": {"code": "NO_HEADER", "message": "No row looks like one."}}))
    assert run("drop", str(sheet), "--dry-run") == 1
    assert "NO_HEADER: No row looks like one." in capsys.readouterr().out


def test_undo_with_wait_sees_the_undoing_through(server, run, pauses):
    server.script("POST /status/j1/undo", job("completed", undo={"state": "running"}))
    server.script("GET /status/j1", job("completed", undo={"state": "running"}, retryAfterMs=2000),
                  job("completed", undo={"state": "done"}))
    assert run("undo", "j1", "--wait") == 0
    assert pauses == [2.0]


def test_resume_brings_a_higher_cap(server, run):
    server.script("POST /status/j1/resume", job("processing"))
    assert run("resume", "j1", "--option", "maxUsd=5") == 0
    assert server.seen("POST /status/j1/resume")[0].json == {"maxUsd": 5}


def test_rehearsal_of_half_a_file_says_so():
    assert "3 rows or more" in terminal.rehearsal({**TOLD, "complete": False, "duplicateOf": "j0"})
