"""Which stage is deployed, where, and how its things are called there.

All names derive from app and stage, so that a deployment can be taken up, checked or removed by any machine, without a
file that remembers it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.deploy.facts import API_HANDLER
from chalicelib.errors import DropmillError
from chalicelib.settings import Settings

if TYPE_CHECKING:
    import boto3

API_STAGE = "api"
"""First part of every path of the deployed API; `api_gateway_stage` in `.chalice/config.json`."""


class DeployFailed(DropmillError):
    """A step of a deployment could not be done; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Target:
    """One stage in one account and region."""

    app: str
    stage: str
    region: str
    account: str
    session: boto3.Session
    endpoint: str = ""
    """An emulator's address; empty = AWS."""

    def client(self, service: str) -> Any:
        from botocore.config import Config

        config = Config(retries={"mode": "standard", "total_max_attempts": 6}, read_timeout=120,
                        s3={"addressing_style": "path" if self.endpoint else "virtual"})
        return self.session.client(service, region_name=self.region,  # type: ignore[call-overload]
                                   endpoint_url=self.endpoint or None, config=config)

    def name(self, thing: str) -> str:
        return f"{self.app}-{self.stage}-{thing}"

    def function(self, name: str) -> str:
        """A function's name in Lambda. The API's has no third part: Chalice fixes it so (`deploy/appgraph.py`)."""
        return f"{self.app}-{self.stage}" if name == API_HANDLER else self.name(name)

    def role_arn(self, name: str) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role/{self.name(name)}"

    def queue_arn(self, name: str) -> str:
        return f"arn:{self.partition}:sqs:{self.region}:{self.account}:{self.name(name)}"

    def function_arn(self, name: str) -> str:
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{self.function(name)}"

    def parameter(self, name: str) -> str:
        """A secret's name in the Parameter Store."""
        return f"/{self.app}/{self.stage}/{name}"

    def api_url(self, api_id: str) -> str:
        """Where the API answers; without a slash at the end."""
        if self.endpoint:
            return f"{self.endpoint}/restapis/{api_id}/{API_STAGE}/_user_request_"
        return f"https://{api_id}.execute-api.{self.region}.{self.dns_suffix}/{API_STAGE}"

    @property
    def stack(self) -> str:
        return self.name("resources")

    @property
    def data_bucket(self) -> str:
        return f"{self.name('data')}-{self.account}"

    @property
    def topic_arn(self) -> str:
        return f"arn:{self.partition}:sns:{self.region}:{self.account}:{self.name('alarms')}"

    @property
    def artefact_bucket(self) -> str:
        """What deployments leave for later ones: the record, code and dependencies on their way to Lambda."""
        return f"{self.name('deploy')}-{self.account}"

    @property
    def layer(self) -> str:
        return self.name("dependencies")

    @property
    def partition(self) -> str:
        return self.session.get_partition_for_region(self.region)

    @property
    def dns_suffix(self) -> str:
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"


def target(app: str, stage: str, region: str = "") -> Target:
    """The stage in the account that the environment's credentials belong to.

    Raises `DeployFailed` without a region or a login.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    session = boto3.Session(region_name=region or None)
    if not session.region_name:
        raise DeployFailed("no region: give --region or set AWS_DEFAULT_REGION")
    endpoint = Settings().aws_endpoint_url
    nameless = Target(app, stage, session.region_name, "", session, endpoint)
    try:
        account = nameless.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise DeployFailed(f"AWS does not know us: {error}; log in first, for example with `aws sso login`") from error
    return Target(app, stage, session.region_name, account, session, endpoint)
