"""docs/CONFIGURATION.md from the models: `python -m ingestor.settings.manual > docs/CONFIGURATION.md`.

A key's meaning, default and bounds are taken from its declaration; a test fails when the page is stale.
"""

import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ingestor.settings.markets import InstrumentEntry, MarketEntry, PricedWithEntry
from ingestor.settings.models import (
    LimitsOverrides,
    ProviderSettings,
    Settings,
    TopicOverrides,
)
from ingestor.settings.pricing import InstrumentPricing
from ingestor.settings.section import Section

INTRODUCTION = """\
# Configuration

Generated from `ingestor/settings/` by `python -m ingestor.settings.manual`; edit the declarations, not this page.

`ingestor check --config FILE` reads everything and says all that is wrong at once, each fault with file, line, key,
value and what to do. Without `--config`, `config/ingestor.yaml` is read, or the file that `INGESTOR_CONFIG` names.

Three places, later ones winning key by key:

1. `providers/<dialect>.yaml` beside the configuration file: one provider's section each;
2. the configuration file;
3. the environment: `INGESTOR_` and the key, levels parted by two underscores, `-` written as `_`:
   `INGESTOR_SINK__KAFKA__BOOTSTRAP_SERVERS=broker:9092`, `INGESTOR_PROVIDERS__KRAKEN_V2__ENABLED=false`.

Secrets stand in none of them: a `*_env` key names a variable that holds one, a `*_file` key a file. Paths of files to
read count from the folder of the configuration file, paths of files to write from where the command is run.

| exit status | meaning |
| --- | --- |
| 0 | done, or stopped by SIGTERM or SIGINT with everything delivered |
| 1 | a failure at run time |
| 2 | a wrong call or configuration |
"""

INSTRUMENTS = """\
## The instruments file

One mapping, `instruments`, from an instrument's id to the keys below. The id is base-quote in lower case, for
derivatives with `-perp`, `-20270326` (future) or `-20270326-80000-c` (option) behind, for an index `-index`.

```yaml
instruments:
  btc-usd:
    priced_with: [btc-usdt]     # its markets vote too, converted by usdt-usd
    markets:
      - {provider: coinbase-exchange, symbol: BTC-USD}
      - {provider: kaiko, symbol: btc-usd, section: spot, venue: bitstamp, venue_code: stmp}
  btc-usdt-perp:
    markets:
      - {provider: bybit-v5, symbol: BTCUSDT, section: linear, levels: [trades, reference]}
```
"""

#: Documented once, by their own table, wherever they occur.
SHARED: dict[type[BaseModel], str] = {
    TopicOverrides: "topics.<topic>", ProviderSettings: "providers.<dialect>",
    LimitsOverrides: "providers.<dialect>.limits", InstrumentPricing: "pricing", MarketEntry: "markets[]",
    PricedWithEntry: "priced_with[]",
}


def manual() -> str:
    """The whole page."""
    parts = [INTRODUCTION, "## The configuration file\n", *_tables("", Settings)]
    shared: tuple[type[BaseModel], ...] = (TopicOverrides, ProviderSettings, LimitsOverrides)
    for model in shared:
        parts += _tables(SHARED[model], model)
    parts += [INSTRUMENTS, *_tables("instruments.<id>", InstrumentEntry)]
    shared = (PricedWithEntry, MarketEntry)
    for model in shared:
        parts += _tables(f"instruments.<id>.{SHARED[model]}", model)
    return "\n".join(parts)


def _tables(prefix: str, model: type[BaseModel]) -> Iterator[str]:
    """The model's own table, then those of the sections below it."""
    below: list[tuple[str, type[BaseModel]]] = []
    rows = []
    for name, field in model.model_fields.items():
        section = _section(field.annotation)
        if section is not None and section not in SHARED:
            below.append((f"{prefix}.{name}".removeprefix("."), section))
        rows.append(_row(name, field, section))
    title = f"`{prefix}`" if prefix else "The top level"
    yield f"### {title}\n\n{_text(model.__doc__)}\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |"
    yield "\n".join(rows) + "\n"
    for path, section in below:
        yield from _tables(path, section)


def _row(name: str, field: FieldInfo, section: type[BaseModel] | None) -> str:
    if section is not None:
        value = f"see `{SHARED[section]}`" if section in SHARED else "see below"
        return f"| `{name}` | {value} | | {_text(field.description)} |"
    return f"| `{name}` | {_value(field)} | {_default(field)} | {_text(field.description)} |".replace("|  |", "| |")


def _section(annotation: Any) -> type[BaseModel] | None:
    """The model that stands under a key: itself, or in a list or mapping of them."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for each in get_args(annotation) if (found := _section(each))), None)


def _value(field: FieldInfo) -> str:
    rules = [*field.metadata, *_rules(field.annotation)]
    bounds = [
        f"{words} {_number(getattr(rule, key))}" for rule in rules
        for key, words in (("ge", "from"), ("gt", "above"), ("le", "to"), ("lt", "below"))
        if getattr(rule, key, None) is not None]
    return " ".join([_type(field.annotation), *bounds])


def _rules(annotation: Any) -> Iterator[Any]:
    """The bounds inside `Annotated[...] | None`."""
    for rule in getattr(annotation, "__metadata__", ()):
        yield from rule.metadata if isinstance(rule, FieldInfo) else (rule,)
    if get_origin(annotation) in (Union, types.UnionType):
        for each in get_args(annotation):
            yield from _rules(each)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(each) for each in arguments if each is not type(None)))
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is not None and issubclass(origin, Mapping):
        return "mapping"
    if hasattr(annotation, "__metadata__"):
        return _type(arguments[0])
    names: dict[Any, str] = {bool: "true or false", int: "whole number", float: "number", str: "text", Path: "path"}
    return names.get(annotation, "number" if annotation.__name__ == "Decimal" else annotation.__name__)


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined:
        return "needed"
    if default is None or (isinstance(default, (tuple, dict)) and not default):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float):
        return f"`{_number(default)}`"
    return f"`{default}`" if str(default) else '`""`'


def _text(text: str | None) -> str:
    return " ".join(cleandoc(text or "").split()).replace("|", "\\|")


def main(arguments: Iterable[str] = ()) -> None:
    """Write the page to standard output."""
    sys.stdout.write(manual())


if __name__ == "__main__":
    main()
