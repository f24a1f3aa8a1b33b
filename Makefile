# One command each; every one sets up what it needs. See README.md.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
SOURCES := $(shell find ingestor -name '*.pyx' -o -name '*.pxd' -o -name '*.h')

.PHONY: test build clean

$(VENV)/.installed: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "ingestor needs Python 3.11 or later: install python3 and python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ingestor needs Python 3.11 or later; PYTHON=/path/to/python3.11 make ..."; exit 1; }
	@command -v cc >/dev/null || { echo "ingestor needs a C compiler: install gcc"; exit 1; }
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install -q --upgrade pip setuptools
	$(RUN) -m pip install -q "Cython>=3.1,<4" "picows==2.3.1"
	$(RUN) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; print("\n".join(p["dependencies"] + sum(p["optional-dependencies"].values(), [])))' > $(VENV)/requirements.txt
	$(RUN) -m pip install -q -r $(VENV)/requirements.txt
	touch $@

$(VENV)/.built: $(VENV)/.installed setup.py $(SOURCES)
	$(RUN) setup.py -q build_ext --inplace
	touch $@

build: $(VENV)/.built

test: build
	$(RUN) -m pytest

clean:
	rm -rf build $(VENV)/.built
	find ingestor -name '*.so' -delete
