// Looks up what is typed, as it is typed. Without this script the form's own button does.
"use strict";
for (const box of document.querySelectorAll("[data-find]")) {
  const into = document.getElementById(box.dataset.into);
  let waiting = null;
  let asked = 0;
  const find = async () => {
    const mine = ++asked;
    try {
      const answer = await fetch(box.dataset.find, { method: "POST", body: new URLSearchParams({ q: box.value }) });
      const text = await answer.text();
      if (mine === asked && answer.ok) into.innerHTML = text; // Our own template, which escapes what it shows.
    } catch {
      // The line is down; what was found stays, and the next letter asks again.
    }
  };
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(find, 250);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    clearTimeout(waiting);
    find();
  });
}
