# Shared by the scripts of this folder: sourced, never run.
# shellcheck shell=bash
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Library products as SwiftPM names them, and the plugin files that the host looks for.
PLUGINS=(
  WeirYAML:yaml
  WeirGzip:gzip
  WeirElasticsearch:elasticsearch
  WeirSampleRedact:sample_redact
  WeirSampleOutput:sample_output
)

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# build_folder CONFIGURATION: where SwiftPM puts the products of that configuration.
build_folder() {
  echo "${WEIR_SCRATCH:-$ROOT/.build}/$1"
}
