// The morning's page without loading it anew: it looks every few seconds whether anything changed, and sends its forms
// in place. What somebody is typing stays as it is; where no script runs, the same forms load the page.
"use strict";
(() => {
  const page = document.getElementById("morning");
  const said = document.getElementById("said");
  const EVERY = 5_000;
  let version = page.dataset.version;
  let [busy, worker] = [false, ""];

  const items = () => [...page.querySelectorAll("li.item")];
  const isField = (node) => node && node.matches("input:not([type=hidden]), textarea, select");
  const isTyped = (part) =>
    isField(part.contains(document.activeElement) ? document.activeElement : null) ||
    [...part.querySelectorAll("input:not([type=hidden]), textarea")].some((field) => field.value !== field.defaultValue);

  const replace = (old, fresh) => {
    const open = [...old.querySelectorAll("details[open][data-fold]")].map((each) => each.dataset.fold);
    const item = old.contains(document.activeElement) ? old.closest("li.item") : null;
    const place = document.importNode(fresh, true);
    for (const each of place.querySelectorAll("details[data-fold]")) if (open.includes(each.dataset.fold)) each.open = true;
    old.replaceWith(place);
    if (item) item.focus();
  };

  // What changed takes the place of what was there; but for a part in which somebody types, unless they sent it.
  const apply = (fresh, sent) => {
    if (fresh.dataset.night !== page.dataset.night) return isTyped(page) || location.reload(); // Another night's came.
    const list = document.getElementById("items");
    for (const item of fresh.querySelectorAll("li.item")) {
      const old = document.getElementById(item.id);
      if (old) old.className = item.className;
      else if (list) list.append(document.importNode(item, true));
    }
    for (const part of fresh.querySelectorAll("[data-live]")) {
      const old = document.getElementById(part.id);
      if (!old || old.dataset.live === part.dataset.live) continue;
      if (!isTyped(old) || (sent && old.closest("li.item")?.id === sent)) replace(old, part);
    }
    remember();
  };

  const remember = () => {
    if (worker) for (const field of page.querySelectorAll("input[name=worker]:not([type=hidden])")) if (!field.value) field.defaultValue = worker;
  };

  const read = async (answer) => {
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("morning");
    return fresh;
  };

  const tell = (text) => {
    const line = document.createElement("p");
    line.className = "wrong";
    line.setAttribute("role", "alert");
    line.textContent = text;
    said.replaceChildren(line);
  };

  // Why nothing is shown or taken any more: signed out; or the contract is over, and then where what was typed stays.
  const shut = async (answer) => {
    const over = typeof outbox === "undefined" ? null : await outbox.ended(answer);
    return over ? `${over.textContent} ${over.dataset.here}` : page.dataset.signedOut;
  };

  const look = async () => {
    if (document.hidden || busy || !version) return;
    const asked = new URL(location.href);
    for (const name of ["said", "item"]) asked.searchParams.delete(name);
    asked.searchParams.set("live", version);
    try {
      const answer = await fetch(asked, { cache: "no-store" });
      if (answer.status === 204) return;
      if (answer.status === 403) return tell(await shut(answer));
      const fresh = answer.ok ? await read(answer) : null;
      if (!fresh || busy) return;
      version = fresh.dataset.version;
      apply(fresh, null);
    } catch {
      // The line is down; it is looked again.
    }
  };

  const send = async (form, item) => {
    busy = true;
    const buttons = form.querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (answer.status === 403) return tell(await shut(answer));
      const fresh = await read(answer);
      if (!fresh) return tell(page.dataset.lineDown);
      said.replaceChildren(...document.importNode(fresh.querySelector("#said"), true).childNodes);
      if (!answer.ok) return;
      if (fresh.dataset.night !== page.dataset.night) return location.assign(answer.url); // It says there what was done.
      for (const field of form.querySelectorAll("input[name=text], input[name=at], input[name=contacts], input[name=last], input[name=calls], textarea")) field.value = field.defaultValue;
      const key = fresh.querySelector("input[name=key]");
      if (key) form.elements.key.value = key.value; // What is sent from here next is another message.
      version = fresh.dataset.version;
      apply(fresh, item?.id);
      for (const fold of item?.querySelectorAll("details[open]") ?? []) fold.open = false;
      item?.focus();
    } catch {
      tell(page.dataset.lineDown);
    } finally {
      busy = false;
      for (const button of buttons) button.disabled = false;
    }
  };

  page.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    event.preventDefault();
    const name = event.target.querySelector("input[name=worker]:not([type=hidden])");
    if (name) worker = name.value;
    send(event.target, event.target.closest("li.item"));
  });

  const current = () => document.activeElement?.closest?.("li.item");
  const move = (step) => {
    const all = items();
    const at = all.indexOf(current());
    const next = all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat) return;
    if (isField(document.activeElement) || !page.querySelector(".keys")) return;
    const key = event.key.toLowerCase();
    if (key === "j" || key === "k") move(key === "j" ? 1 : -1);
    else if (key === "r" || key === "u") {
      const form = current()?.querySelector(`form[data-key="${key}"]`);
      if (!form || busy) return;
      const name = form.querySelector("input[name=worker]:not([type=hidden])");
      if (name && !name.value) name.focus();
      else form.requestSubmit();
    } else return;
    event.preventDefault();
  });

  if (location.hash.startsWith("#item-")) document.getElementById(location.hash.slice(1))?.focus();
  setInterval(look, EVERY);
})();
