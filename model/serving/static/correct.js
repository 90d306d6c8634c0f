// Saves the user's corrections: in this browser and, if the owner collects them, on the server.
// Gradio provides `element` and `server`.
const MOST_GLYPHS = 100; // corrections kept; the oldest go first
const tab = element.closest("[id$=-correct]").id.replace("-correct", "");
const glyphs = () => document.querySelectorAll(`#${tab}-answer .stages:not(.stale) .glyph img`);
const thanks = element.querySelector(".thanks");
const known = () => JSON.parse(window.keptCorrections() ?? "[]");

const count = () => {
  const many = known().length;
  element.querySelector(".kept").hidden = !many;
  element.querySelector(".kept span").textContent =
    many === 1 ? "1 correction is kept in this browser." : `${many} corrections are kept in this browser.`;
};
const keep = (corrections) => {
  localStorage.setItem("corrections", JSON.stringify(corrections.slice(-MOST_GLYPHS)));
  document.dispatchEvent(new Event("corrected"));
};

document.addEventListener("corrected", () => {
  count();
  if (tab === "photo") document.querySelector("#again")?.click();
});
element.addEventListener("toggle", () => (thanks.textContent = ""), true);
const clicked = async ({ target }) => {
  if (target.tagName !== "BUTTON") return;
  if (target.value === "forget" || target.value === "undo") {
    keep(target.value === "undo" ? known().slice(0, -1) : []);
    thanks.textContent = target.value === "undo" ? "Undone." : "Forgotten.";
    return;
  }
  if (glyphs().length !== 1) {
    thanks.textContent = "Draw or upload a single digit, so that it is clear which one you mean.";
    return;
  }
  const said = { glyph: glyphs()[0].src, digit: Number(target.value) };
  keep([...known(), [said.digit, said.glyph]]);
  thanks.textContent = "Thank you. Saved in this browser.";
  if (server.correct && said.digit < 10)
    thanks.textContent = (await server.correct(said)) ?? "Saved in this browser, but the server did not respond.";
};
element.addEventListener("click", (event) => {
  clicked(event).catch(() => (thanks.textContent = "This browser does not let the page keep corrections."));
});
count();
