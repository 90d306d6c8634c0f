// Reads a handwritten digit on the device: canvas -> ink -> glyph -> layers -> probabilities.
// It does what model/ink.py, model/glyph.py, model/confidence.py and the network `pocket` do in Python; a test holds both
// to the same answer.

import { classify, convolve, fromHalf, softmax } from "./layers.js";

const SIDE = 28; // a glyph is SIDE x SIDE pixels
const LONG = 20; // pixels: longer side of the digit in it
const FAINTEST_EDGE = 0.1; // fainter ink does not extend the digit's bounding box
const OVERLAPPING = 0.4; // fraction of the narrower width: stacked ink that overlaps more is one symbol
const MIN_CONTRAST = 0.04; // smallest visible step in brightness, where black to white is 1

// The ink of a drawing in black on white: ImageData -> {data: Float32Array in [0, 1], width, height}.
export function inkOf({ data, width, height }) {
  const step = new Float32Array(width * height);
  const steps = Float32Array.from({ length: 256 }, (_, grey) => 1 - grey / 255);
  const found = new Uint32Array(256); // how many pixels have each grey
  for (let i = 0; i < step.length; i++) {
    if (data[4 * i] + data[4 * i + 1] + data[4 * i + 2] === 765) continue; // white paper, nearly everywhere
    const grey = Math.round(0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]);
    step[i] = steps[grey];
    found[grey]++;
  }
  const darkest = found.findIndex((count) => count > 0);
  if (darkest < 0 || steps[darkest] < MIN_CONTRAST) return { data: step.fill(0), width, height };
  const pen = median(found, steps, steps[darkest] / 2);
  const floor = 0.1 * pen; // anti-aliased edges
  for (let i = 0; i < step.length; i++)
    if (step[i]) step[i] = Math.min(1, Math.max(0, (step[i] - floor) / (pen - floor)));
  return { data: step, width, height };
}

// The median of the steps above a limit; `found` holds the number of pixels of each grey.
function median(found, steps, limit) {
  const order = [...steps.keys()].filter((grey) => steps[grey] > limit).reverse(); // from pale to dark
  const total = order.reduce((sum, grey) => sum + found[grey], 0);
  const at = (place) => steps[order.find((grey) => (place -= found[grey]) < 0)];
  return (at(Math.floor((total - 1) / 2)) + at(total >> 1)) / 2;
}

// One digit as MNIST frames it: longer side 20 pixels, centre of mass at the centre of 28 x 28; null if there is no ink.
export function fit({ data, width, height }) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (data[y * width + x] > FAINTEST_EDGE) {
        if (x < left) left = x;
        if (x > right) right = x;
        if (y < top) top = y;
        bottom = y;
      }
  if (right < 0) return null;
  const [across, down] = [right - left + 1, bottom - top + 1];
  const scale = LONG / Math.max(across, down);
  const [w, h] = [across, down].map((length) => Math.max(1, roundHalfToEven(length * scale)));
  const columns = resampling(across, w);
  const rows = resampling(down, h);
  const small = new Float32Array(w * h);
  const line = new Float32Array(across);
  let darkest = 1e-6;
  for (let y = 0; y < h; y++) {
    line.fill(0);
    for (const [i, weight] of rows[y])
      for (let x = 0; x < across; x++) line[x] += weight * data[(top + i) * width + left + x];
    for (let x = 0; x < w; x++) {
      for (const [i, weight] of columns[x]) small[y * w + x] += weight * line[i];
      darkest = Math.max(darkest, small[y * w + x]);
    }
  }
  let [mass, sumX, sumY] = [0, 0, 0];
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const value = (small[y * w + x] /= darkest);
      mass += value;
      sumX += x * value;
      sumY += y * value;
    }
  const corner = (sum, size) => Math.min(Math.max(0, roundHalfToEven(SIDE / 2 - sum / mass)), SIDE - size);
  const [x0, y0] = [corner(sumX, w), corner(sumY, h)];
  const glyph = new Float32Array(SIDE * SIDE);
  for (let y = 0; y < h; y++) glyph.set(small.subarray(y * w, y * w + w), (y0 + y) * SIDE + x0);
  return glyph;
}

// The symbols of a drawing, from left to right: connected ink, joined where one piece stands above another. Each is
// {ink, left, top, right, bottom, pieces}: the ink {data, width, height} is cut out, and pieces is their number.
export function symbols({ data, width, height }) {
  const pieces = [];
  const seen = new Uint8Array(data.length);
  for (let start = 0; start < data.length; start++) {
    if (seen[start] || data[start] <= FAINTEST_EDGE) continue;
    const piece = { at: [start], left: width, top: height, right: -1, bottom: -1, pieces: 1 };
    seen[start] = 1;
    for (let i = 0; i < piece.at.length; i++) {
      const x = piece.at[i] % width;
      const y = (piece.at[i] - x) / width;
      piece.left = Math.min(piece.left, x);
      piece.right = Math.max(piece.right, x);
      piece.top = Math.min(piece.top, y);
      piece.bottom = y > piece.bottom ? y : piece.bottom;
      for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++)
        for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
          const next = row * width + column;
          if (!seen[next] && data[next] > FAINTEST_EDGE) {
            seen[next] = 1;
            piece.at.push(next);
          }
        }
    }
    pieces.push(piece);
  }
  pieces.sort((a, b) => a.left - b.left);
  const joined = [];
  for (const piece of pieces) {
    const last = joined[joined.length - 1];
    const shared = last ? Math.min(last.right, piece.right) - piece.left + 1 : 0;
    if (last && shared > OVERLAPPING * Math.min(last.right - last.left + 1, piece.right - piece.left + 1)) {
      for (const i of piece.at) last.at.push(i);
      Object.assign(last, { right: Math.max(last.right, piece.right), pieces: last.pieces + 1 });
      Object.assign(last, { top: Math.min(last.top, piece.top), bottom: Math.max(last.bottom, piece.bottom) });
    } else joined.push(piece);
  }
  return joined.map(({ at, ...box }) => {
    const [wide, high] = [box.right - box.left + 1, box.bottom - box.top + 1];
    const own = new Float32Array(wide * high);
    for (const i of at) own[(Math.floor(i / width) - box.top) * wide + (i % width) - box.left] = data[i];
    return { ...box, ink: { data: own, width: wide, height: high } };
  });
}

// The weights [index, weight] of the input pixels for each output pixel: a triangle filter, antialiased.
function resampling(length, size) {
  const step = length / size;
  return Array.from({ length: size }, (_, to) => {
    const weights = [];
    for (let from = 0; from < length; from++) {
      const weight = 1 - Math.abs(from + 0.5 - (to + 0.5) * step) / Math.max(1, step);
      if (weight > 0) weights.push([from, weight]);
    }
    const sum = weights.reduce((total, [, weight]) => total + weight, 0);
    return weights.map(([from, weight]) => [from, weight / sum]);
  });
}

function roundHalfToEven(value) {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

export class Reader {
  // card: the layers and the calibration; weights: ArrayBuffer of float16, layer by layer, weights before biases.
  constructor(card, weights) {
    this.card = card;
    const values = fromHalf(new Uint16Array(weights));
    let at = 0;
    const take = (count) => values.subarray(at, (at += count));
    this.layers = card.layers.map((layer) => ({
      ...layer,
      weight: take(layer.outputs * layer.inputs * (layer.kernel ?? 1) ** 2),
      bias: take(layer.outputs),
    }));
  }

  static async load(folder = "./") {
    const [card, weights] = await Promise.all([fetch(`${folder}pocket.json`), fetch(`${folder}pocket.bin`)]);
    if (!card.ok || !weights.ok) throw new Error("the weights cannot be fetched");
    return new Reader(await card.json(), await weights.arrayBuffer());
  }

  // Reads a drawing in black on white; null if nothing is drawn.
  read(image) {
    const glyph = fit(inkOf(image));
    return glyph && this.readGlyph(glyph);
  }

  // Reads a glyph [28 * 28] in [0, 1]. Returns its digit (null if it is none), the ten probabilities, the score (how
  // digit-like it is), the glyph, and the maps of every layer: {data, channels, side}.
  readGlyph(glyph) {
    const maps = [{ data: glyph, channels: 1, side: SIDE }];
    let logits;
    for (const layer of this.layers) {
      const from = maps[maps.length - 1];
      if (layer.kernel) maps.push(convolve(from, layer));
      else logits = classify(from.data, layer);
    }
    const { temperature, threshold, thick = [0, 0] } = this.card.calibration;
    const heat = temperature * temperatureFactor(glyph, thick);
    const probabilities = softmax(logits.map((value) => value / heat));
    const highest = Math.max(0, ...logits);
    const total = logits.reduce((sum, value) => sum + Math.exp(value - highest), 0);
    const score = total / (total + Math.exp(-highest)); // against "no digit", whose logit is 0
    const best = probabilities.indexOf(Math.max(...probabilities));
    return { digit: score < threshold ? null : best, probabilities, score, glyph, maps, logits };
  }
}

// The factor by which thick strokes raise the temperature, see model/confidence.py.
function temperatureFactor(glyph, [start, slope]) {
  let [ink, variation] = [0, 0];
  for (let i = 0; i < glyph.length; i++) {
    ink += glyph[i];
    if (i % SIDE) variation += Math.abs(glyph[i] - glyph[i - 1]);
    if (i >= SIDE) variation += Math.abs(glyph[i] - glyph[i - SIDE]);
  }
  return 1 + slope * Math.max(0, (2 * ink) / Math.max(variation, 1e-6) - start);
}
