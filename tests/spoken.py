"""What the tests of the dialects' sessions share: the session of a dialect, and the texts of a conversation."""

import json
from collections.abc import Iterable
from typing import Any

from ingestor.decode import Decoder
from ingestor.providers.registry import load
from ingestor.providers.session import Control


def session(dialect: str) -> Any:
    return load(dialect).session


def texts(messages: Iterable[bytes]) -> list[Any]:
    return [json.loads(text) for text in messages]


def answer(dialect: str, frame: str | bytes, said: Any = None) -> Control | None:
    """What a control frame means; it must be one to the decoder too, or the feed would never see it.

    `said`: the session of one connection; else the dialect's.
    """
    raw = frame.encode() if isinstance(frame, str) else frame
    assert Decoder(dialect).decode(raw) == ("control", [])
    control: Control | None = (said or session(dialect)).control(raw)
    return control
