"""The bucket that deployments use: code on its way to Lambda, large templates, and the record of what Chalice made.

It is made before the stack, because the stack's own code may come from it, and removed after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chalicelib.deploy.target import DeployFailed, Target

KEEP_DAYS = 30
"""Days for which code and templates stay; Lambda and CloudFormation keep copies of their own."""
_GONE = ("404", "NoSuchBucket", "NoSuchKey", "NotFound")


class Artefacts:
    """The bucket of one stage."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._s3 = target.client("s3")
        self.bucket = target.artefact_bucket

    def ensure(self) -> bool:
        """Make the bucket, private and reached by TLS only. False when it was there."""
        if self.exists():
            return False
        where = {"LocationConstraint": self._target.region}
        options = {} if self._target.region == "us-east-1" else {"CreateBucketConfiguration": where}
        self._s3.create_bucket(Bucket=self.bucket, **options)
        self._s3.put_public_access_block(Bucket=self.bucket, PublicAccessBlockConfiguration={
            "BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True})
        self._s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(self._tls_only()))
        self._s3.put_bucket_lifecycle_configuration(Bucket=self.bucket, LifecycleConfiguration={"Rules": [
            {"ID": prefix, "Status": "Enabled", "Filter": {"Prefix": f"{prefix}/"}, "Expiration": {"Days": KEEP_DAYS}}
            for prefix in ("code", "templates")]})
        return True

    def exists(self) -> bool:
        from botocore.exceptions import ClientError

        try:
            self._s3.head_bucket(Bucket=self.bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return False
            raise
        return True

    def put(self, key: str, body: bytes) -> str:
        """Store, and answer the address that CloudFormation reads."""
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        if self._target.endpoint:
            return f"{self._target.endpoint}/{self.bucket}/{key}"
        return f"https://{self.bucket}.s3.{self._target.region}.{self._target.dns_suffix}/{key}"

    def get(self, key: str) -> bytes | None:
        from botocore.exceptions import ClientError

        try:
            body: bytes = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise
        return body

    def has(self, key: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            self._s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return False
            raise
        return True

    def remove(self) -> bool:
        """Empty and delete the bucket; False when there was none."""
        return remove_bucket(self._s3, self.bucket)

    def _tls_only(self) -> dict[str, Any]:
        arn = f"arn:{self._target.partition}:s3:::{self.bucket}"
        return {"Version": "2012-10-17", "Statement": [{
            "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}


def remove_bucket(s3: Any, bucket: str) -> bool:
    """Delete a bucket with every version in it. False when there was none."""
    from botocore.exceptions import ClientError

    try:
        for batch in _versions(s3, bucket):
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            if answer.get("Errors"):
                raise DeployFailed(f"{bucket} cannot be emptied: {answer['Errors'][0]}")
        s3.delete_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return False
        raise
    return True


def _versions(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [{"Key": each["Key"], "VersionId": each["VersionId"]}
                 for each in (*page.get("Versions", []), *page.get("DeleteMarkers", []))]
        if found:
            yield found
