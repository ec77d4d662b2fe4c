#!/usr/bin/env bash
# Trains on a made payments data set and shows what came out. Needs python3 (3.11 or newer) and
# python3-venv. Arguments go to examples/payments.py, e.g.: ./run_demo.sh --format parquet --seed 1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=.ci/venv.sh
. .ci/venv.sh

base=demo/opt_ml

clean_environment
ensure_venv .venv requirements.txt
provide_libgomp .venv

rm -rf "$base"
.venv/bin/python -m examples.payments "$base" "$@"
SAGEMAKER_BASE_DIR="$PWD/$base" .venv/bin/python lightgbmmt_training.py
echo
.venv/bin/python -m examples.show_results "$base"
