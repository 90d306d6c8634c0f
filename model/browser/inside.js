// Shows what each layer of `pocket` sees, and how each pixel of a map was computed.
const ROW_WIDTH = 640; // pixels: width of a layer's row of maps on the screen
const FOLD_CONTENT = `<summary>Look inside the network</summary>
<p>The feature maps of each layer of the network on this device, for a single digit as you draw. Brighter means
stronger. Tap a pixel to see which pixels of the previous layer feed it, and with what weights.</p>
<div class="maps"></div>
<p class="patch" role="status"></p>
<style>
  .maps canvas { display: block; max-width: 100%; image-rendering: pixelated; background: #000; cursor: pointer; }
  .maps p { margin: 0.8em 0 0.2em; }
  .patch { font: 14px/1.4 ui-monospace, monospace; white-space: pre-wrap; min-height: 4em; }
</style>`;
const NOTES = [
  "Input: the digit at 28 by 28 pixels",
  "Layer 1: edges and strokes",
  "Layer 2: ends, bends and crossings of strokes",
  "Layer 3: larger parts, at half the resolution",
  "Layer 4: loops, hooks and bars",
  "Layer 5: features that score the ten digits",
  "Output, the digits 0 to 9: areas that support (orange) or contradict (blue) each",
];

const perRow = (channels) => Math.min(channels, innerWidth < 600 ? 8 : 16);

// What each position in the last maps adds to the logit of each digit.
function votes({ weight, inputs }, { data, channels, side }) {
  const size = side * side;
  const sums = new Float32Array(10 * size);
  for (let digit = 0; digit < 10; digit++)
    for (let i = 0; i < channels * size; i++) sums[digit * size + (i % size)] += weight[digit * inputs + i] * data[i];
  return { data: sums, channels: 10, side };
}

export class Inside {
  // fold: the <details> to fill.
  constructor(reader, fold) {
    fold.innerHTML = FOLD_CONTENT;
    const [rows, patch] = [fold.querySelector(".maps"), fold.querySelector(".patch")];
    Object.assign(this, { reader, fold, rows, patch, across: [] });
  }

  clear() {
    this.rows.replaceChildren();
    this.patch.textContent = "";
  }

  // Draws the maps of all layers, each layer a row of tiles, and the votes for each digit.
  show(read) {
    this.read = read;
    const last = votes(this.reader.layers.at(-1), read.maps.at(-1));
    for (const [i, { data, channels, side }] of [...read.maps, last].entries()) {
      if (!this.rows.children[i]) {
        const row = this.rows.appendChild(document.createElement("div"));
        row.innerHTML = `<p>${NOTES[i]}</p><canvas role="img" aria-label="${NOTES[i]}"></canvas>`;
        if (read.maps[i]) row.lastChild.addEventListener("click", (event) => this.explain(i, event));
      }
      const board = this.rows.children[i].lastChild;
      const across = perRow(channels);
      const tile = side + 1;
      this.across[i] = across;
      Object.assign(board, { width: across * tile, height: Math.ceil(channels / across) * tile });
      board.style.width = `${channels === 1 ? 84 : ROW_WIDTH}px`;
      const picture = new ImageData(board.width, board.height);
      let strongest = 1e-6;
      for (const value of data) strongest = Math.max(strongest, Math.abs(value));
      for (let c = 0; c < channels; c++)
        for (let y = 0; y < side; y++)
          for (let x = 0; x < side; x++) {
            const to = 4 * ((Math.floor(c / across) * tile + y) * board.width + (c % across) * tile + x);
            const value = data[(c * side + y) * side + x];
            const light = 255 * Math.sqrt(Math.abs(value) / strongest);
            const colour = value < 0 ? [0.4, 0.6, 1] : [1, 0.75, 0.5];
            picture.data.set([...colour.map((part) => part * light), 255], to);
          }
      board.getContext("2d").putImageData(picture, 0, 0);
    }
  }

  // Says how one pixel of a map was computed: the strongest map before it, its weights and its weighted sum.
  explain(i, { offsetX, offsetY, target }) {
    const { data, channels, side } = this.read.maps[i];
    const [px, py] = [offsetX, offsetY].map((at) => Math.floor((at * target.width) / target.clientWidth));
    const across = this.across[i]; // the screen may have been rotated since
    const tile = side + 1;
    const [c, x, y] = [Math.floor(py / tile) * across + Math.floor(px / tile), px % tile, py % tile];
    if (c >= channels || x >= side || y >= side) return;
    const value = data[(c * side + y) * side + x];
    if (i === 0) {
      this.patch.textContent = `Ink ${value.toFixed(2)} at column ${x}, row ${y}.`;
      return;
    }
    const before = this.read.maps[i - 1];
    const { weight, bias, kernel, stride } = this.reader.layers[i - 1];
    const at = (map, ky, kx) => {
      const [row, column] = [y * stride + ky - (kernel >> 1), x * stride + kx - (kernel >> 1)];
      const within = row >= 0 && column >= 0 && row < before.side && column < before.side;
      return within ? before.data[(map * before.side + row) * before.side + column] : 0;
    };
    const steps = [...Array(kernel).keys()];
    const weighed = (map, ky, kx) => weight[((c * before.channels + map) * kernel + ky) * kernel + kx];
    const sums = Array.from({ length: before.channels }, (_, map) =>
      steps.reduce((sum, ky) => steps.reduce((more, kx) => more + weighed(map, ky, kx) * at(map, ky, kx), sum), 0),
    );
    const most = sums.reduce((best, sum, map) => (Math.abs(sum) > Math.abs(sums[best]) ? map : best), 0);
    const row = (cell, ky) => steps.map((kx) => cell(most, ky, kx).toFixed(2).padStart(6)).join("");
    const table = (cell) => steps.map((ky) => row(cell, ky)).join("\n");
    const total = sums.reduce((sum, one) => sum + one, bias[c]);
    this.patch.textContent =
      `Map ${c + 1} of layer ${i}, column ${x}, row ${y}: ${value.toFixed(2)}\n` +
      `Inputs: ${kernel} x ${kernel} pixels of ${before.channels} maps; map ${most + 1} contributed most.\n` +
      `Its pixels:\n${table(at)}\nTheir weights:\n${table(weighed)}\n` +
      `Weighted sum: ${sums[most].toFixed(2)}; with the other maps and bias: ${total.toFixed(2)}; negative sums become 0.`;
  }
}
