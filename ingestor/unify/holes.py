"""Which numbers of a subscription are missing: a set of whole numbers as intervals. Pure arithmetic.

Intervals are inclusive, disjoint, apart by one at least, and in order. A hole of a million numbers is one
pair; the set grows only where it is cut.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Span = tuple[int, int]      # first and last, inclusive


class Numbers:
    """A set of whole numbers."""

    def __init__(self, *spans: Span) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self.count = 0      # of numbers
        for first, last in spans:
            self.add(first, last)

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    def __iter__(self) -> Iterator[Span]:
        """The intervals, in order."""
        return iter(list(zip(self._firsts, self._lasts, strict=True)))

    def __repr__(self) -> str:
        return f"Numbers({', '.join(f'{first}..{last}' for first, last in self)})"

    @property
    def first(self) -> int:
        """The least. The set is not empty."""
        return self._firsts[0]

    @property
    def last(self) -> int:
        """The greatest. The set is not empty."""
        return self._lasts[-1]

    def add(self, first: int, last: int) -> None:
        """Add first..last, which may overlap what is there. Raises ValueError for last < first."""
        if last < first:
            raise ValueError(f"{first}..{last} is no interval")
        left = bisect_left(self._lasts, first - 1)      # the first interval that touches or lies behind
        right = bisect_right(self._firsts, last + 1)    # one past the last that touches
        if left < right:
            first, last = min(first, self._firsts[left]), max(last, self._lasts[right - 1])
        self._replace(left, right, [(first, last)])

    def remove(self, first: int, last: int) -> list[Span]:
        """Take first..last out; what of it was there."""
        left = bisect_left(self._lasts, first)
        right = bisect_right(self._firsts, last)
        gone = [(max(first, low), min(last, high))
                for low, high in zip(self._firsts[left:right], self._lasts[left:right], strict=True)]
        if gone:
            rest = [(self._firsts[left], first - 1), (last + 1, self._lasts[right - 1])]
            self._replace(left, right, [(low, high) for low, high in rest if low <= high])
        return gone

    def _replace(self, left: int, right: int, spans: list[Span]) -> None:
        self.count -= size(zip(self._firsts[left:right], self._lasts[left:right], strict=True))
        self.count += size(spans)
        self._firsts[left:right] = [first for first, _ in spans]
        self._lasts[left:right] = [last for _, last in spans]


def size(spans: Iterable[Span]) -> int:
    """How many numbers disjoint intervals hold."""
    return sum(last - first + 1 for first, last in spans)
