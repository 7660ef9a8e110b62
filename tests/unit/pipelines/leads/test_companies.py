"""The name of a company without what the law puts behind it."""

from __future__ import annotations

import pytest

from chalicelib.pipelines.leads.companies import company_core


@pytest.mark.parametrize(("name", "core"), [
    ("The Acme Co., Ltd. (Berlin)", "acme"), ("ACME S.p.A.", "acme"), ("acme", "acme"), ("Acme, Inc", "acme"),
    ("Müller & Söhne GmbH & Co. KG", "muller sohne"), ("Nordwind Sp. z o.o.", "nordwind"), ("Foo, s.r.o.", "foo"),
    ("J.P. Morgan", "jp morgan"), ("Limited", "limited"), ("S.A.", "sa"), ("", ""), ("ООО Ромашка", "ооо ромашка"),
    ("Bar A/S", "bar a s"),
])
def test_a_company_is_compared_by_its_core(name: str, core: str) -> None:
    assert company_core(name) == core
