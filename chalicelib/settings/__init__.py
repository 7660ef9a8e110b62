"""Typed settings, the only reader of the environment. Names of queues, tables and buckets derive from app and stage.

Values are the seeds' own, and each is a field with its range. The environment names of the seeds are honoured beside
ours. Stage `local` also reads `local.env` in the data folder, which the running stack writes: that is how a plain
`chalice local --stage local` finds the emulator.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from chalicelib.settings.access import AccessSettings
from chalicelib.settings.groups import (
    ConvexSettings,
    DeepSeekSettings,
    DropboxSettings,
    KeepaSettings,
    LeadsSettings,
    MongoSettings,
    PricesSettings,
    ProductsSettings,
)
from chalicelib.settings.references import SecretReference, SecretSource

__all__ = ["MIB", "ConvexSettings", "DeepSeekSettings", "DropboxSettings", "KeepaSettings", "LeadsSettings",
           "MongoSettings", "PricesSettings", "ProductsSettings", "SecretReference", "SecretSource", "Settings", "home",
           "settings"]

MIB = 1024 * 1024


def home() -> Path:
    """The folder of local mode: data, tokens, logs. `DROPMILL_HOME`, else the user's data directory."""
    given = os.environ.get("DROPMILL_HOME")
    if given:
        return Path(given)
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "dropmill"


class Settings(AccessSettings):
    """Everything that can be set. One instance per process, from `settings()`."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    app: str = Field("dropmill", alias="APP_NAME", description="First part of every resource name")
    stage: str = Field("local", alias="STAGE", description="Second part of every resource name")
    region: str = Field("us-east-1", validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"),
                        description="AWS region")
    aws_endpoint_url: str = Field("", alias="AWS_ENDPOINT_URL", description="Emulator to use instead of AWS")
    aws_access_key_id: str = Field("", alias="AWS_ACCESS_KEY_ID", description="Key for the emulator; unused in AWS")
    aws_secret_access_key: SecretStr = Field(SecretStr(""), alias="AWS_SECRET_ACCESS_KEY",
                                             description="Secret for the emulator; unused in AWS")
    log_level: str = Field("INFO", alias="LOG_LEVEL", description="DEBUG, INFO, WARNING or ERROR")
    log_format: Literal["json", "text"] = Field("json", alias="LOG_FORMAT", description="Lines for machines or people")
    metrics: Literal["auto", "emf", "off"] = Field(
        "auto", alias="METRICS", description="Metric lines; auto = where a function runs and logs are not text")
    function: str = Field("local", alias="AWS_LAMBDA_FUNCTION_NAME", description="Set by Lambda")
    commit: str = Field("", alias="COMMIT", description="Which sources run; set by deployments")
    s3_trigger: Literal["chalice", "template"] = Field(
        "chalice", alias="S3_TRIGGER",
        description="Who notifies of dropped files: Chalice, or the template of the stack")
    function_memory: int = Field(512, alias="AWS_LAMBDA_FUNCTION_MEMORY_SIZE", description="Set by Lambda; MB")

    # engine
    max_upload_bytes: int = Field(1024 * MIB, alias="MAX_UPLOAD_BYTES", ge=1, description="Largest file we take")
    max_rows: int = Field(5_000_000, alias="MAX_ROWS", ge=1, description="Most rows in a file")
    max_columns: int = Field(16_384, alias="MAX_COLUMNS", ge=1, description="Most columns in a sheet (Excel's own)")
    max_cell_chars: int = Field(32_767, alias="MAX_CELL_CHARS", ge=1, description="Longest cell (Excel's own)")
    upload_expires: int = Field(3600, alias="UPLOAD_EXPIRES_SECONDS", ge=60, description="Life of an upload link")
    transfer_acceleration: bool = Field(
        False, alias="TRANSFER_ACCELERATION",
        description="Upload and download links use the bucket's accelerated endpoint; set by deployments")
    message_bytes: int = Field(256 * 1024, alias="MESSAGE_BYTES", ge=8192, le=MIB,
                               description="Largest queue message")
    part_batches: int = Field(1000, alias="SPOOL_PART_BATCHES", ge=1, description="Batches in one spool object")
    max_receives: int = Field(3, alias="MAX_RECEIVES", ge=1, description="Receives before a message is a dead letter")
    backoff_base: float = Field(5.0, alias="BACKOFF_BASE_SECONDS", ge=0, description="First retry delay, then doubling")
    backoff_cap: float = Field(300.0, alias="BACKOFF_CAP_SECONDS", ge=0, description="Longest retry delay")
    deadline_margin: float = Field(10.0, alias="DEADLINE_MARGIN_SECONDS", ge=0,
                                   description="Seconds before a timeout at which work is handed on")
    partial_batch: bool = Field(False, alias="PARTIAL_BATCH",
                                description="The event source mappings honour batchItemFailures")
    sweep_idle_seconds: int = Field(300, alias="SWEEP_IDLE_SECONDS", ge=0,
                                    description="A job that has not moved for so long is looked at")
    sweep_minutes: int = Field(5, alias="SWEEP_MINUTES", ge=1, le=60, description="Minutes between sweeps")
    max_resends: int = Field(3, alias="MAX_RESENDS", ge=0,
                             description="Times a lost batch is sent anew before it counts as failed")
    ledger_days: int = Field(90, alias="LEDGER_DAYS", ge=1, description="Days a job stays in the ledger")
    inline_rows: int = Field(5000, alias="INLINE_ROWS", ge=1, description="Rows up to which exports answer at once")
    report_topic: str = Field("", alias="REPORT_TOPIC_ARN", description="SNS topic of the daily report; empty = none")
    max_ai_calls: int = Field(0, alias="MAX_AI_CALLS", ge=0, description="AI calls of a job; 0 = no cap")
    max_usd: float = Field(0.0, alias="MAX_USD", ge=0, description="USD for AI of a job; 0 = no cap")
    daily_ai_calls: int = Field(0, alias="DAILY_AI_CALLS", ge=0,
                                description="AI calls of an owner in a UTC day; 0 = no cap")
    daily_usd: float = Field(0.0, alias="DAILY_USD", ge=0,
                             description="USD for AI of an owner in a UTC day; 0 = no cap")
    dry_run_seconds: float = Field(12.0, alias="DRY_RUN_SECONDS", ge=0,
                                   description="Seconds that a request for a dry run reads; what is longer is a task")
    chat_provider: Literal["auto", "grammar", "deepseek"] = Field(
        "auto", alias="CHAT_PROVIDER", description="Who reads questions; auto = deepseek with a key, else the grammar")
    chat_seconds: float = Field(12.0, alias="CHAT_SECONDS", gt=0, le=20,
                                description="Seconds that the AI has to read a question; then the grammar does")
    default_owner: str = Field("default", alias="DEFAULT_OWNER", description="Owner of files dropped without one")

    # leads
    batch_size: int | Literal["auto"] = Field(10, alias="BATCH_SIZE", description="Leads in a batch (1..32), or auto")
    leads_standardizer: Literal["auto", "local", "deepseek"] = Field(
        "auto", alias="LEADS_STANDARDIZER", description="auto = deepseek with a key, else local")
    default_region: str = Field("US", alias="DEFAULT_REGION", min_length=2, max_length=2,
                                description="Country of phone numbers without a prefix (ISO 3166)")
    leads_max_concurrency: int = Field(5, alias="LEADS_MAX_CONCURRENCY", ge=2, le=1000,
                                       description="Leads workers at the same time")

    # products and prices
    processing_mode: Literal["", "sync", "parallel", "async"] = Field(
        "", alias="PROCESSING_MODE",
        description="Requests of few items: at once, both ways, or by the queue; empty = prices sync, products async")
    sync_items: int = Field(100, alias="SYNC_ITEMS", ge=0, description="Most items that a request works on itself")
    sync_seconds: float = Field(25.0, alias="SYNC_SECONDS", ge=0, le=27,
                                description="Seconds after which a request leaves the rest to the queue")
    products_batch_size: int | Literal["auto"] = Field(
        20, alias="PRODUCTS_BATCH_SIZE", description="Products in a batch (5..50), or auto")
    products_max_concurrency: int = Field(10, alias="PRODUCTS_MAX_CONCURRENCY", ge=2, le=1000,
                                          description="Products workers at the same time")
    prices_batch_size: int = Field(50, alias="PRICES_BATCH_SIZE", ge=1, le=90, description="Price items in a batch")
    prices_max_concurrency: int = Field(5, alias="PRICES_MAX_CONCURRENCY", ge=2, le=1000,
                                        description="Prices workers at the same time")

    # keepa
    keepa_url: str = Field("https://api.keepa.com", alias="KEEPA_URL", description="Base address")
    keepa_api_key: SecretStr = Field(SecretStr(""), alias="KEEPA_API_KEY",
                                     description="Key, or a reference; empty = flagged mock data")
    keepa_domain: Literal[1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12] = Field(
        1, alias="KEEPA_DOMAIN", description="Amazon's site by Keepa's number; 1 is amazon.com, 3 amazon.de")
    keepa_tokens_per_minute: float = Field(20.0, alias="KEEPA_TOKENS_PER_MINUTE", gt=0,
                                           description="What the plan refills, until Keepa tells")
    keepa_max_concurrency: int = Field(4, alias="KEEPA_MAX_CONCURRENCY", ge=1,
                                       description="Calls in flight over all workers")
    keepa_timeout: float = Field(60.0, alias="KEEPA_TIMEOUT_SECONDS", gt=0, description="Deadline of one call")
    keepa_cache_days: int = Field(7, alias="KEEPA_CACHE_DAYS", ge=0, description="Days a product's data is reused")
    keepa_missing_days: int = Field(1, alias="KEEPA_MISSING_DAYS", ge=0,
                                    description="Days that a code without a product is not asked for again")
    keepa_title_search: bool = Field(True, alias="KEEPA_TITLE_SEARCH",
                                     description="Search by title what has no code (10 tokens each)")
    keepa_stats_days: int = Field(90, alias="KEEPA_STATS_DAYS", ge=1, description="Days of Keepa's averages")

    # mongodb
    mongodb_uri: SecretStr = Field(SecretStr(""), alias="MONGODB_URI",
                                   description="Where products live, or a reference; empty = DynamoDB")
    mongodb_database: str = Field("dropmill", alias="MONGODB_DATABASE", min_length=1, description="Database")
    mongodb_timeout: float = Field(5.0, alias="MONGODB_TIMEOUT_SECONDS", gt=0, description="To find a server")

    # convex
    convex_url: str = Field("", alias="CONVEX_URL", description="Deployment that gets price results; empty = none")
    convex_deploy_key: SecretStr = Field(SecretStr(""), alias="CONVEX_DEPLOY_KEY",
                                         description="Deploy key, or a reference")
    convex_mutation: str = Field("priceMatching:upsertResult", alias="CONVEX_MUTATION",
                                 description="Mutation that upserts one result by its externalId")
    convex_status_mutation: str = Field("priceMatching:updateJobStatus", alias="CONVEX_STATUS_MUTATION",
                                        description="Mutation that takes a job's progress")
    convex_max_in_flight: int = Field(10, alias="CONVEX_MAX_IN_FLIGHT", ge=2, description="Mutations at a time")
    convex_spacing: float = Field(0.1, alias="CONVEX_SPACING_SECONDS", ge=0, description="Between their starts")
    convex_batch_gap: float = Field(2.0, alias="CONVEX_BATCH_GAP_SECONDS", ge=0, description="Between batches")
    convex_status_gap: float = Field(5.0, alias="CONVEX_STATUS_GAP_SECONDS", ge=0,
                                     description="Between reports of progress")
    convex_timeout: float = Field(20.0, alias="CONVEX_TIMEOUT_SECONDS", gt=0, description="Deadline of one call")

    # images
    images_max_concurrency: int = Field(100, alias="IMAGES_MAX_CONCURRENCY", ge=2, le=1000,
                                        description="Images workers at the same time")
    image_max_side: int = Field(3840, alias="IMAGE_MAX_SIDE", ge=16, le=16_384,
                                description="Longest side of a picture; smaller ones stay as they are")
    image_quality: int = Field(85, alias="IMAGE_QUALITY", ge=1, le=100, description="JPEG quality")
    image_mozjpeg: bool = Field(False, alias="IMAGE_MOZJPEG", description="Smaller files for more CPU, with pyvips")
    image_engine: Literal["auto", "pillow", "vips"] = Field("auto", alias="IMAGE_ENGINE", description="What decodes")

    # dropbox
    dropbox_client_id: str = Field("", alias="DROPBOX_CLIENT_ID", description="App key; empty = no Dropbox")
    dropbox_client_secret: SecretStr = Field(SecretStr(""), alias="DROPBOX_CLIENT_SECRET",
                                             description="App secret, or a reference; it signs webhooks too")
    dropbox_refresh_token: SecretStr = Field(SecretStr(""), alias="DROPBOX_REFRESH_TOKEN",
                                             description="Refresh token, or a reference")
    dropbox_account: str = Field("", alias="DROPBOX_ACCOUNT", description="Account id of the token; others are ignored")
    dropbox_owner: str = Field("", alias="DROPBOX_OWNER", description="Whose the pictures are; empty = default owner")
    dropbox_folder: str = Field("", alias="DROPBOX_FOLDER", description="Folder to follow; empty = all of it")
    dropbox_api_url: str = Field("https://api.dropboxapi.com", alias="DROPBOX_API_URL", description="Base address")
    dropbox_content_url: str = Field("https://content.dropboxapi.com", alias="DROPBOX_CONTENT_URL",
                                     description="Base address of downloads")
    dropbox_max_concurrency: int = Field(100, alias="DROPBOX_MAX_CONCURRENCY", ge=1,
                                         description="Calls in flight over all workers")

    # deepseek
    deepseek_url: str = Field("https://api.deepseek.com", alias="DEEPSEEK_URL", description="Base address")
    deepseek_api_key: SecretStr = Field(SecretStr(""), alias="DEEPSEEK_API_KEY",
                                        description="Key, or a reference; empty = no AI")
    deepseek_model: str = Field("deepseek-flash", alias="DEEPSEEK_MODEL", description="Model id")
    deepseek_thinking: bool = Field(False, alias="DEEPSEEK_THINKING", description="Let the model think first")
    deepseek_max_tokens: int = Field(8000, alias="DEEPSEEK_MAX_TOKENS", ge=256, description="Answer budget of a call")
    deepseek_timeout: float = Field(120.0, alias="DEEPSEEK_TIMEOUT_SECONDS", gt=0, description="Deadline of one call")
    deepseek_max_concurrency: int = Field(10, alias="DEEPSEEK_MAX_CONCURRENCY", ge=1,
                                          description="Calls in flight over all workers")
    deepseek_spacing: float = Field(0.0, alias="DEEPSEEK_SPACING_SECONDS", ge=0,
                                    description="Least time between the starts of two calls")
    deepseek_usd_prompt: float = Field(0.30, alias="DEEPSEEK_USD_PROMPT", ge=0,
                                       description="USD for a million input tokens (list price, peak hours)")
    deepseek_usd_cache_hit: float = Field(0.006, alias="DEEPSEEK_USD_CACHE_HIT", ge=0,
                                          description="The same for those in the provider's cache")
    deepseek_usd_completion: float = Field(1.20, alias="DEEPSEEK_USD_COMPLETION", ge=0,
                                           description="The same for output tokens")
    deepseek_cache_days: int = Field(30, alias="DEEPSEEK_CACHE_DAYS", ge=0, description="Days an answer is reused")

    secrets_seconds: float = Field(300.0, alias="SECRETS_SECONDS", ge=0,
                                   description="Life of a secret that was read by reference; so long a rotation takes")

    # names that the seeds set from outside; empty = derived
    queue_url: str = Field("", validation_alias=AliasChoices("PROCESSING_QUEUE_URL", "SQS_QUEUE_URL"),
                           description="Leads queue, under the seeds' names")
    status_table: str = Field("", alias="PROCESSING_STATUS_TABLE", description="Ledger table, under the seeds' name")
    leads_table_name: str = Field("", alias="LEADS_TABLE", description="Leads table, under the seeds' name")
    bucket_name: str = Field("", alias="AWS_S3_BUCKET", description="Bucket, under the seeds' name")
    account: str = Field("", alias="AWS_ACCOUNT_ID", description="Account number, part of the bucket's name")

    @field_validator("products_batch_size")
    @classmethod
    def _products_batch(cls, size: int | str) -> int | str:
        if isinstance(size, int) and not 5 <= size <= 50:
            raise ValueError("5 to 50 products are a batch (seed 001)")
        return size

    @field_validator("deepseek_api_key", "keepa_api_key", "mongodb_uri", "convex_deploy_key",
                     "dropbox_client_secret", "dropbox_refresh_token")
    @classmethod
    def _whole_reference(cls, secret: SecretStr) -> SecretStr:
        SecretReference.of(secret)
        return secret

    @property
    def writes_metrics(self) -> bool:
        in_function = self.function != "local" and self.log_format == "json"
        return self.metrics == "emf" or (self.metrics == "auto" and in_function)

    @property
    def local(self) -> bool:
        return self.stage in ("local", "test")

    @property
    def bucket(self) -> str:
        derived = f"{self.app}-{self.stage}-data" + (f"-{self.account}" if self.account else "")
        return self.bucket_name or derived

    @property
    def ledger_table(self) -> str:
        return self.status_table or self.name("ledger")

    @property
    def leads_table(self) -> str:
        return self.leads_table_name or self.name("leads")

    @property
    def limits_table(self) -> str:
        return self.name("limits")

    @property
    def cache_table(self) -> str:
        return self.name("cache")

    @property
    def products_table(self) -> str:
        return self.name("products")

    @property
    def prices_table(self) -> str:
        return self.name("prices")

    @property
    def enrichment_status_table(self) -> str:
        """Seed 001's own name, so that its query works."""
        return f"{self.stage}-enrichment-status"

    @property
    def products_queue(self) -> str:
        return self.name("products")

    @property
    def prices_queue(self) -> str:
        return self.name("prices")

    @property
    def images_table(self) -> str:
        return self.name("images")

    @property
    def images_queue(self) -> str:
        return self.name("images")

    def name(self, thing: str) -> str:
        return f"{self.app}-{self.stage}-{thing}"

    @property
    def split_queue(self) -> str:
        return self.name("split")

    @property
    def tasks_queue(self) -> str:
        return self.name("tasks")

    @property
    def leads_queue(self) -> str:
        return self.queue_url.rsplit("/", 1)[-1] if self.queue_url else self.name("leads")

    @property
    def leads(self) -> LeadsSettings:
        chosen = self.leads_standardizer
        if chosen == "auto":
            chosen = "deepseek" if len(self.deepseek_api_key) else "local"  # asks nobody for its value
        return LeadsSettings(batch_size=self.batch_size, standardizer=chosen, default_region=self.default_region,
                             max_concurrency=self.leads_max_concurrency)

    @property
    def products(self) -> ProductsSettings:
        return ProductsSettings(batch_size=self.products_batch_size, max_concurrency=self.products_max_concurrency,
                                mode=self.processing_mode or "async")

    @property
    def prices(self) -> PricesSettings:
        return PricesSettings(batch_size=self.prices_batch_size, max_concurrency=self.prices_max_concurrency,
                              mode=self.processing_mode or "sync")

    @property
    def keepa(self) -> KeepaSettings:
        return KeepaSettings(
            url=self.keepa_url, key=self.keepa_api_key, domain=self.keepa_domain,
            tokens_per_minute=self.keepa_tokens_per_minute, max_concurrency=self.keepa_max_concurrency,
            call_timeout=self.keepa_timeout, cache_days=self.keepa_cache_days, missing_days=self.keepa_missing_days,
            title_search=self.keepa_title_search, stats_days=self.keepa_stats_days)

    @property
    def mongodb(self) -> MongoSettings:
        return MongoSettings(uri=self.mongodb_uri, database=self.mongodb_database, timeout=self.mongodb_timeout)

    @property
    def convex(self) -> ConvexSettings:
        return ConvexSettings(
            url=self.convex_url, key=self.convex_deploy_key, mutation=self.convex_mutation,
            status_mutation=self.convex_status_mutation, max_in_flight=self.convex_max_in_flight,
            spacing_seconds=self.convex_spacing, batch_gap_seconds=self.convex_batch_gap,
            status_gap_seconds=self.convex_status_gap, call_timeout=self.convex_timeout)

    @property
    def dropbox(self) -> DropboxSettings:
        return DropboxSettings(
            api_url=self.dropbox_api_url, content_url=self.dropbox_content_url, client_id=self.dropbox_client_id,
            client_secret=self.dropbox_client_secret, refresh_token=self.dropbox_refresh_token,
            folder=self.dropbox_folder, max_concurrency=self.dropbox_max_concurrency)

    @property
    def chat_reader(self) -> Literal["grammar", "deepseek"]:
        if self.chat_provider != "auto":
            return self.chat_provider
        return "deepseek" if len(self.deepseek_api_key) else "grammar"  # asks nobody for its value

    @property
    def deepseek(self) -> DeepSeekSettings:
        return DeepSeekSettings(
            url=self.deepseek_url, key=self.deepseek_api_key, model=self.deepseek_model,
            thinking=self.deepseek_thinking, max_tokens=self.deepseek_max_tokens, call_timeout=self.deepseek_timeout,
            max_concurrency=self.deepseek_max_concurrency, spacing_seconds=self.deepseek_spacing,
            cache_days=self.deepseek_cache_days, usd_prompt=self.deepseek_usd_prompt,
            usd_cache_hit=self.deepseek_usd_cache_hit, usd_completion=self.deepseek_usd_completion)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings, read once. Tests build their own `Settings(...)`."""
    if os.environ.get("STAGE", "local") == "local":
        return Settings(_env_file=home() / "local.env")
    return Settings()
