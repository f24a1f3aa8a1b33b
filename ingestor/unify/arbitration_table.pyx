"""Which markets several providers bring, and what was counted of each: an owner of memory for arbitration.pxd.

A market is an instrument at a venue; its members are the providers with a channel of trades. One that has several
paths to it (other symbols, other sections) is one member.
"""
cimport cython
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free

from ingestor.patience cimport let_others_go_on
from ingestor.records cimport ABSENT
from ingestor.unify.arbitration cimport (
    IDS_EXCHANGE, IDS_MERGED, IDS_PROVIDER, MEMBERS_MAX, Market, Member, leave, settle,
)
from ingestor.unify.histogram cimport Histogram, histogram_dict

from ingestor.errors import ConfigError

#: Channel.trade_ids as numbers.
TRADE_IDS = {"provider": <int> IDS_PROVIDER, "exchange": <int> IDS_EXCHANGE, "merged": <int> IDS_MERGED}


@cython.final
cdef class Arbitration:
    """`instruments` are the Instruments; `channels_of` maps a provider's name to its Channel tuple.

    Raises ConfigError for a market of more than MEMBERS_MAX providers.
    """

    def __cinit__(self, instruments, channels_of):
        cdef uint32_t number, first = 0
        trading = {name for name, channels in channels_of.items() if any(each.level == "trades" for each in channels)}
        found = {}
        for i, row in enumerate(instruments.paths):
            let_others_go_on(i)
            if row.provider in trading:
                instrument = instruments.rows[row.instrument]
                found.setdefault((row.venue, instrument.id, instrument.data_class), {})[row.provider] = None
        self.named = [(*market, tuple(providers)) for market, providers in found.items() if len(providers) > 1]
        numbers = {market[:3]: i for i, market in enumerate(self.named)}
        self.places = [self._place(numbers, i, row, instruments.rows[row.instrument])
                       for i, row in enumerate(instruments.paths)]
        labels = {}
        for venue, instrument, data_class, providers in self.named:
            if len(providers) > MEMBERS_MAX:
                raise ConfigError(f"{instrument} at {venue} has trades of {len(providers)} providers, at most "
                                  f"{MEMBERS_MAX}: remove some markets")
            for provider in providers:
                labels.setdefault((provider, venue, data_class), len(labels))
        self.delay_labels = list(labels)
        self.markets_count = len(self.named)
        self.markets = <Market*> calloc(self.markets_count + 1, sizeof(Market))
        self.members = <Member*> calloc(sum(len(each[3]) for each in self.named) + 1, sizeof(Member))
        self.delays = <Histogram*> calloc(len(labels) + 1, sizeof(Histogram))
        if self.markets == NULL or self.members == NULL or self.delays == NULL:
            raise MemoryError(f"no memory for {self.markets_count} markets of several providers")
        for number, (venue, instrument, data_class, providers) in enumerate(self.named):
            let_others_go_on(number)
            self.markets[number].members = &self.members[first]
            self.markets[number].members_count = len(providers)
            for provider in providers:
                self.members[first].until_ns = ABSENT
                self.members[first].delays = &self.delays[<uint32_t> labels[(provider, venue, data_class)]]
                first += 1

    def _place(self, numbers, path, row, instrument):
        let_others_go_on(path)
        number = numbers.get((row.venue, instrument.id, instrument.data_class))
        if number is None or row.provider not in self.named[number][3]:
            return None
        return number, self.named[number][3].index(row.provider)

    def __dealloc__(self):
        cdef uint32_t i
        if self.markets != NULL:
            for i in range(self.markets_count):
                free(self.markets[i].arrivals)
        free(self.markets)
        free(self.members)
        free(self.delays)

    cdef void left(self, const int64_t* heard) noexcept nogil:
        cdef uint32_t market, member
        for market in range(self.markets_count):
            for member in range(self.markets[market].members_count):
                leave(&self.markets[market], member, heard)

    cdef void sweep(self, int64_t now_ns) noexcept nogil:
        cdef uint32_t market
        for market in range(self.markets_count):
            settle(&self.markets[market], now_ns)

    cdef int succeed(self, Arbitration old) except -1:
        """A market goes on with what is known where its providers are the same ones, else with its counts alone."""
        cdef Market* before
        cdef Market* now
        cdef Member* members
        cdef Member* to_member
        cdef Histogram* delays
        cdef uint32_t member
        markets = {market[:3]: number for number, market in enumerate(self.named)}
        labels = {label: number for number, label in enumerate(self.delay_labels)}
        self.gone = old.gone
        for number, label in enumerate(old.delay_labels):
            if label in labels:
                self.delays[<uint32_t> labels[label]] = old.delays[<uint32_t> number]
        for number, named in enumerate(old.named):
            before = &old.markets[<uint32_t> number]
            if named[:3] not in markets:
                self.gone += before.forgotten
                continue
            now = &self.markets[<uint32_t> markets[named[:3]]]
            providers = self.named[markets[named[:3]]][3]
            for member, provider in enumerate(named[3]):
                if provider in providers:
                    to_member = &now.members[<uint32_t> providers.index(provider)]
                    delays = to_member.delays
                    to_member[0] = before.members[member]
                    to_member.delays = delays
            if providers == named[3]:
                members = now.members
                now[0] = before[0]
                now.members = members
                before.arrivals = NULL
            now.forgotten = before.forgotten
        return 0

    def counters(self):
        """Of each provider in each market of several, of their delays, and what was forgotten: see docs/METRICS.md."""
        cdef const Market* market
        cdef const Member* member
        cdef uint32_t i
        cdef uint64_t forgotten = self.gone
        members = []
        for number, (venue, instrument, data_class, providers) in enumerate(self.named):
            let_others_go_on(number)
            market = &self.markets[<uint32_t> number]
            forgotten += market.forgotten
            for i, provider in enumerate(providers):
                member = &market.members[i]
                members.append({
                    "provider": provider, "venue": venue, "data_class": data_class, "instrument": instrument,
                    "first": member.firsts, "echoes": member.echoes, "overdue": member.overdue,
                    "missing": member.missing, "absent": member.absent,
                    "mismatches": {"price": member.prices, "size": member.sizes, "side": member.sides},
                })
        delays = [{"provider": provider, "venue": venue, "data_class": data_class,
                   **histogram_dict(&self.delays[<uint32_t> i])}
                  for i, (provider, venue, data_class) in enumerate(self.delay_labels)]
        return {"members": members, "delays": delays, "forgotten": forgotten}
