"""The lines under a table, made from the ward's own wording. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from services import era
from services.reporting.report import Gap, KnownAt
from services.reporting.years import begins, ends
from services.ward import Hours, Label, Span, Ward, fiscal_year

# Not from the locale: the same table reads the same everywhere.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def of_calls(ward: Ward, years: range | None, as_of: date | None, pending: int) -> Iterator[Label]:
    """What a table by band and outcome needs said: the hours, which contact counts, what is still in hand."""
    yield from _hours(ward, years, as_of)
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


def _hours(ward: Ward, years: range | None, as_of: date | None) -> Iterator[Label]:
    in_force = _hours_in_force(ward, years, as_of)
    if len(in_force) == 1:
        yield _filled(ward, "hours_only", spans=_spans(ward, in_force[0]))
        return
    for hours in in_force:
        yield _filled(ward, "hours", **{"from": _day(hours.from_), "spans": _spans(ward, hours)})


def _hours_in_force(ward: Ward, years: range | None, as_of: date | None) -> list[Hours]:
    """Those in force on some day that the table covers; the first ones also before they began."""
    first = max(ward.ward.line_opens, begins(years[0])) if years else ward.ward.line_opens
    last = min(day for day in (as_of, ends(years[-1]) if years else None, date.max) if day is not None)
    last = max(first, last)  # Before the opening, the hours with which it will open.
    following = [later.from_ for later in ward.hours[1:]]
    periods = zip(ward.hours, [date.min, *following], [*following, date.max], strict=True)
    return [hours for hours, since, until in periods if since <= last and first < until]


def _spans(ward: Ward, hours: Hours) -> Label:
    names = {band.key: band.label for band in ward.band}
    return Label(
        "　".join(f"{names[span.band].ja} {_japanese(span)}" for span in hours.spans),
        ", ".join(f"{names[span.band].en} {_plain(span.start)}-{_plain(span.end)}" for span in hours.spans),
    )


def _japanese(span: Span) -> str:
    return f"{_plain(span.start)}～{_plain(span.end)}".replace(":", "：")


def _plain(clock: str) -> str:
    hour, minute = clock.split(":")
    return f"{int(hour)}:{minute}"


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
