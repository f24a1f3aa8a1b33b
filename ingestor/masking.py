"""Keep secrets out of logs, metrics and error texts."""

import re

MASK = "***"
#: parameters that carry a key in some provider's URL: api_key, apikey, token, signature...
_SECRET_PARAMETER = re.compile(r"(?i)([?&;][^=&;]*(?:key|token|secret|sign|auth|passw|user)[^=&;]*=)[^&;#\s]*")
_USER_INFO = re.compile(r"(://)[^/@\s]*@")


def masked(text: str, *secrets: str) -> str:
    """The text without the secrets themselves, secret parameters of URLs, and names in URLs."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    return _USER_INFO.sub(rf"\1{MASK}@", _SECRET_PARAMETER.sub(rf"\1{MASK}", text))
