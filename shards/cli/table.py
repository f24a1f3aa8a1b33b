"""The demo's moment as a table for a terminal, or as one line for a file."""

import time
from typing import Literal

from rich.table import Table

from shards.demo import Moment, Row

STYLES = {"OK": "green", "DEGRADED": "yellow", "SINGLE": "yellow", "DISPERSED": "red", "HELD": "red",
          "UNAVAILABLE": "bright_black"}
COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("instrument", "left"), ("fair price", "right"), ("± conf", "right"), ("status", "left"), ("venues", "right"),
    ("flagged", "left"), ("age s", "right"), ("prices/s", "right"), ("shard", "right"))
#: In a line, so many instruments are shown.
SHOWN = ("btc-usd", "eth-usd", "sol-usd", "usdt-usd")


def table(moment: Moment, hint: str = "") -> Table:
    """All instruments, one a row; `hint` ends the caption."""
    drawn = Table(
        box=None, padding=(0, 1, 0, 0), title=" ",     # all columns fit a terminal of 80
        caption=f"{moment.priced} of {len(moment.rows)} priced, {moment.messages_per_s:,.0f} messages/s, "
        f"{moment.messages:,} messages, {moment.published:,} records published{hint}\n" + "\n".join(
            f"{transport}: {providers}" for transport, providers in _by_transport(moment).items()),
        caption_justify="left")
    for name, justify in COLUMNS:
        drawn.add_column(name, justify=justify, no_wrap=True, overflow="ellipsis")
    for row in moment.rows:
        drawn.add_row(
            row.instrument, price(row), conf(row), f"[{STYLES.get(row.status, '')}]{row.status}[/]",
            str(row.venues_used), ", ".join(row.flagged), "" if row.age_s is None else f"{row.age_s:.2f}",
            f"{row.prices_per_s:,.0f}", str(row.shard))
    return drawn


def _by_transport(moment: Moment) -> dict[str, str]:
    """Each provider's messages a second, side by side."""
    found: dict[str, list[str]] = {}
    for provider in moment.providers:
        found.setdefault(provider.transport, []).append(f"{provider.name} {provider.messages_per_s:,.0f}/s")
    return {transport: ", ".join(each) for transport, each in found.items()}


def line(moment: Moment) -> str:
    """The same in brief."""
    rates: dict[str, float] = {}
    for provider in moment.providers:
        rates[provider.transport] = rates.get(provider.transport, 0.0) + provider.messages_per_s
    shown = [
        f"{row.instrument} {price(row) or '-'} ±{conf(row) or '-'} {row.status} {row.venues_used}v"
        + (f" flagged {','.join(row.flagged)}" if row.flagged else "")
        for row in moment.rows if row.instrument in SHOWN]
    return (
        f"{time.strftime('%H:%M:%S')}  {moment.priced}/{len(moment.rows)} priced  {moment.messages_per_s:,.0f} msgs/s "
        f"({', '.join(f'{transport} {rate:,.0f}' for transport, rate in rates.items())})  "
        f"{' | '.join(shown)}")


def price(row: Row) -> str:
    """With seven digits, more for what is cheap."""
    return "" if row.price is None else f"{row.price:,.{_decimals(row.price)}f}"


def conf(row: Row) -> str:
    """With as many decimals as the price."""
    return "" if row.conf is None or row.price is None else f"{row.conf:.{_decimals(row.price)}f}"


def _decimals(value: float) -> int:
    return max(2, 7 - len(str(int(abs(value)))))
