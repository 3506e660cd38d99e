// What was typed and has no receipt yet. It is kept on this device until its receipt came, and sent by itself, also
// from another page or after a reload. Each message is one entry, so that two windows never write the same one; a
// message that is sent twice has the same id and is heard once.
"use strict";
const outbox = (() => {
  const shown = document.getElementById("unsent");
  const [light, lightUnsent] = [document.getElementById("light"), document.getElementById("light-unsent")];
  const prefix = `yoake/${shown.dataset.role}/`;
  const [SOON, LATER, PATIENCE] = [2_000, 15_000, 20_000];
  const memory = new Map(); // Where the browser keeps nothing, what is unsent lasts as long as the page.
  const [listeners, watchers] = [[], []];
  let [sending, again, waiting, last, why] = [false, false, null, 0, null];

  const store = (key, text) => {
    try {
      localStorage.setItem(key, text);
    } catch {
      memory.set(key, text);
    }
  };
  const load = (key) => memory.get(key) ?? localStorage.getItem(key);
  const remove = (key) => {
    memory.delete(key);
    localStorage.removeItem(key);
  };
  const keys = () => {
    let kept = [];
    try {
      kept = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
    } catch {
      // Nothing can be kept here.
    }
    return [...kept, ...memory.keys()].sort();
  };

  const entries = () => {
    const found = keys().map((key) => [key, load(key)]); // One that another window sent meanwhile is no text any more.
    return found.filter(([, text]) => text !== null).map(([key, text]) => ({ key, ...JSON.parse(text) }));
  };
  const of = (card) => entries().filter((entry) => entry.card === card);
  const isRefused = (card) => of(card).some((entry) => entry.refused);
  // Cards, and not messages: a call is one, however often it was saved.
  const count = () => new Set(entries().map((entry) => entry.card)).size;

  const show = () => {
    const n = count();
    shown.hidden = lightUnsent.hidden = !n || !why;
    light.hidden = !shown.hidden;
    const text = why && n ? shown.dataset[why].replace("{n}", n) : "";
    if (shown.textContent !== text) shown.textContent = text;
    for (const watcher of watchers) watcher();
  };

  // Where the contract ended under whoever is signed in, the answer says so, and when.
  const ended = async (answer) =>
    new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(`ended-${document.documentElement.lang}`);
  const isOver = async (answer) => {
    const said = await ended(answer);
    if (said) shown.dataset.ended = `${said.textContent} ${shown.dataset.endedKept}`;
    return Boolean(said);
  };

  const post = async (message) => {
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), PATIENCE);
    try {
      const answer = await fetch(shown.dataset.post, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(message),
        signal: giveUp.signal,
        redirect: "error",
      });
      if (answer.status === 403 && (await isOver(answer))) return "ended";
      if ([401, 403, 404].includes(answer.status)) return "signedOut";
      if (answer.status >= 500) return "lineDown";
      return await answer.json();
    } catch {
      return "lineDown";
    } finally {
      clearTimeout(timer);
    }
  };

  const send = async () => {
    again = true;
    if (sending) return;
    sending = true;
    clearTimeout(waiting);
    while (again) {
      again = false;
      for (const { key, card, message } of entries()) {
        if (load(key) === null) continue; // Another window sent it.
        if (isRefused(card)) continue; // It can only come right on its card, and what follows it waits for it.
        const answer = await post(message);
        if (typeof answer === "string") {
          why = answer;
          show();
          sending = false;
          waiting = setTimeout(send, why === "lineDown" ? SOON : LATER);
          return;
        }
        if (answer.state === "unreadable") store(key, JSON.stringify({ card, message, refused: true }));
        else remove(key);
        for (const listener of listeners) listener(card, message, answer);
      }
    }
    sending = false;
    why = entries().some((entry) => entry.refused) ? "refused" : null;
    show();
  };
  // All of a card that is still here, in its order, to be put again: something of it could not be read as it was.
  const takeBack = (card) => {
    const taken = of(card);
    for (const { key } of taken) remove(key);
    return taken.map((entry) => entry.message);
  };

  const put = (card, message) => {
    last = Math.max(last + 1, Date.now()); // In the order in which they were made.
    store(`${prefix}${String(last).padStart(15, "0")}/${message.id}`, JSON.stringify({ card, message }));
    show();
    return send();
  };

  // Random bits that are there without https as well, in the form of a UUID.
  const newId = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  };

  document.querySelector("form.who")?.addEventListener("submit", (event) => {
    const n = count();
    if (n && !confirm(shown.dataset.leave.replace("{n}", n))) event.preventDefault();
    else for (const key of keys()) remove(key);
  });
  addEventListener("online", send);
  addEventListener("storage", show);
  send();

  return {
    ended,
    put,
    newId,
    takeBack,
    count,
    isRefused,
    has: (card) => of(card).length > 0,
    listen: (listener) => listeners.push(listener),
    watch: (watcher) => watchers.push(watcher),
    post: shown.dataset.post,
  };
})();
