// The call card saves itself: a second after typing stops, or at once with its buttons. Of each person the first save
// is a `call.report`, of the second and further ones one that is beside the first's; each later one is a `call.add`
// with what changed. The ids are made here, once.
"use strict";
const startCard = () => {
  const form = document.getElementById("card");
  const words = JSON.parse(document.getElementById("card-words").textContent);
  const at = (id) => document.getElementById(id);
  const said = (key, values) => words[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  const PAUSE = 1_000;
  const KNOWN = 4; // As many of the last values of a field are this window's own: what else is found there, another wrote.
  const TWICE = 700; // Milliseconds within which the same button again is the same press.
  const ahead = Date.parse(form.dataset.now) - Date.now(); // How far the server's clock is ahead of this one.
  const moment = () => new Date(Date.now() + ahead).toISOString();

  const card = form.dataset.number || outbox.newId();
  let began = null;
  let contactBegan = form.dataset.began;
  let timer = null;

  const value = (field) => (field.type === "checkbox" ? field.checked : field.value);
  const isShared = (field) => !field.closest(".person") || "shared" in field.dataset;
  const named = (within, shared) =>
    Object.fromEntries(
      [...within.querySelectorAll("[name]")].filter((f) => isShared(f) === shared).map((f) => [f.name, value(f)]),
    );
  const reasons = (section) =>
    [...section.querySelectorAll("[data-reason]:checked")].map((box) => box.dataset.reason);
  // What a card says of one person: their own, and what all in this contact share.
  const own = (one) => ({ ...named(one.section, false), reasons: reasons(one.section) });
  const values = (one) => ({ ...named(form, true), ...own(one) });

  // Of a long text its ends: enough to be told from another, and never too much to be sent.
  const abridged = (sent) => {
    const letters = typeof sent === "string" ? [...sent] : [];
    return letters.length > 501 ? `${letters.slice(0, 250).join("")}…${letters.slice(-250).join("")}` : sent;
  };

  // One person on the card. `id` is that of their `call.report`; `number`, once it came.
  const personIn = (section) => {
    const one = { section, id: outbox.newId(), number: section.dataset.number, stamps: [], after: [], chosen: null };
    one.reported = Boolean(one.number);
    one.linked = Boolean(section.dataset.linked);
    one.at = (id) => at(section.dataset.prefix + id);
    one.kept = one.blank = values(one);
    one.known = Object.fromEntries(Object.entries(one.kept).map(([name, shown]) => [name, [abridged(shown)]]));
    return one;
  };
  const persons = [...form.querySelectorAll(".person")].map(personIn);
  persons[0].id = form.dataset.number ? persons[0].id : card;
  const [first] = persons;
  const personOf = (sent) =>
    persons.find((one) =>
      sent.kind === "call.report" || sent.call
        ? [sent.id, sent.call].includes(one.id)
        : sent.number === one.section.dataset.number,
    ) ?? first;
  const ownerOf = (element) => persons.find((one) => one.section.contains(element));

  const differing = (now, kept) =>
    Object.keys(now).filter((name) => JSON.stringify(now[name]) !== JSON.stringify(kept[name]));
  // What differs from what was saved; of the caller everything, since it is kept as one.
  const changes = (now, kept) => {
    const changed = differing(now, kept);
    if (changed.some((name) => name.startsWith("caller_")))
      changed.push(...Object.keys(now).filter((name) => name.startsWith("caller_") && !changed.includes(name)));
    return Object.fromEntries(changed.map((name) => [name, now[name]]));
  };
  // Of a first save, what was told: a box that nobody ticked says nothing.
  const told = (now) =>
    Object.fromEntries(Object.entries(now).filter(([, value]) => (Array.isArray(value) ? value.length : value)));

  const which = (one) => (one.section.dataset.number ? { number: one.section.dataset.number } : { call: one.id });
  const message = (kind, more) => {
    const entered = moment();
    return { kind, id: outbox.newId(), time: entered, entered, synthetic: Boolean(form.dataset.synthetic), ...more };
  };

  const report = (one, now, danger) => {
    one.reported = true;
    const [typed, follows] = [at("began"), one.at("follows")];
    contactBegan ||= typed?.value || began || moment();
    const more = { id: one.id, time: contactBegan, fields: told(now), danger };
    if (one !== first && first.section.dataset.number) more.beside_number = first.section.dataset.number;
    else if (one !== first) more.beside = first.id;
    else if (form.dataset.beside) more.beside_number = form.dataset.beside; // It was about nobody, as far as was known.
    if (follows?.value.trim()) more.number = follows.value.trim();
    for (const field of [typed, follows]) if (field) field.readOnly = true; // A correction would change them now.
    outbox.put(card, message("call.report", more));
  };

  const saveOne = (one, evenEmpty) => {
    const now = values(one);
    const fields = changes(now, one.kept);
    if (!Object.keys(fields).length && !one.stamps.length && (one.reported || !evenEmpty)) return;
    const danger = one.stamps;
    one.stamps = [];
    one.kept = now;
    const known = Object.fromEntries(Object.keys(fields).map((name) => [name, one.known[name] ?? []]));
    for (const [name, sent] of Object.entries(one.reported ? fields : now))
      one.known[name] = [...(one.known[name] ?? []), abridged(sent)].slice(-KNOWN);
    if (one.reported) outbox.put(card, message("call.add", { ...which(one), fields, danger, of: one.number || null, known }));
    else report(one, now, danger);
    for (const sent of one.after.splice(0)) outbox.put(card, sent);
  };

  // Something of this card could not be read: it and what followed it are told again, from what now stands here.
  const takeBack = () => {
    for (const sent of outbox.takeBack(card)) {
      const one = personOf(sent);
      if (sent.kind === "call.report") [one.reported, one.kept] = [false, one.blank];
      else if (sent.kind !== "call.add") one.after.push(sent);
      one.kept = Object.fromEntries(Object.entries(one.kept).filter(([name]) => !(name in (sent.fields ?? {}))));
      one.stamps.unshift(...(sent.danger ?? []));
    }
  };

  // Whether anything was told of somebody who was not saved yet; a section that stays empty is nobody.
  const isTold = (one) => one.reported || one.stamps.length || differing(own(one), one.kept).length;

  const save = (evenEmpty = false, whose = first) => {
    clearTimeout(timer);
    if (outbox.isRefused(card)) takeBack();
    const others = persons.slice(1).filter((one) => !one.removed && (isTold(one) || (evenEmpty && one === whose)));
    if (!first.removed) saveOne(first, evenEmpty || others.some((one) => !one.reported));
    for (const one of others) saveOne(one, true);
  };

  // 1人目（架空 太郎）
  const label = (one) => said("nth_person", { n: persons.indexOf(one) + 1 });
  const labelled = (one, text) => (persons.length > 1 ? `${label(one)}${words.colon}${text}` : text);
  const showPersons = () => {
    form.classList.toggle("several", persons.length > 1);
    at("number").textContent = persons.map((one) => one.number).filter(Boolean).join("・");
    const options = persons.map((one, n) => {
      const name = one.section.querySelector("[name=name]").value.trim();
      for (const place of one.section.querySelectorAll(".nth")) place.textContent = label(one);
      one.at("its-number").textContent = one.number;
      return new Option(name ? `${label(one)}（${name}）` : label(one), n);
    });
    const box = at("danger-for");
    const chosen = box.value || "0";
    box.replaceChildren(...options);
    box.value = chosen;
    const strange = persons.filter((one) => one.unregistered && !one.linked && !one.removed);
    at("not-registered").hidden = !strange.length;
    at("not-registered").textContent = strange.map((one) => labelled(one, words.not_registered)).join(" ");
  };

  // What stays at the foot of the window. Whatever the last answer was: while anything is only on this device, that.
  let [answered, isWell] = ["", true];
  const stand = () => {
    const isUnsent = outbox.has(card) && !outbox.isRefused(card);
    const text = isUnsent ? said("kept_here", { n: outbox.count() }) : answered;
    at("told").parentElement.classList.toggle("differs", isUnsent || !isWell);
    if (at("told").textContent !== text) at("told").textContent = text;
  };
  const say = (text, well = true) => {
    [answered, isWell] = [text, well];
    stand();
  };
  outbox.watch(() => form.isConnected && stand());

  // What is wrong in a field stands under it, until it is typed anew; what was typed stays there.
  const fault = (field, text) => {
    const id = `${field.id}-wrong`;
    const line = at(id) ?? Object.assign(document.createElement("span"), { id, className: "fault", role: "alert" });
    line.textContent = text;
    if (text) field.parentElement.append(line);
    else line.remove();
    field.toggleAttribute("aria-invalid", Boolean(text));
    const others = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((each) => each && each !== id);
    if (text) others.push(id);
    if (others.length) field.setAttribute("aria-describedby", others.join(" "));
    else field.removeAttribute("aria-describedby");
  };

  // What another window or another worker wrote into a field while it was open here; it stays to be read.
  const another = (one, name, text) => {
    const field = one.at(name === "reasons" ? "reasons-label" : name) ?? at(name);
    const id = `${field.id}-meanwhile`;
    const line = at(id) ?? Object.assign(document.createElement("span"), { id, className: "fault meanwhile", role: "alert" });
    line.textContent = text;
    field.parentElement.append(line);
  };

  const show = (one, answer) => {
    if (answer.state === "queued") {
      if (!one.number) say(words.queued);
      return;
    }
    if (answer.state === "unreadable") return say(said("cannot_read", { detail: answer.detail }), false);
    one.number = answer.number ?? one.number;
    one.unregistered ||= answer.not_registered;
    const isParked = ["parked", "conflict"].includes(answer.status);
    const inWords = { number: one.number || words.no_number, time: answer.time, detail: answer.detail };
    say(labelled(one, said(isParked ? "card_parked" : "saved", inWords)), !isParked);
    for (const [name, text] of Object.entries(answer.meanwhile ?? {})) another(one, name, text);
    for (const [name, text] of Object.entries(answer.wrong ?? {})) fault(one.at(name), text);
    const odd = at("flags");
    for (const text of (answer.flags ?? []).map((flag) => labelled(one, flag))) {
      if ([...odd.children].some((line) => line.textContent === text)) continue;
      odd.append(Object.assign(document.createElement("li"), { textContent: text }));
    }
    showPersons();
  };

  // The number of what was queued, as soon as there is one.
  const ask = async (one, id) => {
    try {
      const [path, query] = outbox.post.split("?");
      const answer = await (await fetch(`${path}/${id}/receipt${query ? `?${query}` : ""}`)).json();
      if (!form.isConnected) return;
      if (answer.state === "received") return show(one, answer);
    } catch {
      // Asked again below.
    }
    if (form.isConnected) setTimeout(ask, 2_000, one, id);
  };

  outbox.listen((of, sent, answer) => {
    if (of !== card || !form.isConnected) return;
    const one = personOf(sent);
    show(one, answer);
    if (answer.status === "parked" && sent.kind === "call.link") showLink(one, false);
    if (answer.state === "queued" && sent.kind === "call.report") ask(one, sent.id);
    if (one !== first || sent.kind !== "call.report" || !answer.href) return;
    history.replaceState(null, "", answer.href); // A reload goes on with this card.
  });

  form.addEventListener("input", (event) => {
    const { name, dataset } = event.target;
    if (at(`${event.target.id}-wrong`)) fault(event.target, "");
    if (!name && !dataset.reason) return; // What finds somebody is no part of the card.
    if (name === "name") showPersons();
    began ??= moment();
    clearTimeout(timer);
    if (!event.isComposing) timer = setTimeout(save, PAUSE); // Kana that is not converted yet is half a word.
  });
  // A browser gives a time that is half typed, or cannot be, as nothing at all: it would be left out without a word.
  form.addEventListener("focusout", ({ target }) => {
    if (target.type === "datetime-local") fault(target, target.validity.badInput ? words.no_such_time : "");
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

  // Of whom one talks is in whose section one is; the box says so, and can be set.
  form.addEventListener("focusin", (event) => {
    const one = ownerOf(event.target);
    if (one) at("danger-for").value = persons.indexOf(one);
  });
  const undoing = () =>
    Object.assign(document.createElement("button"), { type: "button", className: "lesser", textContent: words.undo_press });
  for (const button of form.querySelectorAll("[data-stamp]"))
    button.addEventListener("click", () => {
      const [pressed, { stamp, answered }] = [moment(), button.dataset];
      const one = persons[Number(at("danger-for").value)] ?? first;
      const last = at("attempts").lastElementChild?.dataset ?? {};
      const again = last.what === stamp && last.answered === answered && last.of === String(persons.indexOf(one));
      if (again && Date.parse(pressed) - Date.parse(last.at) < TWICE) return; // One press of a shaking hand, heard twice.
      began ??= pressed;
      one.stamps.push({ what: stamp, at: pressed, answered: answered === "yes" });
      const clock = new Intl.DateTimeFormat("ja-JP", { timeStyle: "short", timeZone: form.dataset.zone });
      const what = form.querySelector(`[data-stamp="${stamp}"]`).dataset.word;
      const heard = answered === "yes" ? words.answered : words.not_answered;
      const whose = persons.length > 1 ? `${label(one)} ` : "";
      const text = `${whose}${clock.format(Date.parse(pressed))} ${what} ${heard}`;
      const line = document.createElement("li");
      Object.assign(line.dataset, { of: persons.indexOf(one), what: stamp, at: pressed, answered });
      const undo = Object.assign(undoing(), { ariaLabel: `${text}${words.colon}${words.undo_press}` });
      undo.dataset.undo = "";
      line.append(Object.assign(document.createElement("span"), { textContent: text }), " ", undo);
      at("attempts").append(line);
      save(true, one);
    });
  // Nothing is taken away: the press stays, and beside it the word that it was a mistake.
  at("attempts").addEventListener("click", (event) => {
    const line = event.target.closest("[data-undo]")?.closest("li");
    if (!line) return;
    const { of, what, at: pressed, answered, to } = line.dataset;
    const one = persons[Number(of)];
    const stamp = { what, at: pressed, mistaken: true };
    if (answered) stamp.answered = answered === "yes";
    if (to) stamp.to = to;
    one.stamps.push(stamp);
    line.classList.add("mistaken");
    line.querySelector("[data-undo]").replaceWith(words.pressed_by_mistake);
    form.querySelector(`[data-stamp="${what}"]`)?.focus();
    save(true, one);
  });

  at("another").addEventListener("click", () => {
    const blank = at("blank-person").innerHTML.replaceAll("blank-", `p${persons.length + 1}-`);
    at("another").closest("p").insertAdjacentHTML("beforebegin", blank); // Our own template, with nothing typed in it.
    const one = personIn(at("another").closest("p").previousElementSibling);
    persons.push(one);
    showPersons();
    one.section.querySelector("[name=name]").focus();
  });

  const showLink = (one, isLinked, text = "") => {
    one.linked = isLinked;
    one.at("registered").textContent = text;
    one.at("unlinking").hidden = !isLinked;
    one.at("unlinking").querySelector("details").open = false;
    if (one.at("linking")) one.at("linking").hidden = isLinked;
    showPersons();
  };
  const link = (one) => {
    const matched = [...one.section.querySelectorAll("[data-matched]:checked")].map((box) => box.dataset.matched);
    const reason = one.at("link-reason").value.trim();
    const wrong = one.at("link-wrong");
    wrong.hidden = matched.length >= 2 || Boolean(reason);
    wrong.textContent = wrong.hidden ? "" : words.second_identifier;
    if (!wrong.hidden) return;
    began ??= moment();
    save(true, one);
    const { id, name } = one.chosen;
    outbox.put(card, message("call.link", { ...which(one), person_id: id, matched, reason: reason || null }));
    one.at("unlinked").hidden = one.at("link").hidden = true;
    one.at("found").replaceChildren();
    showLink(one, true, said("linking", { name }));
  };
  const unlink = (one) => {
    const reason = one.at("unlink-reason");
    one.at("unlink-wrong").hidden = Boolean(reason.value.trim());
    if (!reason.value.trim()) return reason.focus();
    save();
    outbox.put(card, message("call.unlink", { ...which(one), reason: reason.value.trim() }));
    reason.value = "";
    for (const box of one.section.querySelectorAll("[data-matched], [id$=link-reason]"))
      if (box.type === "checkbox") box.checked = false;
      else box.value = "";
    one.at("unlinked").hidden = false;
    showLink(one, false);
    (one.at("q") ?? one.section.querySelector("[name=name]")).focus();
  };
  // Put on the card by mistake: nothing is taken away, and what was saved stays in the history, with the reason.
  const remove = (one) => {
    const reason = one.at("remove-reason");
    const told = isTold(one);
    one.at("remove-wrong").hidden = Boolean(reason.value.trim()) || !told;
    if (told && !reason.value.trim()) return reason.focus();
    if (told) {
      save(true, one);
      outbox.put(card, message("call.correct", { ...which(one), reason: reason.value.trim() }));
    }
    one.removed = true;
    one.section.classList.add("removed");
    const line = one.at("was-removed");
    line.textContent = said("removed", { n: persons.indexOf(one) + 1 });
    line.hidden = false;
    line.focus();
    for (const option of at("danger-for").options) option.disabled = Boolean(persons[Number(option.value)].removed);
    at("danger-for").value = Math.max(0, persons.findIndex((each) => !each.removed));
  };
  form.addEventListener("click", (event) => {
    const one = ownerOf(event.target);
    if (!one) return;
    const chosen = event.target.closest("[data-choose]");
    if (chosen) {
      one.chosen = { id: chosen.dataset.choose, name: chosen.dataset.name };
      one.at("chosen").textContent = said("chosen", one.chosen);
      one.at("link").hidden = false;
      one.at("link").querySelector("input").focus();
    }
    const does = event.target.closest("[data-does]")?.dataset.does;
    if (does === "link") link(one);
    if (does === "unlink") unlink(one);
    if (does === "remove") remove(one);
  });
  showPersons();
  return { save, moment };
};

// The next call while the line is down: its card is the empty one that this page began with. Whatever is on the old one
// is kept on this device; with the line up the link is a link.
(() => {
  const content = document.getElementById("content");
  const empty = document.getElementById("card").dataset.number ? null : content.innerHTML;
  const link = document.querySelector(".take-call");
  let card = startCard();
  const isUp = async () => {
    try {
      return (await fetch(link.href, { method: "HEAD", signal: AbortSignal.timeout(3_000) })).status < 500;
    } catch {
      return false;
    }
  };
  if (empty)
    link.addEventListener("click", async (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      card.save();
      if (await isUp()) return location.assign(link.href);
      const now = card.moment();
      content.innerHTML = empty; // Our own page, as it came, with nothing typed in it.
      document.getElementById("card").dataset.now = now;
      history.pushState(null, "", link.href);
      card = startCard();
      document.querySelector("[autofocus]").focus();
    });
})();
