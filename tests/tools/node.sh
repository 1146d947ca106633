#!/usr/bin/env bash
# Says what to install where Node is absent or too old.
set -euo pipefail
version=$(node --version 2> /dev/null || echo v0)
major=${version#v}
if [ "${major%%.*}" -lt 20 ]; then
    echo "Node 20 or newer with npm is needed, and this machine has ${version/v0/none}. Install it by" >&2
    echo "    sudo apt-get install nodejs npm      (Debian, Ubuntu)" >&2
    echo "    brew install node                    (macOS)" >&2
    exit 1
fi
