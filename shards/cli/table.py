"""The demo's moment as a table for a terminal, or as one line for a file."""

import time

from rich.table import Table

from shards.demo import Moment, Row

STYLES = {"OK": "green", "DEGRADED": "yellow", "SINGLE": "yellow", "DISPERSED": "red", "HELD": "red",
          "UNAVAILABLE": "bright_black"}
#: In a line, so many instruments are shown.
SHOWN = ("btc-usd", "eth-usd", "sol-usd", "usdt-usd")


def table(moment: Moment) -> Table:
    """All instruments, one a row."""
    drawn = Table(
        caption=f"{moment.priced} of {len(moment.rows)} instruments priced, {moment.messages_per_s:,.0f} messages/s, "
        f"{moment.messages:,} messages, {moment.published:,} records published; Ctrl-C ends",
        caption_justify="left")
    drawn.add_column("instrument")
    for name in ("fair price", "± conf"):
        drawn.add_column(name, justify="right")
    drawn.add_column("status")
    drawn.add_column("venues", justify="right")
    drawn.add_column("flagged")
    for name in ("age s", "prices/s", "shard"):
        drawn.add_column(name, justify="right")
    for row in moment.rows:
        drawn.add_row(
            row.instrument, price(row), conf(row), f"[{STYLES.get(row.status, '')}]{row.status}[/]",
            str(row.venues_used), ", ".join(row.flagged), "" if row.age_s is None else f"{row.age_s:.2f}",
            f"{row.prices_per_s:,.0f}", str(row.shard))
    return drawn


def line(moment: Moment) -> str:
    """The same in brief."""
    shown = [
        f"{row.instrument} {price(row) or '-'} ±{conf(row) or '-'} {row.status} {row.venues_used}v"
        + (f" flagged {','.join(row.flagged)}" if row.flagged else "")
        for row in moment.rows if row.instrument in SHOWN]
    return (
        f"{time.strftime('%H:%M:%S')}  {moment.priced}/{len(moment.rows)} priced  {moment.messages_per_s:,.0f} msgs/s  "
        f"{' | '.join(shown)}")


def price(row: Row) -> str:
    """With seven digits, more for what is cheap."""
    return "" if row.price is None else f"{row.price:,.{_decimals(row.price)}f}"


def conf(row: Row) -> str:
    """With as many decimals as the price."""
    return "" if row.conf is None or row.price is None else f"{row.conf:.{_decimals(row.price)}f}"


def _decimals(value: float) -> int:
    return max(2, 7 - len(str(int(abs(value)))))
