"""Frames of coindesk."""

from samples.sample import Samples

INDEX = ('{"TYPE":"1101","INSTRUMENT":"BTC-USD","CCSEQ":20735164,"MARKET":"cadli","VALUE":64012.3467009,'
         '"VALUE_FLAG":"DOWN","VALUE_LAST_UPDATE_TS":1786562940,"VALUE_LAST_UPDATE_TS_NS":603000000,'
         '"CURRENT_HOUR_VOLUME":64381.2572711617,"CURRENT_HOUR_OPEN":64000.1}')
NS = 1786562940603000000

coindesk = Samples("coindesk", "cadli")
index = coindesk.reference("BTC-USD", NS, 20735164, index="64012.3467009")

for number in ("1101", "266", "985", "987"):
    coindesk.yields(f"index {number}", INDEX.replace("1101", number), index)
coindesk.yields("index without nanoseconds", INDEX.replace("_TS_NS", "_TS_N"), {**index, "ts_event_ns": NS - 603000000})
coindesk.yields("index without time", INDEX.replace("VALUE_LAST_UPDATE_TS\"", "LAST\""), {**index, "ts_event_ns": None})
coindesk.yields("index without number and market", INDEX.replace("CCSEQ", "SEQ").replace("MARKET", "M"),
                {**index, "seq": None, "venue": ""})
coindesk.yields("index, its type escaped", INDEX.replace('"1101"', '"\\u0031101"'), index)

coindesk.nothing("index without a value", INDEX.replace('"VALUE":64012.3467009', '"VALUE":null'))
coindesk.nothing("a type that is a number", INDEX.replace('"1101"', "1101"))
for number in ("951", "952", "4000", "4007", "4009", "4010", "4013", "4014", "40011", "3001"):
    coindesk.nothing(f"type {number}", INDEX.replace("1101", number))
for number in ("4001", "4002", "4003", "4004", "4005", "4006", "4008", "4011", "4012"):
    coindesk.nothing(f"type {number}", f'{{"TYPE":"{number}","MESSAGE":"SOME_WORD","INFO":"why"}}', "control")
coindesk.nothing("no type", INDEX.replace("TYPE", "KIND"))
coindesk.nothing("an array", f"[{INDEX}]")

coindesk.nothing("index without an instrument", INDEX.replace("INSTRUMENT", "I"), "missing_field")
coindesk.nothing("a value that is none", INDEX.replace("64012.3467009", "true"), "bad_type")
coindesk.nothing("nanoseconds beyond a second", INDEX.replace("603000000", "1000000000"), "bad_time")
coindesk.nothing("a number beyond 64 bits", INDEX.replace("20735164", "9223372036854775808"), "number_range")
