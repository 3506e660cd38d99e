"""Not one city's: three invented wards are files, with no code, and their histories give their tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.history import Sent, plan
from events.messages import MESSAGES
from services.reporting.published import Published, compare, load
from services.reporting.tables import REPORTS
from services.ward import Ward
from services.ward import load as load_ward
from tests.desk_examples import RULES, Centre
from tests.history_examples import WARDS, Count
from tests.running import settled, until, up, yoake
from tests.web_examples import browser, site, tables_of

NAMES = ("akatsukino", "yoimachi", "ariakegaura")
FILES: dict[str, Ward] = {name: load_ward(WARDS / f"{name}.toml") for name in NAMES}
TABLES: dict[str, tuple[Published, ...]] = {name: load(WARDS / f"{name}-published.toml") for name in NAMES}


def tell(centre: Centre, sent: list[Sent]) -> None:
    """A history through the writing services, one transaction for each, and into the ledger."""
    for service in RULES:
        said = [(provider, told) for provider, told in sent if MESSAGES[told["type"]].service == service]
        centre.say_all(*said)
        centre.pump()


def differing(centre: Centre, tables: tuple[Published, ...]) -> list[object]:
    """The published cells that the ledger's tables do not have."""
    return [
        (table.report, table.as_of, difference)
        for table in tables
        for difference in compare(table, centre.inquiry.report(table.report, years=table.years, as_of=table.as_of))
        if not difference.equal
    ]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", NAMES)
def test_the_history_of_an_invented_ward_counts_as_its_tables(name: str, seed: int) -> None:
    """By a counter that knows no service: so that the services below are compared with what was really told."""
    count = Count(plan(TABLES[name], FILES[name], seed), FILES[name])

    assert [count.rows(table) for table in TABLES[name]] == [table.rows for table in TABLES[name]]


@pytest.mark.parametrize("name", NAMES)
def test_the_services_give_an_invented_wards_tables_back(name: str, tmp_path: Path) -> None:
    """Cell by cell, － included, from the ward's file alone."""
    with Centre(f"sqlite:///{tmp_path}/{{service}}.db", FILES[name]) as centre:
        tell(centre, plan(TABLES[name], FILES[name], seed=1))

        assert differing(centre, TABLES[name]) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_running_yoake_gives_an_invented_wards_tables_back(name: str, tmp_path: Path) -> None:
    """The whole way: `yoake up --ward`, the files that `yoake history` writes fed by each provider, `yoake report`."""
    data, ward, tables = tmp_path / "data", WARDS / f"{name}.toml", WARDS / f"{name}-published.toml"
    wrote = yoake("history", "--ward", ward, "--tables", tables, "--out", tmp_path / "history.jsonl")
    assert wrote.returncode == 0, wrote.stderr
    providers = {provider for provider, _ in plan(TABLES[name], FILES[name], seed=1)}
    with up(data, "--ward", ward):
        for provider in sorted(providers):
            file = tmp_path / (f"history-{provider}.jsonl" if len(providers) > 1 else "history.jsonl")
            fed = yoake("feed", file, "--as", provider, "--data", data)
            assert fed.returncode == 0, fed.stdout + fed.stderr
        until(lambda: settled(data))
    assert yoake("verify", "--data", data).returncode == 0
    for table in TABLES[name]:
        period = ("--as-of", table.as_of) if table.as_of else ("--fy", f"{table.years[0]}-{table.years[-1]}")  # type: ignore[index]  # One of the two.
        report = yoake("report", table.report, *period, "--format", "json", "--data", data).json
        computed = {(cell["row"], cell["column"]): cell["value"] for cell in report["cells"]}
        printed = {
            (row, column): value
            for row, values in table.rows.items()
            for column, value in zip(table.columns, values, strict=True)
        }
        assert {key: computed.get(key, "missing") for key in printed} == printed


@pytest.mark.parametrize("name", NAMES)
async def test_the_pages_speak_an_invented_wards_words(name: str, tmp_path: Path) -> None:
    """Every table, a figure opened, and a case behind it: in the ward's own labels, and with no key of its file."""
    ward = FILES[name]
    with Centre(f"sqlite:///{tmp_path}/{{service}}.db", ward) as centre:
        tell(centre, plan(TABLES[name], ward, seed=1))
        years = next(table.years for table in TABLES[name] if table.report == "calls")
        assert years is not None
        filled = next(cell for cell in centre.inquiry.report("calls", years=years).cells if cell.value)
        asked = {"fy": f"{years[0]}-{years[-1]}"}
        async with browser(site(centre)) as web:
            table = await web.get("/tables/calls", params=asked)
            opened = await web.get("/tables/calls/cell", params={**asked, "row": filled.row, "column": filled.column})
            answers = [table, opened, await web.get(f"/cases/{filled.cases[0]}"), await web.get("/")]
            answers += [await web.get(f"/tables/{report}") for report in REPORTS]

    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert {entry.label.ja for entry in (*ward.outcome, *ward.band)} <= set(texts(table.text))
    shown = {entry.key for entry in (*ward.outcome, *ward.band, *ward.district)}
    assert not shown & {text for answer in answers for text in texts(answer.text)}


def texts(page: str) -> list[str]:
    """What stands in the cells of a page's tables."""
    return [cell for rows in tables_of(page).values() for row in rows for cell in row]
