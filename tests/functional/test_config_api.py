"""The settings of a stage, for operators: everything but secrets, of which not even the length."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from chalicelib.bootstrap import services
from chalicelib.settings import Settings, settings
from tests.functional.dead import operator
from tests.functional.rest import SECRET, Api

PASSWORD = "correct horse battery staple"


@pytest.fixture
def told(api: Api, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {"KEEPA_API_KEY": PASSWORD, "MONGODB_URI": f"mongodb://ada:{PASSWORD.replace(' ', '-')}@db/x",
                        "DEEPSEEK_API_KEY": "ssm:/dropmill/test/DEEPSEEK_API_KEY",
                        "CONVEX_DEPLOY_KEY": "secretsmanager:dropmill/test#convex",
                        "CONVEX_URL": f"https://ada:{PASSWORD.replace(' ', '-')}@convex.example", "COMMIT": "abc123",
                        "BATCH_SIZE": "7"}.items():
        monkeypatch.setenv(name, value)
    services.cache_clear()
    settings.cache_clear()
    return operator(api)("GET", "/config")


def setting(told: Any, name: str) -> dict[str, Any]:
    [found] = [each for each in told.json["settings"] if name in each["names"]]
    return found


def test_every_setting_is_there_with_its_meaning(told):
    assert (told.status, told.json["stage"], told.json["commit"], told.json["app"]) == (
        200, "test", "abc123", "dropmill")
    assert [each["meaning"] for each in told.json["settings"]] == [
        field.description for field in Settings.model_fields.values()]


def test_values_and_defaults_are_told(told):
    size = setting(told, "BATCH_SIZE")
    assert (size["value"], size["default"], size["secret"]) == (7, 10, None)
    assert setting(told, "SQS_QUEUE_URL")["names"] == ["PROCESSING_QUEUE_URL", "SQS_QUEUE_URL"]


def test_of_secrets_only_presence_and_kind_are_told(told):
    secrets = {each["names"][0]: each for each in told.json["settings"] if each["secret"]}
    assert set(secrets) == {*(field.alias for field in Settings.model_fields.values()
                              if isinstance(field.default, SecretStr)), "AWS_ACCESS_KEY_ID"}
    assert {name: each["secret"] for name, each in secrets.items() if each["secret"]["present"]} == {
        "KEEPA_API_KEY": {"present": True, "reference": None}, "MONGODB_URI": {"present": True, "reference": None},
        "DEEPSEEK_API_KEY": {"present": True, "reference": "ssm"},
        "CONVEX_DEPLOY_KEY": {"present": True, "reference": "secretsmanager"},
        "JWT_SECRET": {"present": True, "reference": None}, "AWS_ACCESS_KEY_ID": {"present": True, "reference": None},
        "AWS_SECRET_ACCESS_KEY": {"present": True, "reference": None}}
    assert {(each["value"], each["default"]) for each in secrets.values()} == {(None, None)}


def test_no_secret_and_no_place_of_one_is_in_the_answer(told):
    for text in (PASSWORD, PASSWORD.replace(" ", "-"), SECRET, "/dropmill/test/", "#convex", "ada:"):
        assert text not in told.text
    assert setting(told, "CONVEX_URL")["value"] == "https://***@convex.example"
