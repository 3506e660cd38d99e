// Looks up what is typed, as it is typed, in every box that says where to. Without this script the form's own button does.
"use strict";
(() => {
  const boxes = new WeakMap(); // What each box waits for, and how often it asked.
  const of = (event) => {
    const box = event.target.closest("[data-find]");
    if (box && !boxes.has(box)) boxes.set(box, { waiting: null, asked: 0 });
    return [box, boxes.get(box)];
  };
  const find = async (box, state) => {
    const mine = ++state.asked;
    try {
      const answer = await fetch(box.dataset.find, { method: "POST", body: new URLSearchParams({ q: box.value }) });
      const text = await answer.text();
      const into = document.getElementById(box.dataset.into);
      if (mine === state.asked && answer.ok) into.innerHTML = text; // Our own template, which escapes what it shows.
    } catch {
      // The line is down; what was found stays, and the next letter asks again.
    }
  };
  document.addEventListener("input", (event) => {
    const [box, state] = of(event);
    if (!box) return;
    clearTimeout(state.waiting);
    state.waiting = setTimeout(find, 250, box, state);
  });
  document.addEventListener("keydown", (event) => {
    const [box, state] = of(event);
    if (!box || event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    clearTimeout(state.waiting);
    find(box, state);
  });
})();
