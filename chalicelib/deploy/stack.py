"""The CloudFormation stack of a stage, changed by change sets only.

A change set shows what it would do before it does it, takes resources that an earlier `down` kept back into the stack
(`ImportExistingResources`), and an empty one means that there is nothing to do.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chalicelib.deploy import template as templates
from chalicelib.deploy.artefacts import Artefacts
from chalicelib.deploy.target import DeployFailed, Target

NAMED_IAM = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")
_UNBORN = {"", "REVIEW_IN_PROGRESS"}
_STILLBORN = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}

Sleep = Callable[[float], None]


class Stack:
    """One stack by name."""

    def __init__(self, target: Target, artefacts: Artefacts, sleep: Sleep = time.sleep) -> None:
        self._name = target.stack
        self._client = target.client("cloudformation")
        self._artefacts = artefacts
        self._sleep = sleep

    def apply(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> bool:
        """Make the stack what `template` says; False when it was so already.

        Parameters that are not given keep their values. Raises `DeployFailed` with the first causes when AWS refuses.
        """
        status = self._settled()
        if status in _STILLBORN:
            self.delete()
            status = ""
        change = self._propose(template, parameters, status)
        if change is None:
            return False
        self._client.execute_change_set(StackName=self._name, ChangeSetName=change)
        status = self._settled()
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise DeployFailed(f"stack {self._name} ended as {status}: {self._causes()}")
        return True

    def exists(self) -> bool:
        return self._status() not in _UNBORN

    def outputs(self) -> dict[str, str]:
        return {each["OutputKey"]: each["OutputValue"] for each in self._described().get("Outputs", [])}

    def parameters(self) -> dict[str, str]:
        return {each["ParameterKey"]: each["ParameterValue"] for each in self._described().get("Parameters", [])}

    def resources(self, kind: str) -> dict[str, str]:
        """Physical ids by logical id of all resources of one type, such as `AWS::S3::Bucket`."""
        if not self.exists():
            return {}
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=self._name)
        return {each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for page in pages
                for each in page["StackResourceSummaries"] if each["ResourceType"] == kind}

    def delete(self) -> bool:
        """Remove the stack; what its template retains stays. False when there was none."""
        if not self._status():
            return False
        self._client.delete_stack(StackName=self._name)
        status = self._settled()
        if status:
            raise DeployFailed(f"stack {self._name} could not be removed ({status}): {self._causes()}")
        return True

    def _propose(self, template: Mapping[str, Any], parameters: Mapping[str, str], status: str) -> str | None:
        """The name of a change set that is ready, or None where it would change nothing."""
        body = templates.rendered(template)
        name = "dropmill-" + hashlib.sha256(body.encode()).hexdigest()[:24]
        create = status in _UNBORN
        values = templates.parameters(template, parameters, () if create else self.parameters())
        if status:  # one of that name may be left from a run that was cut off
            self._client.delete_change_set(StackName=self._name, ChangeSetName=name)
        self._client.create_change_set(
            StackName=self._name, ChangeSetName=name, ChangeSetType="CREATE" if create else "UPDATE",
            Parameters=values, Capabilities=NAMED_IAM, ImportExistingResources=True, **self._carried(body))
        status, reason = self._wait_for(name)
        if status != "FAILED":
            return name
        self._client.delete_change_set(StackName=self._name, ChangeSetName=name)
        if any(words in reason for words in _NOTHING_TO_DO):
            return None
        raise DeployFailed(f"CloudFormation refuses the template: {reason}")

    def _carried(self, body: str) -> dict[str, str]:
        if len(body.encode()) <= templates.DIRECT_BYTES:
            return {"TemplateBody": body}
        key = f"templates/{hashlib.sha256(body.encode()).hexdigest()}.json"
        return {"TemplateURL": self._artefacts.put(key, body.encode())}

    def _wait_for(self, change: str) -> tuple[str, str]:
        for _ in self._moments():
            found = self._client.describe_change_set(StackName=self._name, ChangeSetName=change)
            if found["Status"] in ("CREATE_COMPLETE", "FAILED"):
                return found["Status"], found.get("StatusReason", "")
        raise DeployFailed(f"change set {change} of {self._name} is not ready after an hour")

    def _settled(self) -> str:
        """The stack's status once nothing moves any more; empty when there is none."""
        for _ in self._moments():
            status = self._status()
            if not status.endswith("_IN_PROGRESS") or status in _UNBORN:
                return status
        raise DeployFailed(f"stack {self._name} still moves after an hour")

    def _status(self) -> str:
        return str(self._described().get("StackStatus", "")).replace("DELETE_COMPLETE", "")

    def _described(self) -> dict[str, Any]:
        from botocore.exceptions import ClientError

        try:
            stacks: list[dict[str, Any]] = self._client.describe_stacks(StackName=self._name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return {}
            raise
        return stacks[0] if stacks else {}

    def _causes(self) -> str:
        """What failed first; the later failures are cancellations."""
        events = self._client.describe_stack_events(StackName=self._name)["StackEvents"]
        failed = [f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason', '')}" for each in reversed(events)
                  if each["ResourceStatus"].endswith("_FAILED")]
        return "; ".join(failed[-8:][:3]) or "no event says why"

    def _moments(self) -> Iterator[float]:
        """Longer and longer pauses, an hour in all: emulators are done at once, AWS takes minutes."""
        pause, spent = 0.1, 0.0
        while spent < 3600:
            yield spent
            self._sleep(pause)
            spent += pause
            pause = min(5.0, pause * 1.5)
