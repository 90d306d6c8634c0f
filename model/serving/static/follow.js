// Answers on the device while the pen moves: `pocket` reads a copy of the drawing. The answer is worded like the server's
// (model/serving/answers.py), which replaces it when the pen rests.
import { Inside } from "./inside.js";
import { fit, inkOf, Reader, symbols } from "./reader.js";
import { inWords, NOT_FOUND, percent, ranked } from "./words.js";

const SIGN_SIZE = 0.45; // fraction of the tallest symbol's height: shorter ones are signs
const DASH_SHAPE = 1.5; // width / height: a flatter sign is a dash
const SET_SMALLER = 4; // numbers with more symbols are set smaller
const reader = await Reader.load(new URL(".", import.meta.url).href);

// A copy of the pad's drawing, updated stroke by stroke.
export class Copy {
  constructor(width, height) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    this.board = canvas.getContext("2d", { willReadFrequently: true });
    this.read = new Map(); // symbols that were read before; only what the pen changed is read again
    this.single = null; // the reading of a drawing that is a single symbol
  }

  // Takes over the pad's drawing: a canvas, of which only the ink is opaque.
  take(drawing) {
    const { width, height } = this.board.canvas;
    this.board.fillStyle = "#fff";
    this.board.fillRect(0, 0, width, height);
    this.board.drawImage(drawing, 0, 0, width, height);
  }

  // Draws a part of a stroke, with the arguments of the pad's own `draw_segment`.
  draw(fromX, fromY, toX, toY, radius, colour, _, mode) {
    const strokeStyle = mode === "draw" ? colour : "#fff";
    Object.assign(this.board, { strokeStyle, lineWidth: 2 * radius, lineCap: "round" });
    this.board.beginPath();
    this.board.moveTo(fromX, fromY);
    this.board.lineTo(toX, toY);
    this.board.stroke();
  }

  // The answer as HTML; "" if nothing is drawn.
  answer() {
    const { width, height } = this.board.canvas;
    const found = symbols(inkOf(this.board.getImageData(0, 0, width, height)));
    const tallest = Math.max(...found.map(({ top, bottom }) => bottom - top + 1));
    const before = this.read;
    this.read = new Map();
    const read = found.map((one) => {
      if (one.bottom - one.top + 1 < SIGN_SIZE * tallest) return { sign: sign(one) };
      const key = `${one.left} ${one.top} ${one.ink.data.reduce((sum, value) => sum + value, 0)}`;
      this.read.set(key, before.get(key) ?? reader.readGlyph(fit(one.ink)));
      return this.read.get(key);
    });
    this.single = read.length === 1 ? read[0] : null;
    if (read.length < 2) return read.map(single).join("");
    const text = read.map(({ sign, digit }) => sign ?? digit ?? "").join("");
    return text ? headline(text, `It is ${text}.`) : headline("?", NOT_FOUND);
  }
}

// The fold below the answer that shows what the layers see.
export const insideOf = (fold) => new Inside(reader, fold);

function sign({ left, top, right, bottom, pieces }) {
  const flat = right - left + 1 > DASH_SHAPE * (bottom - top + 1);
  if (pieces > 1) return flat ? "=" : ":";
  return flat ? "-" : ".";
}

function single({ digit, probabilities, score }) {
  const bars = ranked(probabilities).map((each) => {
    const probability = probabilities[each];
    return `<li><b>${each}</b><i style="--share:${probability.toFixed(4)}"></i><span>${percent(probability)}</span></li>`;
  });
  const list = `<ol class="bars" aria-label="Probability of each digit">${bars.join("")}</ol>`;
  return headline(digit ?? "?", inWords(digit, probabilities, score * Math.max(...probabilities))) + list;
}

function headline(name, words) {
  const size = String(name).length > SET_SMALLER ? "long" : "short";
  return `<p class="headline ${size}"><output>${name}</output><span class="words">${words}</span></p>`;
}
