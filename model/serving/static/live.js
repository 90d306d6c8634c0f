// Answers while the pen moves, on the device (follow.js), and asks the server when the pen rests: one request at a time,
// and the newest drawing wins. Where the device cannot read, the server is asked while the pen moves, too.
// Gradio provides `element`, `server` and `trigger`. `window.editor` belongs to its Sketchpad and is undocumented,
// which is one reason why requirements.txt pins gradio.
const ANSWER_WITHIN = 10_000; // ms to wait for an answer
const CANVAS_WITHIN = 20_000; // ms to wait for the canvas, on a slow phone
const ASK_EVERY = 2000; // ms between requests for the fallback canvas
const RESEND_AFTER = 3000; // ms before an unanswered drawing is sent again
const RESTED = 150; // ms without a move of the pen before the server is asked
const ANNOUNCE_AFTER = 600; // debounce in ms before a screen reader announces an answer
const SLOW_CAPTURE = 8; // ms to capture the canvas; if it takes longer, the CPU draws, without a GPU
const FRAMES = 15; // maximum per second in that case, since each frame blocks the browser
const NEEDED = ["#pad", "#both input", "#inside details"]; // come after this script, and are rendered later
const answerElement = () => document.querySelector("#draw-answer .prose, #draw-answer");
const both = () => document.querySelector("#both input");
const known = () => window.keptCorrections(); // see head.html

let wanted = 0; // number of drawings requested
let busy = false;
let answered = ""; // the drawing whose answer is shown
let retryTimer; // timer that sends a drawing again
let announceTimer; // timer that has an answer read out
let idleTimer; // timer that asks the server
let copy = null; // the drawing as the device reads it; null if it cannot
let invitation = ""; // the answer to an empty canvas
let inside = null; // what shows the layers of the network on the device
let following = false; // whether the device is about to read it

// Whether the device answers: it knows neither the textbook network nor this browser's corrections.
const local = () => copy && !both().checked && (known() ?? "[]") === "[]";

// The drawing with the stroke in progress, as a PNG. `editor.get_blobs()` would return it too, but waits for the
// browser to be idle, which it is only once the pen rests.
const picture = () => {
  const { app, image_container: target, width, height } = window.editor;
  const frame = Object.assign(app.screen.clone(), { x: 0, y: 0, width, height });
  const canvas = app.renderer.extract.canvas({ target, frame, resolution: 1 });
  const { is_drawing, state } = window.editor.tools.get("brush");
  if (!is_drawing || state.mode === "draw") copy?.take(canvas); // the canvas lacks an eraser's stroke in progress
  return canvas.toDataURL();
};

// Reads the drawing on the device: the answer as HTML; what the layers see goes into the fold below it.
const readHere = () => {
  const html = copy.answer() || invitation;
  if (!inside.fold.open) return html;
  if (copy.single) inside.show(copy.single);
  else inside.clear();
  return html;
};

const showHere = () => {
  show(readHere());
  answered = "";
};

const follow = () => {
  clearTimeout(idleTimer);
  idleTimer = setTimeout(requestAnswer, RESTED);
  if (following) return;
  following = true;
  setTimeout(() => {
    following = false;
    const stages = answerElement().querySelector(".stages"); // of the last drawing: they stay until the pen rests
    showHere();
    stages?.classList.add("stale");
    answerElement().append(stages ?? "");
  });
};

const note = (words) => `<p class="took">${words}</p>`;

const within = (ms, promise) =>
  Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new Error("no answer")), ms))]);

const show = (html) => {
  answerElement().innerHTML = html;
  clearTimeout(announceTimer);
  announceTimer = setTimeout(() => window.announce(answerElement()), ANNOUNCE_AFTER); // see head.html
};

const current = () => ({ picture: picture(), both: both().checked, known: known() });

const requestAnswer = async () => {
  clearTimeout(idleTimer);
  wanted += 1;
  if (busy) {
    if (local()) { // after an undo or a clear, the device must know of it at once, and show it
      picture();
      showHere();
    }
    return;
  }
  busy = true;
  try {
    for (let at = 0; at !== wanted; ) {
      at = wanted;
      const drawing = current();
      const asked = JSON.stringify(drawing);
      if (asked === answered) continue;
      const here = (local() || inside?.fold.open) && readHere();
      if (local() && here === invitation) show(here); // an empty canvas is answered at once
      answerElement().querySelector(".stages")?.classList.add("stale");
      const html = await within(ANSWER_WITHIN, server.read_drawing(drawing));
      if (!html) throw new Error("no answer"); // Gradio reports it only in the console
      if (local() && JSON.stringify(current()) !== asked) continue; // the device has a newer answer
      show(html);
      answered = asked;
      const refused = answerElement().querySelector("[data-busy] .words");
      if (refused) throw new Error(refused.textContent, { cause: "busy" });
    }
  } catch ({ message, cause }) {
    answered = "";
    const words = cause ? message : "The server did not respond. Trying again.";
    const here = local() && readHere();
    show(here ? here + note(`Read on this device. ${words}`) : window.sentence(words)); // see head.html
    clearTimeout(retryTimer);
    retryTimer = setTimeout(requestAnswer, RESEND_AFTER);
  } finally {
    busy = false;
  }
};

const prepare = async () => {
  const { pathname } = new URL(window.gradio_config.root, location.href); // behind a proxy, the host may differ
  const { Copy, insideOf } = await import(`${location.origin}${pathname.replace(/\/$/, "")}/reader/follow.js`);
  const { width, height, tools } = window.editor;
  inside = insideOf(document.querySelector("#inside details"));
  copy = new Copy(width, height);
  const strokes = Object.getPrototypeOf(tools.get("brush").brush_textures); // each clear makes another object of its class
  const draw = strokes.draw_segment;
  strokes.draw_segment = function (...segment) {
    draw.apply(this, segment);
    copy.draw(...segment);
    if (local()) follow();
  };
  inside.fold.hidden = false;
  inside.fold.addEventListener("toggle", readHere);
  picture(); // what was drawn until now
};

const start = async () => {
  for (const selector of NEEDED) await window.appears(selector); // see head.html
  invitation = answerElement().innerHTML;
  for (const began = Date.now(); !window.editor?.app?.renderer; ) {
    if (Date.now() - began > CANVAS_WITHIN) throw new Error("no canvas");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const times = [1, 2, 3, 4].map(() => {
    const began = performance.now();
    picture();
    return performance.now() - began;
  });
  if (Math.min(...times) > SLOW_CAPTURE) window.editor.app.ticker.maxFPS = FRAMES;
  Object.assign(window.editor.app.canvas, { role: "img", ariaLabel: "Drawing canvas" });
  const zoom = window.editor.tools.get("zoom"); // the paper fills its frame and stays there, even after a clear
  const { setup } = zoom;
  zoom.border_padding = 0;
  zoom.setup = async (...given) => {
    await setup.apply(zoom, given);
    zoom.set_zoom("fit");
  };
  zoom.set_zoom("fit");
  window.editor.outline_graphics.filters = []; // the shadow around the paper takes two thirds of a frame's time
  document.addEventListener("pointermove", (event) => {
    if (!local() && event.buttons && document.querySelector("#pad")?.contains(event.target)) requestAnswer();
  });
  window.editor.on("change", requestAnswer);
  both().addEventListener("change", requestAnswer);
  document.addEventListener("corrected", requestAnswer);
  prepare().catch(() => {}); // an old browser, or a different Gradio version: the server answers
};
start().catch(() => {
  const pad = document.querySelector("#pad");
  pad.style.display = "none";
  pad.id = "";
  const ask = setInterval(() => { // tells app.py to show the fallback pad, which sends each finished stroke
    if (document.querySelector("#pad")) clearInterval(ask);
    else trigger("click");
  }, ASK_EVERY);
});
