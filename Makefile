# Two commands matter on a new machine: `make run` and `make test`. Each installs what it
# needs by the ordinary package managers, and says what to install where it may not.

.PHONY: run test lint fmt check deny conformance bench bench-deadlines web tools sqlx schema clean

# For example: make run ARGS="--listen 127.0.0.1:9000 --data-dir /tmp/thrive"
ARGS ?=

# The private PostgreSQL, the pages, the program with demo data; Ctrl-C ends all of it.
run: postgres web
	@echo "Building thrive ..."
	@cargo build --quiet
	@exec "$${CARGO_TARGET_DIR:-target}/debug/thrive" demo $(ARGS)

test: postgres web tools
	cargo test --test tests
	cargo run --quiet -- schema | diff schema.graphql - || { echo "run: make schema"; exit 1; }
	@for command in serve migrate; do cargo run --quiet -- $$command --help; done > "$${CARGO_TARGET_DIR:-target}/help.txt"
	tests/tools/helm.sh "$${CARGO_TARGET_DIR:-target}/help.txt"

lint:
	cargo clippy --all-targets -- -D warnings

fmt:
	cargo fmt

# As many payments as a file may have take half of the time that a transaction may take, in a build for tests.
ALONE = payment_imports::thousands_of_lines_are_paid_in_one_go

# The long ones; run before a change of weight is called done.
check: test lint sqlx-check deny conformance
	cargo fmt --check
	THRIVE_TEST_THOROUGH=1 cargo test --quiet --test tests -- --exact $(ALONE)
	THRIVE_TEST_THOROUGH=1 cargo test --quiet --test tests -- --skip $(ALONE)

# Licences, versions and sources of what Thrive depends on, against deny.toml.
deny:
	tests/tools/deny.sh

# The API against checkers that others wrote. THRIVE_FUZZ_EXAMPLES=20 makes it short.
conformance: postgres web
	cargo build --quiet
	tests/tools/conformance.sh

# The release build, a database of a million disbursements the first time, and about ten minutes: bench/README.md.
bench: postgres
	bench/install.sh peers
	cargo build --quiet --release
	bench/run.py

# Each alone: the memory at 64 connections, an export of a million rows, payments, ten times the data, instructions.
.PHONY: bench-memory bench-export bench-payments bench-scale bench-instructions
bench-memory bench-export bench-payments bench-scale bench-instructions: postgres
	bench/install.sh
	cargo build --quiet --release
	bench/extras.py $(@:bench-%=%)

# The release build, and about five minutes.
bench-deadlines: postgres
	bench/deadlines.sh

# What the compiler knows of the database when there is none to ask: run after a change of SQL.
sqlx: postgres
	tests/tools/sqlx.sh

.PHONY: sqlx-check postgres
sqlx-check: postgres
	tests/tools/sqlx.sh --check

schema:
	cargo run --quiet -- schema > schema.graphql

postgres:
	@tests/tools/postgres.sh > /dev/null

web: web/dist/graphiql.html

tools: tests/tools/node_modules/.package-lock.json

web/dist/graphiql.html: web/package-lock.json web/graphiql.html web/vite.config.ts $(wildcard web/src/*)
	@tests/tools/node.sh
	@echo "Building the web pages ..."
	@cd web && npm ci --silent --no-fund --no-audit && npm run --silent build
	@touch $@

tests/tools/node_modules/.package-lock.json: tests/tools/package-lock.json
	@tests/tools/node.sh
	@echo "Installing the test tools ..."
	@cd tests/tools && npm ci --silent --no-fund --no-audit
	@touch $@

clean:
	cargo clean
	rm -rf web/dist web/node_modules tests/tools/node_modules tests/tools/conformance/node_modules bench/peers/node_modules
