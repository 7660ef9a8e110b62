"""The command line: drop files, watch their jobs, fetch rejects and leads. Nothing but a REST client with manners.

Results go to stdout, everything else to stderr, so that output can be piped. Exit codes: 0 done, 1 an error or a job
that ended in one, 2 wrong usage, 3 a job that was cancelled, 130 interrupted. The token is never printed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chalicelib.cli_operators import add_commands
from chalicelib.client import Body, Client, Content, Trouble
from chalicelib.terminal import line, plain, progress, proof, rehearsal, row_counts, say, summary

EXIT_CODES: Mapping[str, int] = {"completed": 0, "error": 1, "cancelled": 3}


def main(argv: Sequence[str] | None = None, *, sleep: Callable[[float], None] = time.sleep) -> int:
    """Run one command; returns the exit code. `sleep` is for tests."""
    args = parser().parse_args(argv)
    try:
        if args.command == "doctor":
            return examine(args)
        return int(args.run(_client(args, sleep), args))
    except Trouble as trouble:
        return _fail(trouble)
    except KeyboardInterrupt:
        say("stopped; what was dropped goes on without us")
        return 130
    except BrokenPipeError:
        # The reader of our output left (`| head`). Python would complain once more while it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as problem:
        return _fail(Trouble("file", f"{problem.filename or 'file'}: {problem.strerror or problem}"))


def parser() -> argparse.ArgumentParser:
    """All commands with their options; a test compares the README with it."""
    top = argparse.ArgumentParser(prog="dropmill", description=__doc__, allow_abbrev=False,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _drop_options(_command(commands, "drop", drop, "upload files and, with --wait, see them through"))
    status = _command(commands, "status", show_status, "show one job, or the latest jobs")
    status.add_argument("job", nargs="?", metavar="JOB")
    status.add_argument("--wait", action="store_true", help="stay until the job has ended")
    status.add_argument("--limit", type=int, default=20, help="jobs to list (20)")
    report = _job_command(commands, "report", report_job, "prove sheet by sheet that every row is accounted for")
    report.add_argument("-o", "--output", metavar="FILE.xlsx", help="write the report as a workbook instead")
    rejects = _job_command(commands, "rejects", fetch_rejects, "fetch the rows that could not be stored")
    _file_options(rejects, ("csv", "xlsx"))
    export = _command(commands, "export", export_leads, "fetch leads as a file")
    _file_options(export, ("csv", "xlsx", "jsonl"))
    export.add_argument("--filter", action="append", default=[], type=_pair, metavar="FIELD=TEXT",
                        help="only leads whose field contains the text; may be repeated")
    export.add_argument("--sort", default="", metavar="FIELD", help="updatedAt, lastName, email or company")
    day = _operators_command(commands, "report-day", report_day,
                             "show the figures of a day over all owners; operators only")
    day.add_argument("day", metavar="YYYY-MM-DD", help="a day in UTC")
    add_commands(lambda name, run, purpose: _operators_command(commands, name, run, purpose))
    _doctor_options(commands.add_parser("doctor", help="examine a deployed stage, or the local stack",
                                        allow_abbrev=False))
    for action, purpose in ACTIONS.items():
        command = _job_command(commands, action, act, purpose)
        command.add_argument("--wait", action="store_true", help="stay until the job has ended")
        if action == "resume":
            command.add_argument("--option", action="append", default=[], type=_option, metavar="KEY=VALUE",
                                 help="a new cap, such as maxUsd=5; may be repeated")
    return top


ACTIONS: Mapping[str, str] = {
    "cancel": "stop a job; rows that are done stay",
    "resume": "go on with a cancelled or paused job",
    "retry": "run the failed batches of a job again",
    "undo": "remove what a job created and restore what it overwrote",
}


def drop(client: Client, args: argparse.Namespace) -> int:
    """Upload all files first, then see each through: the server works on the first while the last goes up."""
    if args.dry_run:
        return max([_rehearse(client, Path(name), args) for name in args.files])
    results = [_drop_one(client, Path(name), args) for name in args.files]
    codes = [_finish(client, result, args) for result in results]
    return next((code for code in (1, 3) if code in codes), 0)


def show_status(client: Client, args: argparse.Namespace) -> int:
    if args.job:
        job = _see_through(client, args.job) if args.wait else client.job(args.job)
        _show(job, args.json)
        return EXIT_CODES.get(str(job.get("status")), 0) if args.wait else 0
    listing = client.jobs(limit=args.limit)
    lines = [line(job) for job in listing.get("jobs") or ()]
    print(json.dumps(listing, ensure_ascii=False) if args.json else "\n".join(lines) or "no jobs yet")
    return 0


def report_job(client: Client, args: argparse.Namespace) -> int:
    if args.output:
        return _save(client, client.report_workbook(args.job), args.output)
    report = client.report(args.job)
    print(json.dumps(report, ensure_ascii=False) if args.json else proof(report))
    return 0


def report_day(client: Client, args: argparse.Namespace) -> int:
    figures = client.day(args.day)
    lines = map(plain, str(figures["text"]).splitlines())
    print(json.dumps(figures, ensure_ascii=False) if args.json else "\n".join(lines))
    return 0


def fetch_rejects(client: Client, args: argparse.Namespace) -> int:
    return _save(client, client.rejects(args.job, args.format), args.output)


def export_leads(client: Client, args: argparse.Namespace) -> int:
    return _save(client, client.export(args.format, dict(args.filter), args.sort), args.output)


def examine(args: argparse.Namespace) -> int:
    """The doctor of the deployment: it asks AWS with the caller's own login, not the REST API with a token."""
    from chalicelib.deploy.__main__ import main as deployment

    where = ["--stage", args.stage, *(["--region", args.region] if args.region else [])]
    return deployment(["doctor", *where, *(["--json"] if args.json else [])])


def act(client: Client, args: argparse.Namespace) -> int:
    answer = client.act(args.job, args.command, dict(getattr(args, "option", ())))
    job = _see_through(client, args.job) if args.wait else answer
    _show(job, args.json)
    return EXIT_CODES.get(str(job.get("status")), 0) if args.wait and args.command != "cancel" else 0


def _drop_one(client: Client, path: Path, args: argparse.Namespace) -> Body:
    """What POST /upload answered, with the file's own name and when we began; or the trouble, under `error`."""
    began: Body = {"file": str(path), "began": time.monotonic()}
    try:
        if path.is_dir():
            raise Trouble("file", f"{path}: is a folder; name the files in it")
        with progress(path.name, path.stat().st_size, "B") as bar:
            ticket = client.drop(path, args.pipeline, dict(args.option), again=args.again, on_bytes=bar.add)
    except (Trouble, OSError) as problem:
        return began | {"error": _as_trouble(path, problem)}
    return ticket | began


def _rehearse(client: Client, path: Path, args: argparse.Namespace) -> int:
    """Print what would become of one file; 1 where it could not become rows."""
    try:
        with progress(path.name, path.stat().st_size, "B") as bar:
            told = client.rehearse(path, args.pipeline, dict(args.option), on_bytes=bar.add)
    except Trouble as trouble:
        return _fail(trouble, str(path))
    print(json.dumps({"file": str(path), **told}, ensure_ascii=False) if args.json else rehearsal(told))
    return 1 if told.get("error") else 0


def _finish(client: Client, result: Body, args: argparse.Namespace) -> int:
    """Print one file's result; the exit code for it."""
    file, trouble = result["file"], result.get("error")
    try:
        if trouble is None and args.wait:
            job = _see_through(client, result["jobId"])
            took = time.monotonic() - result["began"]
            print(json.dumps(job, ensure_ascii=False) if args.json else summary(job, took))
            return EXIT_CODES.get(str(job.get("status")), 1)
    except Trouble as problem:
        trouble = problem
    if trouble is not None:
        if args.json:
            print(json.dumps({"file": file, "error": {"code": trouble.code, "message": trouble.message}}))
        return _fail(trouble, file)
    told = {"file": file, "jobId": result["jobId"], "fileKey": result.get("fileKey"), "status": "uploaded"}
    print(json.dumps(told) if args.json else f"{plain(file)}  {result['jobId']}")
    return 0


def _see_through(client: Client, job_id: str) -> Body:
    """Watch the job to its end, with a bar on a terminal; the last state."""
    state: Body = {}
    try:
        with progress("rows", None, " rows") as bar:
            for state in client.watch(job_id):
                counts = row_counts(state)
                rows = sum(counts.values())
                bar.reach(rows - counts.get("pending", 0), rows, str(state.get("paused") or state.get("status")))
    except KeyboardInterrupt:
        say(f"job {job_id} goes on; see it through with: status {job_id} --wait")
        raise
    return state


def _save(client: Client, content: Content, output: str | None) -> int:
    """To the named file; without a name, text goes to stdout and a workbook under the name the server gave it."""
    if content.note:
        say(content.note)
    is_text = not content.name.endswith(".xlsx")
    if output == "-" or (output is None and is_text):
        client.write(content, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return 0
    path = Path(output or Path(content.name).name)
    if path.exists() and not path.is_file():  # a device or a pipe is written to, never replaced
        with path.open("wb") as file:
            client.write(content, file)
    else:
        _write_whole(client, content, path)
    say(f"wrote {path}")
    return 0


def _write_whole(client: Client, content: Content, path: Path) -> None:
    """Beside its place first, so that a download that breaks leaves no half a file and spares an older one."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            client.write(content, file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _show(job: Body, as_json: bool) -> None:
    print(json.dumps(job, ensure_ascii=False) if as_json else summary(job))


def _command(commands: Any, name: str, run: Callable[..., int], purpose: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=purpose, description=purpose, allow_abbrev=False)
    command.set_defaults(run=run, whose="token")
    command.add_argument("--url", help="address of the stage (DROPMILL_URL; else the running local stack)")
    command.add_argument("--token", help="bearer token or API key (DROPMILL_TOKEN; else the local stack's)")
    command.add_argument("--json", action="store_true", help="print the server's JSON, one document a line")
    return command


def _operators_command(commands: Any, name: str, run: Callable[..., int], purpose: str) -> argparse.ArgumentParser:
    command = _command(commands, name, run, purpose)
    command.set_defaults(whose="operatorToken")
    return command


def _job_command(commands: Any, name: str, run: Callable[..., int], purpose: str) -> argparse.ArgumentParser:
    command = _command(commands, name, run, purpose)
    command.add_argument("job", metavar="JOB")
    return command


def _doctor_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--stage", default="local", help="dev, staging, prod or local (local)")
    command.add_argument("--region", default="", help="AWS region (that of your login)")
    command.add_argument("--json", action="store_true", help="print all findings as one JSON document")
    command.set_defaults(run=examine)


def _drop_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="+", metavar="FILE")
    command.add_argument("--pipeline", default="leads", help="what the files are (leads)")
    command.add_argument("--wait", action="store_true", help="stay until every job has ended")
    command.add_argument("--dry-run", action="store_true", help="only tell what would become of the files")
    command.add_argument("--again", action="store_true", help="run a file anew that was dropped before")
    command.add_argument("--option", action="append", default=[], type=_option, metavar="KEY=VALUE",
                         help="an option of the pipeline, such as headerRow=4; may be repeated")


def _file_options(command: argparse.ArgumentParser, formats: tuple[str, ...]) -> None:
    command.add_argument("-o", "--output", metavar="FILE", help="where to write; - is stdout")
    command.add_argument("--format", choices=formats, default=formats[0], help=f"({formats[0]})")


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def _option(text: str) -> tuple[str, Any]:
    """The value as JSON where it is JSON (4, true), as text where it is not (GB, 007)."""
    key, value = _pair(text)
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _client(args: argparse.Namespace, sleep: Callable[[float], None]) -> Client:
    """For the address and token that were given, else those of the running local stack.

    The local token goes to the local address only: `--url` of another stage needs a token of its own.
    """
    url = args.url or os.environ.get("DROPMILL_URL", "")
    token = args.token or os.environ.get("DROPMILL_TOKEN", "")
    if not url or not token:
        local = _local_stack()
        url = url or str(local.get("url", ""))
        at_home = url.rstrip("/") == str(local.get("url")).rstrip("/")
        token = token or (str(local.get(args.whose, "")) if at_home else "")
    if not url:
        raise Trouble("no_address", "no local stack has run here (make run), and no --url was given")
    if not token:
        raise Trouble("no_token", f"a token for {url} is needed: --token or DROPMILL_TOKEN")
    return Client(url, token, sleep=sleep)


def _local_stack() -> Body:
    from chalicelib.settings import home

    try:
        content = json.loads((home() / "local.json").read_text())
    except FileNotFoundError:
        return {}
    except ValueError as problem:
        raise Trouble("local_json", f"{home() / 'local.json'} is damaged: {problem}") from problem
    return content if isinstance(content, dict) else {}


def _as_trouble(path: Path, problem: Exception) -> Trouble:
    if isinstance(problem, Trouble):
        return problem
    return Trouble("file", f"{path}: {getattr(problem, 'strerror', None) or problem}")


def _fail(trouble: Trouble, file: str = "") -> int:
    say(f"{trouble.code}: {f'{file}: ' if file and file not in trouble.message else ''}{trouble.message}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
