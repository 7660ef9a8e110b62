"""What work uses and what that costs: tokens, calls, compute and requests, in the words that the ledger adds up.

Money is counted in whole billionths of a US dollar, so that a hundred thousand small sums stay exact. It is priced when
it is spent, at list prices without free tiers or discounts: an estimate of the bill, not the bill. What a worker used
before it was killed is not in it, nor are storage, logs and what a stage costs while nothing happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

NANO = 1_000_000_000

# AWS list prices in billionths of a dollar; us-east-1, on demand, x86, first tier, read 2026-11-22 on
# aws.amazon.com/lambda/pricing, /sqs/pricing, /dynamodb/pricing/on-demand and /s3/pricing.
GB_SECOND = 16_667
INVOCATION = 200
QUEUE_REQUEST = 500
"""0.40 USD a million, and 0.10 more for fair queues, which messages with a group on a standard queue are."""
WRITE_UNIT = 625
READ_UNIT = 125
OBJECT_PUT = 5_000

UNITS_A_WRITE = 5
"""Write units of one write of a settling: a record costs two in the transaction and one in each of its indexes, its
prior image two; by the costs benchmark 4.5 where all is new, 5 where all changes."""
UNITS_A_BATCH = 4
"""Likewise of the batch's entry and the job."""
REQUESTS_A_BATCH = 6
"""Of a batch that goes well, by the throughput benchmark: reads, one transaction, and the queue's share."""
QUEUE_REQUESTS_A_BATCH = 2
SETTLING_SECONDS = 0.05
"""Of a settling transaction, which ends after the time of its batch was taken; by the settling benchmark."""


class Used(StrEnum):
    """What is counted; the job's attributes are `used_` and these names."""

    CALLS = "calls"
    """Requests to a provider, whatever came of them."""
    FAILED_CALLS = "failed_calls"
    """Those of them that brought no usable answer; their tokens, where told, count like others."""
    PROMPT_TOKENS = "prompt_tokens"
    """All input tokens, those from the provider's prefix cache included."""
    CACHE_HIT_TOKENS = "cache_hit_tokens"
    """Input tokens from the provider's prefix cache, which cost less."""
    COMPLETION_TOKENS = "completion_tokens"
    PROVIDER_TOKENS = "provider_tokens"
    """Of a provider that sells tokens by the month (Keepa): they have no price of their own."""
    CACHED = "cached"
    """Rows that our own cache answered: no call, no tokens."""
    FALLBACK = "fallback"
    """Rows that the rules did because the provider could not."""
    MB_MS = "mb_ms"
    """Memory times duration of splitter and workers."""
    REQUESTS = "requests"
    """AWS requests, estimated."""
    PROVIDER_NANO_USD = "provider_nano_usd"
    AWS_NANO_USD = "aws_nano_usd"


Usage = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Tariff:
    """US dollars for a million tokens of a provider."""

    prompt: float = 0.0
    cache_hit: float = 0.0
    completion: float = 0.0

    def nanos(self, usage: Usage) -> int:
        hits = usage.get(Used.CACHE_HIT_TOKENS, 0)
        micros = ((usage.get(Used.PROMPT_TOKENS, 0) - hits) * self.prompt + hits * self.cache_hit
                  + usage.get(Used.COMPLETION_TOKENS, 0) * self.completion)
        return round(micros * 1000)


@dataclass(slots=True)
class Meter:
    """Adds up what one attempt uses while it runs, so that the sum is known also when it fails."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, usage: Usage) -> None:
        self.counts = total(self.counts, usage)


def compute(memory_mb: int, seconds: float) -> Usage:
    """What a function of that memory costs for that long, its start not counted."""
    mb_ms = round(memory_mb * max(0.0, seconds) * 1000)
    return {Used.MB_MS: mb_ms, Used.AWS_NANO_USD: round(mb_ms / 1024 / 1000 * GB_SECOND)}


def batch_requests() -> Usage:
    """One receive of a batch's message: the invocation, the queue, and what is read to see where it stands."""
    return {Used.REQUESTS: REQUESTS_A_BATCH,
            Used.AWS_NANO_USD: INVOCATION + QUEUE_REQUESTS_A_BATCH * QUEUE_REQUEST + 2 * READ_UNIT}


def settling(writes: int) -> Usage:
    """What a settling transaction with so many writes of the pipeline's costs, and what was read to judge them."""
    units = UNITS_A_BATCH + UNITS_A_WRITE * writes
    return {Used.AWS_NANO_USD: units * WRITE_UNIT + writes * READ_UNIT}


def planned_part() -> Usage:
    """A part of the spool and its index, and the checkpoint."""
    return {Used.REQUESTS: 3, Used.AWS_NANO_USD: 2 * OBJECT_PUT + WRITE_UNIT}


def sent(messages: int) -> Usage:
    """So many messages, ten a call, and the checkpoint."""
    calls = -(-messages // 10)
    return {Used.REQUESTS: calls + 1, Used.AWS_NANO_USD: calls * QUEUE_REQUEST + WRITE_UNIT}


def total(*usages: Usage) -> dict[str, int]:
    """The sum of usages, name by name, without zeros; names in order, so that equal sums are equal texts."""
    names = sorted({str(name) for usage in usages for name in usage})
    sums = {name: sum(usage.get(name, 0) for usage in usages) for name in names}
    return {name: amount for name, amount in sums.items() if amount}


def gb_seconds(usage: Usage) -> float:
    return usage.get(Used.MB_MS, 0) / 1024 / 1000


def usd(usage: Usage) -> float:
    """All of it in dollars."""
    return (usage.get(Used.PROVIDER_NANO_USD, 0) + usage.get(Used.AWS_NANO_USD, 0)) / NANO
