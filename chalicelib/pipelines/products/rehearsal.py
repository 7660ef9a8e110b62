"""What a batch of products would come to: rejects by the rules, and what enriching them would ask of Keepa.

Tokens are counted by distinct codes, since a job asks for each only once however often it stands in the file; those
that our cache already knows are not guessed, nor is the title search of what no code finds.
"""

from __future__ import annotations

from chalicelib.errors import RowRefused
from chalicelib.jobs.model import Batch, Reject, origin_of, row_id, worksheet_of
from chalicelib.jobs.pipeline import Rehearsal
from chalicelib.pipelines.products.enrich import KEEPA, MOCK, searchable
from chalicelib.pipelines.products.known import title_key
from chalicelib.pipelines.products.prefetch import GROUP
from chalicelib.pipelines.products.records import Row, row_of
from chalicelib.settings import KeepaSettings

SEARCH_TOKENS = 10
SECONDS_A_CALL = 1.5
SECONDS_A_ROW = 0.002


def rehearse(batch: Batch, *, settings: KeepaSettings, has_key: bool, workers: int) -> Rehearsal:
    """What importing and enriching `batch` would reject and use."""
    rejects: list[Reject] = []
    rows: list[Row] = []
    for item in batch.items:
        try:
            rows.append(row_of(item, batch.columns.get(str(item["_worksheet"]), {})))
        except RowRefused as refusal:
            sheet, row = row_id(item)
            cells = {name: value for name, value in item.items() if not name.startswith("_")}
            rejects.append(Reject(sheet, row, worksheet_of(item), refusal.code.value, refusal.field, refusal.message,
                                  cells, origin_of(item)))
    seconds = SECONDS_A_ROW * len(batch.items)
    if not has_key:
        return Rehearsal(tuple(rejects), {}, seconds, workers, MOCK)
    keys = {row.codes[0].key: 1 for row in rows if row.codes}
    seconds += SECONDS_A_CALL * len(keys) / GROUP
    if settings.title_search:
        searched = {title_key(row.title, row.brand): SEARCH_TOKENS for row in rows if not row.codes and searchable(row)}
        seconds += SECONDS_A_CALL * len(searched)
        keys |= searched
    return Rehearsal(tuple(rejects), {}, seconds, workers, KEEPA, keys, settings.tokens_per_minute)
