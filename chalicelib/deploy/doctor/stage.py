"""A live stage as the checks look at it: what should be there, and what is, each asked for once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from chalicelib.deploy.facts import FunctionFacts, QueueFacts, queue_facts
from chalicelib.deploy.target import Target

Document = Mapping[str, Any]
T = TypeVar("T")
_ABSENT = frozenset({
    "ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NoSuchEntity",
    "NoSuchBucket", "NoSuchBucketPolicy", "NoSuchLifecycleConfiguration", "NoSuchPublicAccessBlockConfiguration",
    "ServerSideEncryptionConfigurationNotFoundError", "404", "NotFoundException", "ParameterNotFound"})


@dataclass(slots=True)
class Stage:
    """One stage under examination. `fetch` answers the JSON at an address, or raises OSError or ValueError."""

    target: Target
    functions: Sequence[FunctionFacts]
    template: Document
    fetch: Callable[[str], Document]
    _known: dict[tuple[str, ...], Any] = field(default_factory=dict)

    @property
    def queues(self) -> tuple[QueueFacts, ...]:
        return queue_facts(self.template)

    @property
    def deploy(self) -> str:
        """The command that mends most things."""
        return f"make deploy STAGE={self.target.stage} REGION={self.target.region}"

    def client(self, service: str) -> Any:
        return self.once(("client", service), lambda: self.target.client(service))

    def queue(self, name: str) -> Mapping[str, str] | None:
        """All attributes of a queue by its name without app and stage; None where there is none."""
        def ask() -> Mapping[str, str]:
            sqs = self.client("sqs")
            url = sqs.get_queue_url(QueueName=self.target.name(name))["QueueUrl"]
            attributes: Mapping[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            return attributes

        return self.once(("queue", name), lambda: unless_absent(ask))

    def function(self, name: str) -> Document | None:
        """A function's live configuration by its name in app.py; None where there is none."""
        return self.once(("function", name), lambda: unless_absent(
            lambda: self.client("lambda").get_function_configuration(FunctionName=self.target.function(name))))

    def mappings(self, queue: str) -> Sequence[Document]:
        """All event source mappings of a queue, whichever function they feed, that are not on their way out."""
        def ask() -> Sequence[Document]:
            pages = self.client("lambda").get_paginator("list_event_source_mappings").paginate(
                EventSourceArn=self.target.queue_arn(queue))
            return [each for page in pages for each in page["EventSourceMappings"] if each.get("State") != "Deleting"]

        return self.once(("mappings", queue), ask)

    def listener(self, queue: str) -> FunctionFacts | None:
        """The function that should listen to a queue."""
        return next((each for each in self.functions if each.queue == queue), None)

    def of_type(self, kind: str) -> Mapping[str, Document]:
        """The template's resources of one type by logical id."""
        return {logical_id: each["Properties"] for logical_id, each in self.template["Resources"].items()
                if each["Type"] == kind}

    def named(self, value: Any) -> str:
        """A name of the template (`${App}-${Stage}-leads`) as it is in this stage."""
        text = value["Fn::Sub"] if isinstance(value, dict) else str(value)
        known = {"App": self.target.app, "Stage": self.target.stage, "AWS::AccountId": self.target.account,
                 "AWS::Region": self.target.region}
        for name, content in known.items():
            text = text.replace(f"${{{name}}}", content)
        return str(text)

    def once(self, key: tuple[str, ...], ask: Callable[[], T]) -> T:
        if key not in self._known:
            self._known[key] = ask()
        found: T = self._known[key]
        return found


def unless_absent(ask: Callable[[], T]) -> T | None:
    """What `ask` answers, None where AWS says that there is no such thing."""
    from botocore.exceptions import ClientError

    try:
        return ask()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in _ABSENT:
            raise
    return None


def statements(policy: str | Document | None) -> Sequence[Document]:
    """The statements of a policy document, as text or as IAM's decoded one."""
    document = json.loads(policy) if isinstance(policy, str) and policy else policy or {}
    found = document.get("Statement", []) if isinstance(document, Mapping) else []
    return [found] if isinstance(found, Mapping) else list(found)


def listed(value: Any) -> Sequence[str]:
    """An action, resource or principal, which IAM writes as one text or as several."""
    return [value] if isinstance(value, str) else list(value or [])


def refuses_plain_http(policy: str | Document | None) -> bool:
    """Whether a resource policy denies everybody all that does not come over TLS."""
    return any(each.get("Effect") == "Deny" and each.get("Principal") in ("*", {"AWS": "*"})
               and str(each.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport", "")).lower() == "false"
               and any(action.endswith(":*") for action in listed(each.get("Action")))
               for each in statements(policy))
