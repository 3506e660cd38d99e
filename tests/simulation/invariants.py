"""What must hold after a night, whatever befell it. Each finding is a sentence that a person can act on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from events import Recorded, decode, event_of
from events.handover import PASSING_KINDS, HandedOver, HandoverNotedLate, HandoverReturned, HandoverWithdrawn
from services.handover.expiry import SETTLING
from services.reporting import merkle
from services.reporting.fold import Facts, all_entries, fold, is_open
from services.reporting.ledger import Row
from services.reporting.tallies import stored_cells, stored_entries
from services.subjects import EVENTS, HEARS, INBOX, RECEIPTS, WRITERS
from tests.simulation import mornings
from tests.simulation.disk import engine_of
from tests.simulation.provider import PERSONAL

if TYPE_CHECKING:
    from tests.simulation.night import Night
    from tests.simulation.provider import Letter, Provider
    from tests.simulation.streams import Durable, Stored

EFFECTS = {
    "call.report": "call.received",
    "registration.submit": "person.registered",
    "placement.arrange": "placement.arranged",
    "handover.offer": "handover.offered",
}
"""What a message of a kind leads to, exactly once."""

_ROW = msgspec.json.Decoder(Row)


class Left:
    """What a night has left on its disks."""

    def __init__(self, night: Night) -> None:
        self.night = night
        self.logs: dict[str, list[Recorded]] = {name: [decode(text) for text in self._texts(name)] for name in WRITERS}
        self.ledger = self._texts("reporting")
        self.rows: list[Row] = [_ROW.decode(text) for text in self.ledger]
        self.caused: dict[str, list[Recorded]] = defaultdict(list)
        for log in self.logs.values():
            for record in log:
                self.caused[record.causation].append(record)

    @cached_property
    def facts(self) -> Facts:
        """What the ledger comes to, folded from nothing."""
        return fold(row.event for row in self.rows)

    def _texts(self, name: str) -> list[bytes]:
        return [bytes(row[0]) for row in self.ask(name, "SELECT state FROM stored_events ORDER BY id")]

    def ask(self, name: str, query: str) -> list[Any]:
        """Rows of a database."""
        return self.night.disks.connection(name).execute(query).fetchall()

    def letters(self) -> Iterator[tuple[Provider, Letter]]:
        """Everything that was written down."""
        for provider in self.night.providers.values():
            for letter in provider.letters:
                yield provider, letter


def broken(night: Night) -> list[str]:
    """The guarantees that do not hold."""
    left = Left(night)
    return [fault for check in CHECKS for fault in check(left)]


def lag(night: Night) -> list[str]:
    """What is still under way long after nothing stood in its way."""
    found = []
    for name, node in night.nodes.items():
        process = node.process
        if process is None or process.vitals is None:
            found.append(f"{name} does not run")
            continue
        published = process.vitals.published() if process.vitals.published else process.journal.head
        if published != process.journal.head:
            found.append(f"{name}: {process.journal.head} events, and {published} are published")
    found += [
        f"{durable.name}: {durable.lag()} not delivered, {len(durable.pending)} not acknowledged"
        for durable in night.bus.durables.values()
        if durable.pending or durable.lag()
    ]
    return found


def done_too_early(night: Night, durable: Durable, done: list[Stored]) -> Iterator[str]:
    """What a service acknowledges must be on its disk: from then on nobody else has it."""
    name = durable.name.removesuffix("-events")
    if name not in night.nodes:
        return
    disk = night.disks.connection(name)
    if durable.stream.name == EVENTS:
        cursors = dict(disk.execute("SELECT service, position FROM cursors").fetchall())
        for message in done:
            record = decode(message.data)
            if cursors.get(record.service, 0) < record.position:
                yield f"{name} acknowledged {record.service} {record.position}, and has heard up to {cursors}"
        return
    for message in done:
        provider, own = message.subject.split(".")[2], _own_id(message.data)
        if not disk.execute(_HELD, {"provider": provider, "own": own}).fetchone():
            yield f"{name} acknowledged {provider}'s {own or 'garbled message'}, and does not hold it"


_HELD = """
SELECT 1 FROM heard WHERE provider = :provider AND id = :own
UNION ALL SELECT 1 FROM parked WHERE provider = :provider AND (id = :own OR :own = '')
"""


def _own_id(text: bytes) -> str:
    try:
        return str(msgspec.json.decode(text)["id"])
    except msgspec.DecodeError:
        return ""


def inbox_is_empty(left: Left) -> Iterator[str]:
    """Whatever came was taken."""
    if mistaken := left.night.bus.mistaken:
        yield f"INBOX took {len(mistaken)} for others that it held: {', '.join(sorted(set(mistaken)))}"
    held = left.night.bus.streams[INBOX].messages
    if held:
        yield f"INBOX still holds {len(held)}: {', '.join(sorted({m.subject for m in held.values()}))}"


def nobody_stopped(left: Left) -> Iterator[str]:
    """No service stops by itself: nothing was restored from a copy."""
    for name, node in left.night.nodes.items():
        yield from (f"{name} stopped by itself: {why}" for why in node.halted)


def everything_is_answered(left: Left) -> Iterator[str]:
    """Every message has the receipt that it should have."""
    pairs: dict[tuple[str, str], list[str]] = defaultdict(list)
    for provider, letter in left.letters():
        status = "accepted" if letter.status == "known" else letter.status
        if letter.expects == "settled" and status in ("accepted", "parked"):
            continue
        if letter.expects == "any" and status in ("accepted", "parked", "waiting"):
            continue
        if letter.expects == "either":
            pairs[provider.name, letter.id].append(status)
        elif status != letter.expects:
            why = next((receipt.reason for receipt in reversed(letter.receipts) if receipt.reason), "")
            yield f"{provider.name}'s {letter.id or 'garbled message'} is {status}, not {letter.expects} {why}".strip()
    for (name, own), found in pairs.items():
        if len(found) == 2 and sorted(found) != ["accepted", "conflict"]:
            yield f"of {name}'s two messages {own} one is accepted and one a conflict, not {' and '.join(found)}"


def everything_has_one_effect(left: Left) -> Iterator[str]:
    """What was accepted is recorded once, and what was not is not recorded at all."""
    told: dict[str, int] = {}
    for provider, letter in left.letters():
        if not letter.id:
            continue
        causation = f"message:{provider.name}/adapter#{letter.id}"
        accepted = letter.status in ("accepted", "known")
        many = letter.calls or 1 if letter.type in EFFECTS else 0
        told[causation] = told.get(causation, 0) + (many if accepted else 0)
        if letter.type in EFFECTS:
            have = sum(record.type == EFFECTS[letter.type] for record in left.caused.get(causation, ()))
            if accepted and have != many:
                wrong = f"{have} {EFFECTS[letter.type]}, not {many}"
                yield f"{provider.name}'s {letter.id} was accepted, and led to {wrong}"
            if letter.type == "call.report" and accepted and letter.expects == "accepted":
                yield from _dated_as_told(left, provider, letter, causation)
        events = [
            (record.type, record.subject, record.time, bytes(record.data)) for record in left.caused.get(causation, ())
        ]
        if letter.expects in ("parked", "waiting") and events:
            yield f"{provider.name}'s {letter.id} is {letter.status}, and was recorded all the same"
        twice = [event[0] for event, count in Counter(events).items() if count > 1]
        yield from (f"{provider.name}'s {letter.id} led to the same {name} twice" for name in twice)
    for record in left.logs["intake"]:
        if record.type == "call.received" and record.causation not in told:
            yield f"intake recorded a call that nobody reported: {record.causation}"


def _dated_as_told(left: Left, provider: Provider, letter: Letter, causation: str) -> Iterator[str]:
    for record in left.caused.get(causation, ()):
        if record.type == "call.received" and record.time.isoformat() != letter.fields["time"]:
            yield f"{provider.name}'s {letter.id} was at {letter.fields['time']}, and is recorded at {record.time}"


def logs_are_whole(left: Left) -> Iterator[str]:
    """Positions without a gap, a second clock that never goes back, no id twice."""
    ids: set[str] = set()
    for name, log in left.logs.items():
        positions = [record.position for record in log]
        if positions != list(range(1, len(log) + 1)):
            yield f"{name} has the positions {positions}"
        recorded = [record.recordedat for record in log]
        if recorded != sorted(recorded):
            yield f"the second clock of {name} went back"
        ids |= {record.id for record in log}
    if len(ids) != sum(map(len, left.logs.values())):
        yield "two events have the same id"


def events_carry_everything(left: Left) -> Iterator[str]:
    """EVENTS holds every event of every log, and unless it was made anew, the first time in the order of its log."""
    stream = left.night.bus.streams.get(EVENTS)
    held: dict[str, list[int]] = {name: [] for name in WRITERS}
    for message in stream.messages.values() if stream else ():
        record = decode(message.data)
        held[record.service].append(record.position)
    for name, seen in held.items():
        wanted = list(range(1, len(left.logs[name]) + 1))
        first = list(dict.fromkeys(seen))
        if (sorted(first) if left.night.bus.made_anew else first) != wanted:
            yield f"{name} has {len(wanted)} events, and EVENTS holds first the positions {first}"


def everybody_has_heard(left: Left) -> Iterator[str]:
    """Each service has heard the others' logs to their ends."""
    for name, sources in HEARS.items():
        cursors = {row[0]: row[1] for row in left.ask(name, "SELECT service, position FROM cursors")}
        for source in sources:
            if cursors.get(source, 0) != len(left.logs[source]):
                yield f"{name} heard {source} up to {cursors.get(source, 0)} of {len(left.logs[source])}"
    for name in ("placement", "handover"):
        names = {(row[0], row[1]) for row in left.ask(name, "SELECT key, target FROM names")}
        for record in left.logs["intake"]:
            if record.type == "call.received" and record.case:
                number = f"number/{msgspec.json.decode(record.data)['number']}"
                if (number, record.case) not in names:
                    yield f"{name} does not know {number}"


def the_ledger_is_complete(left: Left) -> Iterator[str]:
    """Every event of every log once, in the order of its log; the tree is that of the rows."""
    held: dict[str, list[str]] = {name: [] for name in WRITERS}
    for row in left.rows:
        held[row.event.service].append(row.event.id)
    for name, log in left.logs.items():
        if held[name] != [record.id for record in log]:
            yield f"the ledger holds {len(held[name])} events of {name} in their order, and there are {len(log)}"
    if [row.position for row in left.rows] != list(range(1, len(left.rows) + 1)):
        yield "the ledger's positions have gaps"
    learned = [row.ledgered_at for row in left.rows]
    if learned != sorted(learned):
        yield "the ledger's clock went back"
    stored = left.ask("reporting", "SELECT frontier FROM tree")
    frontier = merkle.Frontier.decode(bytes(stored[0][0])) if stored else merkle.Frontier()
    if frontier.root() != merkle.root(sha256(b"\x00" + text).digest() for text in left.ledger):
        yield "the tree is not that of the ledger's rows"


def tallies_are_what_a_fold_says(left: Left) -> Iterator[str]:
    """Entries and cells equal those folded from nothing."""
    folded = set(all_entries(left.facts))
    with engine_of("reporting").connect() as connection:
        entries, cells = set(stored_entries(connection)), stored_cells(connection)
    if entries != folded:
        yield f"{len(entries)} entries in the tables, and a fold finds {len(folded)}"
    wanted = Counter((entry.report, entry.year, entry.row, entry.column) for entry in folded)
    if cells != dict(wanted):
        yield f"the cells say {sorted(cells.items())}, and a fold {sorted(wanted.items())}"


def open_is_open_everywhere(left: Left) -> Iterator[str]:
    """The register of whoever is in charge has the same open cases as the ledger comes to."""
    listed = {row[0] for row in left.ask("handover", 'SELECT "case" FROM cases WHERE open AND merged_into IS NULL')}
    for case in left.facts.cases:
        if is_open(case, left.facts) != (case in listed):
            yield f"{case} is {'closed' if case in listed else 'open'}, and handover has it otherwise"


def nothing_rests_in_silence(left: Left) -> Iterator[str]:
    """What is parked or waits was told to whoever sent it."""
    told: dict[str, set[str]] = defaultdict(set)
    for provider, letter in left.letters():
        for receipt in letter.receipts:
            told[receipt.status].add(f"{provider.name}/{letter.id}")
    for name in WRITERS:
        for provider_name, own, kind in left.ask(name, "SELECT provider, id, kind FROM parked WHERE closed IS NULL"):
            known = f"{provider_name}/{own}" in told[kind] or any(
                f"{provider_name}/" in one for one in told["parked"] if not one.partition("/")[2]
            )
            if not known:
                yield f"{own} is {kind} at {name}, and {provider_name} was not told"
        for provider_name, own in left.ask(name, "SELECT provider, id FROM waiting"):
            if f"{provider_name}/{own}" not in told["waiting"]:
                yield f"{own} waits at {name}, and {provider_name} was not told"
    for provider, letter in left.letters():
        status = letter.status
        if status in ("parked", "conflict") and not any(_is_kept(left, name, provider, letter) for name in WRITERS):
            yield f"{provider.name}'s {letter.id or 'garbled message'} is {status}, and nobody can find it"


def every_answer_was_sent(left: Left) -> Iterator[str]:
    """What was answered, beside the log, has been on RECEIPTS."""
    sent = b"".join(left.night.bus.ever.get(RECEIPTS, []))
    for name in WRITERS:
        for provider, own, receipt in left.ask(name, "SELECT provider, id, receipt FROM heard"):
            if bytes(receipt) not in sent:
                yield f"{name} answered {provider}'s {own}, and never sent the receipt"


def _is_kept(left: Left, name: str, provider: Provider, letter: Letter) -> bool:
    rows = left.ask(name, "SELECT provider, id FROM parked")
    return any(row[0] == provider.name and (row[1] == letter.id or not letter.id) for row in rows)


def offers_end_once(left: Left) -> Iterator[str]:
    """What nobody answered expires, once and not before it is due; and one agency at a time has a case."""
    ended: Counter[str] = Counter()
    holders: dict[str, str] = {}
    for record in left.logs["handover"]:
        event: Any = event_of(record)
        match record.type:
            case "handover.expired":
                ended[event.handover] += 1
                if event.fired_at < event.due_at:
                    yield f"the offer {event.handover} expired at {event.fired_at}, and was due at {event.due_at}"
            case "handed-over" if event.kind in PASSING_KINDS:
                if event.case in holders:
                    yield f"{event.case} was handed over to {event.to}, and somebody has it already"
                holders[event.case] = event.handover
            case "handover.returned" | "handover.withdrawn":
                if holders.get(event.case) == event.handover:
                    del holders[event.case]
    yield from (f"the offer {handover} expired {many} times" for handover, many in ended.items() if many > 1)
    for record in left.logs["handover"]:
        if record.type == "handover.offered":
            offered: Any = event_of(record)
            is_over = offered.answer_by is not None and (
                max(offered.answer_by, record.recordedat + SETTLING) <= left.night.truth()
            )
            touched = {"handed-over", "handover.declined", "handover.withdrawn", "handover.expired"}
            if is_over and not any(
                other.type in touched and event_of(other).handover == offered.handover  # type: ignore[attr-defined]
                for other in left.logs["handover"]
            ):
                yield f"the offer {offered.ref} was to be answered by {offered.answer_by}, and nothing came of it"


def an_agency_is_told_of_places(left: Left) -> Iterator[str]:
    """What was arranged or cancelled since an agency took a case on is a late note to it, once.

    Whether it had to be is left open where consultations were taken apart, or more than one acceptance was recorded.
    """
    taken, gone, noted = _of_agencies(left)
    places = [(record, _placement(record)) for record in left.logs["placement"] if record.case]
    times = {(record.type, placement): record.time for record, placement in places}
    for (own, what, placement), many in noted.items():
        if many > 1 or times[what, placement] <= taken[own][0]:
            yield f"{placement} is {what}, and noted {many} times for {own}, accepted at {taken[own][0]}"
    together = mornings.ever_one_with(left)
    apart = {record.case for record in left.logs["intake"] if record.type == "case.split"}
    for record, placement in places:
        whole = together.get(str(record.case), [record.case])
        holders = [(own, at) for own, (at, case) in taken.items() if case in whole]
        if len(holders) != 1 or holders[0][0] in gone or not apart.isdisjoint(whole):
            continue
        own, at = holders[0]
        if record.time > at and not noted[own, record.type, placement]:
            yield f"{placement} is {record.type} at {record.time}, and whoever accepted {own} was never told"


def _placement(record: Recorded) -> str:
    event: Any = event_of(record)
    return str(event.placement)


def _of_agencies(left: Left) -> tuple[dict[str, tuple[datetime, str]], set[str], Counter[tuple[str, str, str]]]:
    """What was taken on, when, and of which case; what came back; and how often each placement was noted late."""
    taken, gone, noted = {}, set(), Counter[tuple[str, str, str]]()
    for record in left.logs["handover"]:
        match event := event_of(record):
            case HandedOver(kind=kind) if kind in PASSING_KINDS:
                taken[event.handover] = record.time, event.case
            case HandoverReturned() | HandoverWithdrawn():
                gone.add(event.handover)
            case HandoverNotedLate(placement=str() as placement):
                noted[event.handover, event.what, placement] += 1
            case _:
                pass
    return taken, gone, noted


def nothing_personal_lies_open(left: Left) -> Iterator[str]:
    """No personal word in clear, in no database and on no stream but INBOX."""
    word = PERSONAL.encode()
    for name, image in left.night.disks.contents().items():
        if word in image:
            yield f"a personal word lies in clear in the database of {name}"
    for stream in left.night.bus.streams.values():
        if not stream.is_queue and any(word in message.data for message in stream.messages.values()):
            yield f"a personal word lies in clear on {stream.name}"


def flags_stand_open_where_they_were_raised(left: Left) -> Iterator[str]:
    """The table of flags says what the log says."""
    wanted = set()
    for record in left.logs["intake"]:
        if record.type == "call.received":
            event: Any = event_of(record)
            wanted |= {(event.contact, event.matter, flag.code) for flag in event.flags}
    rows = left.ask("intake", "SELECT holder, matter, code, resolved_at FROM flags")
    have = {(row[0], row[1], row[2]) for row in rows}
    if missing := {code for _, _, code in wanted - have}:
        yield f"flags were raised, and nobody sees them: {', '.join(sorted(missing))}"


CHECKS: tuple[Callable[[Left], Iterator[str]], ...] = (
    nobody_stopped,
    inbox_is_empty,
    everything_is_answered,
    everything_has_one_effect,
    logs_are_whole,
    events_carry_everything,
    everybody_has_heard,
    the_ledger_is_complete,
    tallies_are_what_a_fold_says,
    open_is_open_everywhere,
    nothing_rests_in_silence,
    every_answer_was_sent,
    offers_end_once,
    an_agency_is_told_of_places,
    nothing_personal_lies_open,
    flags_stand_open_where_they_were_raised,
    *mornings.CHECKS,
)
