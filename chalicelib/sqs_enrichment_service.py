"""Seed 001's module: `from chalicelib.sqs_enrichment_service import SQSEnrichmentService`."""

from __future__ import annotations

from chalicelib.adapters.sqs_enrichment_service import SQSEnrichmentService

__all__ = ["SQSEnrichmentService"]
