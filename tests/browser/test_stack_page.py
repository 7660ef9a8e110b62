"""A page of the stack in a browser."""

from __future__ import annotations

import json

import pytest
import requests

from tests.browser.conftest import OpenPage
from tests.browser.stack import AppStack
from tests.functional.local_run import wait_until

pytestmark = pytest.mark.slow


def test_a_page_of_the_stack_asks_only_the_stack(stack: AppStack, open_app: OpenPage) -> None:
    visit = open_app()

    visit.page.goto("/health")

    assert json.loads(visit.page.locator("pre").inner_text())["status"] == "ok"
    assert visit.traffic.urls == [f"{stack.url}/health"]


def test_owners_see_nothing_of_each_other_on_the_shared_stack(stack: AppStack) -> None:
    bucket = stack.client("s3")
    bucket.put_object(Bucket=stack.bucket, Key="uploads/leads/local/people.csv",
                      Body=b"name,email\nAda,ada@example.com")

    def files(token: str) -> list[str]:
        answer = requests.get(f"{stack.url}/status", headers={"Authorization": f"Bearer {token}"}, timeout=10)
        answer.raise_for_status()
        return [each["metadata"]["fileName"] for each in answer.json()["jobs"]]

    wait_until(lambda: files(stack.token) == ["people.csv"])
    assert files(stack.token_of("newcomer")) == []
