"""Bugs planted on purpose: each breaks one guarantee in the running code, and simulated nights must find it.

Those of `tests/test_planted_bugs.py` that a night can show serve here as well; these are about the
order in which things happen, which only a night in which everything happens at once can show.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from nats.aio.msg import Msg

from services import bus, deadlines, hearing, listening, streams, writer
from services.book import Book
from services.desk import Desk
from services.handover import (
    answers,
    contracts,
    expiry,
    heard,
    ladder,
    late,
    offers,
    opening,
    placed,
    statement,
    urgent,
)
from services.handover import night as nights
from services.publishing import Publisher
from services.relay import Relay
from services.tables import DEADLINES
from tests import test_planted_bugs as planted
from tests import test_planted_bugs_in_the_morning as in_the_morning
from tests.simulation.connection import Connection

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]
Handler = Callable[[list[Msg]], Awaitable[None]]


def _around(patch: Patch, wrap: Callable[[Handler], Handler]) -> None:
    subscribe = bus.subscribe

    def subscribing(broker: Any, ward: str, durable: str, handler: Handler, *more: Any, **options: Any) -> Any:
        return subscribe(broker, ward, durable, wrap(handler), *more, **options)

    patch.setattr(writer, "subscribe", subscribing)


def acknowledges_before_the_commit(patch: Patch) -> None:
    """A message is acknowledged when it comes, not when it is committed."""

    def wrap(handler: Handler) -> Handler:
        async def acking(messages: list[Msg]) -> None:
            for message in messages:
                await message.ack()
                message._ackd = False
            await handler(messages)

        return acking

    _around(patch, wrap)


def leaves_the_default_ack_policy(patch: Patch) -> None:
    """FastStream's REJECT_ON_ERROR: what fails once is ended for ever."""

    def wrap(handler: Handler) -> Handler:
        async def rejecting(messages: list[Msg]) -> None:
            try:
                await handler(messages)
            except Exception:
                for message in messages:
                    if not message.is_acked:
                        await message.term()

        return rejecting

    _around(patch, wrap)


def delivers_once_only(patch: Patch) -> None:
    """max_deliver 1: what fails once never comes again."""
    durable = streams._durable

    def once(*given: Any) -> Any:
        config = durable(*given)
        config.max_deliver = 1
        return config

    patch.setattr(streams, "_durable", once)


def hears_one_provider(patch: Patch) -> None:
    """A durable with another filter than the subjects on which messages come."""
    durable = streams._durable

    def filtering(name: str, subjects: list[str], *more: Any) -> Any:
        return durable(name, [subject.replace("*", "day") for subject in subjects], *more)

    patch.setattr(streams, "_durable", filtering)


def names_messages_for_everybody(patch: Patch) -> None:
    """A bare Nats-Msg-Id on INBOX: two providers' "1" are taken for one."""
    publish = Connection.publish

    async def publishing(
        self: Connection, subject: str, payload: bytes = b"", reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        if subject.startswith("inbox."):
            headers = {**(headers or {}), "Nats-Msg-Id": _own_number(payload)}
        await publish(self, subject, payload, reply, headers)

    patch.setattr(Connection, "publish", publishing)


def _own_number(payload: bytes) -> str:
    try:
        return str(msgspec.json.decode(payload)["id"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return "none"


def publishes_out_of_order(patch: Patch) -> None:
    """The relay takes a page from its end."""
    publish = Publisher.publish
    patch.setattr(Publisher, "publish", lambda self, messages: publish(self, messages[::-1]))


def forgets_receipts_before_they_are_sent(patch: Patch) -> None:
    """Receipts are deleted, then published; the power goes between the two."""
    send = Relay._send

    async def sending(self: Relay, receipts: Any, events: Any) -> None:
        if receipts:
            await self._journal.run(self._forget_receipts, receipts[-1][0])
        await send(self, receipts, events)

    patch.setattr(Relay, "_send", sending)


def believes_it_has_published_everything(patch: Patch) -> None:
    """A checkpoint of the relay's own, ahead of the stream."""

    async def published(self: Relay, js: Any) -> int:
        return self._journal.last_position()

    patch.setattr(Relay, "_published", published)


def publishes_once_only(patch: Patch) -> None:
    """The relay does not look whether EVENTS still holds what it published."""
    published = Relay._published

    async def once(self: Relay, js: Any) -> int:
        return await published(self, js) if self.position is None else self.position

    patch.setattr(Relay, "_published", once)


def takes_an_emptied_stream_for_a_full_one(patch: Patch) -> None:
    """What EVENTS lost at its beginning is not noticed where later events are there again."""

    async def holds(self: Relay, js: Any) -> bool:
        return True

    patch.setattr(Relay, "_holds_the_first", holds)


def acknowledges_over_what_went_astray(patch: Patch) -> None:
    """Everything up to an event is acknowledged, what was delivered to a process that died included."""

    async def nothing(self: Any) -> bool:
        return False

    patch.setattr(listening._Acknowledging, "_something_is_astray", nothing)


def acknowledges_over_gaps(patch: Patch) -> None:
    """A gap is seen, and what lies beyond it is acknowledged all the same."""
    is_next = hearing.Cursors.is_next

    def pretending(self: Any, record: Any) -> bool:
        found = is_next(self, record)
        if not found and record.position > self.position(record.service):
            self._heard[record.service] = hearing.Heard(record.epoch, record.position - 1, "")
            self._moved.add(record.service)
            return True
        return found

    patch.setattr(hearing.Cursors, "is_next", pretending)


def loses_deadlines_at_a_restart(patch: Patch) -> None:
    """What was planned dies with the process that planned it."""
    begin = Desk.begin

    def beginning(self: Desk[Any]) -> None:
        with self.journal.transaction() as connection:
            connection.execute(sa.delete(DEADLINES))
        begin(self)

    patch.setattr(Desk, "begin", beginning)


def lets_fall_due_too_early(patch: Patch) -> None:
    """A deadline is taken for the time an hour before it."""
    due = deadlines._due

    def early(row: Any) -> Any:
        found = due(row)
        if found.kind not in (expiry.KIND, ladder.KIND):  # What plans itself again would never come to an end.
            return found
        return msgspec.structs.replace(found, due=found.due - timedelta(hours=1))

    patch.setattr(deadlines, "_due", early)


def gives_a_case_to_everybody(patch: Patch) -> None:
    """Whoever accepts has the case, whoever else has it already."""
    patch.setattr(answers, "holder_of", lambda case, book: None)
    patch.setattr(offers, "_check_free", lambda case, to, book: None)
    patch.setattr(late, "accepted_elsewhere", lambda *_: None)


def forgets_what_comes_late(patch: Patch) -> None:
    """A call that comes after the statement of its night is recorded, and stated nowhere."""
    patch.setattr(nights, "late", lambda *_: None)


def agrees_whatever_is_missing(patch: Patch) -> None:
    """A statement says that everything agrees, and compares nothing."""
    stands = statement.stands
    patch.setattr(statement, "stands", lambda *given: stands(*given)._replace(verdict="agree", differences=()))


def calls_nobody_after_the_first(patch: Patch) -> None:
    """The ladder of what cannot wait ends with its first rung, whether or not anybody answered."""
    plan = Book.plan

    def once(self: Book[Any], key: str, due: Any, kind: str, *more: Any, **options: Any) -> None:
        if kind != urgent.KIND or not self.written:
            plan(self, key, due, kind, *more, **options)

    patch.setattr(Book, "plan", once)


def tells_nobody_of_what_was_undone(patch: Patch) -> None:
    """A step that somebody was told of never comes again, whatever is undone after it."""

    def everything(step: tuple[int, str], state: Any) -> Any:
        return frozenset({0, *state.items}) if step in state.passed else frozenset()

    patch.setattr(ladder, "_told", everything)


def lets_a_contract_end_in_silence(patch: Patch) -> None:
    """At midnight the contract is over, and no case passes on."""
    patch.setattr(contracts, "fall_due", lambda *_: None)


def leaves_late_cases_with_the_old_contract(patch: Patch) -> None:
    """What is heard of after its provider's contract passes to nobody."""
    patch.setattr(contracts, "heard_late", lambda *_: None)


def looks_at_each_consultation_alone(patch: Patch) -> None:
    """Whether a consultation is open goes by its own contacts, whatever was merged into it."""
    patch.setattr(heard, "settle", lambda *_: None)


def never_hears_whose_a_call_was(patch: Patch) -> None:
    """A silent call that is found to be a registrant's is nobody's case in handover's list."""
    patch.setattr(heard, "_is_about", lambda *_, **__: None)


def leaves_with_the_night_what_opens_later(patch: Patch) -> None:
    """An item acknowledged while its case was closed passes nothing, ever: the case opens, and nobody by day has it."""
    patch.setattr(opening, "take_over", lambda *_: None)


def tells_no_agency_of_places(patch: Patch) -> None:
    """What the centre arranges or cancels on a case that an agency has is no late note to that agency."""
    patch.setattr(placed, "tell", lambda *_: None)


OF_THE_NIGHT: tuple[Plant, ...] = (
    acknowledges_before_the_commit,
    leaves_the_default_ack_policy,
    delivers_once_only,
    hears_one_provider,
    names_messages_for_everybody,
    publishes_out_of_order,
    forgets_receipts_before_they_are_sent,
    believes_it_has_published_everything,
    publishes_once_only,
    takes_an_emptied_stream_for_a_full_one,
    acknowledges_over_what_went_astray,
    acknowledges_over_gaps,
    loses_deadlines_at_a_restart,
    lets_fall_due_too_early,
    gives_a_case_to_everybody,
    forgets_what_comes_late,
    agrees_whatever_is_missing,
    calls_nobody_after_the_first,
    tells_nobody_of_what_was_undone,
    lets_a_contract_end_in_silence,
    leaves_late_cases_with_the_old_contract,
    looks_at_each_consultation_alone,
    never_hears_whose_a_call_was,
    leaves_with_the_night_what_opens_later,
    tells_no_agency_of_places,
)

moves_the_tallies_twice = planted.moves_the_tallies_twice

OF_THE_SERVICES: tuple[Plant, ...] = (
    planted.forgets_what_it_heard,
    planted.takes_the_id_for_everybodys,
    planted.compares_no_content,
    planted.parks_nothing,
    planted.never_goes_on,
    planted.drops_what_waited,
    planted.keeps_the_cursor_outside,
    planted.hears_over_gaps,
    planted.hears_everything_again,
    planted.skips_an_outbox_row,
    planted.keeps_the_head_after_a_rollback,
    planted.positions_from_autoincrement,
    moves_the_tallies_twice,
    planted.folds_by_the_clock,
    planted.leaves_the_ledger_out_of_the_transaction,
    planted.seals_nothing,
    planted.parks_in_clear,
    planted.writes_receipts_outside,
    planted.hashes_without_the_leaf_prefix,
    planted.keeps_the_tree_outside,
    planted.dates_by_arrival,
    planted.forgets_the_clock,
    planted.resolves_outside,
)

OF_THE_MORNING: tuple[Plant, ...] = (
    in_the_morning.leaves_out_further_contacts,
    in_the_morning.forgets_what_it_stated,
    in_the_morning.numbers_each_edition_from_one,
    in_the_morning.withholds_what_differs,
    in_the_morning.says_nothing_of_a_quiet_night,
    in_the_morning.agrees_while_a_number_is_missing,
    in_the_morning.believes_the_exchange,
    in_the_morning.reminds_of_what_is_acknowledged,
    in_the_morning.loses_the_ladder,
    in_the_morning.escalates_into_another_charge,
    in_the_morning.never_says_that_it_is_in_hand,
    in_the_morning.acknowledges_again,
    in_the_morning.passes_a_case_with_every_item,
    in_the_morning.drops_what_was_said_early,
    in_the_morning.lets_it_wait,
    in_the_morning.calls_the_first_alone,
    planted.closes_no_night_again,
)

BUGS = (*OF_THE_NIGHT, *OF_THE_SERVICES, *OF_THE_MORNING)
