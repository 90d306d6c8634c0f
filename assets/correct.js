// Sends the glyph that is shown, and the digit that the person says it is. Gradio gives `element` and `server`.
const tab = element.closest("[id$=-correct]").id.replace("-correct", "");
const glyphs = () => document.querySelectorAll(`#${tab}-answer .glyph img`);
const thanks = element.querySelector(".thanks");

element.addEventListener("toggle", () => (thanks.textContent = ""), true);
element.addEventListener("click", async ({ target }) => {
  if (target.tagName !== "BUTTON") return;
  if (glyphs().length !== 1) {
    thanks.textContent = "Draw or give one digit alone, so that it is clear which one is meant.";
    return;
  }
  const said = await server.correct({ glyph: glyphs()[0].src, digit: Number(target.value) });
  thanks.textContent = said ?? "It could not be kept: there is no answer from the server.";
});
