// Reads the canvas while the pen moves: one request at a time, and the newest drawing wins.
// Gradio provides `element`, `server` and `trigger`. `window.editor` belongs to its Sketchpad and is undocumented,
// which is one reason why requirements.txt pins gradio.
const PATIENCE = 10_000; // ms to wait for an answer
const START = 20_000; // ms to wait for the canvas, on a slow phone
const ASK = 2000; // ms between requests for the spare canvas
const AGAIN = 3000; // ms before an unanswered drawing is sent again
const QUIET = 600; // ms without a newer answer before a screen reader reads it out
const SLOW = 8; // ms to capture the canvas; if it takes longer, the CPU draws, without a GPU
const FRAMES = 15; // maximum per second in that case, since each frame blocks the browser
const said = () => document.querySelector("#draw-answer .prose, #draw-answer");
const both = () => document.querySelector("#both input");
const known = () => localStorage.getItem("corrections"); // see correct.js

let wanted = 0; // number of drawings requested
let busy = false;
let answered = ""; // the drawing whose answer is shown
let asking; // timer that sends a drawing again
let reading; // timer that has an answer read out

// The drawing with the stroke in progress, as a PNG. `editor.get_blobs()` would return it too, but waits for the
// browser to be idle, which it is only once the pen rests.
const picture = () => {
  const { app, image_container: target, width, height } = window.editor;
  const frame = Object.assign(app.screen.clone(), { x: 0, y: 0, width, height });
  return app.renderer.extract.canvas({ target, frame, resolution: 1 }).toDataURL();
};

const within = (ms, promise) =>
  Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new Error("no answer")), ms))]);

const show = (html) => {
  said().innerHTML = html;
  clearTimeout(reading);
  reading = setTimeout(() => {
    element.querySelector("[role=status]").textContent = said().querySelector(".words")?.textContent ?? "";
  }, QUIET);
};

const look = async () => {
  wanted += 1;
  if (busy) return;
  busy = true;
  try {
    for (let at = 0; at !== wanted; ) {
      at = wanted;
      const drawing = { picture: picture(), both: both().checked, known: known() };
      if (JSON.stringify(drawing) === answered) continue;
      const html = await within(PATIENCE, server.look(drawing));
      if (!html) throw new Error("no answer"); // Gradio reports it only in the console
      show(html);
      answered = JSON.stringify(drawing);
      if (said().querySelector("[data-busy]")) throw new Error("busy");
    }
  } catch ({ message }) {
    answered = "";
    if (message !== "busy")
      show('<p class="headline"><span class="words">The server does not answer. Trying again.</span></p>');
    clearTimeout(asking);
    asking = setTimeout(look, AGAIN);
  }
  busy = false;
};

const start = async () => {
  for (const began = Date.now(); !window.editor?.app?.renderer; ) {
    if (Date.now() - began > START) throw new Error("no canvas");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const times = [1, 2, 3, 4].map(() => {
    const began = performance.now();
    picture();
    return performance.now() - began;
  });
  if (Math.min(...times) > SLOW) window.editor.app.ticker.maxFPS = FRAMES;
  Object.assign(window.editor.app.canvas, { role: "img", ariaLabel: "Paper to draw on" });
  const zoom = window.editor.tools.get("zoom"); // the paper fills its frame and stays there
  zoom.border_padding = 0;
  zoom.set_zoom("fit");
  window.editor.outline_graphics.filters = []; // the shadow around the paper takes two thirds of a frame's time
  document.addEventListener("pointermove", (event) => {
    if (event.buttons && document.querySelector("#pad")?.contains(event.target)) look();
  });
  window.editor.on("change", look);
  both().addEventListener("change", look);
  document.addEventListener("corrected", look);
};
start().catch(() => {
  const pad = document.querySelector("#pad");
  pad.style.display = "none";
  pad.id = "";
  const ask = setInterval(() => { // tells app.py to show the spare pad, which sends each finished stroke
    if (document.querySelector("#pad")) clearInterval(ask);
    else trigger("click");
  }, ASK);
});
