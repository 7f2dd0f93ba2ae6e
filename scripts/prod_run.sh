#!/bin/sh
# Run and promote a cohort in the environment prod, against the servers that `make prod-up` has started (or others,
# whose variables are set). Arguments: the cohort, and settings for `kedro run --params`.
set -eu
cd "$(dirname "$0")/.."
cohort=${1:-rehearsal}
params=cohort=$cohort${2:+,$2}
PATH="$PWD/.venv/bin:$PATH"
if [ -z "${MLFLOW_TRACKING_URI:-}" ]; then
    if [ ! -f .gliomics/prod/env ]; then
        echo "No servers: run make prod-up first, or export MLFLOW_TRACKING_URI and its companions." >&2
        exit 1
    fi
    . .gliomics/prod/env
fi
case $cohort in demo | rehearsal) gliomics demo --cohort "$cohort" ;; esac
gliomics check --env prod --cohort "$cohort"
kedro run --env prod --params "$params"
gliomics data snapshot --env prod --cohort "$cohort" -m "make prod-run"
gliomics registry promote --env prod --cohort "$cohort" --keep
gliomics registry status --env prod --cohort "$cohort"
