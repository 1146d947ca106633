#!/usr/bin/env python3
"""The five questions, side by side: Thrive, Mercurius, PostGraphile, and the flat SQL by pgbench. Prints one table.

Environment: SCALE, CONCURRENCY, SECONDS_EACH, ROUNDS, THRIVE (the program), PEERS=mercurius,postgraphile (or none).
"""
import json, os, statistics, sys
sys.dont_write_bytecode = True
from harness import CONCURRENCY, HERE, LARGEST, MANAGER, ROUNDS, SECONDS, SMALLEST, TARGET, Ceiling, Database, Load, Refused, Server

PEERS = [name for name in os.environ.get("PEERS", "mercurius,postgraphile").split(",") if name]
CASES = [(operation, MANAGER) for operation in ("Q1", "Q2", "Q3", "Q4", "Q5")]
CASES += [(operation, person) for operation in ("Q2", "Q3", "Q5") for person in (LARGEST, SMALLEST)]
WHO = {MANAGER: "GRANT_MANAGER", LARGEST: "CITY_FINANCE, largest", SMALLEST: "CITY_FINANCE, smallest"}
# What Thrive is to reach: of Mercurius, and of the ceiling.
LEAST = {"Q1": (2.5, 0.25), "Q2": (1.5, 0.5), "Q3": (1.5, 0.4), "Q4": (1.5, 0.5), "Q5": (2, 0.45)}


def measure(database, servers, refused):
    prepared = {case: prepare(database, servers, refused, *case) for case in CASES}
    results = {case: {} for case in CASES}
    for place in range(ROUNDS):
        for case, (loads, concurrency, seconds) in prepared.items():
            print(f"round {place + 1}: {case[0]} as {WHO[case[1]]}", file=sys.stderr)
            for load in loads if place % 2 == 0 else reversed(loads):
                ran = load.run(seconds, concurrency, place + 1)
                results[case].setdefault(load.name, []).append(ran | {"concurrency": concurrency})
    return results


def prepare(database, servers, refused, operation, person):
    # The peers let everybody see everything.
    asked = [server for server in servers if person == MANAGER or server.name == "thrive"]
    loads, slowest = [], 0
    for server in asked:
        try:
            load = Load(database, server, operation, person)
            slowest = max(slowest, load.seconds())
            loads.append(load)
        except Refused as why:
            refused.append(f"{operation} as {WHO[person]}: {why}")
    loads.append(Ceiling(database, operation, person))
    # What takes long is measured alone, for long enough to see an answer or some.
    if slowest > 1:
        return loads, 1, max(SECONDS, min(round(4 * slowest), 20))
    for load in loads:
        load.run(2, CONCURRENCY)
    return loads, CONCURRENCY, SECONDS


def rate(run):
    return run["rate"]


def tail(run):
    # In hundredths of a millisecond: the fastest answers take less.
    return run["p99"] / max(run["p50"], 0.01)


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
    """What Thrive did not reach."""
    for (operation, person), ran in results.items():
        runs = ran.get("thrive", [])
        for other, least in zip(("mercurius", "pgbench"), LEAST[operation]):
            if person == MANAGER and runs and other in ran and ratio(runs, ran[other]) < least:
                yield f"{operation}: {ratio(runs, ran[other]):.2f} of {other}, at least {least} was meant"
        if runs and ratio(runs, ran["pgbench"], tail) > 1.5:
            yield f"{operation} as {WHO[person]}: p99/p50 is {ratio(runs, ran['pgbench'], tail):.1f} times pgbench's, at most 1.5 was meant"


def main():
    database = Database(os.environ.get("SCALE", 1))
    servers, refused = [], []
    try:
        database.sql((HERE / "operations/peers.sql").read_text())
        for name in ["thrive", *PEERS]:
            servers.append(Server(name, database))
        results = measure(database, servers, refused)
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
        refused.append("answers had errors: see the table")
    if refused:
        sys.exit("\n".join(refused))


if __name__ == "__main__":
    main()
