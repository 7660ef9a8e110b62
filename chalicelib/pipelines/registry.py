"""All pipelines by name: where each is, and each built when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from chalicelib.jobs.pipeline import Pipeline

PIPELINES = {"leads": "chalicelib.pipelines.leads.pipeline", "products": "chalicelib.pipelines.products.pipeline",
             "prices": "chalicelib.pipelines.prices.pipeline", "images": "chalicelib.pipelines.images.pipeline"}
"""Every pipeline's module; its `build` is called on first use with what its parameters name."""


class Pipelines(Mapping[str, Pipeline]):
    """All pipelines by name, each built when first asked for."""

    def __init__(self, build: Callable[[str], Pipeline]) -> None:
        self._build = build
        self._built: dict[str, Pipeline] = {}

    def __getitem__(self, name: str) -> Pipeline:
        if name not in PIPELINES:
            raise KeyError(name)
        if name not in self._built:
            self._built[name] = self._build(PIPELINES[name])
        return self._built[name]

    def __contains__(self, name: object) -> bool:
        return name in PIPELINES

    def __iter__(self) -> Iterator[str]:
        return iter(PIPELINES)

    def __len__(self) -> int:
        return len(PIPELINES)
