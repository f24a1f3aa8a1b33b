"""What an instrument is worth: the fair price and how sure it is.

`evaluate` is the plain Python face, for vectors, tests and one-off questions; the pipeline runs the
same C code through consensus.pxd. Prices are doubles; whoever needs digits publishes what was sent.
"""

from collections.abc import Mapping
from typing import Any

from ingestor.errors import ConfigError
from ingestor.pricing.face import METHODS

__all__ = ["evaluate"]


def evaluate(method: str, params: Mapping[str, object], input: Mapping[str, object]) -> dict[str, Any]:  # noqa: A002
    """Run one method of the specification on one input.

    `params` and `input` are those of a vector of pricing.md part 5, numbers as such or as decimal text;
    the result has the keys of its `expected`. Raises ConfigError for an unknown method, an unknown or
    out-of-bounds parameter, and input without a needed key or with a value that is no number.
    """
    chosen = METHODS.get(method) if isinstance(method, str) else None
    if chosen is None:
        raise ConfigError(f"pricing method {method!r} is unknown: use one of {', '.join(METHODS)}")
    for name, given in (("params", params), ("input", input)):
        if not isinstance(given, Mapping):
            raise ConfigError(f"{method}: {name} is {given!r}: give a mapping")
    found: dict[str, Any] = chosen(params, input)
    return found
