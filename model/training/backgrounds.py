"""Backgrounds of synthetic scenes, and pictures without digits: paper, desks, patterns, photo-like images."""

import cv2
import numpy as np

Random = np.random.Generator
Picture = np.ndarray  # [H, W] float32 in [0, 1], brightness


def clouds(random: Random, side: int, cells: int) -> Picture:
    """Return smooth noise on a grid of `cells` x `cells`: [side, side] float32, mean about 0, deviation about 1."""
    small = random.standard_normal((cells + 1, cells + 1), np.float32)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)


def fractal(random: Random, side: int) -> Picture:
    """Return noise at all scales, like clouds, walls or fur: [side, side] float32 in [0, 1]."""
    rough = random.uniform(0.4, 1.1)
    sizes = [size for size in (2, 4, 8, 16, 32, 64, 128) if size < side]
    total = sum(clouds(random, side, size) * (2 / size) ** rough for size in sizes)
    return (0.5 + total / (4 * np.std(total) + 1e-6)).clip(0, 1)


def paper(random: Random, side: int) -> Picture:
    """Return a blank or patterned sheet without ruling: mean about 1, to be multiplied by the paper's brightness."""
    sheet = np.ones((side, side), np.float32)
    kind = random.random()
    if kind < 0.45:
        return sheet
    if kind < 0.75:
        sheet += random.uniform(0, 0.06) * clouds(random, side, int(random.integers(2, 40)))
    elif kind < 0.9:  # waves, as printed on cheques
        y, x = np.mgrid[:side, :side].astype(np.float32)
        bend = random.uniform(0, 6) * np.sin(x * random.uniform(0.01, 0.15) + random.uniform(0, 6))
        angle = random.uniform(0, np.pi) if random.random() < 0.4 else random.normal(0, 0.15)
        phase = ((y + bend) * np.cos(angle) + x * np.sin(angle)) * random.uniform(0.5, 2)
        waves = np.sin(phase) if random.random() < 0.7 else np.maximum(np.sin(phase), np.sin(x - y))
        sheet += random.uniform(0.02, 0.15) * waves
    else:
        sheet -= 0.2 * random.random() * (fractal(random, side) > random.uniform(0.5, 0.8))
    return sheet


def rules(random: Random, sheet: Picture, gap: float) -> None:
    """Rule a sheet in place: lines, squares, dots or nothing, `gap` pixels apart, some with a margin line."""
    side = len(sheet)
    tone = 1 - random.uniform(0.05, 0.7)
    thick = int(random.integers(1, max(2, round(gap / 14)) + 1))
    kind = random.random()
    if kind < 0.8:
        for y in np.arange(random.uniform(0, gap), side, gap):
            cv2.line(sheet, (0, round(y)), (side, round(y + random.normal(0, 1))), tone, thick, cv2.LINE_AA)
    if 0.45 < kind < 0.8:
        for x in np.arange(random.uniform(0, gap), side, gap):
            cv2.line(sheet, (round(x), 0), (round(x), side), tone, thick, cv2.LINE_AA)
    if kind > 0.9:
        for y in np.arange(random.uniform(0, gap), side, gap):
            for x in np.arange(random.uniform(0, gap), side, gap):
                cv2.circle(sheet, (round(x), round(y)), thick, tone, -1, cv2.LINE_AA)
    if random.random() < 0.4:
        x = round(random.uniform(0, side))
        cv2.line(sheet, (x, 0), (x, side), 1 - random.uniform(0.1, 0.7), thick, cv2.LINE_AA)


def desk(random: Random, side: int) -> Picture:
    """Return a surface for paper to lie on: wood, cloth, stone, speckles, a photo-like picture, or one plain tone."""
    level, contrast = random.uniform(0.03, 0.85), random.uniform(0.02, 0.25)
    kind = random.integers(6)
    if kind == 0:  # wood
        grain = random.standard_normal((side, max(2, side // random.integers(8, 60))), np.float32)
        grain = cv2.GaussianBlur(cv2.resize(grain, (side, side), interpolation=cv2.INTER_CUBIC), None, 0.8)
        surface = level + contrast * 0.6 * (grain.T if random.random() < 0.5 else grain)
    elif kind == 1:  # cloth
        y, x = np.mgrid[:side, :side].astype(np.float32)
        a, b = random.uniform(0.4, 2.2, 2)
        surface = level + contrast * (np.sin(a * x) * np.sin(b * y) + 0.5 * random.standard_normal((side, side)))
    elif kind == 2:  # stone
        surface = level + contrast * 2 * (fractal(random, side) - 0.5)
    elif kind == 3:  # speckles
        surface = level + contrast * (random.random((side, side)) < 0.05)
        surface = cv2.GaussianBlur(surface.astype(np.float32), None, random.uniform(0.5, 2.5))
    elif kind == 4:
        return leaves(random, side)
    else:
        surface = np.full((side, side), level, np.float32)
    surface = np.ascontiguousarray(surface, np.float32)
    for _ in range(int(random.integers(0, 4))):  # seams, edges of boards and tiles
        a, b = random.uniform(-0.2, 1.2, (2, 2)) * side
        tone = float(random.uniform(0, 1) * level)
        cv2.line(surface, _pixel(a), _pixel(b), tone, int(random.integers(1, 5)), cv2.LINE_AA)
    return surface.clip(0, 1)


def leaves(random: Random, side: int) -> Picture:
    """Return a photo-like picture: overlapping objects of all sizes, each with its own shading and texture.

    This is the dead leaves model (Lee, Mumford and Huang 2001).
    """
    picture = (random.uniform(0.05, 0.95) + 0.3 * random.random() * clouds(random, side, 3)).astype(np.float32)
    texture = fractal(random, side) - 0.5
    for size in np.sort(random.pareto(1.2, int(random.integers(5, 90))).clip(0, 12) * side / 24 + 3)[::-1]:
        thing = np.zeros((side, side), np.uint8)
        _leaf(random, thing, size)
        x, y, width, height = cv2.boundingRect(thing)
        if not width:
            continue
        window = slice(y, y + height), slice(x, x + width)
        slope = np.linspace(-1, 1, width, dtype=np.float32) * random.normal(0, 0.15)
        slope = slope + np.linspace(-1, 1, height, dtype=np.float32)[:, None] * random.normal(0, 0.15)
        tone = random.random() + slope + random.uniform(0, 0.7) * (random.random() < 0.5) * texture[window]
        cover = np.float32(thing[window]) / 255
        picture[window] += cover * (tone - picture[window])
    for _ in range(int(random.integers(0, 12)) if random.random() < 0.5 else 0):
        _branch(random, picture)
    if random.random() < 0.3:
        _repeated(random, picture)
    blurred = cv2.GaussianBlur(picture, None, random.uniform(0.3, 3))  # part of it, or all of it, is out of focus
    near = clouds(random, side, 3) > random.normal(0, 1)
    return np.where(near, picture, blurred).clip(0, 1)


def _leaf(random: Random, thing: np.ndarray, size: float) -> None:
    side = len(thing)
    middle = random.uniform(-0.1, 1.1, 2) * side
    kind = random.random()
    if kind < 0.4:
        axes = max(1, round(size)), max(1, round(size * random.uniform(0.15, 1)))
        cv2.ellipse(thing, _pixel(middle), axes, random.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA)
        if random.random() < 0.2:  # a ring
            smaller = tuple(max(0, round(axis * random.uniform(0.4, 0.9))) for axis in axes)
            cv2.ellipse(thing, _pixel(middle), smaller, 0, 0, 360, 0, -1, cv2.LINE_AA)
    elif kind < 0.75:
        n = int(random.integers(3, 7))
        angles = np.sort(random.uniform(0, 2 * np.pi, n))
        corners = middle + size * random.uniform(0.3, 1.2, (n, 1)) * np.stack([np.cos(angles), np.sin(angles)], 1)
        cv2.fillPoly(thing, [np.int32(corners)], 255, cv2.LINE_AA)
    else:
        box = cv2.boxPoints((middle.tolist(), (2 * size, 2 * size * random.uniform(0.05, 1)), random.uniform(0, 90)))
        cv2.fillPoly(thing, [np.int32(box)], 255, cv2.LINE_AA)


def _branch(random: Random, picture: Picture) -> None:
    """Draw a twig, hair, wire or edge into a picture, in place."""
    side = len(picture)
    heading, place = random.uniform(0, 2 * np.pi), random.uniform(0, side, 2)
    bend, step = random.normal(0, 0.12), side / 30
    path = []
    for _ in range(int(random.integers(4, 30))):
        path.append(place)
        heading += bend + random.normal(0, 0.15)
        place = place + step * np.array([np.cos(heading), np.sin(heading)])
    tone = random.random()
    width = int(random.integers(1, 2 + side // 40))
    cv2.polylines(picture, [np.int32(np.array(path) * 16)], False, tone, width, cv2.LINE_AA, 4)
    if random.random() < 0.3:  # a highlight on one side
        cv2.polylines(picture, [np.int32(np.array(path) * 16 + 16 * width)], False, 1 - tone, 1, cv2.LINE_AA, 4)


def _repeated(random: Random, picture: Picture) -> None:
    """Draw bars, a fence, windows or keys into a picture, in place: one object repeated in a row."""
    side = len(picture)
    start, step = random.uniform(0, side, 2), random.uniform(-0.15, 0.15, 2) * side
    shape = random.uniform(0.01, 0.12, 2) * side
    tone, filled = random.random(), random.random() < 0.6
    for i in range(int(random.integers(3, 14))):
        a, thick = start + i * step, -1 if filled else int(random.integers(1, 4))
        cv2.rectangle(picture, _pixel(a), _pixel(a + shape), tone, thick, cv2.LINE_AA)


def _pixel(point: np.ndarray) -> tuple[int, int]:
    return int(point[0]), int(point[1])
