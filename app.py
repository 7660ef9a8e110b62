"""The map of Dropmill: every route, event source and schedule, one to three lines each.

Event handlers stay in this file: a Blueprint's handler would be imported by Lambda without it, so middleware would not
run. A handler parses, makes one call and returns; everything else is in `chalicelib`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from chalice.app import CloudWatchEvent, Cron, Rate, Request, Response, S3Event, SQSEvent

from chalicelib import api
from chalicelib.api.views import CORS, adapt_views
from chalicelib.application import Application
from chalicelib.bootstrap import services
from chalicelib.jobs import control, failing, intake
from chalicelib.settings import settings

T = TypeVar("T")
W = TypeVar("W", bound="api.models.Wire")

app = Application(app_name="dropmill", configure_logs=False)


@app.middleware("all")
def without_words(event: Any, get_response: Callable[[Any], Any]) -> Any:
    return failing.without_words(event, get_response)


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


@app.on_sqs_message(queue=settings().products_queue, batch_size=1, name="products_worker",
                    maximum_concurrency=settings().products_max_concurrency)
def products_worker(event: SQSEvent) -> dict[str, Any]:
    return services().worker("products", event.context).work(event.to_dict()["Records"])


@app.on_sqs_message(queue=settings().prices_queue, batch_size=1, name="prices_worker",
                    maximum_concurrency=settings().prices_max_concurrency)
def prices_worker(event: SQSEvent) -> dict[str, Any]:
    return services().worker("prices", event.context).work(event.to_dict()["Records"])


@app.on_sqs_message(queue=settings().images_queue, batch_size=10, name="images_worker",
                    maximum_batching_window_in_seconds=5, maximum_concurrency=settings().images_max_concurrency)
def images_worker(event: SQSEvent) -> dict[str, Any]:
    return services().worker("images", event.context).work(event.to_dict()["Records"])


@app.on_sqs_message(queue=settings().tasks_queue, batch_size=1, name="run_task")
def run_task(event: SQSEvent) -> dict[str, Any]:
    return services().task_worker(event.context).work(event.to_dict()["Records"])


@app.lambda_function(name="process_job")
def process_job(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Seed 000's way to start a job from outside: `{"jobId": ...}`; harmless for one that runs or has ended."""
    return services().call(control.process, event=event)


@app.schedule(Rate(settings().sweep_minutes, unit=Rate.MINUTES), name="sweep")
def sweep(_event: CloudWatchEvent) -> dict[str, int]:
    return services().sweeper().sweep()


@app.schedule(Cron(20, "*", "*", "*", "?", "*"), name="daily_report")
def daily_report(event: CloudWatchEvent) -> dict[str, str]:
    return services().day_reporter(event.context).report()


# --- requests: everything passes the edge (limits, token, one error body); views parse, make one call and return

app.api.cors = CORS
app.api.binary_types.append("multipart/form-data")
FORMS = ["multipart/form-data"]


@app.middleware("http")
def at_the_edge(request: Request, get_response: Callable[[Request], Response]) -> Response:
    return services().call(api.edge.serve, request=request, get_response=get_response)


def ask(function: Callable[..., T], **explicit: Any) -> T:
    """Call `function` for whoever sent the current request."""
    return services().call(function, caller=api.requests.caller_of(app.current_request), **explicit)


def query(model: type[W]) -> W:
    """The query string of the current request."""
    return api.requests.query(model, app.current_request)


def body(model: type[W]) -> W:
    """The JSON body of the current request."""
    return api.requests.body(model, app.current_request)


@app.route("/", methods=["GET"])
def get_console() -> Response:
    """Serves the console, a page in which all of this can be done by hand; needs no token, what it asks for does."""
    return services().call(api.console.page, request=app.current_request)


@app.route("/console/{version}/{file}", methods=["GET"])
def get_console_file(version: str, file: str) -> Response:
    """Serves a script or the style of the console; needs no token."""
    return services().call(api.console.asset, request=app.current_request, version=version, name=file)


@app.route("/health", methods=["GET"])
def get_health() -> api.models.Health:
    """Says that the function answers, and in which stage; needs no token."""
    return services().call(api.status.health)


@app.route("/openapi.json", methods=["GET"])
def get_openapi() -> Response:
    """Describes all routes in OpenAPI 3.1, for programs; needs no token."""
    return services().call(api.reference.document, request=app.current_request, routes=app.routes)


@app.route("/docs", methods=["GET"])
def get_docs() -> Response:
    """Describes all routes on one page, for people; needs no token."""
    return services().call(api.reference.page, request=app.current_request, routes=app.routes)


@app.route("/upload", methods=["POST"])
def post_upload() -> api.models.UploadAnswer:
    """Announces a file and answers its upload form. `again=true` runs it anew, `dryRun=true` is for `POST /dry-run`."""
    asked = query(api.inputs.UploadQuery)
    if asked.dry_run:
        return ask(api.dry_run.announce, request=body(api.inputs.UploadRequest))
    return ask(api.uploads.announce, again=asked.again, request=body(api.inputs.UploadRequest))


@app.route("/dry-run", methods=["POST"], content_types=["*/*"])  # JSON or a form; Chalice deploys no list of the two
def post_dry_run() -> Response:
    """Tells what would become of a file: sheets, first rows, mapping, rejects, cost and time. Stores nothing."""
    return ask(api.dry_run.ask, request=app.current_request)


@app.route("/dry-run/{dry_run_id}", methods=["GET"])
def get_dry_run(dry_run_id: str) -> Response:
    """Answers a dry run that took longer than its request."""
    return ask(api.dry_run.show, dry_run_id=dry_run_id)


@app.route("/status", methods=["GET"])
def list_jobs() -> api.models.StatusPage:
    """Lists the caller's jobs, newest first; `status` and `pipeline` filter, `limit` and `cursor` page."""
    return ask(api.status.listing, query=query(api.inputs.JobQuery))


@app.route("/status/{job_id}", methods=["GET"])
def get_status(job_id: str) -> Response:
    """Shows one job: progress, row counters, error and what can be done. ETag and `retryAfterMs` are for pollers."""
    return ask(api.status.show, job_id=job_id, if_none_match=api.requests.header(app.current_request, "If-None-Match"))


@app.route("/status/{job_id}", methods=["PUT"])
def put_status(job_id: str) -> Response:
    """Takes a browser's word that its upload is done; a status never moves back."""
    return ask(api.status.report_progress, job_id=job_id, report=body(api.inputs.StatusReport))


@app.route("/status/{job_id}/cancel", methods=["POST"])
def cancel_job(job_id: str) -> api.models.StatusAnswer:
    """Stops a job; rows that are done stay."""
    return ask(api.actions.cancel, job_id=job_id)


@app.route("/status/{job_id}/resume", methods=["POST"])
def resume_job(job_id: str) -> Response:
    """Takes up a cancelled or paused job; `maxAiCalls` and `maxUsd` in the body replace its caps."""
    return ask(api.actions.resume, job_id=job_id, request=body(api.inputs.ResumeRequest))


@app.route("/status/{job_id}/retry", methods=["POST"])
def retry_job(job_id: str) -> Response:
    """Runs the failed batches of a job again."""
    return ask(api.actions.retry, job_id=job_id)


@app.route("/status/{job_id}/undo", methods=["POST"])
def undo_job(job_id: str) -> Response:
    """Removes what a job created and restores what it overwrote; what was changed since stays and is listed."""
    return ask(api.actions.undo, job_id=job_id)


@app.route("/status/{job_id}/force-complete", methods=["POST"])
def force_complete_job(job_id: str) -> api.models.ForceAnswer:
    """Ends a stuck job, what is missing as failed; operators only."""
    return ask(api.actions.force_complete, job_id=job_id)


@app.route("/status/{job_id}/report", methods=["GET"])
def get_report(job_id: str) -> Response:
    """Accounts for every row, per sheet and per batch, with duplicates and failed rows; `format=json` or `xlsx`."""
    return ask(api.downloads.report, job_id=job_id, query=query(api.inputs.ReportQuery))


@app.route("/status/{job_id}/suspects", methods=["GET"])
def list_suspects(job_id: str) -> api.suspects.SuspectsAnswer:
    """Lists leads of a job that may be one person with another lead, with both rows and reasons; none is merged."""
    return ask(api.suspects.show, job_id=job_id)


@app.route("/status/{job_id}/rejects", methods=["GET"])
def get_rejects(job_id: str) -> Response:
    """Gives all rejected rows with their original columns and the reason; `format=csv` or `xlsx`."""
    return ask(api.downloads.rejects, job_id=job_id, query=query(api.inputs.RejectQuery))


@app.route("/status/{job_id}/events", methods=["GET"])
def list_events(job_id: str) -> api.models.EventsAnswer:
    """Tells what happened to a job, from the beginning."""
    return ask(api.status.events, job_id=job_id, query=query(api.inputs.EventQuery))


@app.route("/leads", methods=["GET"])
def list_leads() -> api.models.LeadPage:
    """Pages through the leads; `filter_<field>` contains, `sortBy`, `sortOrder`, `pageSize`, and `cursor` or `page`."""
    return ask(api.leads.page, query=query(api.inputs.LeadQuery))


@app.route("/leads/{lead_id}", methods=["GET"])
def get_lead(lead_id: str) -> Response:
    """Shows one lead."""
    return ask(api.leads.show, lead_id=lead_id)


@app.route("/leads/{lead_id}", methods=["PATCH"])
def patch_lead(lead_id: str) -> Response:
    """Changes fields of a lead; null clears one. With `If-Match` only one that is still as it was read."""
    return ask(api.leads.patch, lead_id=lead_id, body=body(api.inputs.LeadPatch),
               if_match=api.requests.header(app.current_request, "If-Match"))


@app.route("/leads/{lead_id}", methods=["DELETE"])
def delete_lead(lead_id: str) -> Response:
    """Removes a lead; no late retry brings it back."""
    return ask(api.leads.delete, lead_id=lead_id)


@app.route("/chat", methods=["POST"])
def post_chat() -> api.chat_models.ChatAnswer:
    """Answers a question in plain words about the caller's leads, and shows the query that was run; only reads."""
    return ask(api.chat.answer, request=body(api.chat_models.ChatRequest))


@app.route("/erasure", methods=["POST"])
def post_erasure() -> Response:
    """Deletes a person by e-mail from leads, prior images, rejects, cache and spool; 202, the work happens later."""
    return ask(api.erasure.start, request=body(api.inputs.ErasureRequest))


@app.route("/erasure/{erasure_id}", methods=["GET"])
def get_erasure(erasure_id: str) -> api.erasure_models.ErasureStatus:
    """Says how far an erasure has come and what went; the proof of it holds no address."""
    return ask(api.erasure.show, erasure_id=erasure_id)


@app.route("/leads/{lead_id}/lineage", methods=["GET"])
def get_lineage(lead_id: str) -> api.models.LineageAnswer:
    """Says which file, sheet, row, batch and provider a lead's content came from."""
    return ask(api.leads.lineage, lead_id=lead_id)


@app.route("/export", methods=["POST"])
def post_export() -> Response:
    """Exports leads as `csv`, `xlsx` or `jsonl` with the filters of `/leads`; large ones answer 202."""
    return ask(api.downloads.export_leads, request=body(api.inputs.ExportRequest))


@app.route("/exports/{export_id}", methods=["GET"])
def get_export(export_id: str) -> api.models.ExportStatus:
    """Says how far a large file is, and links to it when it is there."""
    return ask(api.export.show, export_id=export_id)


@app.route("/catalogs", methods=["POST"], content_types=FORMS)
def post_catalog() -> Response:
    """Takes a catalogue as a form (`file`, `name`, `description`): few rows at once, else 202; its id is its job's."""
    return ask(api.catalogues.take, request=app.current_request)


@app.route("/catalogs", methods=["GET"])
def list_catalogs() -> api.catalogue_models.CataloguePage:
    """Lists the caller's catalogues, newest first; `limit` and `cursor` page."""
    return ask(api.catalogues.listing, query=query(api.catalogue_models.CatalogueQuery))


@app.route("/catalogs/{catalog_id}", methods=["GET"])
def get_catalog(catalog_id: str) -> api.catalogue_models.CatalogueAnswer:
    """Shows one catalogue with where its products' data came from."""
    return ask(api.catalogues.show, catalog_id=catalog_id)


@app.route("/catalogs/{catalog_id}/enrich", methods=["POST"])
def enrich_catalog(catalog_id: str) -> Response:
    """Enriches the products; `provider=keepa` or `mock`, `strict=true` refuses mock data. 409 while one runs."""
    return ask(api.enrichment.start, catalog_id=catalog_id, query=query(api.catalogue_models.EnrichQuery))


@app.route("/catalogs/{catalog_id}/enrichment-status", methods=["GET"])
def get_enrichment_status(catalog_id: str) -> api.catalogue_models.EnrichmentStatus:
    """Says how far the last enrichment is, batch by batch, and where the data came from."""
    return ask(api.enrichment.show, catalog_id=catalog_id)


@app.route("/catalogs/{catalog_id}/products", methods=["GET"])
def list_products(catalog_id: str) -> api.catalogue_models.ProductPage:
    """Pages through a catalogue's products in file order; `source` filters by where their data came from."""
    return ask(api.catalogues.products, catalog_id=catalog_id, query=query(api.catalogue_models.ProductQuery))


@app.route("/enrichment/providers", methods=["GET"])
def list_providers() -> api.catalogue_models.ProvidersAnswer:
    """Names the providers of product data, and the default one."""
    return ask(api.enrichment.providers)


@app.route("/price-lists", methods=["POST"], content_types=FORMS)
def post_price_list() -> Response:
    """Takes a version of a price list as a form (`file`, `name`): few rows at once, else 202; its id is its job's."""
    return ask(api.price_lists.take, request=app.current_request)


@app.route("/price-lists", methods=["GET"])
def list_price_lists() -> api.price_models.PriceListPage:
    """Lists the caller's price lists with their versions, newest first."""
    return ask(api.price_lists.listing, query=query(api.price_models.PriceListQuery))


@app.route("/price-lists/{list_id}", methods=["GET"])
def get_price_list(list_id: str) -> api.price_models.PriceListAnswer:
    """Shows one version of a price list."""
    return ask(api.price_lists.show, list_id=list_id)


@app.route("/api/price-matching/upload-and-match", methods=["POST"], content_types=FORMS)
def upload_and_match() -> Response:
    """Matches a form's `file` by `method` with a price list: up to 100 items 200 with the results, above 202."""
    return ask(api.price_matching.upload_and_match, request=app.current_request)


@app.route("/api/price-matching/matching-methods", methods=["GET"])
def list_matching_methods() -> api.price_models.MethodsAnswer:
    """Names the methods, which of them can be used here, and the default one."""
    return ask(api.price_matching.methods)


@app.route("/api/price-matching/{job_id}/status", methods=["GET"])
def get_matching_status(job_id: str) -> api.price_models.MatchingStatus:
    """Says how far a price job is, in the words of seed 000; `/status/{job_id}` says it in ours."""
    return ask(api.price_matching.status, job_id=job_id)


@app.route("/api/price-matching/{job_id}/results", methods=["GET"])
def list_results(job_id: str) -> api.price_models.ResultPage:
    """Pages through the result rows of a price job in file order; `tier` filters."""
    return ask(api.price_matching.results, job_id=job_id, query=query(api.price_models.ResultQuery))


@app.route("/api/price-matching/{job_id}/export", methods=["GET"])
def export_results(job_id: str) -> Response:
    """Writes the rates into the original workbook, formats kept; 202, the work happens in a worker."""
    return ask(api.price_matching.export_workbook, job_id=job_id)


@app.route("/api/price-matching/results/{result_id}", methods=["PATCH"])
def patch_result(result_id: str) -> api.price_models.ResultRow:
    """Sets a row's item or rate by hand; later rows of that text are matched so too."""
    return ask(api.price_results.patch, result_id=result_id, fix=body(api.price_models.ResultPatch))


@app.route("/api/price-matching/{job_id}/rematch", methods=["POST"])
def rematch(job_id: str) -> Response:
    """Matches the unmatched rows of a price job again, perhaps with another list or method; 202."""
    return ask(api.price_results.rematch, job_id=job_id, request=body(api.price_models.RematchRequest))


@app.route("/images", methods=["GET"])
def list_images() -> api.image_models.ImagePage:
    """Pages through the caller's pictures by path, with links and what was saved; `folder` narrows."""
    return ask(api.images.listing, query=query(api.image_models.ImageQuery))


@app.route("/images/{image_id}", methods=["GET"])
def get_image(image_id: str) -> api.image_models.ImageAnswer:
    """Shows one picture: sizes before and after, source, revision, and a link."""
    return ask(api.images.show, image_id=image_id)


@app.route("/webhooks/dropbox", methods=["GET"])
def echo_dropbox() -> Response:
    """Echoes Dropbox's challenge, by which it sees that we are there; needs no token."""
    return services().call(api.dropbox_webhook.echo, request=app.current_request)


@app.route("/webhooks/dropbox", methods=["POST"])
def hear_dropbox() -> Response:
    """Hears from Dropbox that files changed, checks its signature and queues a listing; needs no token."""
    return services().call(api.dropbox_webhook.changed, request=app.current_request)


@app.route("/dropbox/sync", methods=["POST"])
def sync_dropbox() -> Response:
    """Lists the Dropbox account's changes now, with `full=true` all of it; operators only; 202."""
    return ask(api.dropbox_webhook.sync, query=query(api.image_models.SyncQuery))


@app.route("/api-keys", methods=["POST"])
def post_api_key() -> api.key_models.ApiKeyMade:
    """Makes an API key with some of the caller's roles, for a program; shown this once. Wants a token, not a key."""
    return ask(api.api_keys.make, request=body(api.key_models.ApiKeyRequest))


@app.route("/api-keys", methods=["GET"])
def list_api_keys() -> api.key_models.ApiKeyList:
    """Lists the API keys of the caller's owner: name, roles, maker, expiry, day of last use; never what opens."""
    return ask(api.api_keys.listing)


@app.route("/api-keys/{key_id}", methods=["DELETE"])
def delete_api_key(key_id: str) -> Response:
    """Revokes an API key of the caller's owner, from the next request on. Wants a token, not a key."""
    return ask(api.api_keys.revoke, key_id=key_id)


@app.route("/reports/{day}", methods=["GET"])
def get_day_report(day: str) -> Response:
    """Gives the figures of a day (UTC) over all owners: rows by hour, rejects, provider, cost; operators only."""
    return ask(api.days.show, day=day)


@app.route("/queues", methods=["GET"])
def list_queues() -> api.queue_models.QueuesAnswer:
    """Shows every work queue with depth, limits, dead letters and advice, and the latest redrives; operators only."""
    return ask(api.queues.listing, sources=app.event_sources)


@app.route("/queues/{name}/dlq", methods=["GET"])
def list_dead_letters(name: str) -> api.queue_models.LettersAnswer:
    """Lists dead letters of a queue, masked, with cause and what a redrive would do; `limit`; operators only."""
    return ask(api.dead_letters.listing, name=name, query=query(api.queue_models.DeadLetterQuery))


@app.route("/queues/{name}/dlq/{message_id}", methods=["GET"])
def get_dead_letter(name: str, message_id: str) -> api.queue_models.LetterView:
    """Shows one dead letter, masked, if it is among the first 200; operators only."""
    return ask(api.dead_letters.show, name=name, message_id=message_id)


@app.route("/queues/{name}/redrive", methods=["POST"])
def redrive_queue(name: str) -> Response:
    """Puts dead letters back: `messageIds`, `count`, or `all` with `confirm`; `dryRun` only tells; operators only."""
    return ask(api.redrive.ask, name=name, request=body(api.queue_models.RedriveRequest))


@app.route("/queues/{name}/redrives/{redrive_id}", methods=["GET"])
def get_redrive(name: str, redrive_id: str) -> api.queue_models.RedriveStatus:
    """Says how far a redrive is, and what became of its letters; operators only."""
    return ask(api.redrive.show, name=name, redrive_id=redrive_id)


@app.route("/config", methods=["GET"])
def get_config() -> api.config.ConfigAnswer:
    """Shows every setting with value, default and meaning; of secrets only whether there is one; operators only."""
    return ask(api.config.show)


adapt_views(app)
