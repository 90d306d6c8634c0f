"""Measure how well a Recognizer reads pages: many digits, composed numbers, digits in real surroundings, or none."""

import csv
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from tqdm import tqdm

from model import Page, Recognizer
from model.annotate import annotated
from model.evaluation.contact_sheets import contact_sheet
from model.evaluation.numbers import numbers, ruled_sheets
from model.evaluation.reliability import calibration_error
from model.evaluation.strokes import read_strokes
from model.images import Source, upright

COMPOSED, RULED_SHEETS = 1000, 300  # numbers of each kind; sheets of three numbers
SCATTERED = ("sheets",)  # sets whose digits have no reading order
SHEET_TILE, MISTAKES_SHOWN = 240, 60  # of a contact sheet: pixels, and pictures

Pictures = Iterable[tuple[Source, str]]  # each with its text


def rows_of(path: Path, text: str) -> list[tuple[Path, str]]:
    """List the pictures of a .tsv file, each with the `text` column; none if there is no such file."""
    if not path.exists():
        return []
    with path.open() as lines:
        return [(path.parent / row["file"], row[text]) for row in csv.DictReader(lines, delimiter="\t")]


def scenes(folder: Path) -> dict[str, list[tuple[Path, str]]]:
    """List the sets of scenes in a folder: {name: [(picture, its digits)]}; "/" separates lines, "-" means none."""
    return {labels.parent.name: rows_of(labels, "label") for labels in sorted(folder.glob("*/labels.tsv"))}


def measure_pages(recognizer: Recognizer, folder: Path, single: dict[str, Iterable[tuple[Source, int]]]) -> dict:
    """Read every picture below a folder as a page: {set: the result of `compare`}; absent sets are left out.

    Args:
        recognizer: reads the pictures.
        folder: may hold `multi/labels.tsv`, with "/" between lines of digits, and `strokes_digits.jsonl.gz`.
        single: sets of pictures with one digit each.
    """
    results, strokes = {}, folder / "strokes_digits.jsonl.gz"
    if pictures := rows_of(folder / "multi" / "labels.tsv", "digits"):
        pictures = [(path, digits.replace("/", "\n")) for path, digits in pictures]
        results["pictures of many digits"] = compare(recognizer, pictures)
    if strokes.exists():
        drawings = list(read_strokes(strokes))
        for name, how in (
            ("separate digits", {}),
            ("touching digits", {"touching": True}),
            ("numbers with signs", {"signs": True}),
            ("round numbers", {"zeros": True}),
        ):
            results[name] = compare(recognizer, numbers(drawings, COMPOSED, **how), name)
        results["ruled sheets"] = compare(recognizer, ruled_sheets(drawings, RULED_SHEETS), "ruled sheets")
    for name, pictures in single.items():
        results[f"{name}, as pages"] = compare(recognizer, ((image, str(digit)) for image, digit in pictures), name)
    return results


def measure_scenes(recognizer: Recognizer, folder: Path, mistakes: Path | None = None) -> dict[str, dict]:
    """Read the scenes and faults below a folder: {set: result of `compare_digits`}; put mistakes on contact sheets."""
    results, sets = {}, scenes(folder / "scenes")
    if faults := rows_of(folder / "faults" / "labels.tsv", "read_page(file).text"):
        sets["faults"] = [(path, text) for path, text in faults if re.fullmatch(r"[\d./:-]*", text)]
    for name, pictures in sets.items():
        wrong = []
        results[name] = compare_digits(recognizer, pictures, name, wrong)
        if mistakes and wrong:
            shown = [
                (annotated(upright(image), page), f"{Path(image).stem[:10]} {label[:14]} > {page.text[:22]!r}")
                for image, label, page in wrong[:MISTAKES_SHOWN]
            ]
            contact_sheet(shown, 6, SHEET_TILE).save(mistakes / f"scenes_{name}.png")
    return results


def compare_digits(recognizer: Recognizer, pictures: Pictures, name: str, wrong: list | None = None) -> dict:
    """Read a set of scenes and `compare` only the digits; for the faults, also their signs."""

    def comparable(text: str) -> str:
        text = text.replace("\n", "/") if name == "faults" else "".join(filter(str.isdecimal, text))
        return "".join(sorted(text)) if name in SCATTERED else text

    result = compare(recognizer, pictures, name, comparable, wrong)
    result.pop("calibration_error", None)  # it is of numbers, which need not be lines of these texts
    return result


def compare(
    recognizer: Recognizer,
    pictures: Pictures,
    name: str = "pages",
    comparable: Callable[[str], str] = str,
    wrong: list[tuple[Source, str, Page]] | None = None,
) -> dict:
    """Read pictures and compare their text with the expected text.

    Args:
        recognizer: reads the pictures.
        pictures: each with its text.
        name: of the set; the digits of SCATTERED sets have no order.
        comparable: what is compared of a text.
        wrong: misread pictures are added to it, each with its text and its page.

    Returns:
        n: number of pictures; silent: fraction in which nothing is read; said: characters read per picture; ms: median
        time of one, from file to page; slowest: the longest; cpu: what they were measured on. If there is text, also
        exact, lines: fractions of pictures and of lines read exactly; digits: number of characters expected;
        characters: character accuracy, by edit distance (Levenshtein 1966), or by counts if there is no order; found:
        fraction of them that are read; invented: extra ones read per picture; extra: number of pictures read with too
        many; one: fraction of pictures read as one character; calibration_error: of `Number.confidence`, where a number
        is correct if it is one of the picture's lines.
    """
    sums, times, said = Counter(), [], []
    for image, text in tqdm(pictures, name, unit=" pages", leave=False):
        start = time.perf_counter()
        page = recognizer.read_page(image)
        times.append(1000 * (time.perf_counter() - start))
        got, expected = comparable(page.text), comparable(text)
        lines = expected.split("\n")
        right = (Counter(lines) & Counter(got.split("\n"))).total()
        if wrong is not None and got != expected:
            wrong.append((image, text, page))
        sums.update(n=1, silent=not got, exact=got == expected, one=len(got) == 1, lines=len(lines), right=right)
        got, expected = got.replace("\n", ""), expected.replace("\n", "")
        found, longer = (Counter(got) & Counter(expected)).total(), max(len(got), len(expected))
        errors = longer - found if name in SCATTERED else distance(got, expected)
        sums.update(digits=len(expected), said=len(got), found=found, errors=errors, extra=len(got) > len(expected))
        said += [(number.confidence, number.text in lines) for number in page.numbers]
    n, digits = sums["n"], sums["digits"]
    result = {"n": n, "silent": sums["silent"] / n, "said": sums["said"] / n}
    result |= {"ms": statistics.median(times), "slowest": max(times)}
    result["cpu"] = f"{torch.backends.cpu.get_cpu_capability()}, threads: {torch.get_num_threads()}"
    if digits:
        result |= {"exact": sums["exact"] / n, "lines": sums["right"] / sums["lines"], "one": sums["one"] / n}
        result |= {"digits": digits, "characters": 1 - sums["errors"] / digits, "found": sums["found"] / digits}
        result |= {"invented": (sums["said"] - sums["found"]) / n, "extra": sums["extra"]}
        result["calibration_error"] = calibration_error(*torch.tensor(said, dtype=torch.float32).view(-1, 2).T)
    return result


def distance(one: str, other: str) -> int:
    """Return the edit distance between two texts: insertions, deletions and substitutions (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
