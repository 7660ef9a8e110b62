"""Queues on the wire."""

from __future__ import annotations

import pytest

from chalicelib.adapters.sqs import Queues

QUEUE = "dropmill-test-leads"


@pytest.fixture
def queues(aws) -> Queues:
    return Queues(aws.client("sqs"))


def test_a_stale_receipt_handle_harms_nobody(queues: Queues) -> None:
    queues.delete(QUEUE, "long gone")
    queues.change_visibility(QUEUE, "long gone", 0)


def test_many_messages_arrive_once_each_whatever_their_number_and_size(queues: Queues, aws) -> None:
    bodies = [f"{number}:" + "x" * (number % 7 * 30_000) for number in range(47)]
    queues.send_many(QUEUE, bodies, group="an owner")
    client, url, found = aws.client("sqs"), aws.queue_url(QUEUE), []
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in messages]
        if len(found) >= len(bodies):
            break
    assert sorted(found) == sorted(bodies)


def test_a_delayed_message_counts_as_delayed_and_is_not_seen(queues: Queues, aws) -> None:
    queues.send(QUEUE, {"a": 1}, delay=0.2)
    depth = queues.depth(QUEUE)
    assert (depth.visible, depth.in_flight, depth.delayed, depth.total) == (0, 0, 1, 1)
