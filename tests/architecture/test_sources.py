"""The reader of the sources sees what it must: a blind one would let every other test here pass."""

from __future__ import annotations

import ast

from tests.architecture import sources

SAMPLE = '''
"""leads in prose"""
from __future__ import annotations
import json, boto3.session
from typing import TYPE_CHECKING
from chalicelib.jobs import model
from chalicelib.errors import Problem
if TYPE_CHECKING:
    import mypy_boto3_s3
class Thing:
    import csv
    plugins = {"x": "chalicelib.jobs.pipeline", "y": "chalicelib.absent"}
    priceList: str = "image_key"
    """products in prose"""
    def method(self):
        import pandas
        return lambda: __import__
try:
    import tomllib
except ImportError:
    pass
'''


def test_imports_are_found_wherever_they_stand_and_told_eager_from_late():
    found = {each.module: each.eager for each in sources.imports_of(ast.parse(SAMPLE), "sample")}
    assert found == {"__future__": True, "json": True, "boto3.session": True, "typing": True, "csv": True,
                     "chalicelib.jobs.model": True, "chalicelib.errors": True, "tomllib": True, "pandas": False,
                     "chalicelib.jobs.pipeline": False}


def test_words_come_from_names_and_texts_but_not_from_prose():
    words = {word for word, _ in sources.words_of(ast.parse(SAMPLE))}
    assert {"price", "list", "image", "key", "thing"} <= words
    assert words & {"leads", "products", "prose"} == set()


def test_layers_are_the_packages_of_ours_and_libraries_themselves():
    assert [sources.layer(name) for name in ("chalicelib.jobs.model", "chalicelib.errors", "app", "boto3.session")] \
        == ["jobs", "errors", "app", "boto3"]


def test_the_product_is_all_of_it():
    assert {"chalicelib.jobs.model", "chalicelib.errors", "app"} <= set(sources.product())


def test_reachable_follows_late_imports_too():
    assert "chalicelib.jobs.model" in sources.reachable("chalicelib.jobs.pipeline")
