"""What a picture costs, beside naive Pillow and beside sharp, the seeds' engine; and what becomes of the worst files.

`python -m benchmarks.imaging --corpora` makes a picture of every file of other projects' test corpora, or refuses it
with a documented code, each in a process of its own with a function's time and memory. sharp is not part of this
repository: DROPMILL_SHARP names a folder in which `npm install sharp` was run; without it its rows are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import photographs
from benchmarks.isolated import isolated
from benchmarks.measure import cpu_seconds, in_fresh_process
from benchmarks.outcomes import DATA, Outcome
from benchmarks.report import Table
from chalicelib.costs import GB_SECOND, NANO

SIDE, QUALITY = 3840, 85
ROUNDS = 3
SECONDS, MEGABYTES = 20, 1400
VCPUS, GIGABYTES = 1.7, 2.94
"""Of a function of 3,008 MB: one processor for each 1,769 MB (AWS Lambda's documentation)."""
SLOWER = 2.5
"""A processor of Lambda against one here: a guess."""
PICTURE = "picture"
SHARP = os.environ.get("DROPMILL_SHARP", "")
_SCRIPT = """
const sharp = require('sharp'); const [source, target, mozjpeg] = process.argv.slice(1);
sharp.cache(false); sharp.concurrency(1);
const before = process.cpuUsage();
sharp(source, {limitInputPixels: false}).rotate().resize(3840, 3840, {fit: 'inside', withoutEnlargement: true})
  .flatten({background: 'white'}).toColourspace('srgb')
  .jpeg({quality: 85, progressive: true, mozjpeg: mozjpeg === 'true'}).toFile(target)
  .then(() => { const used = process.cpuUsage(before); console.log(JSON.stringify(
    [(used.user + used.system) / 1e6, process.resourceUsage().maxRSS / 1024])); });
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of the work alone, peak MiB of its process, bytes of the result; `word` where there is none."""

    cpu: float
    peak: float
    bytes: int
    word: str = ""


def run(*, quick: bool) -> Table:
    lines: list[tuple[str, ...]] = []
    for name, source in _photographs(quick=quick):
        lines += _compared(name, source)
    for name, source in () if quick else _giants():
        lines += [_line(f"{name}: {way}", _cheapest(partial(_ours, source, engine), 1), None, None)
                  for way, engine in _engines()]
    return Table(f"Pictures to {SIDE} pixels, quality {QUALITY}, progressive",
                 ("picture, way", "CPU s", "of naive Pillow's", "of sharp's", "peak MB", "kB"), tuple(lines),
                 (f"One thread each, the cheaper of {ROUNDS} rounds, libraries imported. Naive is upright, converted "
                  "to RGB, thumbnail, and leaves the profile out; all others convert colours.",
                  _predicted(10 if quick else 100)))


def _predicted(count: int) -> str:
    """What many pictures take here, and by plain arithmetic on Lambda, with the engine that the package carries."""
    source = photographs.photograph("24 MP", profile=photographs.srgb())
    wall, cpu = in_fresh_process("benchmarks.imaging:many", source=source, count=count).answer
    seconds = cpu * SLOWER / VCPUS
    usd = 1000 * seconds * GIGABYTES * GB_SECOND / NANO
    return (f"{count} of the 24 MP JPEGs with 2 workers and Pillow, which is what the package carries: "
            f"{count / wall:.1f} images/s, {cpu:.2f} CPU s each. On Lambda 3,008 MB are {VCPUS} processors; if one is "
            f"{SLOWER} times as slow as here (a guess), a picture takes {cpu:.2f} x {SLOWER} / {VCPUS} = {seconds:.2f} "
            f"s: 10 functions make {10 / seconds:.0f} images/s, 100 make {100 / seconds:.0f}, and 1,000 pictures cost "
            f"1,000 x {seconds:.2f} s x {GIGABYTES} GB x $0.0000166667 = ${usd:.3f} of Lambda, where seed 003 reckons "
            "with $1.63 a thousand. Downloading and uploading come on top; they overlap with other pictures' decoding.")


def _photographs(*, quick: bool) -> Iterator[tuple[str, str]]:
    yield "24 MP JPEG, sRGB", photographs.photograph("24 MP", profile=photographs.srgb())
    yield "24 MP JPEG, Display P3", photographs.photograph("24 MP", profile=photographs.display_p3())
    if not quick:
        yield "48 MP JPEG, sRGB", photographs.photograph("48 MP", profile=photographs.srgb())


def _giants() -> Iterator[tuple[str, str]]:
    yield "500 MB TIFF, strips", photographs.tiff("500 MB", tiled=False)
    yield "500 MB TIFF, deflated tiles", photographs.tiff("500 MB", tiled=True)
    yield "2 GB TIFF, strips", photographs.tiff("2 GB", tiled=False)
    yield "2 GB TIFF, deflated tiles", photographs.tiff("2 GB", tiled=True)
    yield "280 MP JPEG, baseline", photographs.giant(progressive=False)
    yield "280 MP JPEG, progressive", photographs.giant(progressive=True)
    yield "900 MP PNG of 109 kB", photographs.bomb()


def _engines() -> Iterator[tuple[str, str]]:
    yield "Pillow", "pillow"
    if importlib.util.find_spec("pyvips"):
        yield "pyvips", "auto"


def _compared(name: str, source: str) -> Iterator[tuple[str, ...]]:
    ways: dict[str, Callable[[], Cost]] = {"naive Pillow": partial(_python, "naive", source=source)}
    if SHARP:
        ways |= {"sharp": partial(_sharp, source), "sharp, mozjpeg": partial(_sharp, source, mozjpeg=True)}
    for way, engine in _engines():
        ways[f"Dropmill, {way}"] = partial(_ours, source, engine)
    if importlib.util.find_spec("pyvips"):
        ways["Dropmill, pyvips, mozjpeg"] = partial(_python, "ours", source=source, engine="auto", mozjpeg=True)
    found: dict[str, list[Cost]] = defaultdict(list)
    for _ in range(ROUNDS):  # in turns, so that a busy minute meets all
        for way, measure in ways.items():
            found[way].append(measure())
    best = {way: min(costs, key=lambda cost: cost.cpu) for way, costs in found.items()}
    for way, cost in best.items():
        yield _line(f"{name}: {way}", cost, best["naive Pillow"], best.get("sharp"))


def _cheapest(measure: Callable[[], Cost], rounds: int) -> Cost:
    return min((measure() for _ in range(rounds)), key=lambda cost: cost.cpu)


def _line(name: str, cost: Cost, naive: Cost | None, sharp: Cost | None) -> tuple[str, ...]:
    shares = (f"{cost.cpu / other.cpu:.2f}" if other else "" for other in (naive, sharp))
    return (name, f"{cost.cpu:.2f}", *shares, f"{cost.peak:.0f}", cost.word or f"{cost.bytes / 1000:.0f}")


def _ours(source: str, engine: str) -> Cost:
    return _python("ours", source=source, engine=engine)


def _python(way: str, **arguments: object) -> Cost:
    cost = in_fresh_process(f"benchmarks.imaging:{way}", **arguments)
    cpu, size, word = cost.answer
    return Cost(cpu, cost.peak, size, word)


def _sharp(source: str, *, mozjpeg: bool = False) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.jpg"
        done = subprocess.run(["node", "-e", _SCRIPT, source, str(target), str(mozjpeg).lower()], cwd=SHARP, check=True,
                              capture_output=True, text=True)
        cpu, peak = json.loads(done.stdout)
        return Cost(cpu, peak, target.stat().st_size)


def ours(source: str, engine: str, *, mozjpeg: bool = False) -> tuple[float, int, str]:
    from PIL import ImageCms, JpegImagePlugin  # noqa: F401 - a warm function has them

    from chalicelib.imaging import vips
    from chalicelib.imaging.model import Engine, ImageLimits, ImageRefused
    from chalicelib.imaging.picture import web_ready

    if engine != "pillow":
        vips.library()
    began = cpu_seconds()
    with tempfile.TemporaryDirectory() as folder:
        try:
            limits = ImageLimits(mozjpeg=mozjpeg)
            picture = web_ready(source, f"{folder}/out.jpg", limits=limits, engine=Engine(engine))
        except ImageRefused as refused:
            return cpu_seconds() - began, 0, refused.code
        return cpu_seconds() - began, picture.bytes, ""


def many(source: str, count: int, workers: int = 2) -> tuple[float, float]:
    """Wall seconds of all, and CPU seconds a picture, with so many processes."""
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(_one, [source] * workers))  # warm
        began = time.monotonic()
        cpu = list(pool.map(_one, [source] * count))
        return time.monotonic() - began, sum(cpu) / count


def _one(source: str) -> float:
    return ours(source, "pillow")[0]


def naive(source: str) -> tuple[float, int, str]:
    """As it is written by everybody."""
    from PIL import Image, ImageOps, JpegImagePlugin  # noqa: F401

    began = cpu_seconds()
    with tempfile.TemporaryDirectory() as folder:
        image = ImageOps.exif_transpose(Image.open(source)).convert("RGB")
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        image.save(f"{folder}/out.jpg", quality=QUALITY, progressive=True, optimize=True)
        return cpu_seconds() - began, (Path(folder) / "out.jpg").stat().st_size, ""


# --- other projects' files

def files() -> list[Path]:
    """All pictures of the corpora, in a fixed order; none where they are absent."""
    found = (path for folder in DATA.glob("img_*") for path in folder.rglob("*"))
    return sorted(path for path in found if path.is_file() and not path.name.startswith(("ORIGIN", "LICENSE")))


def outcomes(paths: Iterable[Path], engine: str = "auto") -> list[Outcome]:
    """How each file ended: `PICTURE`, a code of `ImageProblem`, or a word of `isolated` that must never come."""
    from chalicelib.imaging import vips  # noqa: F401

    _warm()
    found = []
    for path in paths:
        ended = isolated(partial(_word, str(path), engine), seconds=SECONDS, megabytes=MEGABYTES)
        found.append(Outcome(path, ended.ending or ended.answer, ended.cpu, ended.peak))
    return found


def ends(paths: list[str]) -> list[tuple[str, float]]:
    """The word and the peak in MiB of each, for a caller in another process: this one forks, and is small."""
    return [(each.word, each.peak) for each in outcomes(map(Path, paths))]


def corpora(engine: str) -> Table:
    """Everything, by format."""
    every = outcomes(files(), engine)
    if not every:
        return Table(f"There are no files in {DATA}", ("outcome",), ())
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for each in every:
        counts[each.word][each.format] += 1
    common = [name for name, _ in Counter(each.format for each in every).most_common(11)]
    lines = [(word, *(str(by_format[name] or "") for name in common),
              str(sum(number for name, number in by_format.items() if name not in common) or ""),
              str(by_format.total())) for word, by_format in
             sorted(counts.items(), key=lambda item: (item[0] != PICTURE, -item[1].total(), item[0]))]
    slow, large = max(every, key=lambda each: each.cpu), max(every, key=lambda each: each.peak)
    return Table(f"{len(every)} pictures of other projects, with {MEGABYTES} MB and {SECONDS} s each ({engine})",
                 ("outcome", *common, "other", "all"), tuple(lines),
                 (f"Slowest: {slow.path.name}, {slow.cpu:.2f} CPU s; largest: {large.path.name}, "
                  f"{large.peak:.0f} MB.",))


def _warm() -> None:
    import pi_heif  # noqa: F401
    from PIL import ImageCms, JpegImagePlugin  # noqa: F401


def _word(source: str, engine: str) -> str:
    from PIL import Image

    from chalicelib.imaging.model import Engine, ImageRefused
    from chalicelib.imaging.picture import web_ready

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.jpg"
        try:
            picture = web_ready(source, str(target), engine=Engine(engine))
        except ImageRefused as refused:
            assert not target.exists()
            return refused.code
        with Image.open(target) as image:
            image.load()
            assert (image.format, image.size, image.mode in ("L", "RGB")) == (
                "JPEG", (picture.width, picture.height), True)
            assert max(image.size) <= SIDE
        fits = max(picture.source_width, picture.source_height) <= SIDE
        assert picture.source_format != "JPEG" or not fits or picture.bytes <= picture.source_bytes, picture
    return PICTURE


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imaging", description=__doc__)
    parser.add_argument("--corpora", action="store_true", help="the outcome of every file of the corpora")
    parser.add_argument("--quick", action="store_true", help="without the largest files")
    chosen = parser.parse_args()
    if chosen.corpora:
        print(*(corpora(engine) for _, engine in _engines()), sep="\n")
    else:
        print(run(quick=chosen.quick))
    return 0


if __name__ == "__main__":
    sys.exit(main())
