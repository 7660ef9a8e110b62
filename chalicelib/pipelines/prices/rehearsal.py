"""What a batch of prices would come to, without storing anything and without asking anybody.

Which rows the matcher would doubt depends on the list; of those that an AI method is asked about, the share is a guess
on the high side, and so are the tokens.
"""

from __future__ import annotations

from chalicelib.costs import Tariff, Used
from chalicelib.errors import RowRefused
from chalicelib.jobs.model import Batch, Item, Reject, row_id
from chalicelib.jobs.pipeline import Rehearsal
from chalicelib.pipelines.prices.items import cells_of, context_of, listed, wanted
from chalicelib.pipelines.prices.lists import PROVIDER, rejected
from chalicelib.pipelines.prices.reading import DRY
from chalicelib.pipelines.prices.rerank import METHOD, ROWS_A_CALL
from chalicelib.settings import Settings

CLOSE_SHARE = 0.4
"""Of the rows of a bill, those that LOCAL is in doubt about; on the public pairs it was a third."""
TOKENS_A_ROW, TOKENS_A_CALL, ANSWER_TOKENS_A_ROW = 250, 600, 12
SECONDS_A_CALL = 2.5
LOCAL_SECONDS_A_ROW = 0.01


def rehearse(batch: Batch, *, settings: Settings) -> Rehearsal:
    """What working on `batch` would reject and use."""
    method = str(batch.items[0].get(DRY, "")) if batch.items else ""
    rejects = tuple(reject for item in batch.items if (reject := _refusal(item, batch, method)) is not None)
    seconds = LOCAL_SECONDS_A_ROW * len(batch.items)
    workers = settings.prices_max_concurrency
    if method != METHOD:
        return Rehearsal(rejects, {}, seconds, workers, method or "LOCAL")
    close = CLOSE_SHARE * (len(batch.items) - len(rejects))
    calls = -(-round(close) // ROWS_A_CALL)
    usage: dict[str, int] = {
        Used.CALLS: calls, Used.PROMPT_TOKENS: round(calls * TOKENS_A_CALL + close * TOKENS_A_ROW),
        Used.COMPLETION_TOKENS: round(close * ANSWER_TOKENS_A_ROW)}
    chosen = settings.deepseek
    tariff = Tariff(chosen.usd_prompt, chosen.usd_cache_hit, chosen.usd_completion)
    return Rehearsal(rejects, {**usage, Used.PROVIDER_NANO_USD: tariff.nanos(usage)}, seconds + calls * SECONDS_A_CALL,
                     min(workers, chosen.max_concurrency), method)


def _refusal(item: Item, batch: Batch, method: str) -> Reject | None:
    cells = cells_of(item, batch.columns)
    try:
        if method == PROVIDER:
            listed(cells, row_id(item), context_of(item))
        else:
            wanted(cells, context_of(item))
    except RowRefused as refusal:
        return rejected(item, refusal)
    return None
