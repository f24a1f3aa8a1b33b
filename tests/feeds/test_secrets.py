"""A provider's key stands in no log, no stats, no error and no repr, however the provider throws it back."""

import asyncio

import pytest

from ingestor.feeds.door import ConnectionFault, Reason
from ingestor.feeds.feed import Feed, FeedSettings
from ingestor.feeds.link import LinkPlan
from ingestor.providers.registry import load
from ingestor.providers.session import Limits
from tests.feeds.doors import until
from tests.feeds.fakedoor import Bench, Talk, running, subscriptions
from tests.feeds.faketime import settle
from tests.feeds.peer import Intake, Peer, Server

KEY = "k3y-0123456789abcdef"
QUIET = Limits(silence_max_s=0)


class Keyed(Talk):
    """A dialect that puts the key everywhere."""

    def endpoint(self, url, section, subscriptions, key):
        return f"{url}/?apikey={key}"

    def headers(self, key):
        return {"X-Key": key}

    def hello(self, subscriptions, key):
        return (f"hello {key}".encode(),)


def test_settings_and_plans_do_not_show_their_key():
    settings = FeedSettings(url=f"wss://host/{KEY}", key=KEY)
    feed = Feed(load("coinapi"), settings, lambda section, name: Intake())
    assert KEY not in repr(settings)
    assert KEY not in repr(feed)
    assert KEY not in repr(Bench(key=KEY).plan)
    assert isinstance(Bench(key=KEY).plan, LinkPlan)


async def test_a_provider_that_repeats_the_key_in_its_words_does_not_put_it_into_logs_or_stats(capsys):
    async with running(subscriptions("a"), session=Keyed(), key=KEY) as bench:
        bench.door.hear(b"error:" + KEY.encode(), b"nonsense " + KEY.encode())
        first = bench.link.stats()
        bench.door.hear(b"fatal:" + KEY.encode())
        await bench.time.advance(1)
        second = bench.link.stats()
        bench.faults = [ConnectionFault(Reason.HANDSHAKE_REFUSED, f"bad key {KEY}", retryable=False)]
        bench.door.fail()
        await bench.time.advance(2)
        third = bench.link.stats()
    told = capsys.readouterr()
    for text in (told.out, told.err, repr(first), repr(second), repr(third)):
        assert KEY not in text
        assert "***" in text or text == ""
    assert (first.controls_misread, second.last_error, third.last_error) == (1, "***", "bad key ***")


async def test_a_bug_whose_message_holds_the_key_does_not_put_it_into_the_log(capsys):
    class Wrong(Keyed):
        def subscribe(self, subscriptions, request_id):
            raise RuntimeError(f"cannot sign with {KEY}")

    async with running(subscriptions("a"), session=Wrong(), key=KEY):
        await settle()
    told = capsys.readouterr().out
    assert KEY not in told
    assert "cannot sign with ***" in told


@pytest.mark.parametrize("answer", [
    "HTTP/1.1 401 bad key {key}\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/?apikey={key}\r\nContent-Length: 0\r\n\r\n",
    "{key}\r\n\r\n",
])
async def test_an_upgrade_refused_with_the_key_in_the_answer_is_logged_without_it(answer, capsys, caplog):
    async def script(peer: Peer) -> None:
        assert KEY in peer.path
        await peer.send(answer.format(key=KEY).encode())

    async with Server(script, upgrade=False) as server:
        feed = Feed(
            load("binance-spot"), FeedSettings(url=f"{server.url}/{KEY}", key=KEY), lambda section, name: Intake())
        feed.set_subscriptions(subscriptions("a"))
        run = asyncio.create_task(feed.run())
        await until(lambda: feed.stats()[0].last_error)
        stats = repr(feed.stats())
        await feed.stop()
        await run
    told = capsys.readouterr()
    assert "refused" in told.out + told.err
    for text in (told.out, told.err, caplog.text, stats):
        assert KEY not in text
