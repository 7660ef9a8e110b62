"""What a job used and what that costs, as people see it. Pure."""

from __future__ import annotations

from chalicelib import costs
from chalicelib.api.models import CostView
from chalicelib.costs import NANO, Used
from chalicelib.jobs.model import Job


def cost_view(job: Job) -> CostView:
    """The job so far; batches that are under way are not in it yet."""
    used = job.usage
    return CostView(
        estimated_usd=round(costs.usd(used), 6), provider_usd=round(used[Used.PROVIDER_NANO_USD] / NANO, 6),
        aws_usd=round(used[Used.AWS_NANO_USD] / NANO, 6), provider_calls=used[Used.CALLS],
        failed_calls=used[Used.FAILED_CALLS], prompt_tokens=used[Used.PROMPT_TOKENS],
        cache_hit_tokens=used[Used.CACHE_HIT_TOKENS], completion_tokens=used[Used.COMPLETION_TOKENS],
        cached_rows=used[Used.CACHED], fallback_rows=used[Used.FALLBACK], gb_seconds=round(costs.gb_seconds(used), 3),
        aws_requests=used[Used.REQUESTS])
