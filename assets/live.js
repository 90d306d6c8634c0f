// Reads the canvas while the pen moves: one request is under way at a time, and the newest drawing wins.
// Gradio gives `element`, `server` and `trigger`; `window.editor` is its Sketchpad's and undocumented, see README.md.
const PATIENCE = 10_000; // ms until an answer is given up
const START = 20_000; // ms until the canvas must be there, on a slow telephone
const ASK = 2000; // ms until another canvas is asked for again
const AGAIN = 3000; // ms until what was not answered is asked again
const QUIET = 600; // ms without a newer answer until it is read out
const SLOW = 8; // ms for the picture of the canvas: the processor draws, there are no graphics
const FRAMES = 15; // a second that are drawn there at most, since each keeps the browser from all else
const said = () => document.querySelector("#draw-answer .prose, #draw-answer");
const both = () => document.querySelector("#both input");

let wanted = 0; // drawings that were asked for
let busy = false;
let answered = ""; // the drawing whose answer is shown
let asking; // the timer of what is asked again
let reading; // the timer of what is read out

// The drawing with the stroke in progress, as a PNG. `editor.get_blobs()` would give it too, but waits for the browser to
// be idle, which it is not before the pen rests.
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
      const drawing = { picture: picture(), both: both().checked };
      if (JSON.stringify(drawing) === answered) continue;
      const html = await within(PATIENCE, server.look(drawing));
      if (!html) throw new Error("no answer"); // Gradio says so in the console alone
      show(html);
      answered = JSON.stringify(drawing);
      if (said().querySelector("[data-busy]")) throw new Error("busy");
    }
  } catch ({ message }) {
    answered = "";
    if (message !== "busy")
      show('<p class="headline"><span class="words">There is no answer from the server. It is asked again.</span></p>');
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
  const zoom = window.editor.tools.get("zoom"); // the paper fills its frame, and stays there
  zoom.border_padding = 0;
  zoom.set_zoom("fit");
  window.editor.outline_graphics.filters = []; // the shadow around the paper takes two thirds of each frame
  document.addEventListener("pointermove", (event) => {
    if (event.buttons && document.querySelector("#pad")?.contains(event.target)) look();
  });
  window.editor.on("change", look);
  both().addEventListener("change", look);
};
start().catch(() => {
  const pad = document.querySelector("#pad");
  pad.style.display = "none";
  pad.id = "";
  const ask = setInterval(() => { // app.py to set another in its place, whose strokes are read when they end
    if (document.querySelector("#pad")) clearInterval(ask);
    else trigger("click");
  }, ASK);
});
