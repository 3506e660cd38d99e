"""What adapters say: the messages of INBOX. One CloudEvent each, or a JSON list of them.

`time` is when it happened, with an offset; `entered`, where given, when somebody wrote it down.
Ids and references (`id`, `case`, `person`, `placement`, `handover`) are the sender's own and must
not be personal: they appear in subjects, receipts and logs. Everything about a person that a rule
does not need goes into `personal`, in clear or sealed to the ward's key (`events.seal`).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import msgspec

from events.intake import CallBack

MAX_MESSAGE_BYTES = 262_144
MAX_BATCH_BYTES = 1_000_000
MAX_BATCH_ITEMS = 1_000
MAX_ID_LENGTH = 200
MAX_NESTING = 16


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The `data` of one adapter message; `name` is the CloudEvent's `type`."""

    name: ClassVar[str]
    service: ClassVar[str]


class RegistrationSubmit(Message, frozen=True, kw_only=True):
    """A registration form was taken in. Half a form is accepted and says what is missing.

    `handbooks`: leave it out for 未記入 (left blank); an empty list says that there is none.
    `personal.birth_date` gives the age; `age` is for a sender that does not know the date. The day of `time`
    is 登録日, which is counted; `received_on`: when the form came in; `takes_effect_on`: left out, on that same day.
    """

    name: ClassVar[str] = "registration.submit"
    service: ClassVar[str] = "intake"
    person: str
    district: str | None = None
    handbooks: list[str] | None = None
    certificate: bool | None = None
    certificate_until: date | None = None
    age: int | None = None
    received_on: date | None = None
    takes_effect_on: date | None = None
    came_by: str | None = None
    personal: dict[str, Any] | str | None = None


class RegistrationCorrect(Message, frozen=True, kw_only=True):
    """The form had been typed in wrongly; only the fields given are changed.

    Whose: `person`, your own reference, or `person_id`, the register's own id, also of what another registered.
    """

    name: ClassVar[str] = "registration.correct"
    service: ClassVar[str] = "intake"
    person: str | None = None
    person_id: str | None = None
    district: str | msgspec.UnsetType | None = msgspec.UNSET
    handbooks: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    certificate: bool | msgspec.UnsetType | None = msgspec.UNSET
    certificate_until: date | msgspec.UnsetType | None = msgspec.UNSET
    registered_on: date | msgspec.UnsetType = msgspec.UNSET
    received_on: date | msgspec.UnsetType | None = msgspec.UNSET
    takes_effect_on: date | msgspec.UnsetType | None = msgspec.UNSET
    came_by: str | msgspec.UnsetType | None = msgspec.UNSET
    personal: dict[str, Any] | str | None = None


class RegistrationWithdraw(Message, frozen=True, kw_only=True):
    """The person left the register: `withdrawn`, `moved-away` or `died`. Whose: as in `registration.correct`."""

    name: ClassVar[str] = "registration.withdraw"
    service: ClassVar[str] = "intake"
    person: str = ""
    person_id: str | None = None
    reason: str = "withdrawn"


class RegistrationReinstate(Message, frozen=True, kw_only=True):
    """A person who had left is on the register again. Whose: as in `registration.correct`."""

    name: ClassVar[str] = "registration.reinstate"
    service: ClassVar[str] = "intake"
    person: str = ""
    person_id: str | None = None


class RegistrationConfirm(Message, frozen=True, kw_only=True):
    """Asked whether what is on the register still holds (the yearly check), somebody said yes, on the day of `time`.

    Whose: as in `registration.correct`.
    """

    name: ClassVar[str] = "registration.confirm"
    service: ClassVar[str] = "intake"
    person: str = ""
    person_id: str | None = None
    channel: str | None = None


class ConsentGive(Message, frozen=True, kw_only=True):
    """The person agreed, on the day of `time`, that what is on the register may go to an organisation.

    `edition` (版): of the text that was agreed to. Whose: as in `registration.correct`.
    """

    name: ClassVar[str] = "consent.give"
    service: ClassVar[str] = "intake"
    person: str = ""
    person_id: str | None = None
    to: str
    edition: str | None = None
    personal: dict[str, Any] | str | None = None


class ConsentWithdraw(Message, frozen=True, kw_only=True):
    """From the day of `time` on nothing may go to this organisation any more. Whose: as in `registration.correct`."""

    name: ClassVar[str] = "consent.withdraw"
    service: ClassVar[str] = "intake"
    person: str = ""
    person_id: str | None = None
    to: str


class PersonMerge(Message, frozen=True, kw_only=True):
    """`person` and `into` are one person; the registration of `into` stays.

    Each by the sender's own reference, or by the register's own id, which names what another provider registered.
    """

    name: ClassVar[str] = "person.merge"
    service: ClassVar[str] = "intake"
    person: str | None = None
    person_id: str | None = None
    into: str | None = None
    into_id: str | None = None


class PersonSplit(Message, frozen=True, kw_only=True):
    """`person` had been merged by mistake."""

    name: ClassVar[str] = "person.split"
    service: ClassVar[str] = "intake"
    person: str | None = None
    person_id: str | None = None


class Danger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing done at once because of a danger; what nobody answered is an entry of its own.

    `mistaken`: the entry with these same values was noted by mistake. It stays, with this one beside it.
    """

    what: str
    at: datetime | None = None
    answered: bool | None = None
    to: str | None = None
    mistaken: bool | None = None


class Matter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One person's matter within a contact. The same `case` again is a further contact (続報)."""

    case: str | None = None
    number: str | None = None
    person: str | None = None
    district: str | None = None
    reasons: list[str] = []
    safe_until: datetime | None = None
    medication_at: datetime | None = None
    call_back: CallBack | None = None
    danger: list[Danger] = []
    abuse_suspected: bool | None = None
    personal: dict[str, Any] | str | None = None


class CallReport(Message, frozen=True, kw_only=True):
    """A contact with the line. Never refused: a field that does not fit becomes a flag.

    `matters` holds one entry for each person concerned, and none for a silent call from an unknown
    number. `not_counted`: `silent`, `wrong-number`, `enquiry`, `exercise`. `beside`: the id of an earlier
    `call.report` of the same source that was this same contact, or `beside_number` means the last contact of a
    consultation; then the matters are those of further persons in that contact, and its time is theirs.
    """

    name: ClassVar[str] = "call.report"
    service: ClassVar[str] = "intake"
    matters: list[Matter] = []
    channel: str = "phone"
    not_counted: str | None = None
    third_party: bool | None = None
    beside: str | None = None
    beside_number: str | None = None
    personal: dict[str, Any] | str | None = None


class CallAdd(Message, frozen=True, kw_only=True):
    """A card is filled in further, while somebody talks or afterwards. What does not fit becomes a flag.

    `call` is the id of its `call.report`, `source` that message's, if it is not this one's own; or `number`
    means the last contact of the consultation with this 受付番号. A field left out, or null, stays as it is.
    """

    name: ClassVar[str] = "call.add"
    service: ClassVar[str] = "intake"
    call: str | None = None
    source: str | None = None
    number: str | None = None
    matter: int = 1
    person: str | None = None
    district: str | None = None
    channel: str | None = None
    not_counted: str | None = None
    third_party: bool | None = None
    reasons: list[str] | None = None
    safe_until: datetime | None = None
    medication_at: datetime | None = None
    call_back: CallBack | None = None
    danger: list[Danger] = []
    abuse_suspected: bool | None = None
    personal: dict[str, Any] | str | None = None


class CallCorrect(Message, frozen=True, kw_only=True):
    """A contact had been written down wrongly. Which: as in `call.add`.

    Only the fields given are changed; `occurred_at` replaces its time. `not_counted` `mistaken`: it was never meant
    to be there, as where somebody was put on a card by mistake.
    """

    name: ClassVar[str] = "call.correct"
    service: ClassVar[str] = "intake"
    call: str | None = None
    source: str | None = None
    number: str | None = None
    matter: int = 1
    occurred_at: datetime | msgspec.UnsetType = msgspec.UNSET
    district: str | msgspec.UnsetType | None = msgspec.UNSET
    not_counted: str | msgspec.UnsetType | None = msgspec.UNSET
    channel: str | msgspec.UnsetType = msgspec.UNSET
    third_party: bool | msgspec.UnsetType | None = msgspec.UNSET
    reasons: list[str] | msgspec.UnsetType = msgspec.UNSET
    safe_until: datetime | msgspec.UnsetType | None = msgspec.UNSET
    medication_at: datetime | msgspec.UnsetType | None = msgspec.UNSET
    call_back: CallBack | msgspec.UnsetType | None = msgspec.UNSET
    danger: list[Danger] | msgspec.UnsetType = msgspec.UNSET
    abuse_suspected: bool | msgspec.UnsetType | None = msgspec.UNSET
    to: str | None = None
    to_number: str | None = None
    personal: dict[str, Any] | str | None = None


class CallLink(Message, frozen=True, kw_only=True):
    """A call is about a registrant: at least two of `matched`, or `personal.reason` says why it is believed.

    Which call: as in `call.add`. Whom: `person`, your own reference, or `person_id`, our id of the person.
    """

    name: ClassVar[str] = "call.link"
    service: ClassVar[str] = "intake"
    call: str | None = None
    source: str | None = None
    number: str | None = None
    matter: int = 1
    person: str | None = None
    person_id: str | None = None
    matched: list[str] = []
    personal: dict[str, Any] | str | None = None


class CallUnlink(Message, frozen=True, kw_only=True):
    """A link was wrong; what stood before it stands again. `personal.reason` says how it was noticed."""

    name: ClassVar[str] = "call.unlink"
    service: ClassVar[str] = "intake"
    call: str | None = None
    source: str | None = None
    number: str | None = None
    matter: int = 1
    personal: dict[str, Any] | str | None = None


RESOLUTIONS = ("confirmed", "corrected", "not-needed", "duplicate")
"""How a flag may be resolved."""


class FlagResolve(Message, frozen=True, kw_only=True):
    """Somebody looked at a flag (確認事項). Which record: as in `call.add`, or whose registration: `person`, your own
    reference, or `person_id`, the register's own id, also of what another registered.

    `resolution`: `confirmed` (it is as it says), `corrected`, `not-needed` or `duplicate`.
    """

    name: ClassVar[str] = "flag.resolve"
    service: ClassVar[str] = "intake"
    call: str | None = None
    source: str | None = None
    number: str | None = None
    person: str | None = None
    person_id: str | None = None
    matter: int = 1
    code: str
    field: str | None = None
    resolution: str
    personal: dict[str, Any] | str | None = None


class CaseClose(Message, frozen=True, kw_only=True):
    """The consultation ended (終結). A later contact under the same reference is a new one."""

    name: ClassVar[str] = "case.close"
    service: ClassVar[str] = "intake"
    case: str | None = None
    number: str | None = None
    reason: str = "settled"


class CaseMerge(Message, frozen=True, kw_only=True):
    """Two callers about one matter: `case` becomes a part of `into`."""

    name: ClassVar[str] = "case.merge"
    service: ClassVar[str] = "intake"
    case: str | None = None
    number: str | None = None
    into: str | None = None
    into_number: str | None = None


class CaseSplit(Message, frozen=True, kw_only=True):
    """A merging of consultations was a mistake."""

    name: ClassVar[str] = "case.split"
    service: ClassVar[str] = "intake"
    case: str | None = None
    number: str | None = None


MOST_CALLS = 9_999
"""Of one night, as a person counts them: a larger figure is a slip, wherever it is told."""


class ShiftClose(Message, frozen=True, kw_only=True):
    """A provider closes its night: what it sent is complete up to `last`, the number (`sequence`) it gave last.

    `night`: the day on which the night began; left out, the one of `time`, or the last that was over then. `source`:
    whose numbers these are; left out, this message's own. `calls`: how many calls the provider counts, 0 to 9999.
    `elsewhere`: ranges (first, last) of numbers since the closing before that went to other services; the kit knows.
    """

    name: ClassVar[str] = "shift.close"
    service: ClassVar[str] = "intake"
    night: date | None = None
    source: str | None = None
    last: int | None = None
    calls: int | None = None
    elsewhere: list[tuple[int, int]] | None = None


class PlacementArrange(Message, frozen=True, kw_only=True):
    """A place was arranged for a case. `kind` is one of the ward's placement kinds.

    `by` is `centre` (the default) or `agency`, for what an agency arranged on its own.
    """

    name: ClassVar[str] = "placement.arrange"
    service: ClassVar[str] = "placement"
    case: str | None = None
    number: str | None = None
    placement: str
    kind: str
    facility: str | None = None
    by: str = "centre"
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    personal: dict[str, Any] | str | None = None


class PlacementCancel(Message, frozen=True, kw_only=True):
    """An arranged place was given up: by the sender's own reference, or by our id of it, which any provider may use."""

    name: ClassVar[str] = "placement.cancel"
    service: ClassVar[str] = "placement"
    placement: str = ""
    placement_id: str | None = None
    reason: str | None = None


class HandoverOffer(Message, frozen=True, kw_only=True):
    """Somebody is asked to take a case on.

    `to`: a key or a word of the ward's directory, or another name. `basis`: on what something about a person may go
    there: `consent`, or one of the ward's list with `personal.reason`. `answer_by`: until when the offer stands.
    """

    name: ClassVar[str] = "handover.offer"
    service: ClassVar[str] = "handover"
    case: str | None = None
    number: str | None = None
    handover: str
    kind: str
    to: str
    basis: str | None = None
    answer_by: datetime | None = None
    personal: dict[str, Any] | str | None = None


class _OfHandover(Message, frozen=True, kw_only=True):
    """About one hand-over: by the sender's own reference, or by our id of it, which any provider may use."""

    service: ClassVar[str] = "handover"
    handover: str = ""
    handover_id: str | None = None
    how: str | None = None
    personal: dict[str, Any] | str | None = None


class HandoverSend(_OfHandover, frozen=True, kw_only=True):
    """A sheet with its cover went out to whom the directory names. `how`: `fax`, `post` or `by-hand`; `pages`: with the
    cover. Two people checked content and receiver: `personal.by` sent it, `personal.checked_by` looked at it as well.
    """

    name: ClassVar[str] = "handover.send"
    how: str
    pages: int


class HandoverRecall(_OfHandover, frozen=True, kw_only=True):
    """A sheet is asked back (誤送信・回収): the `sending`-th of this hand-over, or the last.

    `collected`: whether it is back, or was destroyed.
    """

    name: ClassVar[str] = "handover.recall"
    sending: int | None = None
    reason: str
    collected: bool | None = None


class HandoverDeliver(_OfHandover, frozen=True, kw_only=True):
    """What was offered or handed over came to the other side. `personal.by`: who took it in."""

    name: ClassVar[str] = "handover.deliver"
    how: str


class HandoverSee(_OfHandover, frozen=True, kw_only=True):
    """Somebody on the other side has looked at it. `personal.by`: who."""

    name: ClassVar[str] = "handover.see"


class HandoverAccept(_OfHandover, frozen=True, kw_only=True):
    """The other side took an offered case on. `personal`: `by` whom, what was `agreed`, and the `purpose`."""

    name: ClassVar[str] = "handover.accept"
    purpose: str | None = None


class HandoverComplete(Message, frozen=True, kw_only=True):
    """Offered and taken on at once: accepted by telephone, or the morning hand-over of the night's cases.

    `to` and `basis` as in `handover.offer`, `personal` as in `handover.accept`.
    """

    name: ClassVar[str] = "handover.complete"
    service: ClassVar[str] = "handover"
    case: str | None = None
    number: str | None = None
    handover: str
    kind: str
    to: str
    basis: str | None = None
    how: str | None = None
    purpose: str | None = None
    personal: dict[str, Any] | str | None = None


class HandoverDecline(_OfHandover, frozen=True, kw_only=True):
    """The other side did not take the case on. `personal.by`: who said so."""

    name: ClassVar[str] = "handover.decline"
    reason: str | None = None


class HandoverWithdraw(_OfHandover, frozen=True, kw_only=True):
    """The giver takes the offer back."""

    name: ClassVar[str] = "handover.withdraw"
    reason: str | None = None


class HandoverReturn(_OfHandover, frozen=True, kw_only=True):
    """A case that had been taken on comes back."""

    name: ClassVar[str] = "handover.return"
    reason: str | None = None


class _ItemMessage(Message, frozen=True, kw_only=True):
    """About one item of a night's statement: the day on which the night began, and the item's number on it.

    `item` 0: a quiet night's statement as a whole. `personal.worker`: who says so, by name.
    """

    service: ClassVar[str] = "handover"
    night: date
    item: int
    personal: dict[str, Any] | str | None = None


class ItemAcknowledge(_ItemMessage, frozen=True, kw_only=True):
    """受領する: `personal.worker` takes it over, at `time`; `personal.note`."""

    name: ClassVar[str] = "item.acknowledge"


class ItemUndo(_ItemMessage, frozen=True, kw_only=True):
    """取り消す: it was acknowledged by mistake. `personal.reason`. `seen`: as of `item.done`."""

    name: ClassVar[str] = "item.undo"
    seen: str | None = None


class ItemQuestion(_ItemMessage, frozen=True, kw_only=True):
    """照会する: `personal.question`, to the night provider."""

    name: ClassVar[str] = "item.question"


class ItemAnswer(_ItemMessage, frozen=True, kw_only=True):
    """回答する: `personal.answer`, from the night provider."""

    name: ClassVar[str] = "item.answer"


class ItemDone(_ItemMessage, frozen=True, kw_only=True):
    """What was left for the morning is done; `personal.note`.

    `seen`: how the item stood for whoever says so, `acknowledged` or `done`. Where it stands otherwise by then,
    nothing happens: somebody else was first. None: it holds however it stands.
    """

    name: ClassVar[str] = "item.done"
    seen: str | None = None


class ExchangeCount(Message, frozen=True, kw_only=True):
    """How many calls the telephone exchange itself counted in a night: the only check on a call nobody entered."""

    name: ClassVar[str] = "exchange.count"
    service: ClassVar[str] = "handover"
    night: date
    contacts: int


class CaseNote(Message, frozen=True, kw_only=True):
    """今夜の申し送り: what the night must know of a case.

    `personal`: `note`, `may_ring` (who may ring), `promised`, `not_promise` (what not to promise). `until`: the last
    night for which it holds. A later note takes the place of an earlier one.
    """

    name: ClassVar[str] = "case.note"
    service: ClassVar[str] = "handover"
    case: str | None = None
    number: str | None = None
    until: date | None = None
    personal: dict[str, Any] | str | None = None


class ParkedClose(Message, frozen=True, kw_only=True):
    """A message that was parked, or in conflict, is to be left as it is: nobody will mend it.

    `parked` is its number at the desk, such as `intake-3`. It goes to the service that parked it,
    whatever `service` says; see `addressed`.
    """

    name: ClassVar[str] = "parked.close"
    service: ClassVar[str] = "intake"
    parked: str
    reason: str
    personal: dict[str, Any] | str | None = None


MESSAGES: dict[str, type[Message]] = {
    kind.name: kind
    for kind in (
        RegistrationSubmit,
        RegistrationCorrect,
        RegistrationWithdraw,
        RegistrationReinstate,
        RegistrationConfirm,
        ConsentGive,
        ConsentWithdraw,
        PersonMerge,
        PersonSplit,
        CallReport,
        CallAdd,
        CallCorrect,
        CallLink,
        CallUnlink,
        FlagResolve,
        CaseClose,
        CaseMerge,
        CaseSplit,
        ShiftClose,
        PlacementArrange,
        PlacementCancel,
        HandoverOffer,
        HandoverSend,
        HandoverRecall,
        HandoverDeliver,
        HandoverSee,
        HandoverAccept,
        HandoverComplete,
        HandoverDecline,
        HandoverWithdraw,
        HandoverReturn,
        ItemAcknowledge,
        ItemUndo,
        ItemQuestion,
        ItemAnswer,
        ItemDone,
        ExchangeCount,
        CaseNote,
        ParkedClose,
    )
}
"""Every message by its name, in the order in which `events/README.md` explains them."""


def addressed(message: dict[str, Any]) -> str:
    """The service that takes a message: its kind's own; a closing goes where the message was parked."""
    kind, data = MESSAGES[message["type"]], message.get("data")
    if kind is ParkedClose and isinstance(data, dict) and isinstance(data.get("parked"), str):
        there = data["parked"].partition("-")[0]
        return there if there in {each.service for each in MESSAGES.values()} else kind.service
    return kind.service


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Our answer to one message, on `receipts.<ward>.<provider>`.

    `status`: `accepted`, `known` (heard before; nothing was added), `waiting` (for something not
    heard of yet; goes on by itself), `conflict` (the same id came with other content) or `parked`
    (cannot be used as it is; a person must mend it). `flags`: accepted, but somebody should look.
    `delivery` repeats the header `Yoake-Delivery` of the NATS message. `person`: who was registered.
    """

    provider: str
    source: str | None = None
    id: str | None = None
    delivery: str | None = None
    status: str
    service: str
    at: datetime
    case: list[str] = []
    number: list[str] = []
    person: list[str] = []
    flags: list[dict[str, str | None]] = []
    reason: str | None = None
    field: str | None = None
