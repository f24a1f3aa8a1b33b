# One command each; every one sets up what it needs in .venv. See README.md.
#
# Stamps make a repeated run quick: .venv/.installed-* (one a set of requirements) and .venv/.built.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
SOURCES := $(shell find ingestor shards -name '*.pyx' -o -name '*.pxd' -o -name '*.h')
WERROR := build/werror

.DELETE_ON_ERROR:
.PHONY: help run test bench check fuzz sanitize build clean

help:
	@echo "make run     simulated providers, two shards and a live table, with no outside service"
	@echo "make test    the whole suite (installs what it can; needs JDK 17 and Maven for Kafka)"
	@echo "make bench   every benchmark beside its peers, to bench/results/latest.json"
	@echo "make check   build with warnings as errors, ruff, mypy, cython-lint, the house test"
	@echo "make fuzz    decoders and scan under sanitizers, coverage-guided; FUZZ_SECONDS=300 FUZZ_TARGETS=all"
	@echo "make sanitize  the tests of what is compiled, in a build with the sanitizers"
	@echo "make build   compile in place    make clean   remove what was built, keep .venv"

run: build
	$(VENV)/bin/ingestor demo

test: $(VENV)/.tools-test $(VENV)/.installed-bench $(VENV)/.installed-test build
	$(RUN) -m pytest $(TESTS)

bench: $(VENV)/.tools-test $(VENV)/.installed-bench build
	$(RUN) -m bench.run $(BENCH)

check: $(VENV)/.installed-check $(VENV)/.installed-test build
	CYTHON_FORCE_REGEN=1 INGESTOR_WERROR=1 $(RUN) setup.py -q build_ext --force --build-lib $(WERROR)/lib --build-temp $(WERROR)/objects
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	PATH="$(VENV)/bin:$$PATH" cython-lint $$(find ingestor shards -name '*.pyx' -o -name '*.pxd')
	$(RUN) -m pytest tests/test_house.py

# Only what reads bytes from outside is built with the sanitizers, into build/debug.
FUZZED := ingestor/decode.pyx ingestor/records.pyx ingestor/scan/*.pyx ingestor/providers/*.pyx ingestor/wire/text.pyx \
	ingestor/feeds/http2_reader.pyx
fuzz: $(VENV)/.installed-test
	INGESTOR_DEBUG=1 INGESTOR_ONLY='$(FUZZED)' $(RUN) setup.py -q build
	$(RUN) tests/fuzz/run.py --seconds $(or $(FUZZ_SECONDS),300) $(if $(FUZZ_RUNS),--runs $(FUZZ_RUNS)) $(FUZZ_TARGETS)

# What is C of ours, tested in the build with the sanitizers; memory can't be measured there.
SANITIZED := tests/scan tests/providers tests/unify tests/pricing tests/wire tests/rawlog tests/test_core.py \
	tests/test_core_written.py tests/test_edition.py tests/property/test_swaps.py \
	tests/sinks/test_outbox.py tests/feeds/test_http2_reader.py tests/feeds/test_grpc.py \
	tests/feeds/test_websocket_door.py tests/feeds/test_websocket_protocol.py
sanitize: $(VENV)/.installed-test
	INGESTOR_DEBUG=1 $(RUN) setup.py -q build
	$(RUN) tests/fuzz/sanitized.py -P -m pytest $(or $(TESTS),$(SANITIZED))

build: $(VENV)/.built

$(VENV)/.tools-%: scripts/setup
	@PYTHON=$(PYTHON) scripts/setup $*
	@mkdir -p $(VENV) && touch $@

$(VENV)/.python: $(VENV)/.tools-run
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install -q --upgrade pip
	@touch $@

# The product's own requirements and the build's; then one set a kind of work.
$(VENV)/.installed-base: $(VENV)/.python pyproject.toml scripts/requirements
	$(RUN) scripts/requirements build base > $(VENV)/requirements-base.txt
	$(RUN) -m pip install -q -r $(VENV)/requirements-base.txt
	@touch $@

$(VENV)/.installed-%: $(VENV)/.installed-base
	$(RUN) scripts/requirements $* > $(VENV)/requirements-$*.txt
	$(RUN) -m pip install -q -r $(VENV)/requirements-$*.txt
	@touch $@

# Installed once in place, for the `ingestor` command and the metadata; then compiled as sources change. The
# installation would compile everything too, in folders of its own: it is left one file.
$(VENV)/.linked: $(VENV)/.installed-base setup.py
	INGESTOR_ONLY=ingestor/records.pyx $(RUN) -m pip install -q --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.built: $(VENV)/.linked setup.py $(SOURCES)
	$(RUN) setup.py -q build_ext --inplace
	@touch $@

clean:
	rm -rf build $(VENV)/.linked $(VENV)/.built
	find ingestor shards -name '*.so' -delete
