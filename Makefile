# Everything starts here: `make run` and `make test` need only Python 3.11, make and git.
.DEFAULT_GOAL := help
.PHONY: help setup run repro test lint types contracts check clean prod-up prod-run prod-down
BIN := .venv/bin
COHORT := demo
PROD_COHORT := rehearsal
# Fewer resamples and permutations than a real run, so that the rehearsal is quick; empty for all of them.
PROD_PARAMS := modelling.permutation_control.n=20,modelling.bootstrap.n=500,modelling.comparisons.permutations=500,modelling.dataset2.permutations=2,modelling.audit.permutations=2,modelling.audit.repeats=1,modelling.final_model.refits=10

help:  ## What can be made.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

setup:  ## Set up .venv with the exact versions of constraints.txt (again only when they change).
	@sh scripts/set_up.sh

run: setup  ## Set up, write the synthetic demo cohort, run every pipeline on it.
	@$(BIN)/gliomics demo
	@$(BIN)/kedro run

repro: setup  ## Run the stages of a cohort that are out of date (make repro COHORT=tcga_lgg), by DVC.
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dvc repro --glob '*@$(COHORT)'

prod-up: setup  ## Start PostgreSQL, MLflow with accounts and an SFTP remote on this machine (needs Debian's postgresql, openssh-server).
	@$(BIN)/gliomics servers up

prod-run: setup  ## Run a cohort in prod and promote its model under the strict gate (PROD_COHORT=rehearsal).
	@sh scripts/prod_run.sh '$(PROD_COHORT)' '$(PROD_PARAMS)'

prod-down: setup  ## Stop those servers; what they keep stays (gliomics servers down --remove deletes it).
	@$(BIN)/gliomics servers down

test: setup  ## Set up and run all tests.
	@$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: setup  ## Style: ruff's rules and format.
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup  ## Types: mypy --strict.
	@$(BIN)/mypy

contracts: setup  ## Who may import whom.
	@$(BIN)/lint-imports

check: lint types contracts test  ## All of the above.

clean:  ## Remove what runs have written (raw data and .venv stay).
	rm -rf data/0[2-8]*/*/ data/test mlruns/*.db mlruns/*.jsonl mlruns/artifacts .viz
