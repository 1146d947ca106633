#!/usr/bin/env bash
# Holds the API against checkers that others wrote: the schema's text against graphql-eslint and an application in
# Relay, a running service against graphql-inspector and the random documents of schemathesis.
#   tests/tools/conformance.sh [program]
# The program is the one that cargo built when absent. THRIVE_FUZZ_EXAMPLES says how many documents for each field of
# Query and Mutation, 200 when absent. The tools are installed once, here and below target/.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
thrive=${1:-$target/debug/thrive}
examples=${THRIVE_FUZZ_EXAMPLES:-200}
tools=$PWD/tests/tools/conformance
fail() { echo "conformance.sh: $*" >&2; exit 1; }
[ -x "$thrive" ] || fail "there is no $thrive: run \`cargo build\`"

tests/tools/node.sh
if ! cmp -s "$tools/package-lock.json" "$tools/node_modules/installed.json"; then
    echo "Installing the tools of $tools/package.json ..." >&2
    (cd "$tools" && npm ci --silent --no-fund --no-audit --ignore-scripts)
    cp "$tools/package-lock.json" "$tools/node_modules/installed.json"
fi

mkdir -p "$target/tools"
venv=$(cd "$target/tools" && pwd)/schemathesis
if ! cmp -s "$tools/fuzz/requirements.txt" "$venv/installed.txt"; then
    python3 -c 'import venv, ensurepip' 2> /dev/null ||
        fail "python3 with venv is needed (Debian, Ubuntu: sudo apt-get install python3 python3-venv)"
    echo "Installing the tools of $tools/fuzz/requirements.txt ..." >&2
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
        -r "$tools/fuzz/requirements.txt" || fail "the tools of $tools/fuzz/requirements.txt could not be installed"
    cp "$tools/fuzz/requirements.txt" "$venv/installed.txt"
fi

work=$(mktemp -d)
# PostgreSQL runs below it, as another user where this one is root.
chmod 755 "$work"
service=
cleanup() {
    if [ -n "$service" ]; then
        kill -INT "$service" 2> /dev/null || true
        wait "$service" 2> /dev/null || true
    fi
    rm -rf "$work"
}
trap cleanup EXIT

node "$tools/lint.mjs"

cp -r "$tools/relay" "$work/relay"
cp schema.graphql "$work/relay/"
mkdir "$work/relay/__generated__"
(cd "$work/relay" && "$tools/node_modules/.bin/relay-compiler" relay.config.json > "$work/relay.log" 2>&1) ||
    { cat "$work/relay.log" >&2; fail "Relay does not compile against schema.graphql"; }
echo "ok  relay-compiler: $(find "$work/relay/__generated__" -type f | wc -l) documents and fragments"

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
# What is asked for is random, and much: no client of its own would be let ask so often.
"$thrive" --log warn demo --parts api --data-dir "$work/data" --listen "127.0.0.1:$port" \
    --requests-per-minute 0 --cost-per-minute 0 > "$work/service.log" 2>&1 &
service=$!
for _ in $(seq 1200); do
    grep -q 'Ctrl-C ends it' "$work/service.log" && break
    kill -0 "$service" 2> /dev/null || { cat "$work/service.log" >&2; fail "the service did not start"; }
    sleep 0.1
done
set -a
. "$work/data/demo.env"
set +a

node "$tools/diff.mjs" "$THRIVE_URL/graphql" "$TOKEN_AUDITOR"

# What the service logged of faults, without the backtraces.
faults() { grep -aE 'ERROR|panicked' "$work/service.log" | cut -c 1-300; }

# Not its own check for server errors, which takes a refusal for one: hooks.py has checks that know the codes.
(cd "$work" && PYTHONPATH=$tools/fuzz PYTHONDONTWRITEBYTECODE=1 SCHEMATHESIS_HOOKS=hooks \
    "$venv/bin/schemathesis" --no-color run "$THRIVE_URL/graphql" --phases fuzzing --max-examples "$examples" \
    --generation-deterministic --checks is_an_answer,hides_its_internals,response_schema_conformance,fits_its_schema > "$work/fuzz.log" 2>&1) ||
    { cat "$work/fuzz.log" >&2; faults >&2 || true; fail "schemathesis found what is above"; }
if faults > "$work/faults.log"; then cat "$work/faults.log" >&2; fail "the service met a fault that no answer told of"; fi
echo "ok  schemathesis:$(sed -n 's/^ *\([0-9]* generated\).*/ \1/p' "$work/fuzz.log") documents$(sed -n 's/.*Missing test data: \([0-9]*\) .*/; of \1 fields no data were seen/p' "$work/fuzz.log" | head -n 1)"
