"""What MNIST lacks, drawn by our own pen: other ways of writing the digits, and letters and signs that are no digits.

A shape is a list of strokes, a stroke a list of control points (x, y), x to the right, y down, the shape about 1 high.
The pen follows a Catmull-Rom spline through them; a point given twice in a row is a corner. Every drawing moves every
point a little, so that no two are alike.
"""

import torch

GRID = 42  # drawings and digits are kept as GRID x GRID maps, 1.5 pixels to the pixel of a glyph
FAR = 6.0  # distances, in pixels of a glyph, are kept up to this
FINER = 4  # straight pieces between two control points


def _path(text: str) -> list[list[tuple[float, float]]]:
    """Parse "x,y x,y; x,y ..." in tenths: strokes apart by ";"; a point followed by "!" is a corner."""
    strokes = []
    for stroke in text.split(";"):
        points = []
        for word in stroke.split():
            x, y = (float(value) / 10 for value in word.rstrip("!").split(","))
            points += [(x, y)] * (2 if word.endswith("!") else 1)
        strokes.append(points)
    return strokes


DIGITS = {
    0: [
        "3,0 0,3 0,7 3,10 6,7 6,3 3,0; 7,-1 -1,11",
        "3,0 0,3 0,7 3,10 6,7 6,3 3,0; 5.5,2 0.5,8",
        "3,0 0,3 0,7 3,10 6,7 6,3 3,0; -1,-0.5 7,10.5",
        "3,0 0,3 0,7 3,10 6,7 6,3 3,0; 3,4.8 3,5.2",
        "4,0 0,2 0,8 4,10 8,8 8,2 4,0; 9,-0.5 -1,10.5",
        "4.5,0.5 1,1 0,5 2,9.5 5,9 6.5,5 5,1 2,0",
        "4,0 0,2 0,8 4,10 8,8 8,2 4,0; 7,2 1,8",
    ],
    1: [
        "0,3.5 3,0! 3,10",
        "0.5,2.5 3,0! 3,10",
        "-1,5 3.5,0! 3,10",
        "0,3 3,0! 3,10! ; 0,10 6,10",
        "1,2.5 3,0! 3,10 ; 1,10 5,10",
        "3,0! 3,10! ; 0.5,10 5.5,10",
        "3,0! 3,10! ; 1,0 3,0; 1,10 5,10",
        "3,0 3,10",
        "-2,6 3,0! 2.5,10",
        "1.5,1.5 3,0! 3,10",
    ],
    2: [
        "0,2.5 2,0 5,0.5 5.5,3 3,6.5 0,10! 6,10",
        "0,2 3,0 6,2 4,6 0,10! 7,9.5",
        "0,1! 6,0! 0,10! 6.5,10",
        "0.5,2.5 3,0 5.5,2.5 3,7 1,9.5 0,8.5 2,8 4,9.5 7,9",
        "0,2 3,0 5.5,2.5 2,8 0,9.8 0.5,8 3,9 6,10",
    ],
    3: [
        "0,1.5 3,0 5.5,2 2.5,4.8! 6,7 3.5,10 0,8.5",
        "0,0! 5.5,0! 2.5,4! 6,7 3,10 0,8.5",
        "0.5,1 3,0 5,2 3,4.5 1.8,4.6 4,4.8 5.5,7.5 3,10 0,9",
        "0,0.5 4,0 5,2.5 2,5! 5,6 5.5,9 0,10",
    ],
    4: [
        "3.5,0! 0,6.5! 7,6.5; 5,3.5 5,10",
        "1,0! 0,5.5! 6,5.5; 5,0 5,10",
        "5,10! 5,0! 0,6.5! 7,6.5",
        "1,0 0,5! 5,4.5; 5.5,0! 4.5,10",
        "4,0! 0,7! 6.5,7; 4.5,4 3.5,10",
        "0.5,0 0.5,4.5 2,5.5 5,5; 5.5,0 5.5,10",
        "5,0! 0,6! 7,6! ; 5,0 5,10",
    ],
    5: [
        "5.5,0! 1,0! 0.5,4.5 3.5,4 6,7 3,10 0,9",
        "1,0! 0.5,4.5! 4,4 6,7 3,10 0,9; 1,0 6,0",
        "6,0! 1.5,0.5! 0.5,4! 5,4.5 5.5,8.5 2,10 0,9",
        "1,0.5! 0,5! 5,5! 5,10! 0,10; 1,0 6,-0.5",
        "5,0 2,0.5 1,3 4.5,6 4.5,9 2,10 0,9",
    ],
    6: [
        "5,0 1.5,3.5 0,7.5 2.5,10 5.5,8 4.5,5.5 1,6.5",
        "3,0 0.5,5 1,9.5 4.5,9.5 5,6.5 2.5,5.5 0.5,8",
        "5,0.5 1.5,1 0,6 2,10 5.5,8.5 5,5.5 2,5 0,7",
        "4,0 1,4 0,8 2.5,10 5,8 3.5,6 0.5,8",
    ],
    7: [
        "0,0! 6,0! 2,10",
        "0,0! 6,0! 2.5,10; 1,5 6,5",
        "0,0.5! 6,0! 3,5 2.5,10; 1.5,5.5 6,4.5",
        "0,2! 0,0! 6,0! 2,10",
        "0,2! 0.5,0! 6,0! 3,10; 1.5,5 6,5",
        "0,1 2,0 4,1 6,0! 3,5 2,10",
        "0,0! 5.5,0! 5,10",
        "0,1 3,0.5 6,0! 2.5,5 1.5,10; 0.5,5.5 5.5,4",
    ],
    8: [
        "5.5,1.5 3,0 0.5,2 3,4.8 5.8,7.5 3,10 0,7.5 3,4.8 5.5,1.5",
        "3,0 0.5,2.2 3,4.7 5.5,2.2 3,0; 3,4.7 0,7.3 3,10 6,7.3 3,4.7",
        "5.5,0.5 2,0 1,3 5,7 3.5,10 0.5,8 4,4 6,0",
        "5,1 2,0 0.5,2.5 5,6.5 4.5,9.8 1,9.5 0.5,7 5.5,2.5",
    ],
    9: [
        "5.5,1.5 2.5,0 0,2.5 2,5 5.5,2! 5,10",
        "5.5,2 2.5,0 0,3 3,5.5 5.5,2! 5,7 3,10 0,9.5",
        "3,0 0,2.5 3,5 6,2.5 3,0; 6,2.5! 5,10",
        "5,0.5 1,0.5 0.5,4.5 4,5 5.5,1! 5.5,10",
        "5.5,3 4,0 0.5,1 1,4.5 5,4 5.5,2 4.5,8 1,10",
    ],
}

OTHERS = [
    # capital letters
    "0,10! 3.5,0! 7,10; 1.3,6.5 5.7,6.5",  # A
    "3,0! 0,10! ; 3,0! 6,10! ; 1,6 5,6",
    "5.5,0! 0,0! 0,10! 5.5,10; 0,5 4.5,5",  # E
    "5.5,0.5 2,0 0.5,2.5 3,4.7! 0,7 2,10 6,9.5",
    "5.5,0! 0,0! 0,10; 0,5 4.5,5",  # F
    "0,0 6,0; 1,0 0.5,10; 0.5,5 4.5,5",
    "0,0 0,10; 6,0 6,10; 0,5 6,5",  # H
    "0,0 0,10; 5.5,0! 0,5.5! 6,10",  # K
    "0,0 0,10; 5,2! 0.2,6! 5.5,10",
    "0,10! 0,0! 3.5,6! 7,0! 7,10",  # M
    "0,10! 1.5,0! 4,7! 6.5,0! 8,10",
    "0,10! 0,0! 6,10! 6,0",  # N
    "0,10! 0,0! 4,0 6,2.5 4,5 0,5",  # P
    "1,10! 1,0; 0,0.5 4,0 6,2.5 4,5 1,5",
    "0,10! 0,0! 4,0 6,2.5 4,5 0,5! 6,10",  # R
    "1,10! 1,0; 0,0.5 4,0 5.5,2.5 4,4.5 1,5! 6,10",
    "0,0 7,0; 3.5,0 3.5,10",  # T
    "0,0 0,7 3,10 6,7 6,0",  # U
    "0,0! 3.5,10! 7,0",  # V
    "0,0! 2,10! 4,3! 6,10! 8,0",  # W
    "0,0 6.5,10; 6.5,0 0,10",  # X
    "0,0! 3.5,5! ; 7,0! 3.5,5! 3.5,10",  # Y
    "0,0! 3,5.5; 6,0! 1,10",
    "6,1 3,0 0,3 0,7 3,10 6,8.5",  # C
    "0,0! 0,10! 5.5,10",  # L
    # small letters
    "6,1 3,0 0,3 0,7 3,10 6,6! 6,0! 6,8 7.5,10",  # a
    "0,1 3,0 5,1.5 5,10; 5,4 1,5 0,8 2.5,10 5,8",
    "0,5 6,4.5! 5,0.5 2,0 0,5 2,10 6,8.5",  # e
    "0,6 5,3 4,0 1,1 0,6 3,10 7,8",
    "5,0 2.5,0.5 2,3 2,10; 0,4.5 5,4.5",  # f
    "6,1 3,-1 2,4 2,10; 0,4 5,4",
    "0,0 0,10; 0,6 2.5,4 5,5.5 5,10",  # h
    "1,10! 1,0 ; 1,7 3,4.5 5,6 5,10 6,10",
    "0,0 0,10; 4.5,3.5! 0,7! 5,10",  # k
    "0,2 0,10; 0,4 2,2 4,4 4,10; 4,4 6,2 8,4 8,10",  # m
    "0,1 1,0 1.5,10! 1.8,3 4,0 5,3 5,10! 5.3,3 7,0 8.5,3 8.5,8 9.5,10",
    "0,0 0,10; 0,3 3,0 5.5,3 5.5,10",  # n
    "0,1 1,0 1.5,10! 2,3 4.5,0 6,3 6,8 7.5,10",
    "0,0 0,10; 0,1.5 3,0 5,2 3.5,4.5 0,4",  # p
    "0,3 1,0 1,13! 1,3 3.5,0 5.5,2.5 4,6 1,5",
    "0,0 0,10; 0,4 2,0.5 5,1",  # r
    "0,1 1.5,0 1.5,10! 2,4 4,0 6,1",
    "2,0 2,8 4,10 6,9; 0,3 5,3",  # t
    "3,0 2.5,10; 0,3 6,3",
    "0,0 0,7 3,10 6,7 6,0! 6,8 7.5,10",  # u
    "0,0! 3,10! 6,0",  # v
    "0,0 2,9 3.5,10 5,6 5,0",
    "0,0 1.5,9 3,9 4,2! 5.5,9 7,9 8,0",  # w
    "0,1 0,8 2.5,10 4.5,8 4.5,1! 4.5,8 7,10 9,8 9,0",
    "0,0! 3,5; 6,0! 1,10",  # y
    "0,0 0.5,4 3,5 5,4 5.5,0! 5,8 3,10 0,9",
    "5.5,0 5.5,10; 5.5,5.5 3,4 0,6 0,9 3,10 5.5,8",  # d
    "5.5,0! 5,10 6.5,10; 5,5 2,4.5 0,8 2,10 5,8",
    # signs
    "0,2 2,0 5,1 5,3.5 2.5,5.5 2.5,7.5; 2.5,9.7 2.5,10",  # ?
    "0,2.5 3,0 6,2.5 3,5 3,7; 3,9.6 3.2,9.8",
    "7,6 4,3.5 2.5,6 4,8 7,4! 7,8 10,7 10,2 5,-1 0,3 0,8 4,11 9,10",  # @
    "5,4 3,4 3,7 5,7 6,4! 6.5,7 8,6 8,2 4,0 0,3 0,8 4,10 8,9",
    "2,0 1.5,10; 5.5,0 5,10; 0,3.3 7,3.3; 0,6.6 7,6.6",  # #
    "6,2 3,0.5 0.5,2.5 3,5 6,7.5 3,9.5 0,8; 3.2,-1 3,11",  # $
    "6,1 2,1 1,4 5,6 5,9 0,9; 2.5,-1 2.5,11; 3.8,-1 3.8,11",
    "8,0 0,10; 1.5,0 0,1.5 1.5,3 3,1.5 1.5,0; 6.5,7 5,8.5 6.5,10 8,8.5 6.5,7",  # %
    "7,10! 1.5,2.5 3,0 4.5,2 0.5,7 2.5,10 7,6",  # &
    "6,9 3,10 0.5,7 4,4.5! 1.5,3.5 2,1 5,1; 6,6! 3,10",
    "0,0 7,10; 7,0 0,10; 3.5,-1 3.5,11",  # *
    "0,5 7,5; 0.5,1 6.5,9; 6.5,1 0.5,9",
    "0,5 10,5; 5,0 5,10",  # +
    "0,0 8,0; 0,4 8,4",  # =
    "0,0 10,0.5",  # -
    "0,0 10,0; 5,-4 5,-3.6; 5,4 5,3.6",  # division
    "8,0! 0,4! 8,8",  # <
    "0,0 2,-2 5,1 8,-1",  # ~
    "0,5! 3,9! 9,0",  # check mark
    "5,0! 10,9! 0,9! 5,0",  # triangle
    "5,0! 8,10! 0,4! 10,4! 2,10! 5,0",  # star
    "5,10! 0,3 2,0 5,3! 8,0 10,3 5,10",  # heart
    "3,0! 0,4! 3,8; 7,0! 10,4! 7,8",
    "5,0 0,5 5,10 10,5 5,0; 3,3.5 3.2,3.8; 7,3.5 7.2,3.8; 3,7 5,8 7,7",  # a face
    "0,5 3,0 6,5 9,10 12,5 9,0 6,5 3,10 0,5",  # infinity
    "5,5 6,4 6.5,6 4,7 2.5,4 5,2 8,3.5 8,8 4,9.5 0,7 0,3",  # spiral
    "0,0! 2,8! 4,0! 6,8! 8,0! 10,8",  # zigzag
    "0,0 0,10; 4,0 4,10",
    "0,0 0,10; 3,0 3,10; 6,0 6,10; -1,7 7,3",  # a tally
    "0,0 6,10; 3,0 9,10",
    "0,8! 5,0! 10,8; 0,12 10,12",
]


def _spline(strokes: list[list[tuple[float, float]]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the control points [V, 2], the matrix [P, V] from them to points on the curve, and [S] where pieces start.

    Piece s goes from curve point starts[s] to starts[s] + 1. Uniform Catmull-Rom (Catmull and Rom 1974).
    """
    controls, rows, starts = [], [], []
    total = sum(map(len, strokes))
    for stroke in strokes:
        first, last = len(controls), len(controls) + len(stroke) - 1
        controls += stroke
        for i in range(first, last):
            for step in range(FINER):
                t = step / FINER
                row = torch.zeros(total)
                weights = (
                    -t / 2 + t * t - t**3 / 2,
                    1 - 2.5 * t * t + 1.5 * t**3,
                    t / 2 + 2 * t * t - 1.5 * t**3,
                    (t**3 - t * t) / 2,
                )
                for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
                    row[min(max(i + offset, first), last)] += weight
                starts.append(len(rows))
                rows.append(row)
        end = torch.zeros(total)
        end[last] = 1
        rows.append(end)
    return torch.tensor(controls), torch.stack(rows), torch.tensor(starts)


def draw(shape: str, n: int, shake: float = 0.05) -> torch.Tensor:
    """Draw a shape n times, each a little otherwise: [n, GRID, GRID] uint8, see `distances`.

    The drawing is 19 pixels of a glyph long and in the middle of 28.

    Args:
        shape: strokes as `DIGITS` and `OTHERS` hold them.
        n: how many drawings.
        shake: standard deviation of each control point, where the shape is 1 high.
    """
    controls, matrix, starts = _spline(_path(shape))
    moved = controls + shake * torch.randn(n, *controls.shape)
    moved[:, 1:] = torch.where((controls[1:] == controls[:-1]).all(dim=1)[:, None], moved[:, :-1], moved[:, 1:])
    return distances(_centred(matrix @ moved), starts)


def _centred(points: torch.Tensor) -> torch.Tensor:
    """Shift and scale drawings [n, P, 2] into the middle of a glyph, in its pixels."""
    low, high = points.amin(dim=1, keepdim=True), points.amax(dim=1, keepdim=True)
    length = (high - low).amax(dim=2, keepdim=True).clamp(min=0.1)
    return (points - (low + high) / 2) / length * 19 + 14


def distances(points: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
    """Return how far each pixel lies from the straight pieces of a drawing.

    Args:
        points: [n, P, 2] float32, the points (x, y) of n drawings, in pixels of a glyph.
        starts: [S] int64; piece s goes from point starts[s] to the next.

    Returns:
        [n, GRID, GRID] uint8, in sixteenths of a glyph's pixel, at most 16 * FAR.
    """
    a, b = points[:, starts, :, None, None], points[:, starts + 1, :, None, None]  # [n, S, 2, 1, 1]
    pixels = (torch.arange(GRID) + 0.5) * (28 / GRID)
    x, y = pixels[None, :] - a[:, :, 0], pixels[:, None] - a[:, :, 1]  # [n, S, 1, GRID], [n, S, GRID, 1]
    dx, dy = (b - a).unbind(dim=2)
    t = ((x * dx + y * dy) / (dx * dx + dy * dy).clamp(min=1e-6)).clamp(0, 1)  # [n, S, GRID, GRID]
    return to_bytes(((x - t * dx) ** 2 + (y - t * dy) ** 2).amin(dim=1).sqrt())


def to_bytes(distance: torch.Tensor) -> torch.Tensor:
    """Round distances in pixels of a glyph to sixteenths: float32 -> uint8, at most 16 * FAR."""
    return (16 * distance).round().clamp(max=16 * FAR).to(torch.uint8)


def scribble(n: int) -> torch.Tensor:
    """Draw n scribbles, random curves of 6 to 14 points in one to three strokes: [n, GRID, GRID] uint8."""
    drawings = []
    for strokes in ([9], [14], [5, 5], [4, 4, 4], [7, 3]):
        _, matrix, starts = _spline([[(0.0, 0.0)] * length for length in strokes])
        points = torch.rand(-(-n // 5), sum(strokes), 2)
        drawings.append(distances(_centred(matrix @ points), starts))
    return torch.cat(drawings)[:n]
