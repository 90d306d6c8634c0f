() => {
  // Gradio 6.31 selects no tool at load and after every clear: take up the brush again.
  const takeUpBrush = () => {
    const tools = [...document.querySelectorAll("#pad .toolbar-wrap button")];
    if (tools.length && !tools.some((tool) => tool.classList.contains("highlight")))
      tools.find((tool) => tool.ariaLabel === "Brush")?.click();
  };
  new MutationObserver(takeUpBrush).observe(document.body, {
    subtree: true,
    childList: true,
    attributeFilter: ["class"],
  });
  takeUpBrush();

  if (!document.createElement("canvas").getContext("webgl2")) {
    const words = document.querySelector("#draw-words p");
    if (words) words.textContent = "This browser has no WebGL, which the canvas needs: give a picture under Photo.";
  }
}
