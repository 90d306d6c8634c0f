"""Photograph synthetic sheets: perspective, light, cropping and quarter turns."""

import cv2
import numpy as np

from model.finder import padded
from model.training.backgrounds import desk
from model.training.sheet import DIGIT_KINDS, OTHER, Random, Sheet

SAME_WHEN_ROTATED = 0, 1, 6, 8, 9, *range(DIGIT_KINDS, OTHER)  # kinds that may pass for others after a quarter turn
DOUBTFUL = 0.04  # contrast at which either answer is accepted


def photograph(random: Random, sheet: Sheet, side: int, on_desk: bool) -> Sheet:
    """Photograph a sheet: rotated, in perspective, slightly curled; if `on_desk`, its edges and a desk are visible."""
    given = len(sheet.tone)
    angle = np.clip(random.normal(0, 0.14), -0.45, 0.45)
    zoom = random.uniform(0.55, 1.0) if on_desk else random.uniform(0.95, 1.15)
    aspect = 1, random.uniform(0.6, 1) if on_desk else 1
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * given / 2 * aspect
    corners = corners @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    bent = 1 + random.normal(0, 0.08 if on_desk else 0.04, (4, 2))
    corners = corners * zoom * (side / given if on_desk else 1) * bent
    place = side / 2 + (random.normal(0, 0.18, 2) * side if on_desk else 0)
    whole = np.array([[0, 0], [given, 0], [given, given], [0, given]], np.float32)
    back = cv2.getPerspectiveTransform(np.float32(corners + place), whole)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    depth = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    curl = cv2.resize(random.standard_normal((4, 4, 2)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    curl *= random.uniform(0, 3)
    u = np.float32((back[0, 0] * x + back[0, 1] * y + back[0, 2]) / depth + curl[..., 0])
    v = np.float32((back[1, 0] * x + back[1, 1] * y + back[1, 2]) / depth + curl[..., 1])
    edge = cv2.BORDER_CONSTANT if on_desk else cv2.BORDER_REPLICATE
    small = zoom * side / given < 0.7 and on_desk
    source = cv2.GaussianBlur(sheet.tone, None, 0.6) if small else sheet.tone
    tone = cv2.remap(source, u, v, cv2.INTER_LINEAR, borderMode=edge)
    owner = cv2.remap(sheet.owner, u, v, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    if on_desk:
        cover = cv2.remap(np.ones_like(sheet.tone), u, v, cv2.INTER_LINEAR)
        under = desk(random, side)
        if random.random() < 0.6:  # the sheet's shadow
            shift = np.float32([[1, 0, random.normal(0, 4)], [0, 1, random.normal(0, 4)]])
            shade = cv2.GaussianBlur(cv2.warpAffine(cover, shift, (side, side)), None, random.uniform(0.5, 5))
            under = under * (1 - random.uniform(0.2, 0.8) * shade)
        tone = under * (1 - cover) + tone * cover if cover.min() < 1 else tone
    scale = (zoom * side / given if on_desk else zoom) ** 2
    things = [(kind, pixels * scale, contrast) for kind, pixels, contrast in sheet.things]
    return Sheet(np.float32(tone), owner, things)


def light(random: Random, tone: np.ndarray) -> np.ndarray:
    """Light and photograph a scene: shading, blur, noise, JPEG, either polarity."""
    side = len(tone)
    if random.random() < 0.5:
        y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
        slope = random.normal(0, 0.2, 2)
        tone = tone * (1 + slope[0] * x + slope[1] * y - random.uniform(0, 0.3) * (x * x + y * y)).clip(0.15, 1.6)
        if random.random() < 0.4:  # a shadow falls across it
            normal, off = random.uniform(-1, 1, 2), random.normal(0, 0.5)
            edge = (normal[0] * x + normal[1] * y - off) / random.uniform(0.005, 0.3)
            tone = tone * (1 - random.uniform(0.1, 0.7) / (1 + np.exp(-edge.clip(-30, 30))))
        if random.random() < 0.15:  # glare from a lamp
            place = random.uniform(-1, 1, 2)
            tone = tone + random.uniform(0, 0.4) * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 0.1)
        tone = tone * random.uniform(0.5, 1.1)
    if random.random() < 0.45:
        tone = cv2.GaussianBlur(np.float32(tone), None, random.uniform(0.3, 1.6))
    if random.random() < 0.1:  # upscaled from low resolution
        fx, fy = random.uniform(0.25, 0.7, 2)
        small = cv2.resize(np.float32(tone), None, fx=fx, fy=fy, interpolation=cv2.INTER_AREA)
        tone = cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
    if random.random() < 0.2:
        tone = 1 - tone
    if random.random() < 0.15:
        low = random.uniform(0, 0.5)
        tone = low + tone * random.uniform(0.3, 1 - low)
    if random.random() < 0.5:
        grain = random.standard_normal(tone.shape, np.float32)
        if random.random() < 0.4:
            grain = cv2.GaussianBlur(grain, None, 0.8) * 2
        tone = tone + random.uniform(0, 0.07) ** 1.3 * grain
    if random.random() < 0.04:  # two tones, like a fax
        tone = np.float32(tone > np.median(tone) - random.uniform(0.05, 0.3))
    tone = np.float32(tone).clip(0, 1)
    if random.random() < 0.5:
        _, coded = cv2.imencode(".jpg", np.uint8(255 * tone), [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(25, 96))])
        tone = np.float32(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)) / 255
    return tone


def turn_sideways(sheet: Sheet, quarters: int) -> Sheet:
    """Rotate a scene by quarter turns: digits become non-digits; those in SAME_WHEN_ROTATED become doubtful."""
    things = []
    for kind, pixels, contrast in sheet.things:
        if kind in SAME_WHEN_ROTATED:
            contrast = min(contrast, DOUBTFUL)
        elif kind < DIGIT_KINDS:
            kind = OTHER
        things.append((kind, pixels, contrast))
    return Sheet(np.rot90(sheet.tone, quarters).copy(), np.rot90(sheet.owner, quarters).copy(), things)


def cut_out(random: Random, sheet: Sheet) -> Sheet:
    """Crop a scene, to imitate a small picture; the area around the crop is as bright as the border of the crop."""
    side = len(sheet.tone)
    numbers = [i + 1 for i, (kind, *_) in enumerate(sheet.things) if kind < DIGIT_KINDS]
    width, height = np.exp(random.uniform(np.log(28), np.log(0.9 * side), 2)).astype(int)
    y, x = np.nonzero(sheet.owner == random.choice(numbers)) if numbers and random.random() < 0.8 else ([], [])
    if len(y):  # around a digit, with a narrow or wide margin
        room = random.uniform(0, 0.8)
        if random.random() < 0.6:
            width, height = np.ptp(x) * (1 + room) + 1, np.ptp(y) * (1 + room) + 1
        else:
            width, height = max(width, np.ptp(x) * (1 + room)), max(height, np.ptp(y) * (1 + room))
        width, height = int(width), int(height)
        if random.random() < 0.3:  # include its line
            width = int(side * random.uniform(0.5, 1))
        middle = (x.min() + x.max()) / 2, (y.min() + y.max()) / 2
    else:
        middle = random.uniform(0, side, 2)
    width, height = min(width, side), min(height, side)
    left, top = (
        int(np.clip(m - n / 2 + random.normal(0, 0.05) * n, 0, side - n))
        for m, n in zip(middle, (width, height), strict=True)
    )
    window = slice(top, top + height), slice(left, left + width)
    room = side - height, side - width
    offset = [n // 2 for n in room]
    tone = padded(sheet.tone[window], offset, (side, side))
    owner = np.zeros_like(sheet.owner)
    owner[offset[0] : offset[0] + height, offset[1] : offset[1] + width] = sheet.owner[window]
    return Sheet(tone, owner, sheet.things)
