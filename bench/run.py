#!/usr/bin/env python3
"""The five questions, side by side: Thrive, Mercurius, PostGraphile, and the flat SQL by pgbench. Prints one table.

Environment: SCALE, CONCURRENCY, SECONDS_EACH, ROUNDS, THRIVE (the program), PEERS=mercurius,postgraphile (or none).
"""
import json, os, statistics, sys, time
from harness import CONCURRENCY, HERE, LARGEST, MANAGER, ROUNDS, SECONDS, SMALLEST, TARGET, Ceiling, Database, Load, Server, document

PEERS = [name for name in os.environ.get("PEERS", "mercurius,postgraphile").split(",") if name]
CASES = [(operation, MANAGER) for operation in ("Q1", "Q2", "Q3", "Q4", "Q5")]
CASES += [(operation, person) for operation in ("Q2", "Q3", "Q5") for person in (LARGEST, SMALLEST)]
WHO = {MANAGER: "GRANT_MANAGER", LARGEST: "CITY_FINANCE, largest", SMALLEST: "CITY_FINANCE, smallest"}
# What Thrive is to reach: of Mercurius, and of the ceiling.
LEAST = {"Q1": (2.5, 0.25), "Q2": (1.5, 0.5), "Q3": (1.5, 0.4), "Q4": (1.5, 0.5), "Q5": (2, 0.45)}


def slowest(database, loads):
    """An answer that takes long is measured alone, for long enough to see some."""
    taken = 0
    for load in loads:
        if isinstance(load, Load):
            begun = time.monotonic()
            load.server.ask(document(load.server, load.operation), json.loads(load.list.open().readline()), load.person)
            taken = max(taken, time.monotonic() - begun)
    return taken


def measure(database, servers):
    results = {}
    prepared = {}
    for operation, person in CASES:
        # The peers let everybody see everything.
        asked = [server for server in servers if person == MANAGER or server.name == "thrive"]
        loads = [Load(database, server, operation, person) for server in asked] + [Ceiling(database, operation, person)]
        slow = slowest(database, loads)
        prepared[operation, person] = loads, *((CONCURRENCY, SECONDS) if slow < 0.5 else (1, max(SECONDS, round(4 * slow))))
        for load in loads:
            if slow < 0.5:
                load.run(1, 8)
    for round_ in range(ROUNDS):
        for case, (loads, concurrency, seconds) in prepared.items():
            for load in loads if round_ % 2 == 0 else reversed(loads):
                name = load.server.name if isinstance(load, Load) else load.name
                ran = load.run(seconds, concurrency, round_ + 1) | dict(concurrency=concurrency)
                results.setdefault(case, {}).setdefault(name, []).append(ran)
            print(f"round {round_ + 1}: {case[0]} as {WHO[case[1]]}", file=sys.stderr)
    return results


def rate(run):
    return run["rate"]


def tail(run):
    return run["p99"] / run["p50"]


def ratio(runs, others, of=rate):
    return statistics.median(of(run) / of(other) for run, other in zip(runs, others))


COLUMNS = ["question", "as", "server", "requests/s", "× Mercurius", "of pgbench", "p50 ms", "p99 ms", "p99/p50, × pgbench's",
           "CPU µs service", "CPU µs PostgreSQL", "peak MB", "bytes", "errors"]


def row(case, name, ran):
    runs = ran[name]

    def middle(key, digits=0):
        return f"{statistics.median(run[key] for run in runs):.{digits}f}"

    def beside(other, of=rate):
        return f"{ratio(runs, ran[other], of):.2f}" if other in ran and other != name else ""

    alone = " (one at a time)" if runs[0]["concurrency"] == 1 else ""
    cells = [case[0] + alone, WHO[case[1]], name, middle("rate", 0 if statistics.median(map(rate, runs)) > 20 else 1),
             beside("mercurius"), beside("pgbench"), middle("p50", 1), middle("p99", 1), beside("pgbench", tail)]
    if name == "pgbench":
        return cells + ["", middle("postgres"), "", "", ""]
    return cells + [middle("service"), middle("postgres"), middle("memory"), middle("bytes"), str(int(sum(run["errors"] for run in runs)))]


def table(results):
    lines = [COLUMNS, ["---"] * 3 + ["---:"] * (len(COLUMNS) - 3)]
    lines += [row(case, name, ran) for case, ran in results.items() for name in ["thrive", *PEERS, "pgbench"] if name in ran]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def missed(results):
    """What Thrive did not reach, and runs that went wrong."""
    for (operation, person), ran in results.items():
        runs = ran.get("thrive", [])
        for other, least in zip(("mercurius", "pgbench"), LEAST[operation]):
            if person == MANAGER and runs and other in ran and ratio(runs, ran[other]) < least:
                yield f"{operation}: {ratio(runs, ran[other]):.2f} of {other}, at least {least} was meant"
        if runs and ratio(runs, ran["pgbench"], tail) > 1.5:
            yield f"{operation} as {WHO[person]}: slow answers are {ratio(runs, ran['pgbench'], tail):.1f} times as far from the middle as pgbench's, at most 1.5 was meant"
        for name, runs in ran.items():
            if any(run["errors"] for run in runs):
                yield f"{operation}: {name} answered with errors"


def main():
    database = Database(os.environ.get("SCALE", 1))
    servers = []
    try:
        database.sql((HERE / "operations/peers.sql").read_text())
        for name in ["thrive", *PEERS]:
            servers.append(Server(name, database))
        results = measure(database, servers)
    finally:
        for server in servers:
            server.stop()
        database.stop()
    raw = TARGET / "bench-data" / "results.json"
    raw.write_text(json.dumps({f"{operation} {WHO[person]}": ran for (operation, person), ran in results.items()}, indent=1))
    print(table(results))
    for line in missed(results):
        print(f"\nNot reached: {line}")
    if any(run["errors"] for ran in results.values() for runs in ran.values() for run in runs):
        sys.exit("some answers were errors")


if __name__ == "__main__":
    main()
