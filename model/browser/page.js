// The static page: follows the pen, reads each frame with reader.js, and shows what the layers see.
import { Reader } from "./reader.js";

const PEN = 1 / 30; // pen width, as a fraction of the paper's width
const SURE = 0.8; // probability from which a digit is named without its rival
const WIDEST = 640; // pixels: width of a layer's row of maps on the screen
const NOTES = [
  "What the network is given: the digit in 28 by 28 pixels",
  "Layer 1: edges and strokes",
  "Layer 2: ends, bends and crossings of strokes",
  "Layer 3: larger parts, at half the resolution",
  "Layer 4: loops, hooks and bars",
  "Layer 5: what the ten digits are weighed from",
  "The digits 0 to 9: which places speak for each (orange) and against it (blue)",
];

const pad = document.querySelector("#pad");
const paper = pad.getContext("2d", { willReadFrequently: true });
const [name, words] = document.querySelectorAll("#answer > *");
const bars = document.querySelector("ol");
const inside = document.querySelector("details");
const patch = document.querySelector("#patch");
const reader = await Reader.load();

for (let digit = 0; digit < 10; digit++) {
  const row = bars.appendChild(document.createElement("li"));
  row.innerHTML = `<b>${digit}</b><i></i><span></span>`;
}
const percent = (share) => `${(100 * Math.min(share, 0.999)).toFixed(1)}%`;

const clear = () => {
  paper.fillStyle = "#fff";
  paper.fillRect(0, 0, pad.width, pad.height);
  answer();
};

function answer() {
  const read = reader.read(paper.getImageData(0, 0, pad.width, pad.height));
  const shares = read?.probabilities ?? new Array(10).fill(0);
  const [first, second] = [...shares.keys()].sort((a, b) => shares[b] - shares[a]);
  name.textContent = !read ? "" : read.digit === null ? "?" : read.digit;
  if (!read) words.textContent = "Draw a digit. It is read on this device, and nothing is sent anywhere.";
  else if (read.digit === null) words.textContent = "This does not look like a digit.";
  else if (shares[first] < SURE) words.textContent = `Unsure: ${first} or ${second}?`;
  else words.textContent = `It is ${first === 8 ? "an" : "a"} ${first}, ${percent(shares[first])} sure.`;
  for (const [digit, row] of [...bars.children].entries()) {
    row.children[1].style.setProperty("--share", shares[digit]);
    row.children[2].textContent = percent(shares[digit]);
  }
  if (inside.open && read) look(read);
}

let asked = false;
const soon = () => { // once a frame
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    answer();
  });
};

let last = null; // the place of the pen; the first pointer draws, others do not
const place = ({ clientX, clientY }) => {
  const { left, top, width, height } = pad.getBoundingClientRect();
  return [((clientX - left) / width) * pad.width, ((clientY - top) / height) * pad.height];
};
const draw = (event) => {
  const to = place(event);
  Object.assign(paper, { lineWidth: PEN * pad.width, lineCap: "round", strokeStyle: "#000" });
  paper.beginPath();
  paper.moveTo(...last.at);
  paper.lineTo(...to);
  paper.stroke();
  last.at = to;
};
pad.addEventListener("pointerdown", (event) => {
  if (last) return;
  pad.setPointerCapture(event.pointerId);
  last = { id: event.pointerId, at: place(event) };
  draw(event);
  soon();
});
pad.addEventListener("pointermove", (event) => {
  if (event.pointerId !== last?.id) return;
  for (const each of event.getCoalescedEvents?.() ?? [event]) draw(each);
  soon();
});
for (const end of ["pointerup", "pointercancel"])
  pad.addEventListener(end, ({ pointerId }) => {
    if (pointerId === last?.id) last = null;
  });
document.querySelector("#clear").addEventListener("click", clear);
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" || key === "Delete") clear();
});
inside.addEventListener("toggle", answer);

// What each place of the last maps adds to the logit of each digit.
function votes({ data, channels, side }) {
  const { weight, inputs } = reader.layers.at(-1);
  const size = side * side;
  const sums = new Float32Array(10 * size);
  for (let digit = 0; digit < 10; digit++)
    for (let i = 0; i < channels * size; i++) sums[digit * size + (i % size)] += weight[digit * inputs + i] * data[i];
  return { data: sums, channels: 10, side };
}

// Draws the maps of all layers, each layer a row of tiles, and the votes for each digit.
const perRow = (channels) => Math.min(channels, innerWidth < 600 ? 8 : 16);
let shown;
function look(read) {
  shown = read;
  const rows = document.querySelector("#maps");
  for (const [i, { data, channels, side }] of [...read.maps, votes(read.maps.at(-1))].entries()) {
    if (!rows.children[i]) {
      const row = rows.appendChild(document.createElement("div"));
      row.innerHTML = `<p>${NOTES[i]}</p><canvas role="img" aria-label="${NOTES[i]}"></canvas>`;
      if (read.maps[i]) row.lastChild.addEventListener("click", (event) => explain(i, event));
    }
    const board = rows.children[i].lastChild;
    const across = perRow(channels);
    const tile = side + 1;
    Object.assign(board, { width: across * tile, height: Math.ceil(channels / across) * tile });
    board.style.width = `${channels === 1 ? 84 : WIDEST}px`;
    const picture = new ImageData(board.width, board.height);
    let strongest = 1e-6;
    for (const value of data) strongest = Math.max(strongest, Math.abs(value));
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++) {
          const to = 4 * ((Math.floor(c / across) * tile + y) * board.width + (c % across) * tile + x);
          const value = data[(c * side + y) * side + x];
          const light = 255 * Math.sqrt(Math.abs(value) / strongest);
          picture.data.set(value < 0 ? [0.4 * light, 0.6 * light, light, 255] : [light, 0.75 * light, 0.5 * light, 255], to);
        }
    board.getContext("2d").putImageData(picture, 0, 0);
  }
}

// Says what one pixel of a map was made from: the strongest of the maps before it, its weights there and their sum.
function explain(i, { offsetX, offsetY, target }) {
  const { data, channels, side } = shown.maps[i];
  const [px, py] = [offsetX, offsetY].map((at) => Math.floor((at * target.width) / target.clientWidth));
  const across = perRow(channels);
  const [c, x, y] = [Math.floor(py / (side + 1)) * across + Math.floor(px / (side + 1)), px % (side + 1), py % (side + 1)];
  if (c >= channels || x >= side || y >= side) return;
  const value = data[(c * side + y) * side + x];
  if (i === 0) {
    patch.textContent = `Ink of ${value.toFixed(2)} at column ${x}, row ${y}.`;
    return;
  }
  const before = shown.maps[i - 1];
  const { weight, bias, kernel, stride } = reader.layers[i - 1];
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
  const table = (cell) => steps.map((ky) => steps.map((kx) => cell(most, ky, kx).toFixed(2).padStart(6)).join("")).join("\n");
  const total = sums.reduce((sum, one) => sum + one, bias[c]);
  patch.textContent =
    `Map ${c + 1} of layer ${i}, column ${x}, row ${y}: ${value.toFixed(2)}\n` +
    `It looked at ${kernel} x ${kernel} pixels of ${before.channels} maps; map ${most + 1} weighed most.\n` +
    `Its pixels:\n${table(at)}\nTheir weights:\n${table(weighed)}\n` +
    `Their sum ${sums[most].toFixed(2)}, with the other maps and the bias ${total.toFixed(2)}; below 0 counts as 0.`;
}

clear();
if ("serviceWorker" in navigator) navigator.serviceWorker.register("worker.js");
document.documentElement.dataset.ready = "";
