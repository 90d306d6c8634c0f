// Keeps what the user says a glyph is: in this browser and, if the owner collects corrections, on the server.
// Gradio provides `element` and `server`.
const MOST = 100; // corrections kept; the oldest go first
const tab = element.closest("[id$=-correct]").id.replace("-correct", "");
const glyphs = () => document.querySelectorAll(`#${tab}-answer .glyph img`);
const thanks = element.querySelector(".thanks");
const known = () => JSON.parse(localStorage.getItem("corrections") ?? "[]");

const count = () => {
  const many = known().length;
  element.querySelector(".kept").hidden = !many;
  element.querySelector(".kept span").textContent =
    many === 1 ? "1 correction is kept in this browser." : `${many} corrections are kept in this browser.`;
};
const keep = (corrections) => {
  localStorage.setItem("corrections", JSON.stringify(corrections.slice(-MOST)));
  document.dispatchEvent(new Event("corrected"));
};

document.addEventListener("corrected", () => {
  count();
  if (tab === "photo") document.querySelector("#again")?.click();
});
element.addEventListener("toggle", () => (thanks.textContent = ""), true);
element.addEventListener("click", async ({ target }) => {
  if (target.tagName !== "BUTTON") return;
  if (target.value === "forget" || target.value === "undo") {
    keep(target.value === "undo" ? known().slice(0, -1) : []);
    thanks.textContent = target.value === "undo" ? "Taken back." : "Forgotten.";
    return;
  }
  if (glyphs().length !== 1) {
    thanks.textContent = "Draw or upload a single digit, so that it is clear which one you mean.";
    return;
  }
  const said = { glyph: glyphs()[0].src, digit: Number(target.value) };
  keep([...known(), [said.digit, said.glyph]]);
  thanks.textContent = "Thank you. It is remembered in this browser.";
  if (server.correct && said.digit < 10)
    thanks.textContent = (await server.correct(said)) ?? "Remembered in this browser, but the server does not answer.";
});
count();
