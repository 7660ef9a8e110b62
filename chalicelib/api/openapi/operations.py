"""The registry: every operation by the name of its view in app.py. A test holds it to the routes and their views.

To add one: an entry under its tag, `query`, `body` or `form` as the view takes them, every way it answers, and the
codes of its own. Describe a new path part or query parameter in `parameters`.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.api.catalogue_models import (
    CatalogueAnswer,
    CatalogueForm,
    CataloguePage,
    CatalogueQuery,
    CatalogueTaken,
    EnrichAnswer,
    EnrichmentStatus,
    EnrichQuery,
    ProductPage,
    ProductQuery,
    ProvidersAnswer,
)
from chalicelib.api.chat_models import ChatAnswer, ChatRequest
from chalicelib.api.config import ConfigAnswer
from chalicelib.api.day_models import DayReport
from chalicelib.api.dry_run_models import DryRunAnswer, DryRunFailed, DryRunPart, DryRunPending
from chalicelib.api.erasure_models import ErasureStatus
from chalicelib.api.image_models import (
    ChallengeQuery,
    DropboxNotice,
    ImageAnswer,
    ImagePage,
    ImageQuery,
    NoticeAnswer,
    SyncAnswer,
    SyncQuery,
)
from chalicelib.api.inputs import (
    DryRunForm,
    DryRunRequest,
    ErasureRequest,
    EventQuery,
    ExportRequest,
    JobQuery,
    LeadPatch,
    LeadQuery,
    RejectQuery,
    ReportQuery,
    ResumeRequest,
    StatusReport,
    UploadQuery,
    UploadRequest,
)
from chalicelib.api.key_models import ApiKeyList, ApiKeyMade, ApiKeyRequest
from chalicelib.api.lead_view import FIELDS
from chalicelib.api.models import (
    EventsAnswer,
    ExportAnswer,
    ExportStatus,
    ForceAnswer,
    Health,
    LeadPage,
    LeadView,
    LineageAnswer,
    LinkAnswer,
    StatusAnswer,
    StatusPage,
    UploadAnswer,
)
from chalicelib.api.openapi.model import (
    JSON,
    NOT_MODIFIED,
    NOTHING,
    Operation,
    Tag,
    accepted,
    created,
    ok,
    other,
)
from chalicelib.api.price_models import (
    ListForm,
    MatchAnswer,
    MatchForm,
    MatchingStatus,
    MethodsAnswer,
    PriceListAnswer,
    PriceListPage,
    PriceListQuery,
    RematchAnswer,
    RematchRequest,
    ResultPage,
    ResultPatch,
    ResultQuery,
    ResultRow,
)
from chalicelib.api.queue_models import (
    DeadLetterQuery,
    LettersAnswer,
    LetterView,
    QueuesAnswer,
    RedriveAnswer,
    RedriveRequest,
    RedriveStatus,
)
from chalicelib.api.report_models import ReportAnswer
from chalicelib.api.suspects import SuspectsAnswer
from chalicelib.errors import FileProblem as File
from chalicelib.errors import RequestProblem as Bad

NO_JOB, ABSENT, NO_CATALOGUE = Bad.UPLOAD_NOT_FOUND, Bad.NOT_FOUND, Bad.CATALOG_NOT_FOUND
UNREADABLE = (
    File.EMPTY_FILE, File.NO_ROWS, File.NO_HEADER, File.ENCRYPTED_WORKBOOK, File.CORRUPT_FILE, File.NOT_A_SPREADSHEET,
    File.HTML_NOT_WORKBOOK, File.PICTURE_NOT_SPREADSHEET, File.UNSUPPORTED_FORMAT, File.FILE_TOO_LARGE,
    File.TOO_MANY_ROWS, File.TOO_MANY_COLUMNS, File.TOO_MANY_FILES, File.CELL_TOO_LONG, File.ARCHIVE_BOMB,
    File.ENTITY_BOMB)
"""Why a file that came with a form is refused."""

_JOBS: Mapping[str, Operation] = {
    "post_upload": Operation(
        Tag.JOBS, (ok(UploadAnswer),), query=UploadQuery, body=UploadRequest,
        errors=(File.EMPTY_FILE, File.FILE_TOO_LARGE),
        seen={"fileName": "people.xlsx", "fileSize": 48213, "pipeline": "leads", "options": {"dedupe": "fill_blanks"}}),
    "post_dry_run": Operation(
        Tag.JOBS, (ok(DryRunAnswer), accepted(DryRunPart)), body=DryRunRequest, form=DryRunForm,
        errors=(ABSENT, File.EMPTY_FILE, File.FILE_TOO_LARGE),
        seen={"fileKey": "dry/0b1c/9f2e/people.xlsx", "pipeline": "leads"}),
    "get_dry_run": Operation(Tag.JOBS, (ok(DryRunAnswer, DryRunPending, DryRunFailed),), errors=(ABSENT,)),
    "list_jobs": Operation(Tag.JOBS, (ok(StatusPage),), query=JobQuery),
    "get_status": Operation(
        Tag.JOBS, (ok(StatusAnswer, headers=("ETag",)), NOT_MODIFIED), headers=("If-None-Match",), errors=(NO_JOB,)),
    "put_status": Operation(
        Tag.JOBS, (ok(StatusAnswer, headers=("ETag",)),), body=StatusReport, errors=(NO_JOB, Bad.STATUS_BACKWARDS),
        seen={"status": "uploaded"}),
    "cancel_job": Operation(Tag.JOBS, (ok(StatusAnswer),), errors=(NO_JOB, Bad.CANNOT_CANCEL)),
    "resume_job": Operation(
        Tag.JOBS, (accepted(StatusAnswer, headers=()),), body=ResumeRequest, body_required=False,
        errors=(NO_JOB, Bad.CANNOT_RESUME), seen={"maxUsd": 2.5}),
    "retry_job": Operation(Tag.JOBS, (accepted(StatusAnswer, headers=()),), errors=(NO_JOB, Bad.CANNOT_RETRY)),
    "undo_job": Operation(Tag.JOBS, (accepted(StatusAnswer, headers=()),), errors=(NO_JOB, Bad.CANNOT_UNDO)),
    "force_complete_job": Operation(
        Tag.JOBS, (ok(ForceAnswer),), errors=(NO_JOB, Bad.CANNOT_FORCE), operators=True),
    "get_report": Operation(
        Tag.JOBS, (ok(ReportAnswer, LinkAnswer), accepted(ExportStatus)), query=ReportQuery, errors=(NO_JOB,)),
    "list_suspects": Operation(Tag.JOBS, (ok(SuspectsAnswer),), errors=(NO_JOB,)),
    "get_rejects": Operation(
        Tag.JOBS, (other("text/csv", "Content-Disposition"), ok(LinkAnswer), accepted(ExportStatus)),
        query=RejectQuery, errors=(NO_JOB,)),
    "list_events": Operation(Tag.JOBS, (ok(EventsAnswer),), query=EventQuery, errors=(NO_JOB,)),
    "get_export": Operation(Tag.JOBS, (ok(ExportStatus),), errors=(ABSENT,)),
}

_LEADS: Mapping[str, Operation] = {
    "list_leads": Operation(Tag.LEADS, (ok(LeadPage),), query=LeadQuery, filters=FIELDS),
    "get_lead": Operation(Tag.LEADS, (ok(LeadView, headers=("ETag",)),), errors=(ABSENT,)),
    "patch_lead": Operation(
        Tag.LEADS, (ok(LeadView, headers=("ETag",)),), body=LeadPatch, body_required=False, headers=("If-Match",),
        errors=(ABSENT, Bad.INVALID_LEAD, Bad.EMAIL_TAKEN, Bad.LEAD_CHANGED),
        seen={"phone": "+61 412 345 678", "remarks": None}),
    "delete_lead": Operation(Tag.LEADS, (NOTHING,), errors=(ABSENT,)),
    "get_lineage": Operation(Tag.LEADS, (ok(LineageAnswer),), errors=(ABSENT,)),
    "post_chat": Operation(
        Tag.LEADS, (ok(ChatAnswer),), body=ChatRequest, seen={"query": "how many leads at Acme were added this week"}),
    "post_export": Operation(
        Tag.LEADS, (ok(ExportAnswer), accepted(ExportStatus)), body=ExportRequest, body_required=False,
        seen={"format": "xlsx", "filters": {"company": "acme"}}),
    "post_erasure": Operation(
        Tag.LEADS, (accepted(ErasureStatus, headers=()),), body=ErasureRequest, seen={"email": "ada@example.com"}),
    "get_erasure": Operation(Tag.LEADS, (ok(ErasureStatus),), errors=(ABSENT,)),
}

_PRODUCTS: Mapping[str, Operation] = {
    "post_catalog": Operation(
        Tag.PRODUCTS, (created(CatalogueTaken), accepted(CatalogueTaken)), form=CatalogueForm, errors=UNREADABLE),
    "list_catalogs": Operation(Tag.PRODUCTS, (ok(CataloguePage),), query=CatalogueQuery),
    "get_catalog": Operation(Tag.PRODUCTS, (ok(CatalogueAnswer),), errors=(NO_CATALOGUE,)),
    "enrich_catalog": Operation(
        Tag.PRODUCTS, (ok(EnrichAnswer, headers=("Location",)), accepted(EnrichAnswer)), query=EnrichQuery,
        errors=(NO_CATALOGUE, Bad.UNKNOWN_PROVIDER, Bad.CATALOG_NOT_READY, Bad.ENRICHMENT_RUNNING,
                Bad.PROVIDER_UNAVAILABLE)),
    "get_enrichment_status": Operation(Tag.PRODUCTS, (ok(EnrichmentStatus),), errors=(NO_CATALOGUE,)),
    "list_products": Operation(Tag.PRODUCTS, (ok(ProductPage),), query=ProductQuery, errors=(NO_CATALOGUE,)),
    "list_providers": Operation(Tag.PRODUCTS, (ok(ProvidersAnswer),)),
}

_PRICES: Mapping[str, Operation] = {
    "post_price_list": Operation(
        Tag.PRICES, (created(PriceListAnswer), accepted(PriceListAnswer)), form=ListForm, errors=UNREADABLE),
    "list_price_lists": Operation(Tag.PRICES, (ok(PriceListPage),), query=PriceListQuery),
    "get_price_list": Operation(Tag.PRICES, (ok(PriceListAnswer),), errors=(ABSENT,)),
    "upload_and_match": Operation(
        Tag.PRICES, (ok(MatchAnswer), accepted(MatchAnswer)), form=MatchForm,
        errors=(*UNREADABLE, Bad.METHOD_UNAVAILABLE, Bad.NO_PRICE_LIST)),
    "list_matching_methods": Operation(Tag.PRICES, (ok(MethodsAnswer),)),
    "get_matching_status": Operation(Tag.PRICES, (ok(MatchingStatus),), errors=(NO_JOB,)),
    "list_results": Operation(Tag.PRICES, (ok(ResultPage),), query=ResultQuery, errors=(NO_JOB,)),
    "export_results": Operation(Tag.PRICES, (accepted(ExportStatus),), errors=(NO_JOB, Bad.CANNOT_EXPORT)),
    "patch_result": Operation(
        Tag.PRICES, (ok(ResultRow),), body=ResultPatch, errors=(ABSENT, Bad.RESULT_CHANGED),
        seen={"rate": 145.35, "notes": "agreed by phone", "version": 1}),
    "rematch": Operation(
        Tag.PRICES, (ok(RematchAnswer), accepted(RematchAnswer)), body=RematchRequest, body_required=False,
        errors=(NO_JOB, Bad.CANNOT_REMATCH, Bad.NO_PRICE_LIST, Bad.METHOD_UNAVAILABLE, File.FILE_EXPIRED),
        seen={"method": "LOCAL"}),
}

_IMAGES: Mapping[str, Operation] = {
    "list_images": Operation(Tag.IMAGES, (ok(ImagePage),), query=ImageQuery),
    "get_image": Operation(Tag.IMAGES, (ok(ImageAnswer),), errors=(ABSENT,)),
    "echo_dropbox": Operation(Tag.IMAGES, (other("text/plain"),), query=ChallengeQuery),
    "hear_dropbox": Operation(
        Tag.IMAGES, (ok(NoticeAnswer),), body=DropboxNotice, headers=("X-Dropbox-Signature",),
        errors=(Bad.BAD_SIGNATURE,), seen={"list_folder": {"accounts": ["dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc"]}}),
    "sync_dropbox": Operation(
        Tag.IMAGES, (accepted(SyncAnswer, headers=()),), query=SyncQuery, errors=(Bad.DROPBOX_NOT_CONFIGURED,),
        operators=True),
}

_ACCESS: Mapping[str, Operation] = {
    "post_api_key": Operation(
        Tag.ACCESS, (ok(ApiKeyMade),), body=ApiKeyRequest, errors=(Bad.TOO_MANY_KEYS,),
        seen={"name": "nightly import", "roles": ["user"], "expiresInDays": 30}),
    "list_api_keys": Operation(Tag.ACCESS, (ok(ApiKeyList),)),
    "delete_api_key": Operation(Tag.ACCESS, (NOTHING,), errors=(ABSENT,)),
}

_OPERATORS: Mapping[str, Operation] = {
    "get_day_report": Operation(
        Tag.OPERATORS, (ok(DayReport),), errors=(Bad.BAD_REQUEST, ABSENT), operators=True),
    "list_queues": Operation(Tag.OPERATORS, (ok(QueuesAnswer),), operators=True),
    "list_dead_letters": Operation(
        Tag.OPERATORS, (ok(LettersAnswer),), query=DeadLetterQuery, errors=(ABSENT,), operators=True),
    "get_dead_letter": Operation(Tag.OPERATORS, (ok(LetterView),), errors=(ABSENT,), operators=True),
    "redrive_queue": Operation(
        Tag.OPERATORS, (ok(RedriveAnswer), accepted(RedriveAnswer, headers=())), body=RedriveRequest,
        errors=(ABSENT,), operators=True, seen={"count": 10, "dryRun": True}),
    "get_redrive": Operation(Tag.OPERATORS, (ok(RedriveStatus),), errors=(ABSENT,), operators=True),
    "get_config": Operation(Tag.OPERATORS, (ok(ConfigAnswer),), operators=True),
}

_SERVICE: Mapping[str, Operation] = {
    "get_health": Operation(Tag.SERVICE, (ok(Health),)),
    "get_console": Operation(Tag.SERVICE, (other("text/html"),)),
    "get_console_file": Operation(
        Tag.SERVICE, (other("text/javascript", "ETag"), other("text/css", "ETag"), NOT_MODIFIED),
        headers=("If-None-Match",), errors=(ABSENT,)),
    "get_openapi": Operation(Tag.SERVICE, (other(JSON, "ETag"), NOT_MODIFIED), headers=("If-None-Match",)),
    "get_docs": Operation(Tag.SERVICE, (other("text/html", "ETag"), NOT_MODIFIED), headers=("If-None-Match",)),
}

OPERATIONS: Mapping[str, Operation] = {
    **_JOBS, **_LEADS, **_PRODUCTS, **_PRICES, **_IMAGES, **_ACCESS, **_OPERATORS, **_SERVICE}
