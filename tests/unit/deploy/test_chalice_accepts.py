"""What `chalice deploy` looks at only when it deploys, asked here."""

from __future__ import annotations

from chalice.config import Config
from chalice.deploy.validate import validate_configuration

import app


def test_chalice_would_deploy_the_app():
    """Binary and other content types in one route, routes that cover each other, names that AWS does not take."""
    config = Config.create(chalice_app=app.app, project_dir=".", app_name="dropmill", chalice_stage="dev",
                           manage_iam_role=False, iam_role_arn="arn:aws:iam::000000000000:role/any")
    validate_configuration(config)
