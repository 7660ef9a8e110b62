"""Secrets by reference, against Parameter Store and Secrets Manager on the emulator's wire."""

from __future__ import annotations

import json
import logging
from typing import Any

import jwt
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pydantic import SecretStr, ValidationError

from chalicelib.adapters.secrets import LiveSecret, Secrets
from chalicelib.bootstrap import Services
from chalicelib.errors import DropmillError, Transient, Unavailable
from chalicelib.local.access import Access
from chalicelib.settings import SecretReference, Settings
from tests.conftest import Aws

NAME = "/dropmill/test/JWT_SECRET"
FIRST = "the first secret, thirty-two bytes or more"
SECOND = "the second secret, thirty-two bytes or more"


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Store:
    """Parameter Store and Secrets Manager of one account, with every request counted and failures on demand."""

    def __init__(self, access: Access) -> None:
        self.ssm = access.client("ssm")
        self.manager = access.client("secretsmanager")
        self.calls: list[tuple[str, Any]] = []
        self.failure: Exception | None = None
        self.time = Time()
        self.secrets = Secrets(lambda service: self, seconds=300, monotonic=self.time)

    def get_parameters(self, **request: Any) -> Any:
        self._count("ssm", request["Names"])
        return self.ssm.get_parameters(**request)

    def get_secret_value(self, **request: Any) -> Any:
        self._count("secretsmanager", request["SecretId"])
        return self.manager.get_secret_value(**request)

    def _count(self, service: str, what: Any) -> None:
        self.calls.append((service, what))
        if self.failure is not None:
            raise self.failure

    def put(self, value: str, name: str = NAME) -> None:
        self.ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)

    def live(self, text: str) -> LiveSecret:
        reference = SecretReference.of(SecretStr(text))
        assert reference is not None
        return self.secrets.live(reference)


@pytest.fixture
def store(account: Access) -> Store:
    return Store(account)


def refused(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Get")


def test_a_parameter_is_read_when_it_is_used_and_then_kept(store):
    store.put(FIRST)
    secret = store.live(f"ssm:{NAME}")
    assert store.calls == []
    assert [secret.get_secret_value() for _ in range(3)] == [FIRST] * 3
    assert store.calls == [("ssm", [NAME])]


def test_a_rotated_secret_is_in_use_once_the_old_one_has_lived_its_time(store):
    store.put(FIRST)
    secret = store.live(f"ssm:{NAME}")
    assert secret.get_secret_value() == FIRST
    store.put(SECOND)
    store.time.now += 299
    assert secret.get_secret_value() == FIRST
    store.time.now += 1
    assert secret.get_secret_value() == SECOND


def test_all_parameters_come_with_the_first_in_one_request(store):
    names = [f"/dropmill/test/{number}" for number in range(3)]
    for name in names:
        store.put(f"value of {name}", name)
    secrets = [store.live(f"ssm:{name}") for name in names]
    assert [secret.get_secret_value() for secret in secrets] == [f"value of {name}" for name in names]
    assert store.calls == [("ssm", names)]


def test_more_parameters_than_a_request_takes_come_in_several(store):
    names = [f"/dropmill/test/{number}" for number in range(12)]
    for name in names:
        store.put(f"value of {name}", name)
    secrets = [store.live(f"ssm:{name}") for name in names]
    assert [secret.get_secret_value() for secret in secrets] == [f"value of {name}" for name in names]
    assert [len(asked) for _, asked in store.calls] == [10, 2]


def test_an_absent_parameter_is_an_error_that_names_it_and_spares_the_others(store):
    store.put(FIRST)
    absent, present = store.live("ssm:/dropmill/test/ABSENT"), store.live(f"ssm:{NAME}")
    with pytest.raises(Unavailable, match="ssm:/dropmill/test/ABSENT"):
        absent.get_secret_value()
    assert present.get_secret_value() == FIRST


def test_a_secret_of_secrets_manager_is_its_text_or_one_member_of_its_object(store):
    store.manager.create_secret(Name="dropmill/test", SecretString=json.dumps({"deepseek": "sk-1", "n": 5}))
    store.manager.create_secret(Name="plain", SecretString=FIRST)
    assert store.live("secretsmanager:dropmill/test#deepseek").get_secret_value() == "sk-1"
    assert store.live("secretsmanager:plain").get_secret_value() == FIRST


@pytest.mark.parametrize("reference", ["dropmill/test#absent", "dropmill/test#n", "plain#any", "absent", "absent#any"])
def test_a_secret_that_is_not_there_is_an_error_that_does_not_quote_what_is(store, reference):
    store.manager.create_secret(Name="dropmill/test", SecretString=json.dumps({"deepseek": "sk-1", "n": 5}))
    store.manager.create_secret(Name="plain", SecretString=FIRST)
    with pytest.raises(Unavailable) as error:
        store.live(f"secretsmanager:{reference}").get_secret_value()
    assert f"secretsmanager:{reference}" in error.value.message
    assert not {"sk-1", FIRST} & {error.value.message, str(error.value.__cause__)}


@pytest.mark.parametrize(("failure", "kind"), [
    (refused("AccessDeniedException"), Unavailable), (refused("ParameterNotFound"), Unavailable),
    (refused("DecryptionFailure"), Unavailable), (refused("ThrottlingException"), Transient),
    (refused("InternalServerError", 500), Transient), (EndpointConnectionError(endpoint_url="x"), Transient)])
@pytest.mark.parametrize("reference", [f"ssm:{NAME}", "secretsmanager:dropmill/test"])
def test_a_failure_says_whether_trying_again_can_help(store, reference, failure, kind):
    store.failure = failure
    with pytest.raises(DropmillError) as error:
        store.live(reference).get_secret_value()
    assert type(error.value) is kind


def test_the_known_value_serves_on_while_the_service_does_not_answer(store):
    store.put(FIRST)
    secret = store.live(f"ssm:{NAME}")
    assert secret.get_secret_value() == FIRST
    store.time.now += 1000
    store.failure = refused("ThrottlingException")
    assert secret.get_secret_value() == FIRST


def test_a_secret_that_was_taken_away_serves_no_longer(store):
    store.put(FIRST)
    secret = store.live(f"ssm:{NAME}")
    assert secret.get_secret_value() == FIRST
    store.ssm.delete_parameter(Name=NAME)
    store.time.now += 300
    with pytest.raises(Unavailable):
        secret.get_secret_value()


def test_neither_texts_nor_log_lines_show_a_value(store, caplog):
    caplog.set_level(logging.DEBUG, logger="dropmill")
    store.put(FIRST)
    secret = store.live(f"ssm:{NAME}")
    secret.get_secret_value()
    store.time.now += 1000
    store.failure = refused("ThrottlingException")
    secret.get_secret_value()
    assert FIRST not in f"{secret!r} {secret} {caplog.text} {[vars(record) for record in caplog.records]}"
    assert any("could not be read anew" in record.message for record in caplog.records)


def test_the_services_check_tokens_by_a_secret_that_they_know_by_reference(aws: Aws):
    aws.client("ssm").put_parameter(Name=NAME, Value=FIRST, Type="SecureString")
    services = Services(Settings(**{**aws.env, "JWT_SECRET": f"ssm:{NAME}", "DEEPSEEK_API_KEY": "plain"}))
    told = {"sub": "ada", "iss": "dropmill", "aud": "dropmill", "exp": int(services.clock().timestamp()) + 60}
    rules = services.get("token_rules")
    assert rules.verify(f"Bearer {jwt.encode(told, FIRST)}", services.clock()).subject == "ada"
    with pytest.raises(DropmillError):
        rules.verify(f"Bearer {jwt.encode(told, f'ssm:{NAME}')}", services.clock())
    assert services.settings.deepseek.key.get_secret_value() == "plain"


def test_the_key_of_a_provider_lives_as_long_as_any_other_secret(aws: Aws):
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/dropmill/test/KEY", Value="one", Type="SecureString")
    services = Services(Settings(**{**aws.env, "DEEPSEEK_API_KEY": "ssm:/dropmill/test/KEY", "SECRETS_SECONDS": "0"}))
    assert services.settings.leads.standardizer == "deepseek"
    key = services.get("deepseek")().settings.key
    assert key.get_secret_value() == "one"
    ssm.put_parameter(Name="/dropmill/test/KEY", Value="two", Type="SecureString", Overwrite=True)
    assert key.get_secret_value() == "two"


@pytest.mark.parametrize("text", ["ssm:", "ssm:/a#b", "ssm:/a b", "secretsmanager:", "secretsmanager:a#", "ssm:/a\n"])
def test_half_a_reference_is_refused_before_anything_starts(text):
    with pytest.raises(ValidationError, match="a reference to a secret is"):
        Settings(JWT_SECRET=text)
    assert Settings(JWT_SECRET="not:a reference").jwt_secret.get_secret_value() == "not:a reference"
