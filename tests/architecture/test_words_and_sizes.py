"""The engine names no pipeline, and every module can be read in one sitting."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from tests.architecture import sources

PIPELINE_WORDS = {"lead", "leads", "product", "products", "price", "prices", "image", "images", "deepseek", "keepa",
                  "convex", "dropbox", "mongodb"}

WAIVED: Mapping[tuple[str, str], str] = {
    ("chalicelib.jobs.messages", "leads"): "a key of the seeds' message format, which any pipeline's batch may use",
    ("chalicelib.jobs.messages", "products"): "likewise",
}
LONGEST = 400
LONGER: Mapping[str, int] = {"app": 600}
"""Module -> lines. The map of the system has six for each route, and nothing else."""


def engine_words() -> set[tuple[str, str]]:
    return {(module, word) for module in sources.product() if sources.layer(module) == "jobs"
            for word, _ in sources.code_words(module) if word in PIPELINE_WORDS}


def test_the_engine_never_names_a_pipeline_or_a_provider():
    assert {each for each in engine_words() if each not in WAIVED} == set()


def test_no_waiver_outlives_its_reason():
    assert set(WAIVED) - engine_words() == set()


def test_modules_stay_short_enough_to_read():
    lengths = {module: len(sources.path(module).read_text(encoding="utf-8").splitlines())
               for module in sources.product()}
    assert {module: lines for module, lines in lengths.items() if lines > LONGER.get(module, LONGEST)} == {}
    assert [module for module in LONGER if lengths[module] <= LONGEST] == [], "no longer an exception"


def test_every_module_says_what_it_is_for():
    trees = {module: sources.tree(sources.path(module)) for module in sources.product()}
    assert [module for module, tree in trees.items() if tree.body and not ast.get_docstring(tree)] == []
