"""The fake DeepSeek's side of tool calling: what it objects to, and the call that it answers.

For `search_leads` it reads the question by our own grammar, so that a local stack with the fake answers sensibly; a
test may put any other arguments into its mouth.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib.asking import grammar
from chalicelib.asking.model import Query

MOST_TOOLS = 128

Call = dict[str, Any]


def objects(body: Mapping[str, Any]) -> bool:
    """Whether DeepSeek refuses the request for what it says of tools."""
    names = [str(tool.get("function", {}).get("name", "")) for tool in body.get("tools", ())]
    if len(names) > MOST_TOOLS or not all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in names):
        return True
    choice = body.get("tool_choice", "auto")
    if choice == "none" or not names:
        return isinstance(choice, dict) or choice == "required"
    if choice == "auto":
        return False
    thinks = body.get("thinking", {}).get("type", "enabled") != "disabled"
    known = choice == "required" or (isinstance(choice, dict) and choice.get("function", {}).get("name") in names)
    return thinks or not known or _unanswered(body["messages"])


def _unanswered(messages: list[Mapping[str, Any]]) -> bool:
    """Whether a call stands in the conversation that no message of a tool answers, or the other way round."""
    called = [call["id"] for message in messages for call in message.get("tool_calls") or ()]
    return called != [message.get("tool_call_id") for message in messages if message.get("role") == "tool"]


def message(body: Mapping[str, Any], kind: str, arguments: Any = None) -> tuple[dict[str, Any], str]:
    """The assistant's message and its finish reason. `arguments`, where given, are what it says whatever is asked."""
    said = arguments if arguments is not None else _understood(body)
    call = {"id": f"call_{len(body['messages'])}", "index": 0, "type": "function", "function": {
        "name": body["tools"][0]["function"]["name"],
        "arguments": said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)}}
    if kind == "tool_text":
        return {"role": "assistant", "content": "You could search for that."}, "stop"
    calls = [_MISTAKES[kind](call)] if kind in _MISTAKES else [call]
    return {"role": "assistant", "content": "", "tool_calls": calls}, "tool_calls"


def _understood(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a good model would make of the question."""
    asked = next((message["content"] for message in body["messages"] if message.get("role") == "user"), "")
    try:
        said = json.loads(asked)
        today = datetime.fromisoformat(said["today"][:10]).replace(tzinfo=UTC)
        meant = grammar.understand(said["question"], today)
    except (ValueError, KeyError, TypeError):
        return {"type": "none", "reason": "unclear"}
    if isinstance(meant, Query):
        query: dict[str, Any] = meant.model_dump(mode="json", by_alias=True, exclude_none=True)
        return query
    return {"type": "none", "reason": meant.why.value}


def _said(call: Call, change: Callable[[dict[str, Any]], Any]) -> Call:
    said = json.loads(call["function"]["arguments"])
    return {**call, "function": {**call["function"], "arguments": json.dumps(change(said))}}


def _filtered(said: dict[str, Any], **condition: Any) -> dict[str, Any]:
    return {**said, "filters": [*said.get("filters", []), condition]}


_MISTAKES: Mapping[str, Callable[[Call], Call]] = {
    "tool_broken": lambda call: {**call, "function": {
        **call["function"], "arguments": call["function"]["arguments"][:-2]}},
    "tool_list": lambda call: _said(call, lambda said: [said]),
    "tool_field": lambda call: _said(call, lambda said: _filtered(said, field="owner", op="equals", values=["x"])),
    "tool_operator": lambda call: _said(call, lambda said: _filtered(said, field="company", op="regex", values=["."])),
    "tool_limit": lambda call: _said(call, lambda said: {**said, "limit": 1_000_000}),
    "tool_more": lambda call: _said(call, lambda said: {**said, "owner": "somebody-else"}),
    "tool_other": lambda call: {**call, "function": {**call["function"], "name": "delete_leads"}},
}
ACTS = frozenset({"tool_text", *_MISTAKES})
"""What a model may do wrong with a tool."""
