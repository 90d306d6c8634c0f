"""The digits that our simulated pen draws: ways of writing them that MNIST lacks, from shapes.txt."""

from pathlib import Path


def read_shapes(section: str) -> list[tuple[str, str]]:
    """Return the shapes of a section of shapes.txt, each with its label."""
    text = Path(__file__).with_name("shapes.txt").read_text().split(f"[{section}]\n")[1].split("\n\n")[0]
    return [tuple(line.split(" ", 1)) for line in text.splitlines()]


def _digits(*sections: str) -> dict[int, list[str]]:
    shapes = [shape for section in sections for shape in read_shapes(section)]
    return {digit: [shape for label, shape in shapes if label == str(digit)] for digit in range(10)}


DIGITS, AMONG_OTHERS = _digits("digits"), _digits("digits", "in numbers")  # the latter only among other digits
