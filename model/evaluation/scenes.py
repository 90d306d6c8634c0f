"""Measure how well a Recognizer reads scenes: digits in real surroundings, and pictures without digits."""

import csv
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from tqdm import tqdm

from model import Page, Recognizer
from model.annotate import annotated
from model.evaluation.pages import distance
from model.images import Source, upright

SCATTERED = ("sheets",)  # sets whose digits have no reading order
SHEET_TILE = 240  # pixels: side of a picture on a contact sheet


def faults(folder: Path) -> list[tuple[Path, str]]:
    """List the pictures made for this project, each with its text; skip texts that hold more than digits and ./:-"""
    with (folder / "labels.tsv").open() as lines:
        rows = [row[:2] for row in csv.reader(lines, delimiter="\t")][1:]
    return [(folder / file, text) for file, text in rows if re.fullmatch(r"[\d./:-]*", text)]


def scenes(folder: Path) -> dict[str, list[tuple[Path, str]]]:
    """List the sets of scenes in a folder: {name: [(picture, its digits)]}; "/" separates lines, "-" means none."""
    sets = {}
    for labels in sorted(folder.glob("*/labels.tsv")):
        with labels.open() as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
        sets[labels.parent.name] = [(labels.parent / row["file"], row["label"]) for row in rows]
    return sets


def measure_scenes(recognizer: Recognizer, folder: Path, mistakes: Path | None = None) -> dict[str, dict]:
    """Read the scenes and faults below a folder: {set: result of `measure_set`}; put mistakes on contact sheets."""
    results, sets = {}, scenes(folder / "scenes")
    if (folder / "faults" / "labels.tsv").exists():
        sets["faults"] = faults(folder / "faults")
    for name, pictures in sets.items():
        results[name], wrong = measure_set(recognizer, pictures, name, scattered=name in SCATTERED)
        if mistakes and wrong:
            contact_sheet(wrong).save(mistakes / f"scenes_{name}.png")
    return results


def measure_set(
    recognizer: Recognizer, pictures: Iterable[tuple[Source, str]], name: str, scattered: bool = False
) -> tuple[dict, list[tuple[Source, str, Page]]]:
    """Read pictures and compare only their digits with the expected ones; for the faults, also their signs.

    Returns:
        First, the measures. n: number of pictures; silent: fraction in which no digit is read; said: digits read per
        picture; ms: median time of one, from file to page; slowest: the longest; cpu: what they were measured on. If
        the pictures contain digits, also exact: fraction read exactly; digits: how many they contain; characters: digit
        accuracy, by edit distance, or by counts if `scattered`; found: fraction of the digits that are read; invented:
        extra digits read per picture.
        Second, the misread pictures, each with its digits and its page.
    """
    n = silent = exact = errors = total = found = said = 0
    times, wrong = [], []
    for image, label in tqdm(pictures, name, unit=" scenes", leave=False):
        start = time.perf_counter()
        page = recognizer.read_page(image)
        times.append(1000 * (time.perf_counter() - start))
        got, expected = page.text.replace("\n", "/"), label
        if name != "faults":
            got, expected = ("".join(filter(str.isdecimal, text)) for text in (got, expected))
        if scattered:
            got, expected = "".join(sorted(got)), "".join(sorted(expected))
        n, total, said = n + 1, total + len(expected), said + len(got)
        silent, exact = silent + (not got), exact + (got == expected)
        common = (Counter(got) & Counter(expected)).total()
        errors += max(len(got), len(expected)) - common if scattered else distance(got, expected)
        found += common
        if got != expected:
            wrong.append((image, label, page))
    result = {"n": n, "silent": silent / n, "said": said / n, "ms": statistics.median(times), "slowest": max(times)}
    result["cpu"] = f"{torch.backends.cpu.get_cpu_capability()}, threads: {torch.get_num_threads()}"
    if total:
        result |= {"exact": exact / n, "digits": total, "characters": 1 - errors / total}
        result |= {"found": found / total, "invented": (said - found) / n}
    return result, wrong


def contact_sheet(wrong: list[tuple[Source, str, Page]], most: int = 60, columns: int = 6) -> Image.Image:
    """Lay out pictures with the boxes of the digits read, each below its expected and its actual text."""
    wrong = wrong[:most]
    board = Image.new("RGB", (columns * SHEET_TILE, -(-len(wrong) // columns) * (SHEET_TILE + 14)), "white")
    pencil = ImageDraw.Draw(board)
    for i, (image, label, page) in enumerate(wrong):
        picture = annotated(upright(image), page)
        picture.thumbnail((SHEET_TILE - 4, SHEET_TILE))
        x, y = i % columns * SHEET_TILE, i // columns * (SHEET_TILE + 14)
        board.paste(picture, (x, y + 14))
        pencil.text(
            (x, y), f"{Path(str(image)).stem[:10]} {label[:14]} > {page.text.replace(chr(10), '/')[:22]}", fill=0
        )
    return board
