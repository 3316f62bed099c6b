# Everything starts here; `make help` lists the targets.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUNS_DIR ?= runs
# One word of the shell, whatever it holds; nothing if it is empty. RUNS is a list of such words.
quoted = $(if $(1),'$(subst ','\'',$(1))')
RUNS ?= $(call quoted,$(RUNS_DIR))
EXP ?= ipd_icl
SEED ?=
SEEDS ?= $(SEED)
SWEEP ?=
ARGS ?=
PORT ?= 6006
PROMETHEUS ?= prometheus
PROMETHEUS_PORT ?= 9090
PROMETHEUS_CONFIG ?= docker/prometheus/prometheus.yml
PROMETHEUS_DATA ?= .prometheus
AUDIT_DIR ?= audit
FIG ?= all
FIG_SEEDS ?= 0-4
SCALE ?= laptop
PART ?= all
FAULTS ?= 1
TRAIN ?= $(filter paper,$(SCALE))
export COOP_ICL_BY_MAKE := 1

# A variable that no target reads would be ignored without a word.
KNOWN := PYTHON VENV RUNS_DIR RUNS EXP SEED SEEDS SWEEP RUN ARGS PORT PROMETHEUS PROMETHEUS_PORT PROMETHEUS_CONFIG \
	PROMETHEUS_DATA AUDIT_DIR FIG FIG_SEEDS SCALE PART FAULTS TRAIN MEASURE RAY_ADDRESS COOP_ICL_BY_MAKE SHELL MAKEFLAGS
given = $(strip $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name))))
unknown := $(filter-out $(KNOWN),$(given))
ifneq ($(unknown),)
$(error $(firstword $(unknown)): got a variable that no target reads; expected one of EXP, SEED, SEEDS, SWEEP, RUN, RUNS, \
	RUNS_DIR, ARGS and those that `make help` names (settings go into ARGS="$(firstword $(unknown))=..."))
endif

.DEFAULT_GOAL := help
.PHONY: help install train submit doctor resume evaluate report play crossplay compare prometheus list verify reproduce beyond bench results test test-all test-faults lint lint-docker audit format clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'
	@echo
	@echo '  EXP=ipd_icl  SEED=0  SEEDS=0-4  RUN=runs/ipd_icl/seed_0  RUNS=runs  ARGS="train.updates=200 ray.num_env_runners=1"'

install: $(STAMP)  ## create .venv from requirements.lock

$(STAMP): requirements.lock setup.cfg setup.py pyproject.toml $(wildcard coop_icl/models/_gru*.[ch])
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] < (3, 13)))' || \
		{ echo "coop_icl needs Python 3.11 or 3.12; set PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

HOW = $(call quoted,$(EXP)) $(if $(SEEDS),--seeds $(call quoted,$(SEEDS))) --runs $(call quoted,$(RUNS_DIR)) $(if $(SWEEP),--sweep $(call quoted,$(SWEEP))) $(ARGS)
train: $(STAMP)  ## train an experiment: EXP=name SEED=0 or SEEDS=0-4, SWEEP="key=a,b", RAY_ADDRESS=host:6379
	@$(BIN)/coop-icl train $(HOW)

submit: $(STAMP)  ## the same as a Ray job, its log followed: EXP=name RAY_ADDRESS=host:6379 or http://host:8265
	@$(BIN)/coop-icl submit $(HOW)

doctor: $(STAMP)  ## whether this machine, or the cluster that RAY_ADDRESS names, is fit for runs
	@$(BIN)/coop-icl doctor --runs $(call quoted,$(RUNS_DIR)) $(ARGS)

resume: $(STAMP)  ## continue a run that was stopped: RUN=runs/ipd_icl/seed_0
	@$(BIN)/coop-icl resume $(call quoted,$(RUN)) $(ARGS)

evaluate: $(STAMP)  ## ask a run's policies: RUN=...; ARGS=--all asks everything, ARGS="--only probes" what is named
	@$(BIN)/coop-icl evaluate $(call quoted,$(RUN)) $(ARGS)

report: $(STAMP)  ## one HTML page about a run: RUN=...
	@$(BIN)/coop-icl report $(call quoted,$(RUN)) $(ARGS)

play: $(STAMP)  ## play an episode against a trained agent: RUN=...; ARGS="--learner learner_1 --rounds 20"
	@$(BIN)/coop-icl play $(call quoted,$(RUN)) $(ARGS)

crossplay: $(STAMP)  ## everyone against everyone: RUNS="runs/ipd_icl runs/ipd_no_pool" ARGS="--co-players tft,alld"
	@$(BIN)/coop-icl crossplay $(RUNS) $(ARGS)

compare: $(STAMP)  ## cooperation rates of several runs in one TensorBoard: RUNS="runs/ipd_icl runs/ipd_no_pool"
	@$(BIN)/coop-icl compare $(RUNS) --port $(PORT) $(ARGS)

prometheus:  ## metrics of the Ray nodes on this machine at http://127.0.0.1:9090: PROMETHEUS_PORT=9090
	@command -v $(PROMETHEUS) > /dev/null || \
		{ echo "prometheus is not installed: apt install prometheus, or set PROMETHEUS=/path/to/prometheus"; exit 2; }
	exec $(PROMETHEUS) --config.file=$(call quoted,$(PROMETHEUS_CONFIG)) --storage.tsdb.path=$(call quoted,$(PROMETHEUS_DATA)) \
		--web.listen-address=127.0.0.1:$(PROMETHEUS_PORT) --log.level=warn

list: $(STAMP)  ## experiments and what each claims
	@$(BIN)/coop-icl list

bench: $(STAMP)  ## speed, memory and growth beside others (under half an hour): ARGS="--only cells --cells gru64 512"
	@$(BIN)/python -m bench.run $(ARGS)

verify: $(STAMP)  ## whether finished runs show what their experiment claims: EXP=name
	@$(BIN)/coop-icl verify $(call quoted,$(EXP)) --runs $(call quoted,$(RUNS_DIR)) $(ARGS)

reproduce: $(STAMP)  ## figures of the paper from committed data: FIG=1, 2, 3, 4, all; TRAIN=1 trains first, MEASURE=1 adds finished runs; SCALE=paper
	@$(BIN)/coop-icl reproduce $(FIG) --scale $(SCALE) $(if $(TRAIN),--train --seeds $(FIG_SEEDS),$(if $(MEASURE),--measure,--no-train)) \
		--runs $(call quoted,$(RUNS_DIR)) $(ARGS)

beyond: $(STAMP)  ## other games, methods, models and what it takes: PART=games, methods, models, ingredients; TRAIN=1, MEASURE=1
	@$(BIN)/coop-icl beyond $(PART) $(if $(TRAIN),--train --seeds $(FIG_SEEDS),$(if $(MEASURE),--measure,--no-train)) --runs $(call quoted,$(RUNS_DIR)) $(ARGS)

results: $(STAMP)  ## tables and pictures of docs/results from finished runs
	@$(BIN)/coop-icl results $(RUNS) $(ARGS)

test: $(STAMP) lint  ## lint, types, import rules and tests
	$(BIN)/python -m pytest -m "not slow and not faults" $(ARGS)

test-all: $(STAMP) lint  ## also the long learning tests
	$(BIN)/python -m pytest -m "not faults" $(ARGS)

test-faults: $(STAMP)  ## injected faults; writes docs/results/reliability.md. FAULTS=0.1 tries a tenth
	@FAULTS=$(FAULTS) $(BIN)/python -m pytest -m faults tests/faults $(ARGS)

lint: $(STAMP) lint-docker  ## ruff, pyright, and linters of what is in docker/
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

CHECK := $(BIN)/check-jsonschema --quiet --schemafile
lint-docker: $(STAMP)
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/yamllint --strict -c docker/.yamllint.yaml docker
	$(CHECK) "$$($(BIN)/python -c 'import ray.autoscaler as a; print(a.__path__[0])')/ray-schema.json" docker/ray-cluster.yaml
	$(CHECK) docker/schemas/rayjob.schema.json docker/kuberay-rayjob.yaml
	$(CHECK) docker/schemas/prometheus.schema.json docker/prometheus/prometheus.yml
	$(BIN)/check-jsonschema --quiet --check-metaschema docker/schemas/*.json

audit: $(STAMP)  ## known vulnerabilities of the pinned versions, and a bill of materials (CycloneDX): audit/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock pip-audit cyclonedx-bom
	@mkdir -p $(call quoted,$(AUDIT_DIR))
	$(BIN)/cyclonedx-py requirements --output-reproducible -o $(call quoted,$(AUDIT_DIR))/sbom.json requirements.lock
	$(BIN)/pip-audit --strict -r requirements.lock --no-deps --disable-pip -f json -o $(call quoted,$(AUDIT_DIR))/vulnerabilities.json

format: $(STAMP)  ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the environment and caches, never runs
	rm -rf $(call quoted,$(VENV)) build *.egg-info .ruff_cache .pytest_cache
