"""Who leads: shares of two markets in the discovery of one price, from an estimated error-correction model.

Gonzalo and Granger: alpha orthogonal, normalised. Hasbrouck: the share of the common trend's variance that each
market's own innovation makes, between the two orders of the Cholesky factor. Offline, daily, to set trusts; never in
the stream. Source: https://quantvault.org/problem-1981-hasbrouck-information-shares-in-a-two-market-vecm.html
(read 2026-11), pricing.md 1.8.
"""

from collections.abc import Mapping
from typing import Any

from ingestor.errors import ConfigError
from ingestor.pricing import inputs

#: omega's corner entries must agree to this, relative.
SYMMETRY = 1e-9


def info_share(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, Any]:
    """Shares from `alpha` (adjustment of each market) and `omega` (2 x 2 covariance of innovations)."""
    where = "info_share: input"
    inputs.allowed(params, (), "info_share: params")
    alpha = inputs.several(given, "alpha", where, inputs.finite)
    rows = inputs.items(given, "omega", where)
    omega = [inputs.several({"row": row}, "row", f"{where}.omega[{i}]", inputs.finite) for i, row in enumerate(rows)]
    if len(alpha) != 2 or [len(row) for row in omega] != [2, 2]:
        raise ConfigError(f"{where} has {len(alpha)} alphas and {len(omega)} rows of omega: give two markets")
    (first, both), (mirrored, second) = omega
    if (abs(both - mirrored) > SYMMETRY * max(abs(both), abs(mirrored))
            or not (first > 0 and second > 0 and first * second > both * both)):
        raise ConfigError(f"{where}.omega is {omega}: give a symmetric positive definite covariance")
    if alpha[0] == alpha[1]:
        raise ConfigError(f"{where}.alpha is {alpha}: give two that differ, or no price is common")
    psi = (alpha[1] / (alpha[1] - alpha[0]), -alpha[0] / (alpha[1] - alpha[0]))
    total = psi[0] ** 2 * first + 2 * psi[0] * psi[1] * both + psi[1] ** 2 * second
    alone1 = psi[0] ** 2 * (first - both ** 2 / second) / total
    alone2 = psi[1] ** 2 * (second - both ** 2 / first) / total
    return {"component_share": list(psi), "is_market1_upper": 1 - alone2, "is_market1_lower": alone1,
            "is_market2_upper": 1 - alone1, "is_market2_lower": alone2}
