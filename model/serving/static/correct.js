// Sends the displayed glyph and the digit that the user says it is. Gradio provides `element` and `server`.
const tab = element.closest("[id$=-correct]").id.replace("-correct", "");
const glyphs = () => document.querySelectorAll(`#${tab}-answer .glyph img`);
const thanks = element.querySelector(".thanks");

element.addEventListener("toggle", () => (thanks.textContent = ""), true);
element.addEventListener("click", async ({ target }) => {
  if (target.tagName !== "BUTTON") return;
  if (glyphs().length !== 1) {
    thanks.textContent = "Draw or upload a single digit, so that it is clear which one you mean.";
    return;
  }
  const said = await server.correct({ glyph: glyphs()[0].src, digit: Number(target.value) });
  thanks.textContent = said ?? "Not saved: the server does not answer.";
});
