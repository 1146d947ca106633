#!/usr/bin/env bash
# Holds the dependencies against deny.toml: licences, versions, sources. Builds cargo-deny the first time, below
# target/, which takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=0.20.2
tools=${CARGO_TARGET_DIR:-target}/tools
deny=$tools/bin/cargo-deny
if [ "$("$deny" --version 2> /dev/null)" != "cargo-deny $version" ]; then
    echo "Building cargo-deny $version ..." >&2
    cargo install --quiet --locked --version "$version" --root "$tools" cargo-deny
fi
# An exception that is no longer needed is an error too.
"$deny" --locked check -D unmatched-skip -D unnecessary-skip -D license-exception-not-encountered licenses bans sources
