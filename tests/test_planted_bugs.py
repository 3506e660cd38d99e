"""Bugs planted on purpose: each breaks one guarantee, and one bad night must find each of them.

A guarantee whose test cannot fail is no guarantee. `night` tells messages twice, late and in the
wrong order, fails in the middle and starts again; `broken` names what does not hold afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag

from deploy.verify_index import compare
from events import event_of
from events.messages import Receipt
from services import blind, deadlines, desk, flagged
from services.blind import BlindIndex
from services.book import Due, Waits
from services.contact import filled
from services.desk import Desk
from services.group import Group
from services.handover import answers, late, offers
from services.hearing import Cursors
from services.intake import domain as intake
from services.intake import linking, nights
from services.journal import Journal, SecondWriter
from services.pages.guard import Guard
from services.reading import Message, said
from services.reporting import cases, fold, ledger, merkle, outcomes, tallies
from services.reporting.fold import all_entries
from services.reporting.tallies import Tallies, stored_cells, stored_entries
from services.seal import KeyStore, Secrets
from services.signin import LINKS, Session, SignIns
from services.tables import DEADLINES, FLAGS, PARKED, WAITING
from services.ward import ROLES
from tests.desk_examples import (
    HEARS,
    SECRETS,
    Carry,
    Centre,
    answer,
    arrange,
    at,
    badly,
    call,
    close,
    contact,
    correct,
    in_order,
    message,
    offer,
    register,
)
from tests.web_examples import HOME, browser, site

Patch = pytest.MonkeyPatch
PERSONAL = "みほんたろう"
ROUNDS = 40


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/{{service}}.db"


def night(url: str) -> tuple[Centre, list[Receipt]]:
    """One bad night: what was said, and the receipts that were given."""
    centre = Centre(url)
    first = call("A", "2024-05-01 23:00", personal={"name": PERSONAL})
    early = arrange("bed", "A", on="2024-05-02 10:00", personal={"note": PERSONAL})
    messages: list[tuple[str, Any]] = [
        ("contractor", early),
        ("contractor", first),
        ("contractor", first),
        ("day", {**call("A", "2024-05-01 12:00"), "id": first["id"], "source": first["source"]}),
        ("contractor", {**first, "data": {"matters": [{"case": "A", "district": "kinuta"}]}}),
        ("contractor", call("A", "2024-05-01 23:30")),
        ("contractor", contact({"case": "B", "district": "tamagawa"}, {"case": "C"}, on="2024-05-01 09:00")),
        ("contractor", offer("H", "B", on="2024-05-02 09:00")),
        ("contractor", offer("I", "B", on="2024-05-02 09:00", to="ほか")),
        ("contractor", answer("accept", "H", on="2024-05-02 10:00")),
        ("contractor", correct(first, "2024-05-03 09:00", district="karasuyama")),
        ("contractor", close("C", "2024-05-01 10:00")),
        ("contractor", call("C", "2024-05-01 15:00")),
        *_to_agencies(),
        ("contractor", f"not JSON: {PERSONAL}".encode()),
        *_at_the_card(first),
    ]
    receipts = [centre.say(provider, message) for provider, message in messages[:5]]
    _one_that_fails(centre)
    receipts += [centre.say(provider, message) for provider, message in messages[5:7]]
    _pump(centre, badly(Random(1)))
    centre.clock.now -= timedelta(hours=9)  # Somebody sets the clock right.
    centre.restart()
    receipts += [centre.say(provider, message) for provider, message in messages[7:]]
    _pump(centre, badly(Random(2)))
    centre.keys.destroy(receipts[-7].person[0])
    centre.restart()
    receipts += [centre.say("contractor", first)]
    _pump(centre, in_order)
    receipts += [_mornings(centre)]
    _pump(centre, in_order)
    return centre, receipts


def _to_agencies() -> list[tuple[str, Any]]:
    """B is taken on by the first of two that were asked; two are asked for D, and one accepts after the withdrawal."""
    said = [
        answer("accept", "I", on="2024-05-02 11:00", how="phone"),
        call("D", "2024-05-01 16:00"),
        offer("J", "D", on="2024-05-02 09:00", to="ひとつ"),
        offer("K", "D", on="2024-05-02 09:00", to="ふたつ"),
        answer("withdraw", "J", on="2024-05-02 10:00"),
        answer("accept", "J", on="2024-05-02 11:00", how="fax"),
    ]
    return [("contractor", one) for one in said]


def _at_the_card(first: dict[str, Any]) -> list[tuple[str, Any]]:
    """A card filled in while nobody answers, a registrant linked twice and unlinked, a flag resolved twice.

    Two register; one has another number since, and the other is forgotten.
    """
    tries = [{"what": "ward", "at": f"2024-05-01T23:0{n}:00+09:00", "answered": False} for n in range(2)]
    own, on = {"call": first["id"]}, "2024-05-03 10:00"
    linked = {**own, "person": "1", "matched": ["kana", "phone"]}
    resolved = {**own, "code": "not-registered", "resolution": "confirmed"}
    said = [message("call.add", on, **own, danger=[attempt], personal={"note": PERSONAL}) for attempt in tries]
    said += [register(ref, "2024-05-03 09:30", personal={"phone": f"03-0000-000{ref}"}) for ref in "12"]
    said += [message("registration.correct", on, person="1", personal={"phone": "03-0000-0009"})]
    said += [message("call.link", on, **linked), message("call.link", on, **linked)]
    said += [message("call.unlink", on, **own), *(message("flag.resolve", on, **resolved) for _ in range(2))]
    return [("contractor", one) for one in said]


class PowerCut(BaseException):
    """The process ends here."""


def _mornings(centre: Centre) -> Receipt:
    """Everything is off for three nights; the power goes as the first is closed; then a shift is closed late."""
    centre.clock.now = at("2025-05-14 09:00")
    centre.restart()
    desk_, whole = centre.desk(), Group.write

    def dying(group: Group) -> None:
        whole(group)
        raise PowerCut

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Group, "write", dying)
        with suppress(PowerCut):
            desk_.fall_due()
    for _ in range(2):
        centre.restart()
        _fall_due(centre)
    receipt = centre.say("night", message("shift.close", "2025-05-14 09:00", last=0))
    centre.clock.now = at("2025-05-14 10:00")
    _fall_due(centre)
    return receipt


def _fall_due(centre: Centre) -> None:
    """Whatever is due has its effect; with a bug planted it may never come to an end, so only so often."""
    for _ in range(ROUNDS):
        due = centre.desk().fall_due()
        if due is None or due > centre.clock():
            return


def _pump(centre: Centre, carry: Carry) -> None:
    """Carry events to those who listen; with a bug planted it may never come to an end, so only so often."""
    for listener in HEARS:
        for _ in range(ROUNDS):
            for batch in carry(waiting) if (waiting := centre.unheard(listener)) else ():
                centre.hear(listener, batch)


def _one_that_fails(centre: Centre) -> None:
    """A transaction that ends in the middle, after it has written."""
    journal = centre.desk().journal

    def fail() -> None:
        with journal.transaction() as connection:
            journal.store(connection, [("x", "x", b"{}")], journal.now())
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="power"):
        fail()


EXPECTED = ["waiting", "accepted", "known", "accepted", "conflict", "accepted", "accepted"]
EXPECTED += [*["accepted"] * 8, *["waiting"] * 4, "parked", *["accepted"] * 10, "known"]
EXPECTED += ["accepted"]
CLOSED = [("2025-05-11", 1), ("2025-05-12", 1), ("2025-05-13", 1), ("2025-05-13", 2)]
"""Every night once, and the last one again, as its provider closed it."""


def broken(centre: Centre, receipts: list[Receipt]) -> list[str]:
    """The guarantees that do not hold."""
    found = []
    if [receipt.status for receipt in receipts] != EXPECTED:
        found.append(f"receipts: {[receipt.status for receipt in receipts]}")
    calls = [event for event in centre.events() if event.name == "call.received"]
    if len(calls) != 7:
        found.append(f"{len(calls)} calls were recorded, and 7 were made")
    if centre.rows(WAITING, "placement"):
        found.append("something still waits for what has come")
    if sorted(row["kind"] for row in centre.rows(PARKED)) != ["conflict", "parked"]:
        found.append("what a person must look at is not there")
    for service in ("intake", "placement", "handover"):
        positions = [position for position, _ in centre.desk(service).journal.read()]
        if positions != list(range(1, len(positions) + 1)):
            found.append(f"{service}: positions {positions}")
        if centre.ledger.cursors.position(service) != len(positions):
            found.append(f"{service}: the ledger does not hold every event")
    if PERSONAL.encode() in centre.on_disk() or PERSONAL in centre.on_disk().decode(errors="ignore"):
        found.append("a personal word lies in clear")
    found += compare(centre.desk().journal, SECRETS, centre.keys).differences
    found += _nights(centre) + _card(centre) + _passings(centre) + _figures(centre)
    found += _sealed_for_good(centre) + _second_writer(centre)
    return found or asyncio.run(_seen(centre, calls[0].case))


def _nights(centre: Centre) -> list[str]:
    """Each night was closed once, whatever was off; only the coming one is still planned."""
    closed = [(f"{event.night}", event.edition) for event in centre.events() if event.name == "night.closed"]
    found = [] if closed == CLOSED else [f"nights: {closed}"]
    planned = [row["key"] for row in centre.rows(DEADLINES)]
    return found if planned == ["night/next"] else [*found, f"planned: {planned}"]


def _card(centre: Centre) -> list[str]:
    """Every attempt, one link with what stood before it, and one open flag fewer: mended, open again, resolved."""
    found, kinds = [], [event.name for event in centre.events()]
    for kind, count in (("call.linked", 1), ("call.unlinked", 1), ("flag.resolved", 2), ("flag.reopened", 1)):
        if kinds.count(kind) != count:
            found.append(f"{kinds.count(kind)} times {kind}")
    first = next(event for event in centre.events() if event.name == "call.received")
    state: Any = None
    with centre.engine("intake").connect() as connection:
        rows = connection.execute(sa.select(FLAGS).where(FLAGS.c.holder == first.contact)).all()
    for record in centre.records():
        if record.subject == first.case:
            state = intake.evolve(state, event_of(record), record.time)
    if len(state.contacts[0].card.danger if state.contacts[0].card else ()) != 2:
        found.append("an attempt is gone from the card")
    if (state.person, state.before) != (first.person, None):
        found.append("the link was not undone to what stood before")
    facts = centre.inquiry.facts().cases[first.case]
    if (facts.person, facts.registered, facts.lends) != (first.person, False, None):
        found.append("the figures did not follow the undoing")
    if [row.code for row in rows if row.resolved_at] != ["not-registered"]:
        found.append("a flag that was resolved stands open")
    return found


def _passings(centre: Centre) -> list[str]:
    """No case is two agencies' at any instant, and every answer that came too late is kept."""
    found, held = [], dict[str, set[str]]()
    for event in centre.events("handover"):
        mine = held.setdefault(event.case, set())
        if event.name == "handed-over":
            mine.add(event.handover)
        elif event.name in ("handover.returned", "handover.withdrawn"):
            mine.discard(event.handover)
        if len(mine) > 1:
            found.append("a case has two owners")
    kept = [event.because for event in centre.events("handover") if event.name == "handover.answered-late"]
    if kept != ["accepted-elsewhere", "withdrawn"]:
        found.append(f"late answers: {kept}")
    return found


def _figures(centre: Centre) -> list[str]:
    found = []
    folded = set(all_entries(centre.inquiry.facts()))
    with centre.ledger.journal.engine.connect() as connection:
        entries, cells = set(stored_entries(connection)), stored_cells(connection)
    if entries != folded:
        found.append("tallies differ from the fold")
    if sum(cells.values()) != len(folded):
        found.append("cells differ from the fold")
    wanted = {("night", "short-stay"): 1, ("day", "handed-over"): 1, ("day", "other"): 4}
    if centre.figures() != wanted:
        found.append(f"figures: {centre.figures()}")
    held = centre.inquiry.ledger
    if held.root() != merkle.root([sha256(b"\x00" + text).digest() for text in held.texts()]).hex():
        found.append("the tree is not that of the ledger's rows")
    learned = [row.ledgered_at for row in held.rows()]
    if learned != sorted(learned):
        found.append("the second clock went back")
    rows = [row.event.id for row in held.rows()]
    if len(rows) != len(set(rows)):
        found.append("an event stands in the ledger twice")
    return found


def _sealed_for_good(centre: Centre) -> list[str]:
    """A box opens in its own event, and in no other."""
    record = next(r for r in centre.records() if r.type == "call.received" and b'"sealed"' in bytes(r.data))
    event: Any = event_of(record)
    for identity, opens in ((record.id, True), ("another", False)):
        try:
            centre.keys.unseal(event.person, f"{record.type}/{identity}", event.sealed)
        except (ValueError, LookupError, InvalidTag):
            if opens:
                return ["a box does not open"]
        else:
            if not opens:
                return ["a box opens in another event"]
    return []


async def _seen(centre: Centre, case: str) -> list[str]:
    """What the page of a case shows to nobody, to an auditor and to the day provider, who alone sees persons."""
    found = []
    app = site(centre, role=None)
    async with browser(app) as web:
        if (await web.get(f"/cases/{case}")).status_code != 403:
            found.append("a page that shows a person is open")
        link, ours = f"/signin/{app.state.signins.link('auditor')}", {"Origin": HOME}
        if [(await web.post(link, headers=ours)).status_code for _ in range(2)] != [303, 403]:
            found.append("a link does not sign in once")
        if PERSONAL in (await web.get(f"/cases/{case}")).text:
            found.append("a role sees persons that may not")
    async with browser(site(centre, role="day")) as web:
        if PERSONAL not in (await web.get(f"/cases/{case}")).text:
            found.append("a role does not see persons that may")
    return found


def _second_writer(centre: Centre) -> list[str]:
    """Two processes on one journal: the one that comes late must stop. The last of all checks; it writes."""
    second = centre.journal("intake")
    try:
        for journal in (centre.desk().journal, second):
            with journal.transaction() as connection:
                journal.store(connection, [("x", "x", b"{}")], journal.now())
    except SecondWriter:
        return []
    finally:
        second.close()
    return ["two processes write one journal"]


def test_the_night_as_it_should_be(url: str) -> None:
    """Without a planted bug everything holds."""
    centre, receipts = night(url)
    assert broken(centre, receipts) == []
    centre.close()


def forgets_what_it_heard(patch: Patch) -> None:
    """The set of heard messages is not written."""
    answer_ = Group._answer

    def forgetful(self: Group, *arguments: Any, **fields: Any) -> None:
        answer_(self, *arguments, **fields)
        self._heard.clear()
        self.known.clear()

    patch.setattr(Group, "_answer", forgetful)


def takes_the_id_for_everybodys(patch: Patch) -> None:
    """A message is known by its id alone, whoever sent it."""
    patch.setattr(Message, "key", property(lambda self: ("anybody", *self.item.identity)))


def compares_no_content(patch: Patch) -> None:
    """Any two messages of one id are taken for the same."""
    patch.setattr(Secrets, "digest", lambda self, content: "0" * 64)


def parks_nothing(patch: Patch) -> None:
    """What cannot be used is dropped without a trace."""
    patch.setattr(Group, "park", lambda self, *arguments, **options: None)


def never_goes_on(patch: Patch) -> None:
    """What waits is never looked at again."""
    patch.setattr(Group, "take_woken", lambda self: [])


def drops_what_waited(patch: Patch) -> None:
    """What waited is deleted when its time comes, and has no effect."""
    take = Group.take_waiting

    def dropping(self: Group, keys: Any) -> list[Any]:
        take(self, keys)
        return []

    patch.setattr(Group, "take_waiting", dropping)


def keeps_the_cursor_outside(patch: Patch) -> None:
    """The cursor is kept in memory, not in the transaction of the effect."""
    patch.setattr(Cursors, "write", lambda self, connection: None)


def hears_over_gaps(patch: Patch) -> None:
    """A high-water mark instead of the next position: what comes late is lost."""
    patch.setattr(Cursors, "is_next", lambda self, record: record.position > self.position(record.service))


def hears_everything_again(patch: Patch) -> None:
    """No cursor at all: what is delivered twice is entered twice."""
    patch.setattr(Cursors, "is_next", lambda self, record: True)


def skips_an_outbox_row(patch: Patch) -> None:
    """One event of the journal is never published."""
    read = Journal.read
    patch.setattr(
        Journal,
        "read",
        lambda self, *arguments: [row for row in read(self, *arguments) if row[0] != 3 or self.service != "intake"],
    )


def keeps_the_head_after_a_rollback(patch: Patch) -> None:
    """A transaction that failed leaves its positions used up."""
    store = Journal.store

    heads: dict[int, int] = {}

    def storing(self: Journal, connection: Any, entries: Any, written_at: datetime) -> None:
        self.head = max(self.head, heads.get(id(self), 0))
        store(self, connection, entries, written_at)
        heads[id(self)] = self.head

    patch.setattr(Journal, "store", storing)


def moves_the_tallies_twice(patch: Patch) -> None:
    """A cell moves by twice the difference."""
    move = tallies._move_cells
    patch.setattr(tallies, "_move_cells", lambda *given: [move(*given) for _ in range(2)])


def folds_by_the_clock(patch: Patch) -> None:
    """The fold leaves out what happened after a moment that it read from a clock."""
    entries = fold.entries
    noon = datetime.fromisoformat("2024-05-02T00:00:00+09:00")
    patch.setattr(tallies, "entries", lambda kind, member, facts: entries(kind, member, facts, noon))


def leaves_the_ledger_out_of_the_transaction(patch: Patch) -> None:
    """The tallies do not hear what the ledger enters."""
    patch.setattr(Tallies, "move", lambda self, connection, records: None)


def seals_nothing(patch: Patch) -> None:
    """Personal fields are written as they are."""
    patch.setattr(KeyStore, "seal", lambda self, subject, identity, personal: msgspec.json.encode(personal).decode())


def parks_in_clear(patch: Patch) -> None:
    """What waits or is parked lies open."""
    patch.setattr(Secrets, "seal_local", lambda self, content: content)
    patch.setattr(Secrets, "open_local", lambda self, sealed: sealed)


def positions_from_autoincrement(patch: Patch) -> None:
    """The database gives out positions, and one of a failed transaction is never given again."""
    store = Journal.store
    gone: dict[int, int] = {}

    def storing(self: Journal, connection: Any, entries: Any, written_at: datetime) -> None:
        self.head = gone[id(self)] = max(self.head, gone.get(id(self), self.head))
        store(self, connection, entries, written_at)
        gone[id(self)] = self.head

    patch.setattr(Journal, "store", storing)


def writes_receipts_outside(patch: Patch) -> None:
    """Receipts are kept in memory and die with the process."""
    write = Group.write

    def writing(self: Group) -> None:
        self._receipts.clear()
        write(self)

    patch.setattr(Group, "write", writing)


def boxes_of_any_event(patch: Patch) -> None:
    """A sealed box is not bound to its event, so that it opens in another."""
    seal, unseal = KeyStore.seal, KeyStore.unseal
    patch.setattr(KeyStore, "seal", lambda self, subject, identity, personal: seal(self, subject, "any", personal))
    patch.setattr(KeyStore, "unseal", lambda self, subject, identity, box: unseal(self, subject, "any", box))


def hashes_without_the_leaf_prefix(patch: Patch) -> None:
    """A leaf is hashed like a node, so that a tree can be passed off as a row."""
    patch.setattr(ledger, "leaf_hash", lambda text: sha256(text).digest())


def keeps_the_tree_outside(patch: Patch) -> None:
    """The ledger's tree is kept in memory, not in the transaction of its rows."""
    patch.setattr(ledger.Ledger, "_write_frontier", lambda self, connection: None)


def tolerates_a_second_writer(patch: Patch) -> None:
    """Positions that are taken are skipped, and two processes write one journal."""
    store = Journal.store

    def storing(self: Journal, connection: Any, entries: Any, written_at: datetime) -> None:
        self.head = connection.execute(sa.select(sa.func.max(self.log.c.id))).scalar() or 0
        store(self, connection, entries, written_at)

    patch.setattr(Journal, "store", storing)


def dates_by_arrival(patch: Patch) -> None:
    """A call counts in the band of its arrival, not of its first contact."""
    patch.setattr(desk, "said", lambda *arguments: _arrived(said(*arguments)))


def _arrived(words: Any) -> Any:
    return msgspec.structs.replace(words, at=words.arrived)


def forgets_the_clock(patch: Patch) -> None:
    """The second clock is the machine's own, and goes back with it."""
    patch.setattr(Journal, "now", lambda self: self.clock())


def asks_nobody_who_they_are(patch: Patch) -> None:
    """A page that shows a person is open to whoever finds its address."""

    async def opening(self: Guard, scope: Any, receive: Any, send: Any) -> None:
        scope["yoake.session"] = Session(ROLES[0], None, "")
        await self._app(scope, receive, send)

    patch.setattr(Guard, "__call__", opening)


def shows_persons_to_every_role(patch: Patch) -> None:
    """Whoever has signed in sees everything, whatever the ward's file says."""
    patch.setattr(Session, "sees", lambda self, what: True)


def signs_in_as_often_as_asked(patch: Patch) -> None:
    """A one-time link is not marked as used."""
    signing_in = SignIns.sign_in

    def forgetting(self: SignIns, token: str) -> str:
        cookie = signing_in(self, token)
        with self._engine().begin() as connection:
            connection.execute(sa.update(LINKS).values(used=False))
        return cookie

    patch.setattr(SignIns, "sign_in", forgetting)


def replaces_the_attempts(patch: Patch) -> None:
    """What is told of a danger takes the place of what was told before."""

    def replacing(contact: Any, values: Any, added: Any) -> Any:
        bare = msgspec.structs.replace(contact, card=None) if added else contact
        return filled(bare, values, added)

    patch.setattr(intake, "filled", replacing)


def links_again(patch: Patch) -> None:
    """A link that stands is written once more, and takes the registrant for what stood before."""
    patch.setattr(linking, "_stands", lambda case, book: None)


def unlinks_halfway(patch: Patch) -> None:
    """Undoing a link leaves the figures with the registrant."""
    patch.setattr(cases, "unlinked", lambda facts, event: ())


def gives_a_case_to_two(patch: Patch) -> None:
    """An acceptance looks at nobody else whom the case was offered to, or who has it."""
    patch.setattr(offers, "known_of", lambda case, book: ())
    patch.setattr(answers, "holder_of", lambda case, book: None)


def drops_late_answers(patch: Patch) -> None:
    """What comes after a withdrawal or an expiry is accepted from the sender, and kept nowhere."""
    patch.setattr(late, "answered", lambda *told, **more: None)


def counts_what_is_asked_for(patch: Patch) -> None:
    """A hand-over counts as soon as somebody is asked, as if they had accepted."""
    patch.setattr(outcomes, "_passing_counts", lambda passing, ward, as_of: True)


def indexes_nothing(patch: Patch) -> None:
    """A registration is recorded, and the index of persons does not hear of it."""
    patch.setattr(BlindIndex, "write", lambda self, connection, found_by: None)


def leaves_the_old_number(patch: Patch) -> None:
    """A correction takes nothing away: a person is found by what is no longer so."""
    patch.setattr(blind, "_take_away", lambda connection, n, tokens: None)


def finds_the_forgotten(patch: Patch) -> None:
    """Whose key was destroyed stays in the index of persons."""
    patch.setattr(BlindIndex, "forget", lambda self, connection, persons: None)


def resolves_outside(patch: Patch) -> None:
    """The table of flags does not hear what the log says of them."""
    patch.setattr(flagged, "write", lambda connection, told: None)


def keeps_deadlines_in_memory(patch: Patch) -> None:
    """What is planned is not written, and is lost with the process."""
    patch.setattr(deadlines, "write", lambda connection, planned: None)


def deletes_a_deadline_on_its_own(patch: Patch) -> None:
    """A deadline is deleted before what it leads to, in a transaction of its own: a crash in between loses it."""
    fall_due = Desk._fall_due

    def deleting(self: Desk[Any], due: Due, now: datetime) -> None:
        with self.journal.engine.begin() as connection:
            connection.execute(sa.delete(DEADLINES).where(DEADLINES.c.key == due.key))
        fall_due(self, due, now)

    patch.setattr(Desk, "_fall_due", deleting)


def leaves_a_deadline_standing(patch: Patch) -> None:
    """What has fallen due stays planned, and falls due again."""
    write = deadlines.write
    patch.setattr(deadlines, "write", lambda c, planned: write(c, {k: due for k, due in planned.items() if due}))


def plans_anew_at_each_start(patch: Patch) -> None:
    """A service that starts plans the coming night over the one that it missed."""
    patch.setattr(Group, "planned", lambda self, key: None)


def skips_what_was_missed(patch: Patch) -> None:
    """Of what fell due while everything was off only the last is done."""
    fall_due = nights.fall_due

    def skipping(due: Due, now: datetime, book: Any) -> None:
        if due.kind == nights.CLOSE and now - due.due > timedelta(hours=12):
            nights.begin(now, book)
        else:
            fall_due(due, now, book)

    patch.setattr(nights, "fall_due", skipping)


def closes_no_night_again(patch: Patch) -> None:
    """What comes for a night that was closed changes nothing any more."""
    patch.setattr(nights, "_again", lambda night, said, book: None)


PLANTED: list[Callable[[Patch], None]] = [
    forgets_what_it_heard,
    takes_the_id_for_everybodys,
    compares_no_content,
    parks_nothing,
    never_goes_on,
    drops_what_waited,
    keeps_the_cursor_outside,
    hears_over_gaps,
    hears_everything_again,
    skips_an_outbox_row,
    keeps_the_head_after_a_rollback,
    moves_the_tallies_twice,
    folds_by_the_clock,
    leaves_the_ledger_out_of_the_transaction,
    seals_nothing,
    parks_in_clear,
    positions_from_autoincrement,
    writes_receipts_outside,
    boxes_of_any_event,
    hashes_without_the_leaf_prefix,
    keeps_the_tree_outside,
    tolerates_a_second_writer,
    dates_by_arrival,
    forgets_the_clock,
    asks_nobody_who_they_are,
    shows_persons_to_every_role,
    signs_in_as_often_as_asked,
    replaces_the_attempts,
    links_again,
    unlinks_halfway,
    resolves_outside,
    gives_a_case_to_two,
    drops_late_answers,
    counts_what_is_asked_for,
    indexes_nothing,
    leaves_the_old_number,
    finds_the_forgotten,
    keeps_deadlines_in_memory,
    deletes_a_deadline_on_its_own,
    leaves_a_deadline_standing,
    plans_anew_at_each_start,
    skips_what_was_missed,
    closes_no_night_again,
]


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_bug_is_found(plant: Callable[[Patch], None], url: str) -> None:
    """With the bug the night either fails outright or leaves a guarantee broken."""
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        assert noticed(url), f"nobody noticed: {plant.__doc__}"


def noticed(url: str) -> bool:
    """Whether a night with the bug fails outright, or leaves a guarantee broken."""
    try:
        centre, receipts = night(url)
    except (AssertionError, ArithmeticError, LookupError, RuntimeError, Waits, sa.exc.SQLAlchemyError):
        return True  # Loud is found; a TypeError would be a fault of the plant.
    found = broken(centre, receipts)
    centre.close()
    return bool(found)
