"""Links that people get go by the accelerated endpoint where a stage has it; our own requests never do."""

from __future__ import annotations

import pytest

from chalicelib.bootstrap import Services
from chalicelib.settings import Settings


@pytest.mark.parametrize(("chosen", "host"), [("1", "files.s3-accelerate.amazonaws.com"),
                                              ("0", "files.s3.amazonaws.com")])
def test_upload_and_download_links_use_the_chosen_endpoint(chosen, host):
    blobs = Services(Settings(AWS_S3_BUCKET="files", AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="key",
                              AWS_SECRET_ACCESS_KEY="secret", TRANSFER_ACCELERATION=chosen)).blobs
    form, _fields = blobs.presigned_post("uploads/leads/j/a.csv", "text/csv", 10, 60)
    assert form == f"https://{host}/"
    link = blobs.presigned_get("exports/a.csv", 60, "a.csv", "text/csv")
    assert link.startswith(f"https://{host}/exports/a.csv?")
