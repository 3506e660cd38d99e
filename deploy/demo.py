"""`make demo`: a synthetic history goes in through INBOX, the ward's published tables come out."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.datadir import DataDirectory
from deploy.embedded import Embedded
from deploy.feeding import Line, feed, print_summary
from deploy.history import plan, read_examples
from deploy.opened import Opened
from deploy.output import out, print_footnotes, report_table
from deploy.ports import StartError, check_port
from deploy.setting_up import PUBLISHED, prepare
from deploy.signing_in import print_links
from services.reporting.published import Published, compare, load
from services.reporting.report import shown
from services.ward import load as load_ward

SEED = 20221001


def demonstrate(data: DataDirectory, *, once: bool, ports: tuple[int, int], language: str) -> bool:
    """Run the demonstration; whether every published cell came out equal. Without `once` it goes on until Ctrl-C.

    Raises:
        deploy.datadir.DataError, deploy.embedded.StartError: it cannot start; says what to do.
    """
    prepare(data, None, None, demo=True)
    data.lock()
    nats_port, pages_port = (_or_free(port) for port in ports)
    ward = load_ward(data / "ward.toml")
    tables = load(PUBLISHED)
    sent = plan(tables, ward, SEED, read_examples(PUBLISHED))
    out.print("夜明け Yoake　架空データによるデモ / A demonstration with synthetic data", style="bold")
    embedded = Embedded(data, nats_port=nats_port, pages_port=pages_port, published=PUBLISHED)
    with embedded as running:
        key = (data / "keys" / "inbox.pub.jwk").read_bytes()
        for provider in dict.fromkeys(sender for sender, _ in sent):
            own: list[tuple[str, Line]] = [(f"#{m['id']}", m) for sender, m in sent if sender == provider]
            summary = feed(running.nats, ward.id, provider, key, own, quiet=False)
            print_summary(summary)
        equal = _show_tables(data, tables, language)
        if not once:
            _say_what_next(data, running.pages)
            embedded.wait_for_ctrl_c()
            out.print(
                "\n終了しました。もう一度 make demo で続きから始まります。 / Stopped; `make demo` goes on from here."
            )
    return equal


def _or_free(port: int) -> int:
    """The port, or 0 for a free one if it is taken: a demonstration should not fail for that."""
    try:
        check_port(port, "--port")
    except StartError:
        out.print(f"Port {port} is taken; a free one is used. / {port}番のポートは使用中のため、空きを使います。")
        return 0
    return port


def _show_tables(data: DataDirectory, tables: Sequence[Published], language: str) -> bool:
    """Print each published table, the computed value and the published one in each cell."""
    books = Opened(data.settings(), data.kept().ward)
    try:
        books.settle()
        cells = wrong = 0
        for table in tables:
            report = books.inquiry.report(table.report, years=table.years, as_of=table.as_of)
            found = compare(table, report)
            cells, wrong = cells + len(found), wrong + sum(not cell.equal for cell in found)
            beside = {(c.row, c.column): " ＝" if c.equal else f" ≠ {shown(c.published)}" for c in found}
            title = f"{report.title[language]}　{table.title[language]}"
            out.print(f"\n{title}", style="bold")
            out.print(report_table(report, language, beside))
            print_footnotes(report, language)
        head, root = books.inquiry.ledger.head(), books.inquiry.ledger.root()
    finally:
        books.close()
    verdict = "すべて一致 / all equal" if not wrong else f"{wrong} 相違 / different"
    out.print(
        f"\n公表値と並べた {cells} 欄（＝ は一致）: {verdict}。 {cells} cells beside the published figures.",
        style="bold",
    )
    out.print(f"記録原簿 / ledger {head}  root {root}", style="dim", soft_wrap=True)
    return not wrong


def _say_what_next(data: DataDirectory, pages: str) -> None:
    books = Opened(data.settings(), data.kept().ward)
    try:
        report = books.inquiry.report("calls")
        example = next((cell.cases[0] for cell in report.cells if cell.cases), "")
        number = books.inquiry.history(example).number if example else None
    finally:
        books.close()
    running = data.running()
    handover = running.services.get("handover", 0) if running else 0
    out.print(f"\nPages / 画面   {pages}", style="bold")
    print_links(data.settings(), pages)
    where = "" if data.path.name == ".yoake" else f" --data {data.path}"
    for words, command in (
        (
            "Open a figure: sign in as the ward, click any cell / 区の職員でサインインし、数値を押すと内訳が開きます",
            pages,
        ),
        ("Replay a case / ケースの経過", f"yoake case {number or example}{where}"),
        ("The figure as it was known earlier / 把握時点を変える", f"yoake report calls --known-at 400{where}"),
        (
            "Stop a service and watch nothing get lost / サービスを止めてみる",
            f"kill -9 {handover}; yoake status{where}",
        ),
        ("Check everything / すべてを照合する", f"yoake verify{where}"),
    ):
        out.print(f"  {words}\n      {command}", markup=False, soft_wrap=True)
    out.print("  (`yoake` is .venv/bin/yoake.)  Ctrl-C で終了します / stops everything.")
