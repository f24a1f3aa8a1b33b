"""A fault of a value as one line: where, what stands there, what to do."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ingestor.settings.documents import Document, Keys, dotted

#: A value in a message is cut here: enough to find it, short enough for one line.
SHOWN_MAX = 60
#: Keys whose values may be a secret that was written into the file by mistake.
SECRET_KEY = re.compile(r"(?i)(key|token|secret|passw|auth)")

#: What to do, by pydantic's error type; filled from the error's context.
REMEDIES = {
    "missing": "is missing: add it",
    "int_parsing": "give a whole number",
    "int_type": "give a whole number",
    "int_from_float": "give a whole number",
    "float_parsing": "give a number",
    "float_type": "give a number",
    "finite_number": "give a finite number",
    "decimal_parsing": "give a number",
    "decimal_type": "give a number",
    "bool_parsing": "give true or false",
    "bool_type": "give true or false",
    "string_type": "give a text; quote it if it looks like a number",
    "string_pattern_mismatch": "give a text that matches {pattern}",
    "string_too_short": "give a text that is not empty",
    "string_too_long": "give a text of at most {max_length} characters",
    "too_short": "give at least one, or remove the key",
    "path_type": "give a path",
    "greater_than": "give more than {gt}",
    "greater_than_equal": "give {ge} or more",
    "less_than": "give less than {lt}",
    "less_than_equal": "give {le} or less",
    "literal_error": "use {expected}",
    "date_from_datetime_parsing": "give a date as YYYY-MM-DD",
    "date_type": "give a date as YYYY-MM-DD",
    "date_parsing": "give a date as YYYY-MM-DD",
    "model_type": "write a mapping, `key: value`",
    "mapping_type": "write a mapping, `key: value`",
    "dict_type": "write a mapping, `key: value`",
    "tuple_type": "write a list, `[a, b]`",
    "list_type": "write a list, `[a, b]`",
}


def nearest(word: str, known: Iterable[str]) -> str:
    """What was probably meant, as the end of a sentence; every known word when nothing is near."""
    words = sorted(known)
    near = get_close_matches(word, words, 1, 0.6)
    if near:
        return f"did you mean {near[0]}?"
    return f"use one of {', '.join(words)}" if words else "remove it"


def told(document: Document, keys: Keys, what: str) -> str:
    """One line: the place, the path, what is wrong with it."""
    place = document.place(keys)
    return ": ".join(part for part in (place, f"{dotted(keys)} {what}".strip()) if part)


def shown(keys: Keys, value: Any) -> str:
    """A value for a message, short, never a secret."""
    if any(SECRET_KEY.search(str(key)) for key in keys) and not str(keys[-1]).endswith(("_env", "_file")):
        return "a value that is not shown"
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."


def faults_of(error: ValidationError, document: Document, model: type[BaseModel], above: Keys) -> list[str]:
    """All of a validation's errors; `above` is the path of the validated value in the document."""
    lines = []
    for each in error.errors(include_url=False):
        keys = (*above, *each["loc"])
        lines.append(told(document, keys, _what(each, keys, model)))
    return lines


def _what(error: Mapping[str, Any], keys: Keys, model: type[BaseModel]) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return f"is no known key: {nearest(str(keys[-1]), _fields(model, error['loc'][:-1]))}"
    if kind == "missing":
        return REMEDIES[kind]
    if kind == "value_error":
        problem = str(error["ctx"]["error"])
        whole = isinstance(error["input"], (dict, BaseModel))
        return problem if whole else f"is {shown(keys, error['input'])}: {problem}"
    remedy = REMEDIES.get(kind)
    problem = remedy.format(**error.get("ctx", {})) if remedy else error["msg"][:1].lower() + error["msg"][1:]
    return f"is {shown(keys, error['input'])}: {problem}"


def _fields(model: type[BaseModel], keys: Keys) -> Iterable[str]:
    """The field names of the model at a path below `model`."""
    for key in keys:
        if isinstance(key, str) and key in model.model_fields:
            model = _model_in(model.model_fields[key].annotation) or model
    return model.model_fields


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)
