"""The other road: `chalice package`, merged with the resources into one stack, its code through S3.

For packages that are too large to send to Lambda directly, and for pipelines that deploy templates only. The bucket's
notification belongs to the template here, because `chalice package` refuses `@app.on_s3_event` (`S3_TRIGGER=template`,
`chalicelib/application.py`). One stage takes one road: both make functions of the same names.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chalicelib.deploy import chalice_road, gateway
from chalicelib.deploy import template as templates
from chalicelib.deploy.artefacts import Artefacts
from chalicelib.deploy.facts import API_HANDLER, FunctionFacts
from chalicelib.deploy.post_deploy import REPORT
from chalicelib.deploy.target import DeployFailed, Target


def packaged(target: Target, folder: Path) -> tuple[dict[str, Any], bytes]:
    """Chalice's SAM template of a rendered project, and the archive that all its functions run."""
    with TemporaryDirectory(prefix="dropmill-") as out:
        chalice_road.package(target, folder, Path(out))
        template: dict[str, Any] = json.loads(Path(out, "sam.json").read_text(encoding="utf-8"))
        return template, Path(out, "deployment.zip").read_bytes()


def upload(artefacts: Artefacts, code: bytes) -> str:
    """Put the archive under a name that says what it holds; answers its `s3://` address.

    The same files have the same name, whatever their times and order, so that nothing changes where nothing did.
    """
    with zipfile.ZipFile(io.BytesIO(code)) as packed:
        held = sorted((each.filename, each.file_size, each.CRC) for each in packed.infolist())
    key = f"code/{hashlib.sha256(repr(held).encode()).hexdigest()}.zip"
    if not artefacts.has(key):
        artefacts.put(key, code)
    return f"s3://{artefacts.bucket}/{key}"


def one_template(target: Target, resources: Mapping[str, Any], sam: Mapping[str, Any], facts: Sequence[FunctionFacts],
                 *, code: str, storage: Mapping[str, int], throttle: gateway.Throttle) -> dict[str, Any]:
    """`resources` and `sam` as one template whose functions run the archive at `code`, an `s3://` address."""
    made: dict[str, Any] = copy.deepcopy(dict(sam["Resources"]))
    for fact in facts:
        if logical(fact.name) not in made:
            raise DeployFailed(f"chalice package made no {logical(fact.name)} for {fact.name}")
        _complete(made[logical(fact.name)], target, fact, code, storage[fact.name])
        _take_role(made[logical(fact.name)], fact, resources)
    _complete_api(made["RestAPI"]["Properties"], target, throttle)
    triggered = [fact for fact in facts if fact.prefix is not None]
    _give_permission(made, target, triggered)
    whole = templates.merged(_uncircled(resources, target), {"Resources": made, "Outputs": sam.get("Outputs", {})})
    return {**whole, "Transform": sam["Transform"], "Resources": _notified(whole["Resources"], target, triggered)}


def logical(function: str) -> str:
    """What `chalice package` calls a function (`chalice.utils.to_cfn_resource_name`)."""
    if function == API_HANDLER:
        return "APIHandler"
    return "".join(part[:1].upper() + part[1:] for part in function.replace("-", "_").split("_"))


def _complete(function: dict[str, Any], target: Target, fact: FunctionFacts, code: str, storage: int) -> None:
    """What Chalice cannot say: the name that alarms and roles know, `/tmp`, partial batch responses."""
    properties = function["Properties"]
    properties |= {"FunctionName": target.function(fact.name), "CodeUri": code, "EphemeralStorage": {"Size": storage}}
    for event in properties.get("Events", {}).values():
        if event["Type"] == "SQS":
            event["Properties"]["FunctionResponseTypes"] = [REPORT]


def _take_role(function: dict[str, Any], fact: FunctionFacts, resources: Mapping[str, Any]) -> None:
    """A reference to the role instead of its ARN, so that the role is made first."""
    name = {"Fn::Sub": f"${{App}}-${{Stage}}-{fact.name}"}
    for logical_id, each in resources["Resources"].items():
        if each["Type"] == "AWS::IAM::Role" and each["Properties"].get("RoleName") == name:
            function["Properties"]["Role"] = {"Fn::GetAtt": [logical_id, "Arn"]}
            return
    raise DeployFailed(f"the template has no role for {fact.name}")


def _uncircled(resources: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """Roles that name the bucket instead of referring to it: bucket -> permission -> function -> role -> bucket."""
    arn = f"arn:{target.partition}:s3:::{target.data_bucket}"
    return {**resources, "Resources": {
        name: _named(each, target.data_bucket, arn) if each["Type"] == "AWS::IAM::Role" else each
        for name, each in resources["Resources"].items()}}


def _named(value: Any, bucket: str, arn: str) -> Any:
    if value == {"Fn::GetAtt": ["Bucket", "Arn"]}:
        return arn
    if value == {"Ref": "Bucket"}:
        return bucket
    if isinstance(value, str):
        return value.replace("${Bucket.Arn}", arn).replace("${Bucket}", bucket)
    if isinstance(value, list):
        return [_named(each, bucket, arn) for each in value]
    if isinstance(value, dict):
        named = {name: _named(each, bucket, arn) for name, each in value.items()}
        text = named.get("Fn::Sub")
        return text if isinstance(text, str) and "${" not in text else named
    return value


def _complete_api(properties: dict[str, Any], target: Target, throttle: gateway.Throttle) -> None:
    # Without the version SAM makes a second stage of the API, called "Stage".
    properties |= {"OpenApiVersion": "2.0", "Name": target.app, "MethodSettings": throttle.method_settings()}
    properties["DefinitionBody"]["x-amazon-apigateway-gateway-responses"] = gateway.extension()


def _give_permission(made: dict[str, Any], target: Target, triggered: Iterable[FunctionFacts]) -> None:
    """The bucket may call the function. Its ARN is spelled out: a reference to the bucket would be a circle."""
    for fact in triggered:
        made[_permission(fact)] = {"Type": "AWS::Lambda::Permission", "Properties": {
            "Action": "lambda:InvokeFunction", "FunctionName": {"Ref": logical(fact.name)},
            "Principal": "s3.amazonaws.com", "SourceAccount": {"Ref": "AWS::AccountId"},
            "SourceArn": f"arn:{target.partition}:s3:::{target.data_bucket}"}}


def _notified(resources: Mapping[str, Any], target: Target, triggered: Sequence[FunctionFacts]) -> dict[str, Any]:
    """The bucket tells the function; S3 checks the permission when the notification is made, so it comes first."""
    told = [{"Event": "s3:ObjectCreated:*", "Function": target.function_arn(fact.name),
             "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": fact.prefix}]}}} for fact in triggered]
    bucket = resources["Bucket"]
    properties = {**bucket["Properties"], "NotificationConfiguration": {"LambdaConfigurations": told}}
    return {**resources, "Bucket": {**bucket, "DependsOn": [_permission(each) for each in triggered],
                                    "Properties": properties}}


def _permission(fact: FunctionFacts) -> str:
    return f"{logical(fact.name)}MayBeCalledByBucket"
