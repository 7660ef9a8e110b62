"""The HTTP server of local mode (`python -m chalicelib.local.api --stage local --port 8000`): Chalice's own."""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from chalice.config import Config
from chalice.local import ChaliceRequestHandler, create_local_server

from chalicelib.local.processes import PROJECT, watch_lifeline


class QuietHandler(ChaliceRequestHandler):
    """The app writes its own access log."""

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


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
    server.RequestHandlerClass = functools.partial(QuietHandler, app_object=app, config=config)
    server.socket.listen(128)  # the library's queue of five refuses a browser and a script together
    server.serve_forever()


if __name__ == "__main__":
    main()
