"""What a batch of leads would come to: rejects by the rules, and what the AI would use, without asking it.

Tokens are estimated from characters, by the provider's own rule of thumb (api-docs.deepseek.com, token usage: an
English character is about 0.3 tokens, a Chinese one 0.6); the answer is taken to be as long as the rules' own. Rows
that our cache or the provider's prefix cache would answer cheaper are not guessed: the estimate is on the high side.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from chalicelib.costs import Tariff, Used
from chalicelib.errors import RowRefused
from chalicelib.jobs.model import Batch, Item, Reject, origin_of, row_id, worksheet_of
from chalicelib.jobs.pipeline import Rehearsal
from chalicelib.pipelines.leads import prompt
from chalicelib.pipelines.leads.ai import CHARS_A_TOKEN, DEEPSEEK, LOCAL, question_of
from chalicelib.pipelines.leads.fields import CONTENT
from chalicelib.pipelines.leads.standardize import standardize
from chalicelib.pipelines.leads.validate import validate
from chalicelib.settings import DeepSeekSettings, LeadsSettings

TOKENS_A_CHAR, TOKENS_A_WIDE_CHAR = 0.3, 0.6
SECONDS_A_CALL, TOKENS_A_SECOND = 1.5, 60.0
"""A cautious pace of the provider's answers."""
LOCAL_SECONDS_A_ROW = 0.002


def rehearse(batch: Batch, *, chosen: LeadsSettings, provider: DeepSeekSettings) -> Rehearsal:
    """What processing `batch` would reject and use."""
    rejects: list[Reject] = []
    answers: list[Mapping[str, str]] = []
    for item in batch.items:
        record = standardize(item, batch.columns.get(str(item["_worksheet"]), {}),
                             default_region=chosen.default_region).record
        answers.append({"id": "r1", **{name: record.get(name, "N/A") for name in CONTENT}})
        try:
            validate(record)
        except RowRefused as refusal:
            rejects.append(_reject(item, refusal))
    if chosen.standardizer != "deepseek" or not batch.items:
        return Rehearsal(tuple(rejects), {}, LOCAL_SECONDS_A_ROW * len(batch.items), chosen.max_concurrency, LOCAL)
    usage = _usage(batch, answers, provider)
    seconds = usage[Used.CALLS] * SECONDS_A_CALL + usage[Used.COMPLETION_TOKENS] / TOKENS_A_SECOND
    return Rehearsal(tuple(rejects), usage, seconds, min(chosen.max_concurrency, provider.max_concurrency), DEEPSEEK)


def tokens(text: str) -> int:
    """About how many tokens a text has."""
    wide = sum(1 for letter in text if ord(letter) > 0x2E7F)
    return round((len(text) - wide) * TOKENS_A_CHAR + wide * TOKENS_A_WIDE_CHAR)


def _usage(batch: Batch, answers: Sequence[Mapping[str, str]], provider: DeepSeekSettings) -> dict[str, int]:
    questions = [question_of(place, item, batch.columns) for place, item in enumerate(batch.items)]
    asked = "".join(message["content"] for message in prompt.messages(questions))
    answered = json.dumps({"rows": list(answers)}, ensure_ascii=False, separators=(",", ":"))
    calls = max(1, -(-len(answered) // (provider.max_tokens * CHARS_A_TOKEN)))
    usage: dict[str, int] = {Used.CALLS: calls, Used.COMPLETION_TOKENS: tokens(answered),
                             Used.PROMPT_TOKENS: tokens(asked) + (calls - 1) * tokens(prompt.SYSTEM)}
    tariff = Tariff(provider.usd_prompt, provider.usd_cache_hit, provider.usd_completion)
    return {**usage, Used.PROVIDER_NANO_USD: tariff.nanos(usage)}


def _reject(item: Item, refusal: RowRefused) -> Reject:
    sheet, row = row_id(item)
    cells = {name: value for name, value in item.items() if not name.startswith("_")}
    return Reject(sheet, row, worksheet_of(item), refusal.code.value, refusal.field, refusal.message, cells,
                  origin_of(item))
