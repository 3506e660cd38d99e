// Says on the call card whom to ring now, where what is written on it cannot wait for the morning.
"use strict";
(() => {
  const EVERY = 2_000;
  const language = document.documentElement.lang === "en" ? "?lang=en" : "";
  let busy = false;

  const linesOf = async (number) => {
    const answer = await fetch(`/calls/${encodeURIComponent(number)}/urgent${language}`, { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  };
  const look = async () => {
    const numbers = document.getElementById("number").textContent.split("・").filter(Boolean);
    if (document.hidden || busy || !numbers.length) return;
    busy = true;
    try {
      const lines = (await Promise.all(numbers.map(linesOf))).flat();
      const list = document.getElementById("urgent");
      if (list.textContent === lines.join("")) return; // It is read out again only where it changed.
      list.replaceChildren(...lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
      list.hidden = !lines.length;
    } catch {
      // The line is down, and the card says so; what stands there is looked at again.
    } finally {
      busy = false;
    }
  };
  look();
  setInterval(look, EVERY);
})();
