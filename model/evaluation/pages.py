"""Measure how well a Recognizer reads pages: pictures of many digits, composed numbers, and single digits as pages."""

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import torch
from tqdm import tqdm

from model import Recognizer
from model.evaluation.numbers import numbers, ruled_sheets
from model.evaluation.reliability import calibration_error
from model.evaluation.strokes import read_strokes
from model.images import Source

COMPOSED, RULED_SHEETS = 1000, 300  # numbers of each kind; sheets of three numbers


def measure_pages(recognizer: Recognizer, folder: Path, single: dict[str, Iterable[tuple[Source, int]]]) -> dict:
    """Read every picture below a folder as a page: {set: the result of `compare`}; absent sets are left out.

    Args:
        recognizer: reads the pictures.
        folder: may hold `multi/labels.tsv`, with "/" between lines of digits, and `strokes_digits.jsonl.gz`.
        single: sets of pictures with one digit each.
    """
    results = {}
    labels = folder / "multi" / "labels.tsv"
    if labels.exists():
        with labels.open() as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
        pictures = [(folder / "multi" / row["file"], row["digits"].replace("/", "\n")) for row in rows]
        results["pictures of many digits"] = compare(recognizer, pictures)
    strokes = folder / "strokes_digits.jsonl.gz"
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


def compare(recognizer: Recognizer, pictures: Iterable[tuple[Source, str]], name: str = "pages") -> dict:
    """Read pictures and compare their text with the expected text, line by line.

    Returns:
        n: number of pictures.
        exact: fraction of pictures read exactly.
        lines: fraction of lines read exactly.
        characters: character accuracy, 1 - edit distance (Levenshtein 1966) / expected characters.
        extra: number of pictures read with too many characters.
        one: fraction of pictures read as one character.
        calibration_error: of `Number.confidence`; a number is correct if it is one of the picture's lines.
    """
    exact = lines = right = characters = errors = extra = one = n = 0
    said = []
    for image, expected in tqdm(pictures, name, unit=" pages", leave=False):
        page = recognizer.read_page(image)
        got, expected_lines = page.text, expected.split("\n")
        n += 1
        exact += got == expected
        lines += len(expected_lines)
        right += (Counter(expected_lines) & Counter(got.split("\n"))).total()
        characters += sum(map(len, expected_lines))
        errors += distance(got.replace("\n", ""), expected.replace("\n", ""))
        extra += len(got.replace("\n", "")) > len(expected.replace("\n", ""))
        one += len(got) == 1
        said += [(number.confidence, number.text in expected_lines) for number in page.numbers]
    return {
        "n": n,
        "exact": exact / n,
        "lines": right / lines,
        "characters": 1 - errors / characters,
        "extra": extra,
        "one": one / n,
        "calibration_error": calibration_error(*torch.tensor(said, dtype=torch.float32).view(-1, 2).T),
    }


def distance(one: str, other: str) -> int:
    """Return the edit distance between two texts: insertions, deletions and substitutions (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
