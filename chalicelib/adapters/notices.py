"""Notices to people: one SNS topic, whoever subscribed to it; nobody where no topic is set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import Transient, Unavailable

SUBJECT_CHARS = 99
"""A subject has fewer than 100 ASCII characters (SNS API reference, Publish)."""


class Notices:
    """Publishes texts. The client is made on first use: most stages and all tests have nobody to tell."""

    def __init__(self, client: Callable[[], Any], topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, subject: str, text: str) -> bool:
        """Tell the topic; False when there is none. Raises Transient, or Unavailable until a person acts."""
        if not self._topic_arn:
            return False
        try:
            self._client().publish(TopicArn=self._topic_arn, Subject=subject[:SUBJECT_CHARS], Message=text)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            if status >= 500 or "Thrott" in code:
                raise Transient(f"sns is busy: {code}") from error
            raise Unavailable(f"the topic of notices refuses: {code}", topic=self._topic_arn) from error
        except BotoCoreError as error:
            raise Transient(f"sns did not answer: {type(error).__name__}") from error
        return True
