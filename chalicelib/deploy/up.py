"""Brings a stage to what the sources say, by one of two roads. Every step may run again after any other failed.

The deploy road: resources by CloudFormation, functions by `chalice deploy`, then what Chalice cannot say. The template
road: one stack for all. Both end with a smoke check.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from chalicelib.deploy import (
    chalice_road,
    configuration,
    gateway,
    layer,
    post_deploy,
    record,
    secret,
    smoke,
    template_road,
)
from chalicelib.deploy import template as templates
from chalicelib.deploy.artefacts import Artefacts
from chalicelib.deploy.facts import PROJECT, FunctionFacts, function_facts
from chalicelib.deploy.render import BUILD, render
from chalicelib.deploy.stack import Stack
from chalicelib.deploy.target import DeployFailed, Target

Say = Callable[[str], None]
Road = Literal["deploy", "template"]
Bytecode = Literal["light", "full"]
Vendor = Callable[[Path, Bytecode], None]
"""Fills a folder with the dependencies; the word says how much bytecode comes along."""
_LAMBDA_FUNCTION = "AWS::Lambda::Function"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person who deploys asks for."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    road: Road = "deploy"
    smoke: Literal["none", "short", "full"] = "short"
    project: Path = PROJECT
    build: Path = BUILD


def up(target: Target, wish: Wish, *, vendor: Vendor, say: Say) -> dict[str, str]:
    """Deploy; answers what a client needs to know of the stage. `say` hears one line after each step.

    Raises `DeployFailed`, or an error of botocore where AWS refuses us.
    """
    return _Deployment(target, wish, vendor, say).run()


class _Deployment:
    """One run of `up`."""

    def __init__(self, target: Target, wish: Wish, vendor: Vendor, say: Say) -> None:
        self._target = target
        self._wish = wish
        self._vendor = vendor
        self._say = say
        self._config = configuration.load(wish.project)
        self._facts: Sequence[FunctionFacts] = function_facts(target.stage, wish.project)
        self._storage = {each.name: configuration.storage(target, self._config, each.name) for each in self._facts}
        self._commit = commit(wish.project)
        self._artefacts = Artefacts(target)
        self._stack = Stack(target, self._artefacts)
        self._resources = with_fixed_names(templates.load(target.stage, wish.project), target)

    def run(self) -> dict[str, str]:
        configuration.check(self._facts, self._variables(()), visibility(self._resources, self._target.stage))
        self._say("configuration: right")
        self._refuse_the_other_road()
        self._say(f"bucket {self._artefacts.bucket}: {_done(self._artefacts.ensure(), 'made')}")
        self._say(f"secrets: token key {_done(secret.ensure_token_key(self._target), 'made')}")
        api = self._deploy_road() if self._wish.road == "deploy" else self._template_road()
        url = self._target.api_url(api)
        if self._wish.smoke != "none":
            self._say(f"smoke: {smoke.check(self._target, url, commit=self._commit, full=self._wish.smoke == 'full')}")
        return {**self._known(), "API_URL": url}

    def _deploy_road(self) -> str:
        target, say = self._target, self._say
        say(f"stack {target.stack}: {_done(self._stack.apply(self._resources, self._parameters()), 'changed')}")
        packages = self._packages("light")
        arn, made = layer.publish(target, self._artefacts, packages)
        say(f"dependencies: {arn} {_done(made, 'made')}")
        folder = self._rendered([arn])
        say(f"project: {folder}")
        say(f"record: {record.restore(target, self._artefacts, self._facts, folder)} things are there already")
        chalice_road.deploy(target, folder)
        say("functions: deployed by chalice")
        record.save(target, self._artefacts, folder)
        say("record: saved")
        say(f"sources: {post_deploy.settle_sources(target, self._facts)} changed")
        say(f"functions: {post_deploy.settle_functions(target, self._facts, storage=self._storage)} changed")
        api = record.find_api(target)
        say(f"gateway: {gateway.settle(target, api)} answers changed")
        say(f"throttle: {_done(gateway.settle_throttle(target, api, self._throttle()), 'changed')}")
        say(f"dependencies: {layer.remove_others(target, keep=arn)} old versions removed")
        return api

    def _template_road(self) -> str:
        folder = self._rendered([], vendor=self._packages("full"), partial_batch=True)
        sam, code = template_road.packaged(self._target, folder)
        self._say(f"package: {len(code) / 1e6:.1f} MB")
        address = template_road.upload(self._artefacts, code)
        whole = template_road.one_template(self._target, self._resources, sam, self._facts, code=address,
                                           storage=self._storage, throttle=self._throttle())
        changed = self._stack.apply(whole, self._parameters())
        self._say(f"stack {self._target.stack}: {_done(changed, 'changed')}")
        return self._stack.outputs()["RestAPIId"]

    def _rendered(self, layers: list[str], *, vendor: Path | None = None, partial_batch: bool | None = None) -> Path:
        target = self._target
        honoured = post_deploy.all_report(target, self._facts) if partial_batch is None else partial_batch
        secrets = secret.present(target, configuration.secret_names())
        variables = self._variables(secrets, partial_batch=honoured)
        stage = self._config["stages"][target.stage]
        config = configuration.chalice_config(
            target, self._config, variables=variables, layers=layers, functions=[each.name for each in self._facts],
            subnets=stage.get("subnet_ids", []), groups=stage.get("security_group_ids", []))
        return render(target.stage, config, vendor=vendor, project=self._wish.project, build=self._wish.build)

    def _variables(self, secrets: Sequence[str], *, partial_batch: bool = False) -> dict[str, str]:
        return configuration.environment(
            self._target, self._config, secrets=secrets, partial_batch=partial_batch, more=self._names(),
            trigger="template" if self._wish.road == "template" else "chalice", commit=self._commit)

    def _throttle(self) -> gateway.Throttle:
        return gateway.Throttle.chosen(self._variables(()))

    def _known(self) -> dict[str, str]:
        """What exists now, under the variables that the functions and the seeds' scripts read."""
        queue = self._stack.outputs()["LeadsQueueUrl"]
        return {**self._names(), "SQS_QUEUE_URL": queue, "PROCESSING_QUEUE_URL": queue}

    def _names(self) -> dict[str, str]:
        """The same, known before the stack is there: a first deployment must say what a second one says."""
        target = self._target
        queue = f"https://sqs.{target.region}.{target.dns_suffix}/{target.account}/{target.name('leads')}"
        return {"SQS_QUEUE_URL": queue, "PROCESSING_QUEUE_URL": queue, "AWS_S3_BUCKET": target.data_bucket,
                "PROCESSING_STATUS_TABLE": target.name("ledger"), "LEADS_TABLE": target.name("leads"),
                "REPORT_TOPIC_ARN": target.topic_arn,
                **({"TRANSFER_ACCELERATION": "1"} if self._accelerated() else {})}

    def _accelerated(self) -> bool:
        known = {**self._stack.parameters(), **self._wish.parameters}
        return known.get("TransferAcceleration") == "true"

    def _parameters(self) -> dict[str, str]:
        in_vpc = bool(self._config["stages"][self._target.stage].get("subnet_ids"))
        fixed = {"App": self._target.app, "Stage": self._target.stage, "InVpc": "true" if in_vpc else "false"}
        return {**fixed, **self._wish.parameters}

    def _packages(self, bytecode: Bytecode) -> Path:
        """The dependencies, built anew only when the requirements or the Python changed."""
        folder = packages_folder(self._wish.project, self._wish.build, bytecode)
        finished = folder.with_suffix(".finished")
        if not finished.exists():
            self._vendor(folder, bytecode)
            finished.touch()
        self._say(f"package: {folder}")
        return folder

    def _refuse_the_other_road(self) -> None:
        ours = self._stack.resources(_LAMBDA_FUNCTION)
        if self._wish.road == "deploy" and ours:
            raise DeployFailed(f"{self._target.stack} was deployed by the template road; stay on it, or run down first")
        if self._wish.road == "template" and not ours and record.found(self._target, self._facts, {}):
            raise DeployFailed(f"{self._target.stage} was deployed by the deploy road; stay on it, or run down first")


def packages_folder(project: Path, build: Path, bytecode: Bytecode) -> Path:
    """Where the dependencies of these requirements lie for the Python that runs now; whole once `.finished` is beside
    it."""
    text = (project / "requirements.txt").read_bytes()
    digest = hashlib.sha256(text + sys.version.encode() + bytecode.encode()).hexdigest()[:16]
    return build / f"packages-{digest}"


def visibility(template: Mapping[str, Any], stage: str) -> dict[str, int]:
    """Seconds for which each queue of the template hides a message that was received, by the queue's short name."""
    return {queue["QueueName"]["Fn::Sub"].removeprefix("${App}-${Stage}-"): _seconds(queue["VisibilityTimeout"],
                                                                                    template, stage)
            for each in template["Resources"].values() if each["Type"] == "AWS::SQS::Queue"
            and "VisibilityTimeout" in (queue := each["Properties"])}


def with_fixed_names(template: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """The template with the names of what it retains written out.

    CloudFormation takes an existing bucket or table into a new stack only by a name without functions (user guide,
    "Import AWS resources into a CloudFormation stack automatically").
    """
    return {**template, "Resources": {name: _with_fixed_name(each, target) if "DeletionPolicy" in each else each
                                      for name, each in template["Resources"].items()}}


def commit(project: Path) -> str:
    """Which sources these are; empty outside a checkout, with a mark where they were changed since."""
    done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607 - whichever git
                          cwd=project, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _seconds(value: Any, template: Mapping[str, Any], stage: str) -> int:
    if isinstance(value, dict):
        name, _, key = value["Fn::FindInMap"]
        return int(template["Mappings"][name][stage][key])
    return int(value)


def _with_fixed_name(resource: Mapping[str, Any], target: Target) -> dict[str, Any]:
    known = {"App": target.app, "Stage": target.stage, "AWS::AccountId": target.account}
    properties = {**resource["Properties"]}
    for key in ("BucketName", "TableName"):
        if key in properties:
            properties[key] = re.sub(r"\$\{([\w:]+)\}", lambda found: known[found[1]], properties[key]["Fn::Sub"])
    return {**resource, "Properties": properties}


def _done(changed: bool, word: str) -> str:
    return word if changed else "as it was"
