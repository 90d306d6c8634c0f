// Saves the user's corrections: in this browser and, if the owner collects them, on the server.
// Gradio provides `element` and `server`.
const MAX_SAVED = 100; // corrections kept; the oldest go first
const tab = element.closest("[id$=-correct]").id.replace("-correct", "");
const glyphs = () => document.querySelectorAll(`#${tab}-answer:not([aria-busy=true]) .stages:not(.stale) .glyph img`);
const thanks = element.querySelector(".thanks");
const stored = () => JSON.parse(window.keptCorrections() ?? "[]");

const count = () => {
  const many = stored().length;
  element.querySelector(".kept").hidden = !many;
  element.querySelector(".kept span").textContent =
    many === 1 ? "1 correction is kept in this browser." : `${many} corrections are kept in this browser.`;
};
const store = (corrections) => {
  localStorage.setItem("corrections", JSON.stringify(corrections.slice(-MAX_SAVED)));
  document.dispatchEvent(new Event("corrected"));
};

document.addEventListener("corrected", count);
element.addEventListener("toggle", () => (thanks.textContent = ""), true);
const clicked = async ({ target }) => {
  if (target.tagName !== "BUTTON") return;
  if (target.value === "forget" || target.value === "undo") {
    const undo = target.value === "undo";
    store(undo ? stored().slice(0, -1) : []);
    const rest = server.correct ? " Pictures saved on the server stay there." : "";
    thanks.textContent = `${undo ? "The last correction is" : "All corrections are"} deleted from this browser.${rest}`;
    return;
  }
  if (glyphs().length !== 1) {
    thanks.textContent = "Draw or upload a single digit, so that it is clear which one you mean.";
    return;
  }
  const correction = { glyph: glyphs()[0].src, digit: Number(target.value) };
  const others = stored().filter(([, glyph]) => glyph !== correction.glyph);
  store([...others, [correction.digit, correction.glyph]]);
  thanks.textContent = "Thank you. Saved in this browser.";
  if (server.correct && correction.digit < 10)
    thanks.textContent = (await server.correct(correction).catch(() => null)) ?? "Saved in this browser, but the server did not respond.";
};
element.addEventListener("click", (event) => {
  clicked(event).catch(() => (thanks.textContent = "The browser blocks local storage, so the correction was not saved."));
});
count();
