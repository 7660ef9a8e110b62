"""The operators' commands: queues, their dead letters, and putting those back."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chalicelib.client import Body, Client, Trouble
from chalicelib.terminal import plain, say

Command = Callable[[str, Callable[..., int], str], argparse.ArgumentParser]


def add_commands(command: Command) -> None:
    """Add them through `command`, which makes one of a name, what it runs, and what it is for."""
    command("queues", show_queues, "show every work queue and what its depth means; operators only")
    dlq = command("dlq", show_letters, "list dead letters of a queue, masked; operators only")
    dlq.add_argument("queue", metavar="QUEUE", help="split, leads, products, prices, images or tasks")
    dlq.add_argument("--limit", type=int, default=20, help="letters to list (20)")
    back = command("redrive", redrive, "put dead letters back on their queue; operators only")
    back.add_argument("queue", metavar="QUEUE", help="split, leads, products, prices, images or tasks")
    which = back.add_mutually_exclusive_group(required=True)
    which.add_argument("--all", action="store_true", help="all that are dead now; wants --yes")
    which.add_argument("--count", type=int, metavar="N", help="so many of them")
    which.add_argument("--message", action="append", metavar="ID", help="this one; may be repeated")
    back.add_argument("--yes", action="store_true", help="confirm that all are meant")
    back.add_argument("--dry-run", action="store_true", help="only tell what would go")


def show_queues(client: Client, args: argparse.Namespace) -> int:
    told = client.queues()
    _print(told, args, _queue_lines(told))
    return 0


def show_letters(client: Client, args: argparse.Namespace) -> int:
    told = client.dead_letters(args.queue, args.limit)
    _print(told, args, _letter_lines(told))
    return 0


def redrive(client: Client, args: argparse.Namespace) -> int:
    """Ask, and see it through where a worker does it; 1 where it failed."""
    if args.all and not (args.yes or args.dry_run):
        raise Trouble("unconfirmed", f"all dead letters of {args.queue} are meant? then add --yes (see --dry-run)")
    asked: Body = {"all": True, "confirm": args.queue} if args.all else \
        {"count": args.count} if args.count is not None else {"messageIds": args.message}
    told = client.redrive(args.queue, asked | ({"dryRun": True} if args.dry_run else {}))
    if told.get("redrive"):
        told = told | {"redrive": client.redriven(told["redrive"])}
    _print(told, args, _redrive_lines(told))
    return 1 if (told.get("redrive") or {}).get("status") == "error" else 0


def _print(told: Body, args: argparse.Namespace, lines: Iterator[str]) -> None:
    if args.json:
        print(json.dumps(told, ensure_ascii=False))
        return
    for line in lines:
        print(plain(line))
    if told.get("note"):
        say(str(told["note"]))


def _queue_lines(told: Body) -> Iterator[str]:
    for queue in told["queues"]:
        depth, dead = queue["depth"], queue["deadLetters"]
        bound = queue["maximumConcurrency"]
        yield (f"{queue['name']:<9} {queue['level']:<8} {depth['visible']} waiting, {depth['inFlight']} in flight, "
               f"{depth['delayed']} delayed, {dead['visible'] + dead['inFlight']} dead; "
               f"{'no bound' if bound is None else f'at most {bound}'} at a time")
        yield from (f"    {sentence}" for sentence in queue["words"])
    for each in told["redrives"]:
        state = "interrupted" if each["interrupted"] else each["status"]
        yield (f"redrive {each['redriveId']}  {each['queue']}  {state}  {each['moved']} moved of {each['asked']} asked "
               f"by {each['by']}, {each['jobCount']} jobs  {each['createdAt'][:19]}")


def _letter_lines(told: Body) -> Iterator[str]:
    for letter in told["letters"]:
        yield f"{letter['messageId']}  sent {letter['sentAt'][:19]}  {letter['receives']} receives"
        if letter["jobId"]:
            batch = f" batch {letter['batchNumber']}, {letter['rows']} rows," if letter["batchNumber"] else ""
            yield (f"  job      {letter['jobId']} ({letter['jobStatus']}){batch} of {letter['owner']}, "
                   f"{letter['fileName']}")
        if letter["cause"]:
            yield f"  cause    {letter['cause']}"
        yield f"  redrive  {letter['becomes']}"
    if not told["letters"]:
        yield "no dead letters"


def _redrive_lines(told: Body) -> Iterator[str]:
    state: Mapping[str, Any] = told.get("redrive") or {}
    fates = state.get("fates") or told["fates"]
    if state:
        yield f"{state['moved']} dead letters are back on {state['queue']}: {state['status']}, {state['jobCount']} jobs"
    else:
        yield str(told["message"])
    yield from (f"  {fate:<16} {count}" for fate, count in fates.items())
    if told["notFound"]:
        yield f"  not found        {', '.join(told['notFound'])}"
    if state.get("cause"):
        yield f"  cause            {state['cause']}"
