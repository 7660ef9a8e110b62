"""The HTTP edge. Its modules load on first use: every function imports app.py, and only one of them serves requests."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalicelib.api import (
        actions,
        api_keys,
        catalogue_models,
        catalogues,
        chat,
        chat_models,
        config,
        console,
        days,
        dead_letters,
        downloads,
        dropbox_webhook,
        dry_run,
        edge,
        enrichment,
        erasure,
        erasure_models,
        export,
        image_models,
        images,
        inputs,
        key_models,
        leads,
        models,
        price_lists,
        price_matching,
        price_models,
        price_results,
        queue_models,
        queues,
        redrive,
        reference,
        requests,
        status,
        suspects,
        uploads,
    )

__all__ = [
    "actions", "api_keys", "catalogue_models", "catalogues", "chat", "chat_models", "config", "console", "days",
    "dead_letters", "downloads", "dropbox_webhook", "dry_run", "edge", "enrichment", "erasure", "erasure_models",
    "export", "image_models", "images", "inputs", "key_models", "leads", "models", "price_lists", "price_matching",
    "price_models", "price_results", "queue_models", "queues", "redrive", "reference", "requests", "status", "suspects",
    "uploads",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")
