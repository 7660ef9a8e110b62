"""`python -m chalicelib.deploy <command>`: up, down, package, template, token, doctor.

Credentials and region come from where boto3 finds them; `AWS_ENDPOINT_URL` sends everything to an emulator instead.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from chalicelib.deploy import configuration, doctor, smoke
from chalicelib.deploy import template as templates
from chalicelib.deploy.destroy import down
from chalicelib.deploy.facts import PROJECT, function_facts
from chalicelib.deploy.render import BUILD
from chalicelib.deploy.target import DeployFailed, Target, target
from chalicelib.deploy.up import Bytecode, Wish, up
from chalicelib.errors import DropmillError
from chalicelib.settings import home


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 1 where it could not be done, with the reason on the error stream."""
    from botocore.exceptions import BotoCoreError, ClientError

    chosen = parser().parse_args(arguments)
    try:
        return int(chosen.run(chosen) or 0)
    except (DropmillError, BotoCoreError, ClientError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The command line; the tests of the documentation read it, too."""
    top = argparse.ArgumentParser(prog="python -m chalicelib.deploy", description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="command", required=True)
    deploy = _command(commands, "up", _up, "deploy a stage, or bring it up to date")
    deploy.add_argument("--road", choices=("deploy", "template"), default="deploy")
    deploy.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE",
                        help="of the template; what is not given stays as it was")
    deploy.add_argument("--smoke", choices=("none", "short", "full"), default="short")
    remove = _command(commands, "down", _down, "remove a stage; production keeps its data")
    remove.add_argument("--delete-data", default="", metavar="APP-STAGE", help="remove production's data as well")
    build = _command(commands, "package", _package, "build the dependencies and print their sizes")
    build.add_argument("--bytecode", choices=("light", "full"), default="light")
    _command(commands, "template", _template, "print the template of a stage")
    token = _command(commands, "token", _token, "print a token for a person or a team, signed with the stage's key")
    token.add_argument("subject", help="whose jobs and leads it opens")
    token.add_argument("--hours", type=float, default=8.0)
    token.add_argument("--operator", action="store_true", help="with the operator's role")
    examine = _command(commands, "doctor", _doctor, "examine a deployed stage")
    examine.add_argument("--json", action="store_true")
    return top


def _command(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: object,
             help_: str) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=help_)
    made.add_argument("--stage", default="dev")
    made.add_argument("--region", default="")
    made.set_defaults(run=run)
    return made


def _up(chosen: argparse.Namespace) -> None:
    wish = Wish(dict(_parted(each) for each in chosen.parameter), chosen.road, chosen.smoke)
    known = up(_target(chosen), wish, vendor=_vendor, say=_say)
    for name, value in known.items():
        print(f"{name}={value}")


def _down(chosen: argparse.Namespace) -> None:
    where = _target(chosen)
    down(where, function_facts(where.stage), delete_data=chosen.delete_data, say=_say)


def _package(chosen: argparse.Namespace) -> None:
    _vendor(BUILD / "packages", chosen.bytecode)


def _template(chosen: argparse.Namespace) -> None:
    print(json.dumps(templates.load(chosen.stage), indent=2))


def _token(chosen: argparse.Namespace) -> None:
    print(smoke.mint(_target(chosen), chosen.subject, chosen.hours, operator=chosen.operator))


def _doctor(chosen: argparse.Namespace) -> int:
    at_home = chosen.stage == doctor.LOCAL_STAGE
    where = doctor.local_target(_app(), home()) if at_home else _target(chosen)
    return doctor.main(where, as_json=chosen.json)


def _target(chosen: argparse.Namespace) -> Target:
    return target(_app(), chosen.stage, chosen.region)


def _app() -> str:
    return str(configuration.load(PROJECT)["app_name"])


def _vendor(folder: Path, bytecode: Bytecode) -> None:
    from chalicelib.deploy.package import vendor

    report = vendor(folder, bytecode=bytecode, direct=bytecode == "light")
    print(report.table())


def _parted(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise DeployFailed(f"--parameter {text} is not NAME=VALUE")
    return name, value


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
