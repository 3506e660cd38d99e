// The call card saves itself: a second after typing stops, or at once with its buttons. The first save is a
// `call.report`; each later one a `call.add` with what changed. The ids are made here, once.
"use strict";
(() => {
  const form = document.getElementById("card");
  const words = JSON.parse(document.getElementById("card-words").textContent);
  const at = (id) => document.getElementById(id);
  const said = (key, values) => words[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  const PAUSE = 1_000;
  const ahead = Date.parse(form.dataset.now) - Date.now(); // How far the server's clock is ahead of this one.
  const moment = () => new Date(Date.now() + ahead).toISOString();

  const card = form.dataset.number || outbox.newId();
  let number = form.dataset.number;
  let reported = Boolean(number);
  let began = null;
  let stamps = [];
  let timer = null;
  let person = null;

  const values = () => {
    const found = {};
    for (const field of form.querySelectorAll("[name]")) {
      if (field.type !== "checkbox") found[field.name] = field.value;
      else found[field.name] = field.checked;
    }
    found.reasons = [...form.querySelectorAll("[data-reason]:checked")].map((box) => box.dataset.reason);
    return found;
  };
  let kept = values();

  // What differs from what was saved; of the caller everything, since it is kept as one.
  const changes = (now) => {
    const different = (name) => JSON.stringify(now[name]) !== JSON.stringify(kept[name]);
    const changed = Object.keys(now).filter(different);
    if (changed.some((name) => name.startsWith("caller_")))
      changed.push(...Object.keys(now).filter((name) => name.startsWith("caller_") && !changed.includes(name)));
    return Object.fromEntries(changed.map((name) => [name, now[name]]));
  };
  // Of a first save, what was told: a box that nobody ticked says nothing.
  const told = (now) =>
    Object.fromEntries(Object.entries(now).filter(([, value]) => (Array.isArray(value) ? value.length : value)));

  const which = () => (form.dataset.number ? { number: form.dataset.number } : { call: card });
  const message = (kind, more) => {
    const entered = moment();
    return { kind, id: outbox.newId(), time: entered, entered, synthetic: Boolean(form.dataset.synthetic), ...more };
  };

  const save = (evenEmpty = false) => {
    clearTimeout(timer);
    const now = values();
    const fields = changes(now);
    if (!Object.keys(fields).length && !stamps.length && (reported || !evenEmpty)) return;
    const danger = stamps;
    stamps = [];
    kept = now;
    if (reported) {
      outbox.put(card, message("call.add", { ...which(), fields, danger }));
      return;
    }
    reported = true;
    const [typed, follows] = [at("began"), at("follows")];
    const more = { id: card, time: typed.value || began || moment(), fields: told(now), danger };
    if (follows.value.trim()) more.number = follows.value.trim();
    typed.readOnly = follows.readOnly = true; // From now on a correction would change them.
    outbox.put(card, message("call.report", more));
  };

  const show = (answer) => {
    if (answer.state === "queued") {
      if (!number) at("told").textContent = words.queued;
      return;
    }
    if (answer.state === "unreadable") {
      at("told").textContent = said("cannot_read", { detail: answer.detail });
      return;
    }
    number = answer.number ?? number;
    at("number").textContent = number ?? "";
    const inWords = { number: number ?? words.no_number, time: answer.time, detail: answer.detail };
    at("told").textContent = said(["parked", "conflict"].includes(answer.status) ? "card_parked" : "saved", inWords);
    const odd = at("flags");
    for (const text of answer.flags ?? []) {
      if ([...odd.children].some((line) => line.textContent === text)) continue;
      odd.append(Object.assign(document.createElement("li"), { textContent: text }));
    }
    if (answer.not_registered && !person?.linked) {
      at("not-registered").textContent = words.not_registered;
      at("not-registered").hidden = false;
    }
  };

  // The number of what was queued, as soon as there is one.
  const ask = async (id) => {
    try {
      const [path, query] = outbox.post.split("?");
      const answer = await (await fetch(`${path}/${id}/receipt${query ? `?${query}` : ""}`)).json();
      if (answer.state === "received") return show(answer);
    } catch {
      // Asked again below.
    }
    setTimeout(ask, 2_000, id);
  };

  outbox.listen((of, sent, answer) => {
    if (of !== card) return;
    show(answer);
    if (answer.state === "queued" && sent.kind === "call.report") ask(sent.id);
    if (sent.kind !== "call.report" || !answer.href) return;
    history.replaceState(null, "", answer.href); // A reload goes on with this card.
  });

  form.addEventListener("input", (event) => {
    if (!event.target.name && !event.target.dataset.reason) return; // What finds somebody is no part of the card.
    began ??= moment();
    clearTimeout(timer);
    if (!event.isComposing) timer = setTimeout(save, PAUSE); // Kana that is not converted yet is half a word.
  });
  form.addEventListener("compositionend", () => {
    clearTimeout(timer);
    timer = setTimeout(save, PAUSE);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save(true);
  });
  // In a field Enter ends a word of Japanese; it must not press the form's button.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.tagName === "INPUT" && !event.isComposing) event.preventDefault();
  });
  addEventListener("pagehide", () => save());

  for (const button of form.querySelectorAll("[data-what]"))
    button.addEventListener("click", () => {
      const [pressed, answered] = [moment(), button.dataset.answered === "yes"];
      began ??= pressed;
      stamps.push({ what: button.dataset.what, at: pressed, answered });
      const clock = new Intl.DateTimeFormat("ja-JP", { timeStyle: "short", timeZone: form.dataset.zone });
      const what = form.querySelector(`[data-what="${button.dataset.what}"]`).textContent;
      const line = `${clock.format(Date.parse(pressed))} ${what} ${answered ? words.answered : words.not_answered}`;
      at("attempts").append(Object.assign(document.createElement("li"), { textContent: line }));
      save(true);
    });

  at("found")?.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-choose]");
    if (!chosen) return;
    person = { id: chosen.dataset.choose, name: chosen.dataset.name, linked: false };
    at("chosen").textContent = said("chosen", person);
    at("link").hidden = false;
    at("link").querySelector("input").focus();
  });
  at("link-button")?.addEventListener("click", () => {
    const matched = [...form.querySelectorAll("[data-matched]:checked")].map((box) => box.dataset.matched);
    const reason = at("link-reason").value.trim();
    const wrong = at("link-wrong");
    wrong.hidden = matched.length >= 2 || Boolean(reason);
    wrong.textContent = wrong.hidden ? "" : words.second_identifier;
    if (!wrong.hidden) return;
    began ??= moment();
    save(true);
    person.linked = true;
    outbox.put(card, message("call.link", { ...which(), person_id: person.id, matched, reason: reason || null }));
    at("registered").textContent = said("linking", person);
    at("registered").hidden = false;
    at("not-registered").hidden = true;
    at("link").hidden = true;
    at("found").replaceChildren();
  });
})();
