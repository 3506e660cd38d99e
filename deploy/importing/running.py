"""A whole sheet: each row made, checked, sent in batches, and remembered only where there is something to say."""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import blake2b
from itertools import islice
from typing import Any, Protocol

import msgspec
from msgspec import structs

from deploy.importing.checking import Checker
from deploy.importing.differing import Differing, Edited
from deploy.importing.held import Before
from deploy.importing.making import Finding, Made, Maker
from deploy.importing.sheets import Sheet
from events.messages import MAX_MESSAGE_BYTES, Receipt
from services.inbox import LENIENT
from services.pages.parked_words import why

BATCH = 2_000
"""Rows on their way at a time; a whole sheet never is."""

MOST_IN_CLEAR = MAX_MESSAGE_BYTES * 3 // 4 - 2_000
"""Bytes of a message before it is sealed, which makes a third more of it."""

ORDER = (
    *("", "ready", "accepted", "flagged", "ready-flagged", "known", "waiting", "ready-corrected", "corrected"),
    *("edited", "held", "conflict", "parked"),
)
"""What can become of a row; the first: it has no data, or no answer yet."""

TO_MEND = frozenset({"edited", "held", "conflict", "parked"})
QUIET = frozenset({"late-entry", "not-registered", "corrected"})
"""Flags of circumstances, true of whole sheets of old records: counted, told in each row, no reason to look at it."""


Send = Callable[[Sequence[dict[str, Any]]], Sequence[Receipt]]
"""Hands messages over and gives their receipts, in the same order."""


Seal = Callable[[dict[str, Any]], dict[str, Any]]
"""A message with its personal parts sealed."""


class Progress(Protocol):
    """Told how many rows are done."""

    def __call__(self, rows: int) -> None:
        """`rows` more are done."""


class Result:
    """What became of every row. `findings` by row, of those that have any; equal ones are kept once.

    `correctable`: how many edited rows a correction can be made of.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.findings: dict[int, tuple[Finding, ...]] = {}
        self.correctable = 0
        self._states = array("B")
        self._same: dict[tuple[Finding, ...], tuple[Finding, ...]] = {}

    def set(self, row: int, state: str, findings: Sequence[Finding] = ()) -> None:
        """Note what became of a row."""
        if row >= len(self._states):
            self._states.extend(bytes(row - len(self._states) + 1))
        self._states[row] = ORDER.index(state)
        self.counts[state] += 1
        if findings:
            told = tuple(dict.fromkeys(findings))
            self.findings[row] = self._same.setdefault(told, told)
            self.codes.update({finding.code for finding in told})

    def state(self, row: int) -> str:
        """What became of a row."""
        return ORDER[self._states[row]] if row < len(self._states) else ""

    def is_odd(self, row: int) -> bool:
        """Whether somebody should look at a row."""
        return self.state(row) in TO_MEND or any(found.code not in QUIET for found in self.findings.get(row, ()))

    def odd_rows(self) -> Iterator[int]:
        """The rows at which somebody should look, in their order."""
        return (row for row in sorted(self.findings) if self.is_odd(row))

    @property
    def last_row(self) -> int:
        """The last row of which something became."""
        return max(0, len(self._states) - 1)

    @property
    def clean(self) -> bool:
        """Whether no row is left to be mended."""
        return not any(self.counts[state] for state in TO_MEND)


def run(
    sheet: Sheet,
    maker: Maker,
    checker: Checker,
    send: Send | None,
    progress: Progress = lambda rows: None,
    seal: Seal = lambda message: message,
    again: Differing | None = None,
) -> Result:
    """Read, check and send a sheet; without `send` nothing is sent. `sheet.find_heading` was called.

    `seal` is called here, while `send` waits for receipts in threads of its own. `again` knows what was taken before:
    that is not sent again, and what was edited since is told, or corrected.

    What `send` raises ends it; what was answered until then is lost from the result alone, and known the next time.
    """
    result, ids = Result(), _Ids()
    known = _Known(again, checker, result, progress)
    batch: list[Made] = []
    with _Post(send, checker, result, progress, seal) as post:
        for row, cells in sheet.data():
            made = maker.make(row, cells)
            _check(made, checker, ids, dry=send is None)
            state = _settled(made)
            if state:
                result.set(row, state, made.findings)
                progress(1)
            else:
                batch.append(made)
            if len(batch) >= BATCH:
                post.put(known.sifted(batch))
                batch = []
        post.put(known.sifted(batch))
    known.finish(ids.twins, (lambda messages: send([seal(m) for m in messages])) if send else None)
    return result


class _Known:
    """Rows that were taken before. What became of an edited one is told last: its id may stand in a later row too."""

    def __init__(self, again: Differing | None, checker: Checker, result: Result, progress: Progress) -> None:
        self._again, self._checker, self._result, self._progress = again, checker, result, progress
        self._edited: list[Edited] = []

    def sifted(self, batch: list[Made]) -> list[Made]:
        """Those that never came; of the others it is noted what became of them."""
        if self._again is None or not batch:
            return batch
        before = self._again.held.look([made.message for made in batch if made.message is not None])
        new = [made for made in batch if not self._note(made, before.get(made.message["id"] if made.message else ""))]
        if not self._again.held.is_of_another:
            return new
        for made in new:  # Sent as somebody else's it would be another registration.
            self._result.set(made.row, "held", [*made.findings, Finding("not-of-that-provider", held=True)])
        self._progress(len(new))
        return []

    def _note(self, made: Made, before: Before | None) -> bool:
        if before is None or made.message is None:
            return False
        edited = self._differing(made, before) if before.parts is not None else None
        if edited is not None:
            self._edited.append(edited)
        else:
            self._result.set(made.row, "waiting" if before.status == "waiting" else "known")
            self._progress(1)
        return True

    def _differing(self, made: Made, before: Before) -> Edited | None:
        assert self._again is not None, "asked only where something is known"
        assert made.message is not None, "and of what has a message"
        assert before.parts is not None, "which is not the same as before"
        if not before.parts:
            return Edited(made.row, [Finding("edited-otherwise")], [], is_whole=False)
        said, found = self._checker.said(made.message)
        return self._again.compare(made.row, made.message, said, before.parts, [*made.findings, *found])

    def finish(self, twins: Mapping[int, int], send: Send | None) -> None:
        """Send the corrections, and say what became of the edited rows; not of one whose id stands in another row."""
        is_correcting = self._again is not None and self._again.is_correcting
        self._edited = [self._checked(each) for each in self._edited]
        self._result.correctable = sum(1 for each in self._edited if each.corrections and each.row not in twins)
        for start in range(0, len(self._edited), BATCH):
            some = self._edited[start : start + BATCH]
            ready = {each.row: each.corrections if is_correcting and each.row not in twins else [] for each in some}
            messages = [message for own in ready.values() for message in own]
            receipts = iter(send(messages) if send and messages else ())
            for each in some:
                answers = list(islice(receipts, len(ready[each.row])))
                self._tell(each, twins.get(each.row), answers, is_correcting=is_correcting, is_dry=send is None)
            self._progress(len(some))

    def _checked(self, edited: Edited) -> Edited:
        """Without the corrections, where one could only be parked: the contract of whoever imports is over, say."""
        found = [finding for each in edited.corrections for finding in self._checker.check(each) if finding.held]
        if not found:
            return edited
        told = [structs.replace(each, code="correction-unusable", columns=()) for each in dict.fromkeys(found)]
        return Edited(edited.row, [*edited.findings, *told], [], is_whole=False, is_refused=True)

    def _tell(
        self, edited: Edited, twin: int | None, answers: Sequence[Receipt], *, is_correcting: bool, is_dry: bool
    ) -> None:
        findings, state = edited.findings, "edited"
        if twin is not None:
            findings = [*findings, Finding("id-twice", other_row=twin)]
        elif is_correcting and edited.is_refused:
            state = "held"
        elif is_correcting and all(answer.status in DONE for answer in answers):
            if not is_dry:
                findings = [structs.replace(f, code="corrected") if f.code == "edited" else f for f in findings]
            if edited.is_whole:
                state = "ready-corrected" if is_dry else "corrected"
        for answer in answers:
            if answer.status not in DONE:
                state, findings = "parked", [*findings, _unanswered(answer, self._checker)]
        self._result.set(edited.row, state, findings)


DONE = ("accepted", "known", "waiting")


def _settled(made: Made) -> str:
    """What became of a row that is not sent; empty for one that is."""
    if any(finding.held for finding in made.findings):
        return "held"
    return "known" if any(finding.code == "id-repeated" for finding in made.findings) else ""


class _Post:
    """Batches on their way: while some are answered, the next is made. Calls and forms need no order."""

    def __init__(self, send: Send | None, checker: Checker, result: Result, progress: Progress, seal: Seal) -> None:
        self._seal = seal
        self._send, self._checker, self._result, self._progress = send, checker, result, progress
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="import")
        self._under_way: deque[tuple[list[Made], Future[Sequence[Receipt]]]] = deque()

    def __enter__(self) -> _Post:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            while kind is None and self._under_way:
                self._hear()
        finally:
            self._threads.shutdown(cancel_futures=True)

    def put(self, batch: list[Made]) -> None:
        """Send a batch, as soon as there are few enough under way."""
        if not batch:
            return
        if self._send is None:
            for made in batch:
                odd = any(finding.code not in QUIET for finding in made.findings)
                self._result.set(made.row, "ready-flagged" if odd else "ready", made.findings)
            self._progress(len(batch))
            return
        messages = [self._seal(made.message) for made in batch if made.message is not None]
        at_once = 2 if messages[0]["type"] in LENIENT else 1
        while len(self._under_way) >= at_once:
            self._hear()
        self._under_way.append((batch, self._threads.submit(self._send, messages)))

    def _hear(self) -> None:
        batch, answer = self._under_way.popleft()
        for made, receipt in zip(batch, answer.result(), strict=True):
            _answered(made, receipt, self._checker, self._result)
        self._progress(len(batch))


def _check(made: Made, checker: Checker, ids: _Ids, *, dry: bool) -> None:
    if made.message is None:
        return
    body = msgspec.json.encode(made.message)
    twin = ids.add(made.row, made.message["id"], body)  # First: a row that is held back has its id all the same.
    untimely = checker.untimely(made.message)
    if len(body) > MOST_IN_CLEAR:
        made.findings.append(Finding("too-large", held=True))
    elif untimely:
        made.findings.append(untimely)
    if twin:
        made.findings.append(twin)
    elif any(finding.held for finding in made.findings):
        return
    elif dry or made.message["type"] not in LENIENT:  # Of a call or a form the receipt will say more than we can here.
        made.findings += checker.check(made.message)


class _Ids:
    """The ids of a sheet so far, as short digests: one row in two places is seen before anything is sent."""

    def __init__(self) -> None:
        self._seen: dict[bytes, tuple[int, bytes]] = {}
        self.twins: dict[int, int] = {}
        """By the row that came first: a later one under the same id, with other content."""

    def add(self, row: int, own_id: str, body: bytes) -> Finding | None:
        """Note a row's id; a finding where an earlier row has it."""
        content = blake2b(body, digest_size=8).digest()
        first, there = self._seen.setdefault(blake2b(own_id.encode(), digest_size=8).digest(), (row, content))
        if first == row:
            return None
        same = there == content
        if not same:
            self.twins[first] = row
        return Finding("id-repeated" if same else "id-twice", held=not same, other_row=first)


def _answered(made: Made, receipt: Receipt, checker: Checker, result: Result) -> None:
    findings = [*made.findings, *(checker.finding(flag) for flag in receipt.flags)]
    state = receipt.status
    if state == "accepted" and any(finding.code not in QUIET for finding in findings):
        state = "flagged"
    elif state == "known":
        findings = []  # Somebody was told when it was taken.
    elif state in ("conflict", "parked"):
        findings.append(_unanswered(receipt, checker))
    result.set(made.row, state, findings)


def _unanswered(receipt: Receipt, checker: Checker) -> Finding:
    """What a receipt says of what was not taken."""
    reason, accepted = why(receipt) if receipt.status == "parked" else (None, None)
    return Finding(receipt.status, checker.maker.columns_of(receipt.field), accepted, reason)
