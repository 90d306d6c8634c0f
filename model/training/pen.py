"""Our own pen, which draws what MNIST lacks: the shapes of `model.training.digit_styles`, and scribbles.

It follows a Catmull-Rom spline through the points of each stroke; a repeated point is a corner. Each drawing shifts
every point slightly, so no two are alike.
"""

import numpy as np
import torch

from model.training.handwriting import curve, outline_strokes, points_of

GRID = 42  # drawings and digits are stored as GRID x GRID maps, 1.5 pixels per glyph pixel
FAR = 6.0  # largest distance stored, in glyph pixels
SEGMENTS = 4  # straight segments between two control points


def parse_strokes(text: str) -> list[np.ndarray]:
    """Parse a shape in tenths into its strokes, [N, 2] each: a point with "!" is repeated, which makes it a corner."""
    corners = ([1 + word.endswith("!") for word in stroke.split()] for stroke in text.split(";"))
    return [np.repeat(points / 10, times, axis=0) for points, times in zip(points_of(text), corners, strict=True)]


def spline(strokes: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the control points [V, 2], the matrix [P, V] from them to curve points, and the starts of segments [S].

    Segment s goes from curve point starts[s] to starts[s] + 1. Uniform Catmull-Rom spline (Catmull and Rom 1974).
    """
    controls = np.concatenate(strokes)
    each = np.split(np.eye(len(controls)), np.cumsum([len(stroke) for stroke in strokes])[:-1])
    matrix, starts = segments([curve(part, SEGMENTS) for part in each])  # a curve is linear in its points
    return torch.from_numpy(np.float32(controls)), matrix[0], starts


def draw(shape: str, n: int, shake: float = 0.05) -> torch.Tensor:
    """Draw a shape n times, each slightly different: [n, GRID, GRID] uint8, see `distances`.

    The drawing is 19 glyph pixels long and centred in 28.

    Args:
        shape: see `model.training.digit_styles`.
        n: number of drawings.
        shake: standard deviation of each control point's displacement, for a shape 1 high.
    """
    controls, matrix, starts = spline(parse_strokes(shape))
    moved = controls + shake * torch.randn(n, *controls.shape)
    moved[:, 1:] = torch.where((controls[1:] == controls[:-1]).all(dim=1)[:, None], moved[:, :-1], moved[:, 1:])
    return distances(_centred(matrix @ moved), starts)


def outlines(n: int) -> torch.Tensor:
    """Draw the outlines of n random shapes, mostly polygons: [n, GRID, GRID] uint8."""
    random = np.random.default_rng(int(torch.randint(2**31, ())))
    drawings = []
    for _ in range(n):
        points, starts = segments(outline_strokes(random))
        drawings.append(distances(_centred(points), starts))
    return torch.cat(drawings)


def segments(strokes: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return strokes as `distances` takes them: points [1, P, 2] float32, and the starts of their segments [S]."""
    ends = np.cumsum([len(stroke) for stroke in strokes])
    starts = np.delete(np.arange(ends[-1] - 1), ends[:-1] - 1)
    return torch.from_numpy(np.float32(np.concatenate(strokes)))[None], torch.from_numpy(starts)


def _centred(points: torch.Tensor) -> torch.Tensor:
    """Scale drawings [n, P, 2] and centre them in a glyph, in glyph pixels."""
    low, high = points.amin(dim=1, keepdim=True), points.amax(dim=1, keepdim=True)
    length = (high - low).amax(dim=2, keepdim=True).clamp(min=0.1)
    return (points - (low + high) / 2) / length * 19 + 14


def distances(points: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
    """Return each pixel's distance from the segments of a drawing.

    Args:
        points: [n, P, 2] float32, the points (x, y) of n drawings, in glyph pixels.
        starts: [S] int64; segment s goes from point starts[s] to the next.

    Returns:
        [n, GRID, GRID] uint8, in sixteenths of a glyph pixel, at most 16 * FAR.
    """
    a, b = points[:, starts, :, None, None], points[:, starts + 1, :, None, None]  # [n, S, 2, 1, 1]
    pixels = (torch.arange(GRID) + 0.5) * (28 / GRID)
    x, y = pixels[None, :] - a[:, :, 0], pixels[:, None] - a[:, :, 1]  # [n, S, 1, GRID], [n, S, GRID, 1]
    dx, dy = (b - a).unbind(dim=2)
    t = ((x * dx + y * dy) / (dx * dx + dy * dy).clamp(min=1e-6)).clamp(0, 1)  # [n, S, GRID, GRID]
    return to_bytes(((x - t * dx) ** 2 + (y - t * dy) ** 2).amin(dim=1).sqrt())


def bar(middle: torch.Tensor, half: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Draw straight strokes: middle [n, 2] and half-length [n] in glyph pixels, angle [n] in radians."""
    arm = torch.stack([angle.cos(), -angle.sin()], dim=1) * half[:, None]
    return distances(torch.stack([middle - arm, middle + arm], dim=1), torch.tensor([0]))


def to_bytes(distance: torch.Tensor) -> torch.Tensor:
    """Round distances in glyph pixels to sixteenths: float32 -> uint8, at most 16 * FAR."""
    return (16 * distance).round().clamp(max=16 * FAR).to(torch.uint8)


def draw_all(shapes: dict[int, list[str]], n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw each shape n times: maps [N, GRID, GRID] uint8, and labels [N] int64, the keys of `shapes`."""
    maps = [(label, draw(shape, n)) for label, those in shapes.items() for shape in those]
    labels = torch.cat([torch.full((len(some),), label) for label, some in maps])
    return torch.cat([some for _, some in maps]), labels


def scribble(n: int) -> torch.Tensor:
    """Draw n scribbles, random curves of 9 to 14 points in one to three strokes: [n, GRID, GRID] uint8."""
    drawings = []
    for strokes in ([9], [14], [5, 5], [4, 4, 4], [7, 3]):
        _, matrix, starts = spline([np.zeros((length, 2)) for length in strokes])
        points = torch.rand(-(-n // 5), sum(strokes), 2)
        drawings.append(distances(_centred(matrix @ points), starts))
    return torch.cat(drawings)[:n]
