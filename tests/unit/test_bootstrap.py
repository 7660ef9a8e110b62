"""Tests for the composition root."""

from __future__ import annotations

from chalicelib.adapters.aws import Aws
from chalicelib.settings import Settings


def test_a_deployed_function_signs_with_its_session_token(monkeypatch):
    """Lambda's credentials are temporary: without their token AWS knows nobody of that key."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, f"the {name}")
    credentials = Aws(Settings(stage="dev")).session.get_credentials()
    assert credentials is not None
    assert credentials.token == "the AWS_SESSION_TOKEN"
