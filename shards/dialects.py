"""The dialects as a mapping that loads each on first use: kaiko's takes protobuf and 40 ms with it."""

from collections.abc import Iterator, Mapping

from ingestor.providers.provider import Provider
from ingestor.providers.registry import MODULES, load


class Dialects(Mapping[str, Provider]):
    """Every dialect by its name."""

    def __init__(self) -> None:
        self._loaded: dict[str, Provider] = {}

    def __getitem__(self, name: str) -> Provider:
        if name not in self._loaded:
            if name not in MODULES:
                raise KeyError(name)
            self._loaded[name] = load(name)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


DIALECTS = Dialects()
