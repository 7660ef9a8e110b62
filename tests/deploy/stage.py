"""A stage on an emulator, as its deployer and its users see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.deploy import smoke
from chalicelib.deploy.target import Target
from tests.deploy.emulator import ACCOUNT, REGION, ROOT

OWNER = "acme"
PATIENCE = 90.0


@dataclass
class Stage:
    """Stage `dev` of the emulator at `endpoint`."""

    endpoint: str
    name: str = "dev"

    def command(self, *arguments: str) -> str:
        """`python -m chalicelib.deploy ...`, as `make` calls it; answers what it printed. Fails with it."""
        done = subprocess.run([sys.executable, "-m", "chalicelib.deploy", *arguments, "--stage", self.name], cwd=ROOT,
                              env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        print(done.stdout)
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        """No credentials of this machine's owner: nothing of this may reach AWS."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**kept, "AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}

    @cached_property
    def target(self) -> Target:
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        return Target("dropmill", self.name, REGION, ACCOUNT, session, self.endpoint)

    def client(self, service: str) -> Any:
        config = Config(s3={"addressing_style": "path"}, signature_version="s3v4" if service == "s3" else None)
        return self.target.session.client(service, endpoint_url=self.endpoint, config=config)

    def asked(self, url: str, path: str, body: Any = None) -> Any:
        """The API's answer to a GET, or to a POST of `body`."""
        request = urllib.request.Request(url + path, method="GET" if body is None else "POST", headers={
            "Authorization": f"Bearer {smoke.mint(self.target, OWNER)}", "Content-Type": "application/json"})
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=60) as answer:
            return json.load(answer)

    def ended(self, url: str, file: str) -> Any:
        """The job of a dropped file, once it has ended."""
        def found() -> Any:
            jobs = self.asked(url, "/status?limit=50")["jobs"]
            return next((each for each in jobs if file in json.dumps(each)
                         and each["status"] in ("completed", "error", "cancelled")), None)

        return until(found)

    def logged(self, function: str) -> list[dict[str, Any]]:
        """Every JSON line that a function logged."""
        return [json.loads(text) for text in self.said(function) if text.startswith("{")]

    def said(self, function: str) -> list[str]:
        """Every line in a function's log group."""
        group = f"/aws/lambda/{self.target.function(function)}"
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [each["message"] for page in pages for each in page["events"]]


def until(found: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Poll a running emulator until there is something."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(0.5)
    raise AssertionError(f"nothing within {patience:.0f} s")


def everything(stage: Stage) -> dict[str, list[str]]:
    """What exists in the account, by kind; kinds without anything are left out."""
    each = stage.client
    kinds: dict[str, list[Any]] = {
        "bucket": [one["Name"] for one in each("s3").list_buckets()["Buckets"]],
        "queue": each("sqs").list_queues().get("QueueUrls", []),
        "table": each("dynamodb").list_tables()["TableNames"],
        "function": [one["FunctionName"] for one in each("lambda").list_functions()["Functions"]],
        "layer": [one["LayerName"] for one in each("lambda").list_layers()["Layers"]],
        "mapping": [one["UUID"] for one in each("lambda").list_event_source_mappings()["EventSourceMappings"]],
        "api": [one["id"] for one in each("apigateway").get_rest_apis()["items"]],
        "role": [one["RoleName"] for one in each("iam").list_roles()["Roles"]],
        "policy": [one["PolicyName"] for one in each("iam").list_policies(Scope="Local")["Policies"]],
        "rule": [one["Name"] for one in each("events").list_rules()["Rules"]],
        "log group": [one["logGroupName"] for one in each("logs").describe_log_groups()["logGroups"]],
        "alarm": [one["AlarmName"] for one in each("cloudwatch").describe_alarms()["MetricAlarms"]],
        "dashboard": [one["DashboardName"] for one in each("cloudwatch").list_dashboards()["DashboardEntries"]],
        "topic": [one["TopicArn"] for one in each("sns").list_topics()["Topics"]],
        "secret": [one["Name"] for one in each("ssm").describe_parameters()["Parameters"]],
        "stack": [one["StackName"] for one in each("cloudformation").describe_stacks()["Stacks"]]}
    return {kind: names for kind, names in kinds.items() if names}
