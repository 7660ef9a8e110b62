"""The HTTP server of local mode (`python -m chalicelib.local.api --stage local --port 8000`): Chalice's own."""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import os
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalice.config import Config
from chalice.local import ChaliceRequestHandler, ForbiddenError, LocalGatewayException, create_local_server

from chalicelib.errors import RequestProblem
from chalicelib.jobs.model import stamp
from chalicelib.local.processes import PROJECT, watch_lifeline


class Handler(ChaliceRequestHandler):
    """The app writes its own access log; what never reaches the app is answered here."""

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def _send_error_response(self, error: LocalGatewayException) -> None:
        """Unknown paths never reach the app: answer as the gateway does once its responses are set, in our one body.

        Chalice imitates a gateway that nobody set up, and it repeats the caller's token in its message.
        """
        problem = RequestProblem.NOT_FOUND if isinstance(error, ForbiddenError) else RequestProblem.INTERNAL
        body = {"error": {"code": problem.value, "message": problem.sentence, "details": {},
                          "requestId": str(uuid.uuid4()), "timestamp": stamp(datetime.now(UTC))}}
        headers = {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"}
        self._send_http_response(problem.status_code, headers, json.dumps(body).encode())


def main() -> None:
    """Serve the routes until the parent is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stage", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--project", type=Path, default=PROJECT)
    given = parser.parse_args()
    watch_lifeline(lambda: os._exit(0))
    sys.path.insert(0, str(given.project))
    document = json.loads((given.project / ".chalice" / "config.json").read_text(encoding="utf-8"))
    config = Config.create(chalice_stage=given.stage, project_dir=str(given.project), config_from_disk=document)
    app = importlib.import_module("app").app
    server = create_local_server(app, config, "127.0.0.1", given.port).server
    server.RequestHandlerClass = functools.partial(Handler, app_object=app, config=config)
    server.socket.listen(128)  # the library's queue of five refuses a browser and a script together
    server.serve_forever()


if __name__ == "__main__":
    main()
