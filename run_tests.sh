#!/usr/bin/env bash
# Lint, format check, type check and all tests; stops at the first that fails. Needs python3 (3.11
# or newer) and python3-venv. Arguments go to pytest, e.g.: ./run_tests.sh -k loss
# Long tests are left out: ./run_tests.sh -m long runs them alone, ./run_tests.sh -m '' runs all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=.ci/venv.sh
. .ci/venv.sh

step() {
  echo "== $1"
  .venv-dev/bin/python -m "$@" || die "this step failed: $*"
}

clean_environment
if can_build; then
  ensure_venv .venv-dev requirements-toolkit.txt requirements-dev.txt requirements-serving.txt requirements.txt
else
  ensure_venv .venv-dev requirements-dev.txt requirements-serving.txt requirements.txt
fi
provide_libgomp .venv-dev

# Test processes share the cores: threads that wait must not spin.
export OMP_WAIT_POLICY=PASSIVE

step ruff check .
step ruff format --check .
step mypy .
echo "== pytest"
exec .venv-dev/bin/python -m pytest -n 2 "$@"
