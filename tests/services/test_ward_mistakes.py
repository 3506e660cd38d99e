"""A ward's file with a mistake is refused with the line and the reason; so are published tables and examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.history import Contradiction, read_examples
from deploy.history.reading import read
from services.reporting.published import PublishedError
from services.reporting.published import load as load_tables
from services.ward import WardError, load

WARDS = Path(__file__).parents[2] / "deploy" / "wards"
WARD, TABLES = WARDS / "akatsukino.toml", WARDS / "akatsukino-published.toml"

AGENCY = '[[agency]]\nkey = "port"\nlabel = { ja = "ぽーと", en = "Port" }\nkind = "agency"\n'
BASIS = '[[basis]]\nkey = "duty"\nlabel = { ja = "法令", en = "Law" }\nlaw = { ja = "第一条", en = "Article 1" }\n'

SUBSCRIBER = '[[subscriber]]\nkey = "office-1"\nlabel = { ja = "係", en = "Office" }\n'
ON_NATS = 'way = "nats"\nevents = ["handed-over"]\n'
HOOK = 'way = "webhook"\nevents = ["handed-over"]\n'
KEY = 'public_key = { kty = "EC", crv = "P-256", x = "cSltztNWUf3jp99Vwd_9fUqhxXMlnEgfVaGzzjznlz4", y = "'
GOOD, BAD = ("6DE0k5SFinhtHcvCcrA-wMPNIg1HpMzv0wtN0GTRTX0", "7DE0k5SFinhtHcvCcrA-wMPNIg1HpMzv0wtN0GTRTX0")
SUBSCRIBERS = {
    "no such way": ('»way = "fax"\nevents = ["handed-over"]', "fax.*accepted: nats, webhook"),
    "no event": ('way = "nats"\n»events = []', "events.*empty|empty; name what it is to hear"),
    "an unknown event": ('way = "nats"\n»events = ["handedover"]', "unknown 'handedover'.*accepted: .*handed-over"),
    "the ward's file": ('way = "nats"\n»events = ["ward.activated"]', "unknown 'ward.activated'"),
    "an event twice": ('way = "nats"\n»events = ["handed-over", "handed-over"]', "handed-over stands twice"),
    "no such kind": (ON_NATS + '»kinds = ["agncy"]', "unknown 'agncy'.*accepted: morning, agency"),
    "no such agency": (ON_NATS + '»to = ["somewhere"]', "unknown 'somewhere' in `to`; accepted: keys of"),
    "told to nobody known": (
        'way = "nats"\nevents = ["deadline.passed"]\n»whom = ["wrad"]',
        "unknown 'wrad' in `whom`; accepted: ward, office, lamp",
    ),
    "nothing that is told": (ON_NATS + '»whom = ["ward"]', "deadline.passed and deadline.settled alone"),
    "no name of a field": (ON_NATS + f'{KEY}{GOOD}" }}\n»personal = ["氏名"]', "unknown '氏名'.*such as name, phone"),
    "no key to seal to": (ON_NATS + '»personal = ["name"]', "sealed to its own key: give its `public_key`"),
    "nothing to go with": (
        f'way = "nats"\nevents = ["case.closed"]\n{KEY}{GOOD}" }}\n»personal = ["name"]',
        "goes with handed-over or handover.offered alone",
    ),
    "a key that is no point": (ON_NATS + f'»{KEY}{BAD}" }}', "no point of the curve P-256"),
    "a key of another kind": (ON_NATS + '»public_key = { kty = "RSA" }', 'kty = "EC" and crv = "P-256"'),
    "a private key": (ON_NATS + f'»{KEY}{GOOD}", d = "x" }}', "the private half of a key: give the public one"),
    "an address on NATS": (ON_NATS + '»url = "https://a.example/"', 'for way = "webhook"'),
    "no address at all": (HOOK + '»url = "somewhere"', "no address; such as https://HOST/PATH"),
    "a password in the address": (HOOK + '»url = "https://a:b@c.example/"', "the signature says who we are"),
    "a part of a page": (HOOK + '»url = "https://c.example/#x"', "no name, password or #part"),
    "an open line": (HOOK + '»url = "http://c.example/"', "http is read by everybody on the way"),
    "a private address": (HOOK + '»url = "https://10.0.0.5/hook"', "a private address: nothing is sent to it"),
    "a private host that is not meant": (
        HOOK + 'url = "https://c.example/"\n»private_hosts = ["d.example"]',
        "it does not name the host of `url`, c.example",
    ),
    "too patient": (ON_NATS + "»behind = 0", "0 minutes; accepted: 1 to 10080"),
}

MISTAKES: dict[str, tuple[str, str, str]] = {
    # What stands in the file; what somebody made of it (» is the line that must be named); what is said of it.
    "not TOML": ('code = "000001"', '»code = "000001', "cannot be read as TOML"),
    "a table twice": ("[eligibility]", "»[policy]", "cannot be read as TOML"),
    "an unknown key": ('code = "000001"', '»colour = "red"\ncode = "000001"', "colour.*accepted: id, code, name"),
    "an unknown policy": ('period = "clock"', '»perod = "clock"', "perod.*accepted: .*period"),
    "no such choice": ('period = "clock"', '»period = "night"', "night.*accepted: clock, evening"),
    "a number for a word": ('code = "000001"', "»code = 1", "Expected `str`, got `int`"),
    "a word for a date": ("line_opens = 2023-05-01", '»line_opens = "May"', "Invalid RFC3339"),
    "a missing key": ('[ward]\nid = "akatsukino"\ncode = "000001"', '»[ward]\nid = "akatsukino"', "missing.*`code`"),
    "a label without English": ('{ ja = "北部", en = "North" }', '{ ja = "北部" } #»', "missing.*`en`"),
    "no such time zone": ('"Asia/Tokyo"', '"Asia/Akatsukino" #»', "is not a time zone such as Asia/Tokyo"),
    "an id for no subject": ('id = "akatsukino"', '»id = "暁野"', "cannot stand in a subject; a to z"),
    "a district twice": ('key = "coast"', '»key = "north"', "district: north stands twice"),
    "a word for two districts": ('also = ["中部"]', 'also = ["北部"]', "'北部' names north too"),
    "an alias of no district": ('district = "coast"', '»district = "cost"', "unknown district 'cost'; known: north"),
    "an alias of another's word": ('word = "架空港町"', '»word = "北部"', "it names north already"),
    "a provider of no band": ('bands = ["night"]', '»bands = ["nigth"]', "unknown band nigth; known: closed, holiday"),
    "a provider's fax that is none": (
        'bands = ["night"]',
        'bands = ["night"]\n»fax = "ext. 12"',
        "provider lamp: fax 'ext. 12' is not a number such as 03-0000-0000",
    ),
    "a provider while closed": ('bands = ["night"]', '»bands = ["night", "closed"]', "nobody works in closed"),
    "a contract backwards": ('bands = ["night"]', 'bands = ["night"]\n»until = 2023-03-31', "lies before its `from`"),
    "an overlap": (
        '{ band = "weekday", start = "08:30", end = "17:15" },',
        '{ band = "weekday", start = "08:15", end = "17:15" }, #»',
        "weekday overlaps the band before it at 08:15",
    ),
    "a gap": (
        '{ band = "weekday", start = "08:30", end = "17:15" },',
        '{ band = "weekday", start = "08:30", end = "17:00" }, #»',
        "nothing from 17:00 to 17:15",
    ),
    "a gap after a holiday": (
        '  { band = "closed", start = "16:00", end = "01:00" },',
        '  { band = "closed", start = "16:00", end = "00:30" }, #»',
        "any other day after holiday: nothing from 00:30 to 01:00",
    ),
    "a span of no band": (
        '{ band = "saturday", start',
        '»{ band = "satuday", start',
        "unknown band 'satuday'; known: closed",
    ),
    "no time of day": ('end = "12:30" }', 'end = "12.30" } #»', "not a time of day; write 08:30"),
    "no kind of day": ('on = ["holiday"]', '»on = ["holidays"]', "'holidays' names no day; accepted: monday to sunday"),
    "days that never come": ('on = ["holiday"]', 'on = ["01-01"]', "on 01-01: no day is left for it"),
    "no holidays listed": ("[holidays] ", "[hollidays] #»", "hollidays"),
    "a holiday twice": ("2023-05-05, 2023-07-17", "»2023-05-05, 2023-05-05", "list each day once, the earlier first"),
    "holidays too late": ("until = 2025-03-31", "»until = 2024-03-31", "but 2025-03-20 is listed"),
    "a band without hours": (
        "# A day's spans",
        '»[[band]]\nkey = "dawn"\nlabel = { ja = "朝", en = "Dawn" }\n#',
        "band dawn: it has no hours; name it in a span, or leave it out",
    ),
    "a band before it began": (
        'label = { ja = "土曜日（第2・第4）", en = "Saturday (second and fourth)" }',
        'label = { ja = "土曜日", en = "Saturday" }\nfrom = 2024-01-01',
        "saturday begins only on 2024-01-01",
    ),
    "hours backwards": (
        "[holidays] ",
        "[[hours]]\n»from = 2022-01-01\nspans = []\n[holidays]",
        "in the order of `from`",
    ),
    "an outcome behind another": (
        'rank = 2\narranged = ["helper"]',
        'rank = 2\narranged = ["stay", "helper"]',
        "outcome helper: nobody can reach it, stay comes first",
    ),
    "a rank twice": ("rank = 2\n", "»rank = 1\n", "two outcomes have the same rank 1"),
    "an outcome of no placement": ('arranged = ["helper"]', '»arranged = ["hepler"]', "unknown placement hepler"),
    "an outcome of no hand-over": (
        'handed_over = ["agency", "section"]',
        '»handed_over = ["agncy"]',
        "unknown hand-over agncy; known: agency",
    ),
    "no outcome for the rest": ("rank = 4", 'rank = 4\narranged = ["stay", "helper"]', "the last rank must take"),
    "an outcome of no group": ('group = "arranged"\nrank = 2', '»group = "sorted"\nrank = 2', "unknown group 'sorted'"),
    "ages that fall": ("to = 64", "»to = 16", "`to` must rise"),
    "a footnote's blank": (
        'hours_only = { ja = "{spans}", en = "{spans}" }',
        '»hours_only = { ja = "{hours}", en = "{spans}" }',
        "a blank that nothing fills; accepted: {spans}",
    ),
    "a role of no provider": (
        "[eligibility]",
        '[[role]]\nkey = "desk"\nlabel = { ja = "係", en = "Desk" }\nsees = ["calls"]\n»provider = "x"\n[eligibility]',
        "role desk: unknown provider 'x'; known: lamp, office",
    ),
    "a role that sees nothing known": (
        "[eligibility]",
        '[[role]]\nkey = "desk"\nlabel = { ja = "係", en = "Desk" }\n»sees = ["cals"]\n[eligibility]',
        "cals.*accepted: audit, calls, figures",
    ),
    "a role that sees persons without their calls": (
        "[eligibility]",
        '[[role]]\nkey = "desk"\nlabel = { ja = "係", en = "Desk" }\n»sees = ["persons"]\n[eligibility]',
        "role desk: .*add calls",
    ),
    "an agency until before it began": (
        "[eligibility]",
        AGENCY + "from = 2024-04-01\n»until = 2023-04-01\n[eligibility]",
        "agency port: until 2023-04-01 lies before its `from`",
    ),
    "an agency of no kind": (
        "[eligibility]",
        AGENCY.replace("kind", "»kind").replace('"agency"', '"office"') + "[eligibility]",
        "office.*accepted: agency, section",
    ),
    "a telephone that is none": (
        "[eligibility]",
        AGENCY + '»fax = "ext. 12"\n[eligibility]',
        "agency port: fax 'ext. 12' is not a number such as 03-0000-0000",
    ),
    "a contact of two lines": (
        "[eligibility]",
        AGENCY + '»contact = "a\\nb"\n[eligibility]',
        "a post such as 相談係, one line",
    ),
    **{
        f"a subscriber: {what}": ("[eligibility]", SUBSCRIBER + f"{line}\n[eligibility]", said)
        for what, (line, said) in SUBSCRIBERS.items()
    },
    "a subscriber without its address": (
        "[eligibility]",
        f"»{SUBSCRIBER}{HOOK}[eligibility]",
        "a webhook needs the address",
    ),
    "a subscriber twice": (
        "[eligibility]",
        SUBSCRIBER + ON_NATS + SUBSCRIBER.replace("key", "»key") + ON_NATS + "[eligibility]",
        "subscriber: office-1 stands twice",
    ),
    "a provider of a subscriber's name": (
        '[[provider]]\nid = "lamp"',
        SUBSCRIBER + ON_NATS + '[[provider]]\n»id = "subscriber-office-1-2"',
        "the name by which a subscriber signs on to NATS",
    ),
    "two agencies of one name": (
        "[eligibility]",
        AGENCY + "»" + AGENCY.replace('"port"', '"harbour"') + "[eligibility]",
        "agency harbour: 'port' names port too, on the same days",
    ),
    "consent as a basis of its own": (
        "[eligibility]",
        BASIS.replace("key = ", "»key = ").replace("duty", "consent") + "[eligibility]",
        "consent is there without being listed; leave it out",
    ),
    "a basis of no law": (
        "[eligibility]",
        BASIS.replace("law = ", "»law = ").replace("第一条", " ") + "[eligibility]",
        "basis duty: `law` must name an article",
    ),
    "an answer at once": (
        "[eligibility]",
        "[handover]\n»answer_hours = 0\n[eligibility]",
        "answer_hours is 0; 1 to 744",
    ),
    "a title that is missing": (
        'calls = { ja = "時間帯・対応別相談件数"',
        'callls = { ja = "時間帯"',
        "titles: calls missing",
    ),
}  # fmt: skip
MORNING = """
[morning]
band = "night"
[[morning.step]]
after = 15
key = "reminded"
to = "office"
[[morning.step]]
after = 30
key = "escalated"
to = "ward"
"""
DESK = """key = "desk"
label = { ja = "係", en = "Desk" }
phone = "03-0000-0000"
"""
MORNINGS = f"""{MORNING}[evening]
[urgent]
[[duty]]
{DESK}on = ["open", "closed", "night"]
[closed]
days = ["saturday", "holiday"]
[eligibility]"""
"""What a file may say of nights and mornings."""

MORNING_MISTAKES: dict[str, tuple[str, str, str]] = {
    "no such band": ('band = "night"', '»band = "nigth"', "unknown band 'nigth'; known: closed, holiday, night"),
    "a closed band": ('band = "night"', '»band = "closed"', "nobody works in closed"),
    "no time to acknowledge": ('band = "night"', 'band = "night"\n»acknowledge = 0', "acknowledge: 0; accepted: 1"),
    "no wait at all": ('band = "night"', 'band = "night"\n»grace = -1', "morning.grace: -1; accepted: 0 or more"),
    "a step to nobody": ('to = "office"', '»to = "ofice"', "unknown receiver 'ofice'; known: lamp, office, ward"),
    "a step at once": ("after = 15", "»after = 0", "morning.step.after: 0; accepted: 1 or more minutes"),
    "steps that go backwards": ("after = 30", "»after = 10", "escalated: after 10 minutes, but reminded is after 15"),
    "a step twice": ('key = "escalated"', '»key = "reminded"', "reminded stands twice"),
    "a step without a key": ('key = "escalated"', '»key = "Ward!"', "'Ward!' is no key"),
    "an evening after the night": ("[evening]", "[evening]\n»before = -5", "evening.before: -5; accepted: 1"),
    "an evening without a night": (MORNING, "", "it comes before the night of .*, and there is none"),
    "a ladder without a pause": ("[urgent]", "[urgent]\n»every = 0", "urgent.every: 0; accepted: 1 or more minutes"),
    "a ladder that ends at night": ('"closed", "night"', '"closed"', "no .*duty.* answers when it is 'night'"),
    "a contact that is never one": ('["open", "closed", "night"]', "[] #»", "`on` must name something"),
    "a contact at no such time": ('"closed", "night"', '»"shut"', "shut.*accepted: closed, night, open"),
    "a contact twice": (DESK, DESK + 'on = ["open"]\n[[duty]]\n»' + DESK, "desk stands twice"),
    "a contact without a number": ('"03-0000-0000"', '"the office" #»', "'the office' is no telephone number such as"),
    "no day to be closed on": ('"holiday"', '»"feast"', "'feast' names no day; accepted: monday"),
}  # fmt: skip
IN_MORNINGS = {  # Where the line is that of the entry's beginning.
    "an evening without a night": "[evening]",
    "a ladder that ends at night": "[urgent]",
}


@pytest.mark.parametrize("name", MORNING_MISTAKES)
def test_a_mistake_about_nights_and_mornings_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    """And with the reason, and what would be accepted; without the mistake the file can be used."""
    right, wrong, says = MORNING_MISTAKES[name]
    whole = WARD.read_text(encoding="utf-8").replace("[eligibility]", MORNINGS, 1)
    assert right in MORNINGS
    text = whole.replace(MORNINGS, MORNINGS.replace(right, wrong, 1), 1)
    marked = text.find("»") if name not in IN_MORNINGS else text.find(IN_MORNINGS[name])
    line = text.count("\n", 0, marked) + 1
    path = tmp_path / "ward.toml"
    path.write_text(whole, encoding="utf-8")
    load(path)
    path.write_text(text.replace("#»", "").replace("»", ""), encoding="utf-8")

    with pytest.raises(WardError, match=says) as refusal:
        load(path)

    assert str(refusal.value).startswith(f"{path}:{line}: ")


WHERE = {  # Where the line is that of the entry's beginning, found by a text.
    "a word for two districts": '[[district]]\nkey = "centre"',
    "days that never come": '[[hours.days]]\non = ["01-01"]',
    "no outcome for the rest": '[[outcome]]\nkey = "advice"',
    "an outcome behind another": '[[outcome]]\nkey = "helper"',
    "a band before it began": '{ band = "saturday", start',
    "a title that is missing": "[titles]",
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_wards_file_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    """And with the reason, and what would be accepted."""
    right, wrong, says = MISTAKES[name]
    text = WARD.read_text(encoding="utf-8")
    assert right in text
    text = text.replace(right, wrong, 1)
    marked = text.find("»") if name not in WHERE else text.find(WHERE[name])
    line = text.count("\n", 0, marked) + 1
    path = tmp_path / "ward.toml"
    path.write_text(text.replace("#»", "").replace("»", ""), encoding="utf-8")

    with pytest.raises(WardError, match=says) as refusal:
        load(path)

    assert refusal.value.file == path
    assert str(refusal.value).startswith(f"{path}:{line}: ")


TABLE_MISTAKES: dict[str, tuple[str, str, str]] = {
    "not TOML": ("[table.rows]", "»[table.rows", "cannot be read as TOML"),
    "a stray key": ("[[table]]", '»colour = "red"\n[[table]]', "only"),
    "an unknown key": ("as_of = 2023-12-31", '»asof = 2023-12-31', "asof"),
    "an unknown report": ('report = "registrations"', '»report = "registration"', "registration"),
    "an unknown district": (
        '"north", "centre", "coast", "total"',
        '»"north", "center", "coast", "total"',
        "unknown column 'center'; known: north, centre",
    ),
    "a figure too many": ("registrants = [", "»registrants = [0, ", "one for each column"),
    "no figure": ("registrants = [10", '»registrants = ["ten"', "a whole number"),
    "a sum that is none": ("registrants = [10", "»registrants = [11", "but the row's columns sum to 32"),
    "an unknown band": ('"2023/closed"', '»"2023/shut"', "unknown row '2023/shut'"),
    "not yet, but it was": ("registrants = [10", '»registrants = ["－"', "it was open from 2023-04-03"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE_MISTAKES)
def test_a_mistake_in_published_tables_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    """Whether the table itself is wrong, or does not fit the ward: a district that is not there."""
    right, wrong, says = TABLE_MISTAKES[name]
    text = TABLES.read_text(encoding="utf-8")
    assert right in text
    text = text.replace(right, wrong, 1)
    line = text.count("\n", 0, text.find("»")) + 1
    if name == "an unknown district":
        line = text.count("\n", 0, text.find("columns = [»")) + 1
    path = tmp_path / "published.toml"
    path.write_text(text.replace("»", ""), encoding="utf-8")

    with pytest.raises((PublishedError, Contradiction), match=says) as refusal:
        read(load_tables(path), load(WARD))

    assert str(refusal.value).startswith(f"{path}:{line}: ")


def test_a_mistake_in_examples_is_refused_with_its_line(tmp_path: Path) -> None:
    """They stand beside the tables."""
    (tmp_path / "x-examples.toml").write_text('[[example]]\nyear = 2023\nband = "weekday"\noutcom = "stay"\n')

    with pytest.raises(Contradiction, match=r"x-examples\.toml:4: .*outcom.*accepted: year, band, outcome"):
        read_examples(tmp_path / "x-published.toml")
