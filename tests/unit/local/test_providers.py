from __future__ import annotations

import contextlib
from typing import Any

import pytest
import requests

from chalicelib.adapters.dropbox import Dropbox
from chalicelib.local import providers
from chalicelib.local.faults import Faults, parse
from chalicelib.settings import Settings


class NoLimits:
    """A limiter that lets everybody pass."""

    def hold(self, *_: Any, **__: Any) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def penalise(self, *_: Any) -> None: ...

    def trip(self, *_: Any) -> None: ...


def test_a_stage_with_the_fake_dropbox_can_list_it() -> None:
    with contextlib.ExitStack() as cleanup:
        told = providers.start(Faults(), {"FAKES": "dropbox"}, cleanup, lambda *_: None)
        chosen = Settings(**told)

        page = Dropbox(chosen.dropbox, NoLimits(), requests.Session()).list_folder("", deadline=5)

    assert (page.entries, page.has_more) == ((), False)
    assert told["DROPBOX_ACCOUNT"].startswith("dbid:")


def test_a_provider_that_is_to_fail_is_faked_without_being_asked_for() -> None:
    with contextlib.ExitStack() as cleanup:
        told = providers.start(parse("dropbox:429@0.5"), {}, cleanup, lambda *_: None)

    assert told["DROPBOX_API_URL"] == told["DROPBOX_CONTENT_URL"]


def test_a_fake_that_we_lack_is_refused_with_a_sentence() -> None:
    with contextlib.ExitStack() as cleanup, pytest.raises(ValueError, match="FAKES: mailbox"):
        providers.start(Faults(), {"FAKES": "mailbox"}, cleanup, lambda *_: None)
