# hsicnn: `make help` lists the targets. Each does its own set-up.
SHELL := /bin/bash
BUILD := build
PYTHON := .venv/bin/python
VERSION := $(shell sed -n 's/^version=//p' metadata.txt)
PARALLEL := -n auto --maxprocesses=4 --dist loadfile
export QT_QPA_PLATFORM ?= offscreen
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help env demo test coverage test-matrix check bench fuzz zip headless clean
.DEFAULT_GOAL := help

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

env: .venv/ready  ## QGIS where it is missing, .venv with the pinned packages, torch

.venv/ready: .ci/environment requirements.txt requirements-dev.txt
	@.ci/environment
	@touch $@

demo: env  ## The main job on an example scene: map, report, accuracy, picture (in demo/)
	@$(PYTHON) docs/demo.py demo

test: env  ## Run the tests and hold their coverage (ARGS="tests/core -k chips" for some of them)
ifeq ($(strip $(ARGS)),)
	@rm -rf build/coverage && mkdir -p build/coverage
	@# Torch's threads sleep when they wait: the cores are shared with the other tests.
	@GOMP_SPINCOUNT=1000 $(PYTHON) -m coverage run -m pytest $(PARALLEL)
	@$(PYTHON) tests/support/branch_coverage.py
else
	@$(PYTHON) -m pytest $(ARGS)
endif

coverage: test  ## The tests, then the lines and branches that none of them reaches
	@$(PYTHON) -m coverage report --show-missing --skip-covered

test-matrix:  ## The tests on QGIS 3.22, 3.40 and 3.44 (ARGS=trixie for one; root, debootstrap)
	@.ci/matrix $(ARGS)

check: env  ## Linter, formatter, types, floors, security
	@.ci/check

bench: env  ## Speed, then accuracy (long); ARGS=speed or ARGS=accuracy for one
	@$(PYTHON) benchmarks/run.py $(ARGS)

fuzz: env  ## Try spoilt models, chip sets, rasters and maps (N=10000 SEED=0)
	@$(PYTHON) tests/fuzz/run.py --count $(or $(N),10000) --seed $(or $(SEED),0)

zip:  ## The plugin as build/hsicnn-VERSION.zip, from what is committed
	@mkdir -p $(BUILD)
	@git archive --format=zip --prefix=hsicnn/ -o $(BUILD)/hsicnn-$(VERSION).zip HEAD \
	  __init__.py metadata.txt requirements.txt LICENSE README.md CHANGELOG.md ':(glob)docs/*.md' hsicnn_plugin algorithms core models
	@echo $(BUILD)/hsicnn-$(VERSION).zip

headless: env  ## Run the checkout in qgis_process: make headless ARGS=list
	@$(PYTHON) tests/support/headless.py $(ARGS)

clean:  ## Remove what make made (also .venv and demo/)
	@rm -rf .venv build demo .mypy_cache .ruff_cache .qgis-settings
	@find . -name __pycache__ -prune -exec rm -rf {} +
