"""A token from the command line opens what its person may open, and no more."""

from __future__ import annotations

import boto3
import jwt
import pytest
from moto import mock_aws

from chalicelib.deploy.__main__ import main

KEY = "k" * 48


@pytest.fixture
def stage(monkeypatch):
    for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
                        "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        boto3.client("ssm", region_name="eu-west-1").put_parameter(
            Name="/dropmill/dev/JWT_SECRET", Value=KEY, Type="SecureString")
        yield


def claims(printed: str) -> dict:
    return jwt.decode(printed.strip(), KEY, algorithms=["HS256"], audience="dropmill", issuer="dropmill")


def test_token_names_its_person_and_carries_no_operator_role_unless_asked(stage, capsys):
    assert main(["token", "ada", "--stage", "dev", "--region", "eu-west-1"]) == 0
    found = claims(capsys.readouterr().out)
    assert (found["sub"], found["roles"]) == ("ada", ["user"])
    assert found["exp"] - found["iat"] == 8 * 3600


def test_operator_is_asked_for_by_name(stage, capsys):
    assert main(["token", "ada", "--region", "eu-west-1", "--operator", "--hours", "1"]) == 0
    found = claims(capsys.readouterr().out)
    assert found["roles"] == ["user", "operator"]
    assert found["exp"] - found["iat"] == 3600
