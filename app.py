"""The map of Dropmill: every route, event source and schedule, one to three lines each.

Event handlers stay in this file: a Blueprint's handler would be imported by Lambda without it, so middleware would not
run. A handler parses, makes one call and returns; everything else is in `chalicelib`.
"""

from __future__ import annotations

from typing import Any

from chalice import Chalice
from chalice.app import CloudWatchEvent, Rate, S3Event, SQSEvent

from chalicelib.bootstrap import services
from chalicelib.jobs import intake
from chalicelib.settings import settings

app = Chalice(app_name="dropmill", configure_logs=False)

# --- events: files arrive, jobs become batches, batches become outcomes


@app.on_s3_event(bucket=settings().bucket, events=["s3:ObjectCreated:*"], prefix="uploads/", name="object_created")
def object_created(event: S3Event) -> None:
    services().call(intake.objects_created, event=event.to_dict())


@app.on_sqs_message(queue=settings().split_queue, batch_size=1, name="split")
def split(event: SQSEvent) -> dict[str, Any]:
    return services().splitter(event.context).work(event.to_dict()["Records"])


@app.on_sqs_message(queue=settings().leads_queue, batch_size=1, name="leads_worker",
                    maximum_concurrency=settings().leads_max_concurrency)
def leads_worker(event: SQSEvent) -> dict[str, Any]:
    return services().worker("leads", event.context).work(event.to_dict()["Records"])


@app.schedule(Rate(settings().sweep_minutes, unit=Rate.MINUTES), name="sweep")
def sweep(event: CloudWatchEvent) -> dict[str, int]:
    return services().sweeper().sweep()
