() => {
  // Gradio 6.31 selects no tool at load and after every clear, so select the brush.
  const takeUpBrush = () => {
    const tools = [...document.querySelectorAll("#pad .toolbar-wrap button")];
    if (tools.length && !tools.some((tool) => tool.classList.contains("highlight")))
      tools.find((tool) => tool.ariaLabel === "Brush")?.click();
  };
  const nameExamples = () => {
    for (const [i, button] of document.querySelectorAll(".gallery-item:not([aria-label])").entries())
      button.ariaLabel = `Example ${i + 1}`;
  };
  new MutationObserver(() => {
    takeUpBrush();
    nameExamples();
  }).observe(document.body, {
    subtree: true,
    childList: true,
    attributeFilter: ["class"],
  });
  takeUpBrush();

  addEventListener("storage", ({ key }) => { // another tab has corrected something
    if (key === "corrections") document.dispatchEvent(new Event("corrected"));
  });

  const TYPED_IN = "input:not([type=checkbox]), textarea, [contenteditable]";
  const seen = (selector) => [...document.querySelectorAll(selector)].find((one) => one.checkVisibility());
  const press = (name) => seen(`#pad button[aria-label="${name}"]:not([disabled])`)?.click();
  document.addEventListener("keydown", (event) => {
    if (event.target.closest(`${TYPED_IN}, details`)) return;
    if (!seen("#pad")) return; // the Draw tab is not shown
    const undo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    if (undo) press(event.shiftKey ? "Redo" : "Undo");
    else if (event.key === "Delete") press("Clear canvas");
    else return;
    event.preventDefault();
  });

  const notify = async (words) => { // below the picture, until the next one
    const picture = await window.appears("#picture");
    document.querySelector("#notice")?.remove();
    picture.after(Object.assign(document.createElement("p"), { id: "notice", textContent: words }));
    window.announce(picture, words);
  };

  const ASK_AGAIN_AFTER = 3000; // ms until a picture is sent again that a busy server did not read
  // The Photo tab shows that a picture is being read until the server has answered; app.py calls these functions.
  window.asked = (picture) => {
    document.querySelector("#photo-answer").ariaBusy = picture !== null;
    document.querySelector("#notice")?.remove();
    return [picture, document.querySelector("#both input").checked, window.keptCorrections()];
  };
  window.answered = () => {
    const answer = document.querySelector("#photo-answer");
    answer.ariaBusy = false;
    window.announce(answer);
    setTimeout(() => answer.querySelector("[data-busy]") && askAgain(), ASK_AGAIN_AFTER);
  };
  window.unanswered = () => {
    const words = "The server did not read this picture. Try again in a moment.";
    const answer = document.querySelector("#photo-answer");
    answer.ariaBusy = false;
    window.announce(answer, words);
    return [window.sentence(words), { __type__: "update", visible: false }];
  };
  const askAgain = () => {
    if (document.querySelector("#picture img")) document.querySelector("#again").click();
  };
  document.addEventListener("corrected", askAgain);
  document.querySelector("#both").addEventListener("change", askAgain);

  document.addEventListener("mouseup", (event) => { // on Linux, the middle button would paste
    if (event.button === 1 && !event.target.closest(TYPED_IN)) event.preventDefault();
  });
  document.addEventListener("paste", async ({ target, clipboardData }) => {
    if (target.closest(TYPED_IN)) return;
    const picture = [...clipboardData.files].find(({ type }) => type.startsWith("image/"));
    document.querySelectorAll('button[role="tab"]')[1].click();
    if (!picture) {
      notify("There is no picture on the clipboard: copy one first.");
      return;
    }
    const given = new DataTransfer();
    given.items.add(picture);
    const files = '#picture input[type="file"]'; // missing while the camera or Gradio's own clipboard button is chosen
    if (!document.querySelector(files)) document.querySelector('#picture button[aria-label="Upload file"]')?.click();
    const input = await window.appears(files);
    input.files = given.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });

  document.addEventListener(
    "drop",
    (event) => { // Gradio would send all of them, and the server refuses more than one
      if (event.dataTransfer?.files.length < 2 || !event.target.closest("#picture")) return;
      event.preventDefault();
      event.stopPropagation();
      event.target.dispatchEvent(new DragEvent("dragleave", { bubbles: true }));
      notify("Drop one picture at a time.");
    },
    true,
  );

  // A browser cannot show every picture that the server can read, such as a HEIC or a TIFF: show what was read.
  const showWhatWasRead = async ({ target }) => {
    if (!target.matches?.("#picture img") || target.src.startsWith("data:")) return;
    const { src } = target;
    do await new Promise((resolve) => setTimeout(resolve, 100));
    while (document.querySelector("#photo-answer").ariaBusy === "true");
    const read = document.querySelector("#photo-answer .stages img");
    if (read && target.src === src) target.src = read.src;
  };
  document.addEventListener("error", showWhatWasRead, true);

  // Gradio says nothing when there is no camera, or when the page is not secure enough to use one.
  const NO_CAMERA = {
    NotAllowedError: "The browser does not let this page use the camera: allow it, or upload a picture.",
    NotFoundError: "No camera found: upload a picture.",
  };
  const media = navigator.mediaDevices ?? { enumerateDevices: async () => [] };
  const camera = media.getUserMedia?.bind(media);
  media.getUserMedia = async (wish) => {
    try {
      return await camera(wish);
    } catch (error) {
      const insecure = "The camera needs https: upload a picture instead.";
      const words = NO_CAMERA[error.name] ?? (camera ? `The camera did not start: ${error.message}.` : insecure);
      notify(words);
      throw error;
    }
  };
  if (!navigator.mediaDevices) Object.defineProperty(navigator, "mediaDevices", { value: media });

  if (!document.createElement("canvas").getContext("webgl2")) {
    const words = document.querySelector("#draw-answer .words");
    if (words) words.textContent = "This browser has no WebGL, which the canvas needs: upload a picture on the Photo tab.";
  }
}
