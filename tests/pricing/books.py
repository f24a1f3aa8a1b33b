"""Books for the tests of pricing: one venue a price, all quoted at one time."""

from hypothesis import settings

from ingestor.pricing.consensus import PriceBook

START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
#: Enough to find a fault by, the same cases each time.
bounded = settings(max_examples=80, deadline=None, derandomize=True, database=None)


def at(seconds):
    return START + round(seconds * SECOND)


def book_of(*prices, half=0.01, params=None, now=START):
    """A book with one venue a price, all quoted at `now`."""
    book = PriceBook(params or {}, [(i, 1, None) for i in range(len(prices))])
    for i, price in enumerate(prices):
        book.quote(i, price - half, price + half, now)
    return book
