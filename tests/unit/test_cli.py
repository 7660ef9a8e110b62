"""The command line against a small Dropmill and bucket on real sockets."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chalicelib import cli, terminal

TOKEN = "secret-token-of-the-test"


@dataclass
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class FakeDropmill:
    """Answers from a script per `METHOD /path`; the last answer of a script repeats."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.scripts: dict[str, list[Answer]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.script("POST /upload", Answer(200, {"uploadUrl": f"{self.url}/bucket", "fields": {"key": "k", "x": "y"},
                                                 "fileKey": "uploads/leads/j1/f.csv", "jobId": "j1"}))
        self.script("POST /bucket", Answer(204))
        self.script("PUT /status/j1", Answer(200, {}))

    def script(self, route: str, *answers: Answer) -> None:
        self.scripts[route] = list(answers)

    def seen(self, route: str) -> list[Request]:
        return [one for one in self.requests if f"{one.method} {one.path.split('?')[0]}" == route]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        script = self.scripts.get(f"{request.method} {request.path.split('?')[0]}")
        if script is None:
            return Answer(404, {"error": {"code": "NOT_FOUND", "message": "no such route"}})
        return script.pop(0) if len(script) > 1 else script[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = fake.answer(Request(self.command, self.path, dict(self.headers), body))
                if answer.status == 0:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                is_text = isinstance(answer.body, (str, bytes))
                content = answer.body if is_text else json.dumps(answer.body) if answer.body is not None else ""
                content = content.encode() if isinstance(content, str) else content
                self.send_response(answer.status)
                headers = {"Content-Type": "text/plain" if is_text else "application/json"} | answer.headers
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = serve

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


def job(status: str, pending: int = 0, **more: Any) -> Answer:
    rows = {"total": 3 + pending, "new": 2, "rejected": 1, "pending": pending, "updated": 0}
    progress = {"totalBatches": 1, "completedBatches": 1, "failedBatches": 0, "percentage": 100}
    body = {"jobId": "j1", "status": status, "rows": rows, "progress": progress, "metadata": {"fileName": "f.csv"},
            "createdAt": "2026-01-02T03:04:05+00:00", "retryAfterMs": 1} | more
    return Answer(200, body, {"ETag": f'"{status}{pending}"'})


def refusal(status: int, code: str, message: str, **headers: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": message, "requestId": "r-1"}}, headers)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeDropmill]:
    fake = FakeDropmill()
    monkeypatch.setenv("DROPMILL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DROPMILL_URL", fake.url)
    monkeypatch.setenv("DROPMILL_TOKEN", TOKEN)
    yield fake
    fake.close()


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    path = tmp_path / "f.csv"
    path.write_bytes(b"email,phone\na@b.example,0123\n")
    return path


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def run(pauses: list[float]) -> Callable[..., int]:
    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        assert len(pauses) < 1000, "the command would wait for ever"

    return lambda *argv: cli.main([str(arg) for arg in argv], sleep=sleep)


def form(request: Request) -> dict[str, bytes]:
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + request.body).get_payload()
    return {part.get_param("name", header="content-disposition"): part.get_payload(decode=True) for part in parts}


def test_drop_posts_the_ticket_s_fields_and_then_the_bytes_to_the_bucket(server, sheet, run):
    assert run("drop", sheet) == 0
    parts = form(server.seen("POST /bucket")[0])
    assert parts == {"key": b"k", "x": b"y", "file": sheet.read_bytes()}
    assert list(parts)[-1] == "file"


def test_drop_asks_for_a_ticket_and_reports_the_upload(server, sheet, run, capsys):
    run("drop", sheet, "--pipeline", "prices", "--option", "headerRow=4", "--option", "region=007", "--again")
    ticket = server.seen("POST /upload")[0]
    assert ticket.json == {"fileName": "f.csv", "fileType": "text/csv", "fileSize": sheet.stat().st_size,
                           "pipeline": "prices", "options": {"headerRow": 4, "region": "007"}}
    assert ticket.path.endswith("?again=true")
    assert ticket.headers["Idempotency-Key"]
    assert server.seen("PUT /status/j1")[0].json == {"status": "uploaded"}
    assert "j1" in capsys.readouterr().out


def test_token_goes_to_the_api_only_and_is_never_printed(server, sheet, run, capsys):
    server.script("GET /status/j1", job("completed"))
    run("drop", sheet, "--wait")
    assert "Authorization" not in server.seen("POST /bucket")[0].headers
    assert server.seen("POST /upload")[0].headers["Authorization"] == f"Bearer {TOKEN}"
    captured = capsys.readouterr()
    assert TOKEN not in captured.out + captured.err


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("error", 1), ("cancelled", 3)])
def test_exit_code_of_wait_says_how_the_job_ended(server, sheet, run, status, code):
    server.script("GET /status/j1", job("processing", pending=3), job(status))
    assert run("drop", sheet, "--wait") == code


def test_wait_ends_with_rows_that_add_up_and_the_next_command(server, sheet, run, capsys):
    server.script("GET /status/j1", job("completed"))
    run("drop", sheet, "--wait")
    out = capsys.readouterr().out
    assert "rows     3 = 2 new + 1 rejected" in out
    assert "batches  1 of 1 done, 0 failed" in out
    assert "rejects j1" in out


def test_summary_names_the_job_that_had_the_same_bytes_and_the_error_of_a_job():
    assert "j0: these bytes" in terminal.summary({"jobId": "j1", "status": "completed", "duplicateOf": "j0"})
    error = {"code": "NO_ROWS", "message": "The file has no data rows."}
    assert "NO_ROWS: The file has no data rows." in terminal.summary({"status": "error", "error": error})


def test_a_report_can_be_added_up_by_eye():
    sheet = {"worksheet": "May", "physical": 7, "header": 1, "blank": 2, "skipped": {"totals": 1}, "rows": 3,
             "outcomes": {"total": 3, "new": 2, "rejected": 1}}
    report = {"fileName": "f.xlsx", "status": "completed", "sheets": [sheet], "rows": sheet["outcomes"],
              "balance": {"balanced": True}, "failedRows": [{"worksheet": "May", "first": 4, "last": 9}]}
    lines = terminal.proof(report).splitlines()
    assert "  May: 7 physical = 1 header + 2 blank + 1 totals + 3 rows = 2 new + 1 rejected" in lines
    assert "  all: 3 rows = 2 new + 1 rejected" in lines
    assert "  failed: May rows 4 to 9" in lines
    assert "balanced: every row" in lines[-1]
    assert "NOT balanced" in terminal.proof(report | {"balance": {"balanced": False}})


def test_json_prints_one_document_per_file_on_stdout_and_nothing_else(server, sheet, run, capsys):
    server.script("GET /status/j1", job("completed"))
    assert run("drop", sheet, sheet, "--wait", "--json") == 0
    captured = capsys.readouterr()
    assert [json.loads(text)["status"] for text in captured.out.splitlines()] == ["completed", "completed"]
    assert captured.err == ""


def test_a_missing_file_is_an_error_and_the_others_go_up_all_the_same(server, sheet, run, capsys, tmp_path):
    assert run("drop", tmp_path / "absent.csv", sheet, "--json") == 1
    captured = capsys.readouterr()
    first, second = (json.loads(text) for text in captured.out.splitlines())
    assert first["error"]["code"] == "file"
    assert second["jobId"] == "j1"
    assert "absent.csv: No such file" in captured.err


def test_error_beats_cancelled_in_the_exit_code_of_several_files(server, sheet, run):
    server.script("GET /status/j1", job("cancelled"), job("error"))
    assert run("drop", sheet, sheet, "--wait") == 1


def test_polling_waits_as_long_as_the_server_says_and_sends_the_etag_back(server, sheet, run, pauses):
    first = job("processing", pending=3, retryAfterMs=2000)
    server.script("GET /status/j1", first, Answer(304), job("completed"))
    run("status", "j1", "--wait")
    assert pauses == [2.0, 2.0]
    tags = [one.headers.get("If-None-Match") for one in server.seen("GET /status/j1")]
    assert tags == [None, '"processing3"', '"processing3"']


@pytest.mark.parametrize("hiccup", [Answer(0), Answer(502, "<html>"), refusal(429, "RATE_LIMITED", "slow down")])
def test_polling_goes_on_after_a_hiccup(server, run, hiccup):
    server.script("GET /status/j1", job("processing", pending=3), hiccup, job("completed"))
    assert run("status", "j1", "--wait") == 0


def test_polling_waits_for_retry_after(server, run, pauses):
    server.script("GET /status/j1", refusal(503, "UNAVAILABLE", "later", **{"Retry-After": "17"}), job("completed"))
    run("status", "j1", "--wait")
    assert pauses == [17.0]


def test_polling_gives_up_when_the_server_stays_away(server, run, pauses, capsys):
    server.script("GET /status/j1", refusal(503, "UNAVAILABLE", "later"))
    assert run("status", "j1", "--wait") == 1
    assert 60 < sum(pauses) <= 120
    assert "UNAVAILABLE: later" in capsys.readouterr().err


def test_polling_does_not_repeat_what_cannot_help(server, run, pauses):
    server.script("GET /status/j1", refusal(401, "UNAUTHORIZED", "expired"))
    assert run("status", "j1", "--wait") == 1
    assert pauses == []


def test_an_error_body_becomes_one_line_with_code_message_and_request(server, run, capsys):
    server.script("GET /status/j9", refusal(404, "UPLOAD_NOT_FOUND", "There is no such job."))
    assert run("status", "j9") == 1
    assert capsys.readouterr().err == "UPLOAD_NOT_FOUND: There is no such job. (request r-1)\n"


def test_an_upload_that_breaks_is_sent_again_whole(server, sheet, run, pauses):
    server.script("POST /bucket", Answer(503, "<Error/>"), Answer(204))
    assert run("drop", sheet) == 0
    assert form(server.seen("POST /bucket")[1])["file"] == sheet.read_bytes()
    assert pauses == [2.0]


def test_a_refusal_of_the_bucket_is_told_in_its_own_words_and_not_repeated(server, sheet, run, capsys):
    refused = "<Error><Code>EntityTooLarge</Code><Message>Your proposed upload is too large</Message></Error>"
    server.script("POST /bucket", Answer(400, refused))
    assert run("drop", sheet) == 1
    assert "EntityTooLarge" in capsys.readouterr().err
    assert len(server.seen("POST /bucket")) == 1


def test_a_server_that_cannot_hear_uploaded_does_not_fail_the_drop(server, sheet, run):
    server.script("PUT /status/j1", refusal(503, "UNAVAILABLE", "later"))
    assert run("drop", sheet) == 0


def test_an_address_where_nobody_listens_is_one_sentence(monkeypatch, server, run, capsys):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("DROPMILL_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert run("status") == 1
    assert capsys.readouterr().err.startswith("unreachable: cannot reach 127.0.0.1:")


@pytest.mark.parametrize("url", ["not-a-url", "ftp://host/", "http://"])
def test_an_address_that_is_none_is_one_sentence(server, run, capsys, url):
    assert run("status", "--url", url) == 1
    assert capsys.readouterr().err.startswith("bad_address: ")


def test_a_web_page_instead_of_json_is_one_sentence(server, run, capsys):
    server.script("GET /status", Answer(200, "<html>", {"Content-Type": "text/html"}))
    assert run("status") == 1
    assert "is this the address of a Dropmill?" in capsys.readouterr().err


def test_a_redirect_is_refused_so_that_the_token_follows_nobody(server, run, capsys):
    server.script("GET /status", Answer(302, "", {"Location": f"{server.url}/elsewhere"}))
    assert run("status") == 1
    assert server.seen("GET /elsewhere") == []


@pytest.mark.parametrize("job_id", ["../leads", "a/b", "..", "a?b", "a b"])
def test_a_job_id_that_leads_elsewhere_is_not_sent(server, run, job_id):
    assert run("cancel", job_id) == 1
    assert server.requests == []


@pytest.mark.parametrize("action", ["cancel", "resume", "retry"])
def test_actions_are_posted(server, run, action, capsys):
    server.script(f"POST /status/j1/{action}", job("cancelled"))
    assert run(action, "j1") == 0
    assert len(server.seen(f"POST /status/j1/{action}")) == 1
    assert "cancelled" in capsys.readouterr().out


def test_retry_with_wait_sees_the_job_through(server, run):
    server.script("POST /status/j1/retry", Answer(202, {"jobId": "j1", "status": "processing"}))
    server.script("GET /status/j1", job("processing", pending=1), job("completed"))
    assert run("retry", "j1", "--wait") == 0
    assert len(server.seen("GET /status/j1")) == 2


def test_status_lists_jobs_with_control_characters_taken_out(server, run, capsys):
    named = {"jobId": "j1", "status": "completed", "metadata": {"fileName": "evil\x1b[2J.csv"}, "createdAt": "2026"}
    server.script("GET /status", Answer(200, {"jobs": [named]}))
    assert run("status") == 0
    out = capsys.readouterr().out
    assert "evil" in out
    assert "\x1b" not in out


def test_rejects_as_csv_go_to_stdout_or_to_the_named_file(server, run, capfdbinary, tmp_path):
    server.script("GET /status/j1/rejects", Answer(200, "email,_row\né,4\n", {"Content-Type": "text/csv"}))
    assert run("rejects", "j1") == 0
    assert capfdbinary.readouterr().out == "email,_row\né,4\n".encode()
    assert run("rejects", "j1", "-o", tmp_path / "out.csv") == 0
    assert (tmp_path / "out.csv").read_text() == "email,_row\né,4\n"


def test_rejects_as_a_workbook_come_by_their_link_without_the_token(server, run, tmp_path):
    link = {"url": f"{server.url}/files/r.xlsx?sig=1"}
    server.script("GET /status/j1/rejects", Answer(202, {"statusUrl": "/exports/e1", "retryAfterMs": 5}))
    server.script("GET /exports/e1", Answer(200, {"status": "processing"}), Answer(200, {"status": "completed"} | link))
    server.script("GET /files/r.xlsx", Answer(200, b"PK\x03\x04"))
    assert run("rejects", "j1", "--format", "xlsx", "-o", tmp_path / "r.xlsx") == 0
    assert (tmp_path / "r.xlsx").read_bytes() == b"PK\x03\x04"
    assert "Authorization" not in server.seen("GET /files/r.xlsx")[0].headers


def test_export_sends_filters_and_prints_the_file_that_came_with_the_answer(server, run, capfdbinary):
    answer = {"message": "2 leads", "leadCount": 2, "filename": "leads.csv", "content": "leadId\n1\n", "filters": {}}
    server.script("POST /export", Answer(200, answer))
    assert run("export", "--filter", "company=Acme", "--sort", "email") == 0
    assert server.seen("POST /export")[0].json == {"format": "csv", "filters": {"company": "Acme"}, "sortBy": "email"}
    captured = capfdbinary.readouterr()
    assert captured.out == b"leadId\n1\n"
    assert captured.err == b"2 leads\n"


def test_an_export_that_is_not_ready_is_waited_for_and_named_without_a_path(server, run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    server.script("POST /export", Answer(202, {"exportId": "e1", "statusUrl": "/exports/e1"}))
    ready = {"status": "completed", "url": f"{server.url}/files/x", "filename": "../../leads.xlsx"}
    server.script("GET /exports/e1", Answer(200, {"status": "processing"}), Answer(200, ready))
    server.script("GET /files/x", Answer(200, b"PK"))
    assert run("export", "--format", "xlsx") == 0
    assert (tmp_path / "leads.xlsx").read_bytes() == b"PK"


def test_a_download_that_fails_leaves_no_file_and_spares_the_old_one(server, run, tmp_path, capsys):
    (tmp_path / "r.xlsx").write_bytes(b"old")
    server.script("GET /status/j1/rejects", Answer(200, {"url": f"{server.url}/files/gone"}))
    assert run("rejects", "j1", "--format", "xlsx", "-o", tmp_path / "r.xlsx") == 1
    assert "the download answered 404" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["r.xlsx"]
    assert (tmp_path / "r.xlsx").read_bytes() == b"old"


def test_a_device_is_written_to_and_not_replaced(server, run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    server.script("GET /status/j1/rejects", Answer(200, "a,b\n", {"Content-Type": "text/csv"}))
    assert run("rejects", "j1", "-o", tmp_path / "pipe") == 0
    assert os.read(reader, 100) == b"a,b\n"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


def test_an_export_that_failed_is_an_error(server, run, capsys):
    server.script("POST /export", Answer(202, {"exportId": "e1", "statusUrl": "/exports/e1"}))
    failed = {"status": "error", "error": {"code": "INTERNAL", "message": "no"}}
    server.script("GET /exports/e1", Answer(200, failed))
    assert run("export") == 1
    assert "INTERNAL: no" in capsys.readouterr().err


def test_the_running_local_stack_is_found_by_its_file(server, run, monkeypatch, tmp_path):
    monkeypatch.delenv("DROPMILL_URL")
    monkeypatch.delenv("DROPMILL_TOKEN")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "local.json").write_text(json.dumps({"url": server.url, "token": "local-token"}))
    server.script("GET /status", Answer(200, {"jobs": []}))
    assert run("status") == 0
    assert server.seen("GET /status")[0].headers["Authorization"] == "Bearer local-token"


def test_the_local_token_is_not_sent_to_another_address(server, run, monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("DROPMILL_TOKEN")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "local.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "token": "local-token"}))
    assert run("status", "--url", server.url) == 1
    assert server.requests == []
    assert "no_token" in capsys.readouterr().err


def test_without_an_address_the_command_says_how_to_get_one(server, run, monkeypatch, capsys):
    monkeypatch.delenv("DROPMILL_URL")
    assert run("status") == 1
    assert "make run" in capsys.readouterr().err


def test_ctrl_c_while_waiting_leaves_one_line_and_no_traceback(server, sheet):
    server.script("GET /status/j1", job("processing", pending=3, retryAfterMs=60_000))
    process = subprocess.Popen([sys.executable, "-m", "chalicelib.cli", "drop", str(sheet), "--wait"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 30
    while not server.seen("GET /status/j1") and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "job j1 goes on" in err
    assert "Traceback" not in err


def test_a_terminal_sees_a_bar_and_a_pipe_does_not(server, sheet):
    server.script("GET /status/j1", job("processing", pending=3), job("completed"))
    screen, terminal_side = os.openpty()
    fcntl.ioctl(terminal_side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    command = [sys.executable, "-m", "chalicelib.cli", "drop", str(sheet), "--wait", "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=terminal_side, timeout=30, check=True)
    os.close(terminal_side)
    shown = os.read(screen, 100_000).decode()
    os.close(screen)
    assert "f.csv:" in shown
    assert "rows: 100%" in shown
    assert json.loads(done.stdout)["status"] == "completed"


def test_the_command_works_without_tqdm_and_without_the_engine(server):
    """It must stand alone: no AWS library, no app, and the progress bar is a comfort."""
    program = ("import sys; sys.modules['tqdm'] = None; from chalicelib import cli;"
               "print([name for name in ('boto3', 'chalice', 'pandas', 'app', 'pydantic') if name in sys.modules])")
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_the_figures_of_a_day_are_shown_as_the_server_words_them(server, run, capsys):
    server.script("GET /reports/2026-11-22", Answer(200, {"date": "2026-11-22", "text": "Dropmill\njobs \x1b[2J 3"}))
    assert run("report-day", "2026-11-22") == 0
    assert capsys.readouterr().out == "Dropmill\njobs  [2J 3\n"
    assert run("report-day", "2026-11-22", "--json") == 0
    assert json.loads(capsys.readouterr().out)["date"] == "2026-11-22"


def test_a_command_for_operators_brings_the_local_operators_token(server, monkeypatch, tmp_path, capsys):
    for name in ("DROPMILL_URL", "DROPMILL_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DROPMILL_HOME", str(tmp_path))
    (tmp_path / "local.json").write_text(json.dumps({"url": server.url, "token": "user", "operatorToken": "operator"}))
    server.script("GET /reports/2026-11-22", Answer(200, {"text": ""}))
    server.script("GET /status", Answer(200, {"jobs": []}))
    server.script("GET /queues", Answer(200, {"queues": [], "redrives": []}))
    assert cli.main(["report-day", "2026-11-22"]) == cli.main(["queues"]) == cli.main(["status"]) == 0
    assert [one.headers["Authorization"] for one in server.requests] == [
        "Bearer operator", "Bearer operator", "Bearer user"]


def test_the_doctor_of_the_local_stack_says_when_there_is_none(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("DROPMILL_HOME", str(tmp_path))
    assert cli.main(["doctor"]) == 1
    assert "make run" in capsys.readouterr().err


QUEUES = {"queues": [{"name": "leads", "level": "busy", "depth": {"visible": 60, "inFlight": 5, "delayed": 1},
                      "deadLetters": {"visible": 2, "inFlight": 1}, "maximumConcurrency": 5, "words": ["Much to do."]}],
          "redrives": [{"redriveId": "r1", "queue": "leads", "status": "processing", "interrupted": True, "moved": 3,
                        "asked": "all", "by": "olga", "jobCount": 2, "createdAt": "2026-11-22T01:00:00.000Z"}]}
LETTERS = {"letters": [{"messageId": "m1", "sentAt": "2026-11-22T01:00:00.000Z", "receives": 4, "jobId": "j1",
                        "jobStatus": "completed", "batchNumber": 2, "rows": 10, "owner": "acme", "fileName": "p***.csv",
                        "cause": "down \x1b[31m", "becomes": "It runs again."}], "note": "1 of about 1"}


def redriven(status: str, **more: Any) -> dict[str, Any]:
    return {"redriveId": "r1", "queue": "leads", "status": status, "interrupted": False, "moved": 0, "jobCount": 1,
            "fates": {}, "cause": None, "retryAfterMs": 2000, "statusUrl": "/queues/leads/redrives/r1", **more}


def test_queues_are_shown_with_what_their_depth_means(server, run, capsys):
    server.script("GET /queues", Answer(200, QUEUES))
    assert run("queues") == 0
    out = capsys.readouterr().out
    assert "60 waiting, 5 in flight, 1 delayed, 3 dead; at most 5 at a time" in out
    assert "Much to do." in out
    assert "interrupted  3 moved" in out
    assert run("queues", "--json") == 0
    assert json.loads(capsys.readouterr().out) == QUEUES


def test_dead_letters_are_listed_without_obeying_their_escape_sequences(server, run, capsys):
    server.script("GET /queues/leads/dlq", Answer(200, LETTERS), Answer(200, {"letters": [], "note": ""}))
    assert run("dlq", "leads", "--limit", "5") == 0
    out = capsys.readouterr().out
    assert "m1" in out
    assert "j1 (completed) batch 2, 10 rows, of acme, p***.csv" in out
    assert "\x1b" not in out
    assert server.seen("GET /queues/leads/dlq")[0].path.endswith("limit=5")
    assert run("dlq", "leads") == 0
    assert capsys.readouterr().out == "no dead letters\n"


@pytest.mark.parametrize(("options", "asked"), [
    (["--all", "--yes"], {"all": True, "confirm": "leads"}), (["--count", "3"], {"count": 3}),
    (["--message", "a", "--message", "b"], {"messageIds": ["a", "b"]}),
    (["--all", "--dry-run"], {"all": True, "confirm": "leads", "dryRun": True})])
def test_a_redrive_asks_for_what_was_said(server, run, options, asked):
    server.script("POST /queues/leads/redrive", Answer(200, {
        "message": "m", "fates": {}, "notFound": [], "redrive": None if "dryRun" in asked else redriven("completed")}))
    assert run("redrive", "leads", *options) == 0
    [request] = server.seen("POST /queues/leads/redrive")
    assert request.json == asked
    assert request.headers["Idempotency-Key"]


def test_all_is_not_redriven_without_a_yes(server, run, capsys):
    assert run("redrive", "leads", "--all") == 1
    assert "--yes" in capsys.readouterr().err
    assert server.requests == []


@pytest.mark.parametrize(("end", "code"), [("completed", 0), ("error", 1)])
def test_a_redrive_by_the_worker_is_seen_through(server, run, capsys, end, code):
    server.script("POST /queues/leads/redrive", Answer(202, {
        "message": "m", "fates": {}, "notFound": [], "redrive": redriven("pending")}))
    server.script("GET /queues/leads/redrives/r1", Answer(200, redriven("processing")), Answer(200, redriven(
        end, moved=25, fates={"runs_again": 25}, cause="Transient" if code else None)))
    assert run("redrive", "leads", "--all", "--yes") == code
    out = capsys.readouterr().out
    assert f"25 dead letters are back on leads: {end}, 1 jobs" in out
    assert "runs_again       25" in out


@pytest.mark.parametrize("options", [[], ["--all", "--count", "2"], ["--count", "x"]])
def test_a_redrive_of_nothing_certain_is_wrong_usage(run, options):
    with pytest.raises(SystemExit) as usage:
        run("redrive", "leads", *options)
    assert usage.value.code == 2
