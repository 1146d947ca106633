#!/usr/bin/env python3
"""What the table of run.py does not tell: extras.py memory | export | payments | scale | instructions

memory        what is resident while 64 connections ask
export        all disbursements as CSV, to a client that throws them away
payments      payments of different grants, one by one and as files, each in a copy of the database; then whether the books agree
scale         the questions over 1,000,000 and over 10,000,000 disbursements, side by side
instructions  instructions for an answer, by valgrind's callgrind
"""
import http.client, json, os, pathlib, re, statistics, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor
sys.dont_write_bytecode = True
from harness import ADMIN, CONCURRENCY, HERE, MANAGER, OFFICER, ROUNDS, SECONDS, THRIVE, Database, Load, Server, cpu, document, memory, token, variables, wrk


def resident():
    database = Database(os.environ.get("SCALE", 1))
    print("| question | requests/s | resident MB afterwards | at most until then |\n| --- | ---: | ---: | ---: |")
    server = Server("thrive", database)
    for operation in ("Q1", "Q2", "Q3", "Q5"):
        ran = Load(database, server, operation, MANAGER).run(SECONDS, 64)
        print(f"| {operation} | {ran['rate']:.0f} | {memory(server.pid, 'VmRSS'):.0f} | {memory(server.pid):.0f} |")
    server.stop()
    database.stop()


def export():
    database = Database(os.environ.get("SCALE", 1))
    server = Server("thrive", database)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    before, begun = (cpu(server.pid), cpu(database.pid)), time.monotonic()
    connection.request("GET", "/export/disbursements.csv", headers={"Authorization": f"Bearer {token(MANAGER)}"})
    answer = connection.getresponse()
    rows = taken = 0
    while part := answer.read(1 << 16):
        if answer.status != 200:
            sys.exit(f"the export was refused: {part[:300]}")
        rows, taken = rows + part.count(b"\n"), taken + len(part)
    seconds = time.monotonic() - begun
    after = cpu(server.pid), cpu(database.pid)
    expected = int(database.sql("select count(*) from disbursements"))
    if rows != expected + 1:
        sys.exit(f"{rows - 1} rows came, and there are {expected}")
    print("| rows | seconds | rows/s | MB/s | peak MB | CPU µs/row service | CPU µs/row PostgreSQL |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    print(f"| {expected} | {seconds:.1f} | {expected / seconds:.0f} | {taken / seconds / 1e6:.1f} | {memory(server.pid):.0f} "
          f"| {(after[0] - before[0]) / expected * 1e6:.1f} | {(after[1] - before[1]) / expected * 1e6:.1f} |")
    server.stop()
    database.stop()


class Copy(Database):
    """A database that is changed and thrown away."""

    def __enter__(self):
        self.sql("set client_min_messages = warning; drop database if exists thrive_copy with (force)", "postgres")
        self.sql("create database thrive_copy template thrive", "postgres")
        self.url = self.url.replace("/thrive?", "/thrive_copy?")
        return self

    def __exit__(self, *_):
        self.sql("drop database thrive_copy with (force)", "postgres")
        self.stop()


# Approved, each of another grant, and under rules that ask for no papers first and set no earlier last day.
PAYABLE = """
select distinct on (d.grant_id) d.id from disbursements d join grants g on g.id = d.grant_id
 where d.status = 'APPROVED' and g.status = 'ACTIVE' and g.liquidate_by > current_date
   and not exists (select from rules r where r.rule_set_id = g.rule_set_id and r.kind in ('PAYMENT_GATE', 'PAY_METHOD', 'MATCH', 'LIQUIDATE_BY'))
 order by d.grant_id, d.id"""


def payments():
    print("| how | payments | a second | p50 ms | p99 ms | CPU µs service | CPU µs PostgreSQL |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    checked = []
    for how, pay in ("one request each", one_each), (f"{FILES} files at once", in_files):
        with Copy(os.environ.get("SCALE", 1)) as database:
            database.sql("checkpoint", "thrive_copy")
            ids = database.sql(PAYABLE, "thrive_copy").split()
            today = database.sql("select (now() at time zone 'America/Los_Angeles')::date", "thrive_copy")
            server = Server("thrive", database)
            before = cpu(server.pid), cpu(database.pid)
            count, seconds, percentiles = pay(server, database, ids, today)
            after = cpu(server.pid), cpu(database.pid)
            server.stop()
            costs = [f"{(later - sooner) / count * 1e6:.0f}" for sooner, later in zip(before, after)]
            print(f"| {how} | {count} | {count / seconds:.0f} | {' | '.join([*percentiles, *costs])} |", flush=True)
            checked.append(check_payments(database, count))
    print("\n" + "\n".join(checked))


def disbursement(row):
    """Its id as the API writes it."""
    return "disb_" + row.replace("-", "")


def one_each(server, database, ids, today):
    """payDisbursement, of as many as SECONDS_EACH allows."""
    work = pathlib.Path(server.work.name)
    inputs = [{"input": {"disbursementId": disbursement(one), "paidOn": today, "method": "ACH", "reference": f"T-{place}",
                         "idempotencyKey": f"bench-{place}"}} for place, one in enumerate(ids)]
    (work / "pay.jsonl").write_text("".join(json.dumps(one) + "\n" for one in inputs))
    (work / "pay.graphql").write_text("mutation Pay($input: PayDisbursementInput!) { payDisbursement(input: $input) "
                                      "{ disbursement { id status } userErrors { code message } } }")
    env = dict(os.environ, OPERATION=str(work / "pay.graphql"), VARIABLES=str(work / "pay.jsonl"), TOKEN=token(OFFICER), ONCE="1")
    count, microseconds, p50, p99, _, errors, why = wrk(server, env, SECONDS, CONCURRENCY)
    if errors:
        sys.exit(f"{errors} payments failed: {why}")
    return count, microseconds / 1e6, [f"{p50 / 1e3:.1f}", f"{p99 / 1e3:.1f}"]


FILES = 2


def in_files(server, database, ids, today):
    """All of them as a controller's files, some at the same time; of each file all or none."""
    those = ",".join(ids)
    due = database.sql(f"select id, coalesce(approved_amount, amount) from disbursements where id = any('{{{those}}}')", "thrive_copy")
    lines = [f"{disbursement(one)},{amount},{today},ACH,T-{place}" for place, (one, amount) in enumerate(line.split("|") for line in due.split())]
    files = [lines[place::FILES] for place in range(FILES)]
    begun = time.monotonic()
    with ThreadPoolExecutor() as threads:
        for told, paid in zip(threads.map(lambda of: pay_file(server, *of), enumerate(files)), files):
            if told.get("paid") != len(paid):
                sys.exit(f"a file was not paid: {json.dumps(told)[:600]}")
    return len(lines), time.monotonic() - begun, ["", ""]


def pay_file(server, key, lines):
    body = "\n".join(["disbursement,amount,paid_on,method,reference", *lines]).encode()
    headers = {"authorization": f"Bearer {token(OFFICER)}", "content-type": "text/csv"}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    connection.request("POST", f"/import/payments.csv?idempotencyKey=bench-{key}", body, headers)
    return json.loads(connection.getresponse().read())


def check_payments(database, count):
    """What was paid is in the ledger, the events and the log, once, and the books of every grant agree."""
    wrong = json.loads(database.sql((HERE / "operations/check.sql").read_text(), "thrive_copy"))
    paid = wrong.pop("paid")
    # Those under way when the time was over were paid and not counted.
    if not count <= paid <= count + CONCURRENCY:
        sys.exit(f"{paid} are paid, and {count} were answered")
    if any(wrong.values()):
        sys.exit(f"the books do not agree: {wrong}")
    environment = dict(os.environ, DATABASE_URL=database.url)
    told = [f"{paid} are paid; none disagrees: " + ", ".join(wrong)]
    for command in ["job", "audit_seal"], ["audit", "verify"]:
        told.append(subprocess.run([THRIVE, "--log", "warn", *command], env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return "\n".join(told)


def scale():
    databases = [Database(1), Database(10)]
    servers = [Server("thrive", database) for database in databases]
    print("| question | 1 M: requests/s | CPU µs service | CPU µs PostgreSQL | 10 M: requests/s | CPU µs service | CPU µs PostgreSQL | CPU, × 1 M |\n"
          "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for operation in ("Q1", "Q2", "Q3", "Q5"):
        loads = [Load(database, server, operation, MANAGER) for database, server in zip(databases, servers)]
        runs = [[], []]
        for load in loads:
            load.run(2, CONCURRENCY, 99)
        for round_ in range(ROUNDS):
            for place in (0, 1) if round_ % 2 == 0 else (1, 0):
                runs[place].append(loads[place].run(SECONDS, CONCURRENCY, round_))
        cost = lambda run: run["service"] + run["postgres"]
        times = statistics.median(cost(more) / cost(less) for less, more in zip(*runs))
        cells = [f"{statistics.median(run[key] for run in of):.0f}" for of in runs for key in ("rate", "service", "postgres")]
        print(f"| {operation} | {' | '.join(cells)} | {times:.2f} |")
    for server, database in zip(servers, databases):
        server.stop()
        database.stop()


def instructions():
    database, requests = Database(os.environ.get("SCALE", 1)), 50
    print("| question | instructions for an answer |\n| --- | ---: |")
    for operation in ("Q2", "Q3"):
        with tempfile.TemporaryDirectory() as work:
            out = pathlib.Path(work) / "callgrind"
            server = Server("thrive", database, before=["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"])
            asked = variables(server, operation, MANAGER)

            def ask(count):
                for place in range(count):
                    server.ask(document(server, operation), asked[place % len(asked)])

            def control(what):
                subprocess.run(["callgrind_control", what, str(server.pid)], check=True, capture_output=True)

            ask(10)
            control("--instr=on")
            ask(requests)
            # What was counted is written now: switched off, it would be forgotten.
            control("--dump")
            server.stop()
            dump, = pathlib.Path(work).glob("callgrind.*1")
            total = int(re.search(r"^(?:totals|summary): (\d+)", dump.read_text(), re.M)[1])
        print(f"| {operation} | {total / requests / 1e6:.2f} M |", flush=True)
    database.stop()


COMMANDS = {"memory": resident, "export": export, "payments": payments, "scale": scale, "instructions": instructions}
if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]]()
