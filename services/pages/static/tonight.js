// Keeps tonight's notes fresh without loading the page anew. Where somebody is writing, nothing moves until it is sent.
"use strict";
(() => {
  const page = document.getElementById("tonight");
  const EVERY = 5_000;
  let version = page.dataset.version;
  let busy = false;

  const isTyped = (part) =>
    part.contains(document.activeElement?.closest("textarea, input") ?? null) ||
    [...part.querySelectorAll("textarea, input:not([type=hidden])")].some((field) => field.value !== field.defaultValue);

  const apply = (fresh) => {
    for (const part of fresh.querySelectorAll("[data-live]")) {
      const old = document.getElementById(part.id);
      if (!old || old.dataset.live === part.dataset.live) continue;
      if (isTyped(old)) return false;
      const open = [...old.querySelectorAll("details[open]")].map((each) => each.dataset.fold);
      const place = document.importNode(part, true);
      for (const each of place.querySelectorAll("details")) each.open = open.includes(each.dataset.fold);
      old.replaceWith(place);
    }
    return true;
  };

  const tell = (text) => {
    const line = document.createElement("p");
    line.className = "wrong";
    line.setAttribute("role", "alert");
    line.textContent = text;
    page.querySelector(".wrong")?.remove();
    page.querySelector("h1").after(line);
  };

  const look = async () => {
    if (document.hidden || busy) return;
    busy = true;
    const asked = new URL(location.href);
    for (const name of ["said", "number"]) asked.searchParams.delete(name);
    asked.searchParams.set("live", version);
    try {
      const answer = await fetch(asked, { cache: "no-store" });
      if (answer.status === 403) {
        const over = typeof outbox === "undefined" ? null : await outbox.ended(answer);
        return tell(over ? `${over.textContent} ${over.dataset.here}` : page.dataset.signedOut);
      }
      if (answer.status === 204 || !answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("tonight");
      if (fresh && apply(fresh)) version = fresh.dataset.version;
    } catch {
      // The line is down; it is looked again.
    } finally {
      busy = false;
    }
  };
  setInterval(look, EVERY);
})();
