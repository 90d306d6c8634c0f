() => {
  // Gradio 6.31 selects no tool at load and after every clear: take up the brush again.
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

  const press = (name) => document.querySelector(`#pad button[aria-label="${name}"]:not([disabled])`)?.click();
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input:not([type=checkbox]), textarea, [contenteditable]")) return;
    const undo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    if (undo) press(event.shiftKey ? "Redo" : "Undo");
    else if (event.key === "Delete" || event.key === "Escape") press("Clear canvas");
    else return;
    event.preventDefault();
  });

  if (!document.createElement("canvas").getContext("webgl2")) {
    const words = document.querySelector("#draw-answer .words");
    if (words) words.textContent = "This browser has no WebGL, which the canvas needs: give a picture under Photo.";
  }
}
