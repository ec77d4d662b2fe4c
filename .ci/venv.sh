# Sourced by run_demo.sh and run_tests.sh, with the checkout as the current folder.
# shellcheck shell=bash

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# The caller's settings for other jobs and other Pythons must not reach this one.
clean_environment() {
  unset "${!SM_@}" "${!SAGEMAKER_@}" "${!USE_PRECOMPUTED_@}" \
    USE_SECURE_PYPI CA_REPOSITORY_ARN REGION MPLBACKEND \
    PYTHONHOME PYTHONPATH PYTHONWARNINGS VIRTUAL_ENV
}

# Prints the first Python that is new enough.
find_python() {
  local candidate found=""
  for candidate in python3 python3.13 python3.12 python3.11; do
    command -v "$candidate" >/dev/null || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s' "$candidate"
      return
    fi
    found+=" $("$candidate" --version 2>&1 || true)"
  done
  die "Python 3.11 or newer is needed, found:${found:- none}. On Debian 12: apt-get install python3 python3-venv git"
}

# Whether packages that are published as source only can be built here.
can_build() {
  command -v cc >/dev/null && "$(find_python)" -c 'import pathlib, sys, sysconfig
sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())'
}

# ensure_venv VENV REQUIREMENTS [FILES THAT IT INCLUDES...]
# Makes VENV hold exactly the requirements. The stamp is written last, so that an interrupted
# installation has none; without the right stamp the environment is made anew from nothing.
ensure_venv() {
  local venv=$1 requirements=$2
  shift
  local python want log
  python=$(find_python)
  want=$({ "$python" --version && cat "$@"; } | sha256sum)
  if [ "$(cat "$venv/.stamp" 2>/dev/null)" = "$want" ] && "$venv/bin/python" -c '' 2>/dev/null; then
    return
  fi
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    die "$python cannot make virtual environments. On Debian: apt-get install python3-venv"
  echo "Installing $requirements into $venv (once, a minute or two) ..."
  rm -rf "$venv"
  "$python" -m venv "$venv"
  log="$venv/install.log"
  if ! "$venv/bin/python" -m pip install --disable-pip-version-check --no-input \
    --only-binary=:all: -r "$requirements" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "installing $requirements failed, see above; the whole log is $venv/install.log"
  fi
  printf '%s\n' "$want" >"$venv/.stamp"
}

# The lightgbm wheel needs the system's OpenMP library, which a small Debian lacks. The
# scikit-learn wheel brings the same library under another name: give it the name that is sought.
provide_libgomp() {
  local venv=$1 bundled
  local load='import ctypes, glob, sys
[library] = glob.glob(sys.prefix + "/lib/python3*/site-packages/lightgbm/lib/lib_lightgbm.*")
ctypes.CDLL(library)'
  "$venv/bin/python" -c "$load" 2>/dev/null && return
  bundled=$(find "$venv/lib" -path '*/scikit_learn.libs/libgomp-*' -print -quit)
  if [ -n "$bundled" ]; then
    mkdir -p "$venv/lib/openmp"
    ln -sfnr "$bundled" "$venv/lib/openmp/libgomp.so.1"
    export LD_LIBRARY_PATH="$PWD/$venv/lib/openmp${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  fi
  "$venv/bin/python" -c "$load" 2>/dev/null ||
    die "lightgbm cannot be loaded: $("$venv/bin/python" -c "$load" 2>&1 | tail -n 1). On Debian: apt-get install libgomp1"
}
