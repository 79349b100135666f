# Panlock runs from its own .venv; every target sets it up first. `make setup` is quick when nothing changed.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
BIN := .venv/bin
# tests share an existing cluster one after the other; on brokers of their own, three files at a time
PROCESSES := $(if $(filter-out embedded docker,$(PANLOCK_KAFKA)),0,3)

.PHONY: help setup demo test lint bench images compose-demo manifests clean

help:
	@echo "make setup   environment, kernel and Kafka's jars (all other targets do this first)"
	@echo "make demo    the whole story on a real Kafka; ends with: demo: ok"
	@echo "make test    lint and all tests"
	@echo "make lint    ruff, mypy --strict, import-linter"
	@echo "make bench   Panlock beside other engines, as JSON"
	@echo "make compose-demo  the same story on three brokers in containers (make images first)"
	@echo "make images  the images of deploy/docker (BASE=IMAGE: what they are built on)"
	@echo "make manifests  what the Helm chart and deploy render write, against its schemas (needs Go)"
	@echo "make clean   remove what the above made in this checkout"

setup:
	@test -n "$(PYTHON)" || { echo "error: Panlock needs Python 3.11 or later on the PATH (or make PYTHON=...)" >&2; exit 1; }
	@$(PYTHON) -m deploy.dev.checkout

demo: setup
	@exec $(BIN)/python -m deploy.demo

lint: setup
	@echo "lint: ruff, mypy --strict, import-linter"
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

test: lint
	@if command -v cargo >/dev/null; then echo "test: kernel (cargo)"; \
		cargo test --quiet --locked --manifest-path kernel/Cargo.toml; \
	else echo "test: no cargo here, the kernel is tested through Python alone"; fi
	@echo "test: pytest"
	@exec $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile

images: setup
	@exec $(BIN)/python -m deploy.docker.images $(if $(BASE),--base $(BASE))

compose-demo: setup
	@exec $(BIN)/python -m deploy.compose.demo

bench: setup
	@exec $(BIN)/python -m bench.engine --json

manifests: setup
	@exec $(BIN)/python -m deploy.kubernetes.validate

clean:
	rm -rf .venv .cache var build dist kernel/target
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
