"""The lines under a table, made from the ward's own wording. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from services import era
from services.hours import NEXT, WEEKDAYS
from services.reporting.report import Gap, KnownAt
from services.reporting.rules import Rules
from services.reporting.years import begins, ends
from services.ward import Hours, Label, Span, Ward, fiscal_year

# Not from the locale: the same table reads the same everywhere.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_KINDS = {"holiday": Label("祝日", "public holidays"), "weekday": Label("月曜日～金曜日", "Monday to Friday")}
_NTH = ("", "first", "second", "third", "fourth", "fifth")


def of_calls(rules: Rules, years: range | None, as_of: date | None, pending: int) -> Iterator[Label]:
    """What a table by band and outcome needs said: the hours, which contact counts, what is still in hand."""
    ward = rules[-1].ward
    yield from _hours(rules, years, as_of)
    yield ward.footnotes["first_contact"]
    yield from of_line_opening(ward, years)
    if pending:
        yield _filled(ward, "pending", count=Label(str(pending), str(pending)))


def of_line_opening(ward: Ward, years: range | None) -> Iterator[Label]:
    """令和4年度は令和4年10月から。 Only where the line opened in the middle of a year that is shown."""
    opened = ward.ward.line_opens
    year = fiscal_year(opened)
    if years is not None and year in years and opened != begins(year):
        yield _filled(ward, "first_year", year=year_label(year), month=_month(opened))


def of_every_table(ward: Ward, known_at: KnownAt | None, synthetic: bool, gaps: Sequence[Gap] = ()) -> Iterator[Label]:
    """The cut-off where one was asked for, what a restore may have left out, and that the data is made up."""
    if known_at is not None:
        yield _filled(ward, "known_at", date=_day(ward.local(known_at.ledgered_at).date()))
    for gap in gaps:
        yield of_gap(gap, ward)
    if synthetic:
        yield ward.footnotes["synthetic"]


def of_gap(gap: Gap, ward: Ward | None) -> Label:
    """What a restore may have left out, and what to do; on the ward's clock, or on UTC before a ward is known."""
    since, until = (_minute(ward.local(m) if ward else m) for m in (gap.missing_from, gap.missing_until))
    return Label(
        f"{since.ja}から{until.ja}までに届いた記録は、復元したデータに含まれていない可能性があります。"
        "送信元に再送を依頼してください。",
        f"Records received from {since.en} to {until.en} may be missing: the data was restored from a backup. "
        "Ask the senders to send them again.",
    )


def _minute(moment: datetime) -> Label:
    day = _day(moment.date())
    return Label(f"{day.ja}{moment:%H:%M}", f"{day.en} {moment:%H:%M}")


def year_label(year: int) -> Label:
    """令和4年度, FY2022."""
    return Label(era.fiscal_year_label(year), era.fiscal_year_label(year, "en"))


def _hours(rules: Rules, years: range | None, as_of: date | None) -> Iterator[Label]:
    ward = rules[-1].ward
    in_force = _hours_in_force(rules, years, as_of)
    if len(in_force) == 1:
        yield _filled(ward, "hours_only", spans=in_force[0][1])
        return
    for since, spans in in_force:
        yield _filled(ward, "hours", **{"from": _day(since), "spans": spans})


def _hours_in_force(rules: Rules, years: range | None, as_of: date | None) -> list[tuple[date, Label]]:
    """Those in force on some day that the table covers, by the rules of that day; the first also before they began."""
    opens = rules[-1].ward.ward.line_opens
    first = max(opens, begins(years[0])) if years else opens
    last = min(day for day in (as_of, ends(years[-1]) if years else None, date.max) if day is not None)
    last = max(first, last)  # Before the opening, the hours with which it will open.
    found: list[tuple[date, Label]] = []
    for rule, ended in zip(rules, [*(later.since for later in rules[1:]), date.max], strict=True):
        following = [later.from_ for later in rule.ward.hours[1:]]
        periods = zip(rule.ward.hours, [date.min, *following], [*following, date.max], strict=True)
        for hours, since, until in periods:
            spans = _spans(rule.ward, hours)
            in_force = max(since, rule.since) <= last and first < min(until, ended)
            if in_force and max(since, rule.since) < min(until, ended) and (not found or found[-1][1] != spans):
                found.append((max(hours.from_, rule.since), spans))
    return found


def _spans(ward: Ward, hours: Hours) -> Label:
    """The hours of every day, and then those of each kind of day that has its own."""
    usual = _listed(ward, hours.spans)
    others = [(_days(entry.on), _listed(ward, entry.spans)) for entry in hours.days]
    if not others:
        return usual
    return Label(
        "／".join([usual.ja, *(f"{days.ja}は　{spans.ja}" for days, spans in others)]),
        "; ".join([usual.en, *(f"on {days.en}: {spans.en}" for days, spans in others)]),
    )


def _listed(ward: Ward, spans: tuple[Span, ...]) -> Label:
    names = {band.key: band.label for band in ward.band}
    return Label(
        "　".join(f"{names[span.band].ja} {_clock(span.start).ja}～{_clock(span.end).ja}" for span in spans),
        ", ".join(f"{names[span.band].en} {_clock(span.start).en}-{_clock(span.end).en}" for span in spans),
    )


def _clock(text: str) -> Label:
    if text == NEXT:
        return Label("翌朝", "the next morning")
    hour, minute = text.split(":")
    return Label(f"{int(hour)}：{minute}", f"{int(hour)}:{minute}")


def _days(on: tuple[str, ...]) -> Label:
    labels = [_day_name(name) for name in on]
    return Label("・".join(label.ja for label in labels), ", ".join(label.en for label in labels))


def _day_name(name: str) -> Label:
    """A kind of day as `[[hours.days]]` names it: 第2土曜日, 祝日, 12月29日～1月3日."""
    if name in _KINDS:
        return _KINDS[name]
    weekday, _, nth = name.partition("-")
    if weekday in WEEKDAYS:
        ja, en = f"{era.WEEKDAYS[WEEKDAYS.index(weekday)]}曜日", f"{weekday.capitalize()}s"
        return Label(f"第{nth}{ja}" if nth else ja, f"{_NTH[int(nth)]} {en}" if nth else en)
    if len(name) == len("2019-05-01"):
        return _day(date.fromisoformat(name))
    days = [date.fromisoformat(f"2020-{part}") for part in name.split("..")]
    return Label(
        "～".join(f"{day.month}月{day.day}日" for day in days),
        "-".join(f"{day.day} {_MONTHS[day.month - 1]}" for day in days),
    )


def _day(day: date) -> Label:
    return Label(era.japanese_date(day), f"{day.day} {_MONTHS[day.month - 1]} {day.year}")


def _month(day: date) -> Label:
    in_japanese = era.japanese_date(day.replace(day=1)).removesuffix("1日")
    return Label(in_japanese, f"{_MONTHS[day.month - 1]} {day.year}")


def _filled(ward: Ward, name: str, **values: Label) -> Label:
    template = ward.footnotes[name]
    return Label(
        template.ja.format(**{key: value.ja for key, value in values.items()}),
        template.en.format(**{key: value.en for key, value in values.items()}),
    )
