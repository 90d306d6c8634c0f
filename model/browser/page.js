// The static page: follows the pen, reads each frame with reader.js, and shows what the layers see.
import { Inside } from "./inside.js";
import { Reader } from "./reader.js";
import { inWords, percent } from "./words.js";

const PEN_WIDTH = 1 / 30; // pen width, as a fraction of the paper's width

const pad = document.querySelector("#pad");
const paper = pad.getContext("2d", { willReadFrequently: true });
const [name, words] = document.querySelectorAll("#answer > *");
const bars = document.querySelector("ol");
const fold = document.querySelector("details");
const reader = await Reader.load().catch((error) => {
  words.textContent = "The network could not be loaded: check the connection, then reload the page.";
  throw error;
});
const inside = new Inside(reader, fold);

for (let digit = 0; digit < 10; digit++) {
  const row = bars.appendChild(document.createElement("li"));
  row.innerHTML = `<b>${digit}</b><i></i><span></span>`;
}

const clear = () => {
  paper.fillStyle = "#fff";
  paper.fillRect(0, 0, pad.width, pad.height);
  answer();
};

function answer() {
  const read = reader.read(paper.getImageData(0, 0, pad.width, pad.height));
  const probabilities = read?.probabilities ?? new Array(10).fill(0);
  name.textContent = read ? (read.digit ?? "?") : "";
  words.textContent = read
    ? inWords(read.digit, probabilities, Math.max(...probabilities))
    : "Draw a digit. It is read on this device, and nothing is sent anywhere.";
  for (const [digit, row] of [...bars.children].entries()) {
    row.children[1].style.setProperty("--share", probabilities[digit]);
    row.children[2].textContent = percent(probabilities[digit]);
  }
  if (!read) inside.clear();
  else if (fold.open) inside.show(read);
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

let last = null; // the pen's position; the first pointer draws, others do not
const place = ({ clientX, clientY }) => {
  const { left, top, width, height } = pad.getBoundingClientRect();
  return [((clientX - left) / width) * pad.width, ((clientY - top) / height) * pad.height];
};
const draw = (event) => {
  const to = place(event);
  Object.assign(paper, { lineWidth: PEN_WIDTH * pad.width, lineCap: "round", strokeStyle: "#000" });
  paper.beginPath();
  paper.moveTo(...last.at);
  paper.lineTo(...to);
  paper.stroke();
  last.at = to;
};
pad.addEventListener("pointerdown", (event) => {
  if (last || event.button || event.ctrlKey) return; // only the primary button draws
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
  if (key === "Delete") clear();
});
fold.addEventListener("toggle", answer);

clear();
if ("serviceWorker" in navigator) navigator.serviceWorker.register("worker.js");
document.documentElement.dataset.ready = "";
