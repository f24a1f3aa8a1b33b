"""The columns of amberdata's rows: named by an acknowledgement, and known for their connection alone."""

from reference.amberdata import Amberdata
from samples.amberdata import ACK, ID, ROW, TRADE, frame, trade

from ingestor.decode import Decoder

OTHER = "b" + ID[1:]


class Connection:
    """One connection's decoder, and the twin beside it."""

    def __init__(self) -> None:
        self.decoder, self.twin = Decoder("amberdata"), Amberdata()

    def hear(self, text: str) -> tuple[str, list[dict[str, object]]]:
        found: tuple[str, list[dict[str, object]]] = self.decoder.decode(text.encode())
        wanted = self.twin.decode(text.encode())
        assert found == wanted or (wanted[0] == "malformed" and not found[1])
        return found


def test_rows_are_read_by_the_columns_of_their_subscription() -> None:
    connection = Connection()
    assert connection.hear(frame(f"[{ROW}]")) == ("ignored", [])
    assert connection.hear(ACK) == ("control", [])
    assert connection.hear(frame(f"[{ROW},{ROW}]")) == ("decoded", [trade, trade])
    assert connection.hear(frame(f"[{ROW}]", OTHER)) == ("ignored", [])
    assert connection.hear(frame(f"[{TRADE},{ROW}]")) == ("decoded", [trade, trade])
    connection.decoder.reset()
    assert connection.decoder.decode(frame(f"[{ROW}]").encode()) == ("ignored", [])


def test_columns_may_come_in_any_order_and_number() -> None:
    connection = Connection()
    connection.hear(ACK.replace('"isBuy"]', '"isBuy","more","note"]').replace('"exchange","pair"', '"pair","exchange"'))
    row = ROW.replace('"binance","btc_usdt"', '"btc_usdt","binance"')
    for tail in ("", ",{}", ",[1],2", ",1,2,3,4"):
        assert connection.hear(frame(f"[{row[:-1]}{tail}]]")) == ("decoded", [trade])
    assert connection.hear(frame('[["btc_usdt","binance",1786562940921]]')) == ("ignored", [])
    assert connection.hear(frame('[["btc_usdt","binance",1786562940921,0,"1"]]'))[0] == "missing_field"


def test_an_acknowledgement_replaces_the_columns_of_its_own_subscription_alone() -> None:
    connection = Connection()
    connection.hear(ACK)
    connection.hear(ACK.replace(ID, OTHER).replace('"tradeId","price"', '"price","tradeId"'))
    other = ROW.replace('"5154882831",64012.37', '64012.37,"5154882831"')
    assert connection.hear(frame(f"[{other}]", OTHER)) == ("decoded", [trade])
    assert connection.hear(frame(f"[{ROW}]")) == ("decoded", [trade])
    connection.hear(ACK.replace('"tradeId","price"', '"price","tradeId"'))
    assert connection.hear(frame(f"[{other}]")) == ("decoded", [trade])


def test_a_faulty_acknowledgement_leaves_the_columns_as_they_were() -> None:
    connection = Connection()
    connection.hear(ACK)
    for wrong in (ACK.replace('"exchange","pair"', '"pair","\\x"'), ACK.replace('"isBuy"]', '"isBuy",}'), ACK[:-1]):
        assert connection.hear(wrong)[0] not in ("control", "decoded")
        assert connection.hear(frame(f"[{ROW}]")) == ("decoded", [trade])


def test_thirty_two_columns_are_known_and_further_ones_are_passed() -> None:
    connection = Connection()
    names = ",".join(f'"c{number}"' for number in range(24))
    connection.hear(ACK.replace('["exchange"', f'[{names},"exchange"'))
    assert connection.hear(frame(f"[[{'0,' * 24}{ROW[1:]}]")) == ("decoded", [trade])
    connection.hear(ACK.replace('["exchange"', f'["c",{names},"exchange"'))
    assert connection.hear(frame(f"[[{'0,' * 25}{ROW[1:]}]")) == ("decoded", [{**trade, "side": "unknown"}])


def test_columns_that_are_no_names_hold_nothing() -> None:
    connection = Connection()
    connection.hear(ACK.replace('"isBuy"', "null,{},7"))
    assert connection.hear(frame(f"[{ROW}]")) == ("decoded", [{**trade, "side": "unknown"}])
    connection.hear(ACK.replace('"isBuy"', '"\\u0069sBuy"'))
    assert connection.hear(frame(f"[{ROW}]")) == ("decoded", [trade])


def test_as_many_subscriptions_as_the_table_holds_are_known_and_more_are_passed() -> None:
    decoder = Decoder("amberdata")
    known = []
    for number in range(5000):
        id = f"{number:08}-0000-4000-8000-d17627b48576"
        assert decoder.decode(ACK.replace(ID, id).encode()) == ("control", [])
        known.append(decoder.decode(frame(f"[{ROW}]", id).encode())[0] == "decoded")
    assert known == [True] * 4096 + [False] * 904
    assert decoder.decode(frame(f"[{ROW}]", "00000000-0000-4000-8000-d17627b48576").encode()) == ("decoded", [trade])
