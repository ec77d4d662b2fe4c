#!/usr/bin/env bash
# Trains on a made payments data set, shows what came out, and scores new payments. Needs python3
# (3.11 or newer) and python3-venv. Arguments go to examples/payments.py, such as:
#     ./run_demo.sh --format parquet --seed 1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=.ci/venv.sh
. .ci/venv.sh

base=demo/opt_ml

clean_environment
ensure_venv .venv requirements.txt
provide_libgomp .venv

rm -rf "$base" demo/new_payments demo/scored
.venv/bin/python -m examples.payments "$base" "$@"
SAGEMAKER_BASE_DIR="$PWD/$base" .venv/bin/python lightgbmmt_training.py
echo
.venv/bin/python -m examples.show_results "$base"

# New raw rows, as they come, are scored with the model directory alone.
.venv/bin/python -m examples.new_payments make demo/new_payments
REASONS=2 .venv/bin/python lightgbmmt_model_inference.py \
  --model "$base/model" --input demo/new_payments --output demo/scored
echo
.venv/bin/python -m examples.new_payments show demo/scored
