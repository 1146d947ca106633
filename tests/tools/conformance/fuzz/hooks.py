"""What schemathesis has to know of Thrive, and what it checks in each answer.

What is generated is random text where the schema says `ID` or `Int`. Left so, nearly all of it would be refused at
the door; so most documents get ids that exist, pages that a list has, and the token of one of the roles. Which,
follows from the document itself: the same run is the same run again.
"""

import json
import os
import re
import urllib.request
from zlib import crc32

import fitting
import graphql
import schemathesis
from hypothesis import strategies
from schemathesis.graphql import nodes

URL = os.environ["THRIVE_URL"] + "/graphql"
ROLES = sorted(name for name in os.environ if name.startswith("TOKEN_"))

# Something of everything that has an id.
SEED = """{
  cities(first: 5) { nodes { id county { id } } }
  people(first: 20) { nodes { id } }
  fundingStreams { id programs { id ruleSet { id rules { id } } } }
  grants(first: 60) {
    nodes {
      id recipient { id } budget { id }
      amendments { id }
      reports(first: 3) { nodes { id } }
      documents(first: 3) { nodes { id } }
      encumbrances(first: 3) { nodes { id } }
      matchContributions(first: 3) { nodes { id } }
    }
  }
  disbursements(first: 100) { nodes { id } }
  expenditures(first: 50) { nodes { id } }
  deadlines(first: 50) { nodes { id } }
  allocations(first: 5) { nodes { id } }
  sustainabilityPlans(first: 10) { nodes { id } }
}"""

# The beginning of an id, and the words in the name of an argument, an input or a field that ask for it.
KINDS = {
    "allocation": ["allocation"],
    "amendment": ["amendment"],
    "city": ["city", "cities", "subject"],
    "county": ["county", "counties"],
    "deadline": ["deadline"],
    "disb": ["disbursement", "advance", "retention", "refund"],
    "document": ["document"],
    "encumbrance": ["encumbrance", "liquidate"],
    "expenditure": ["expenditure", "cost"],
    "grant": ["grant", "closeout", "budget"],
    "line": ["line"],
    "match": ["match", "contribution"],
    "org": ["organization", "recipient"],
    "person": ["person", "people", "responsible", "delegate", "approver"],
    "plan": ["plan"],
    "program": ["program"],
    "report": ["report"],
    "rule": ["rule"],
    "ruleset": ["ruleset", "set"],
    "stream": ["stream"],
}


def ask(query):
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["TOKEN_AUDITOR"]}
    request = urllib.request.Request(URL, json.dumps({"query": query}).encode(), headers)
    with urllib.request.urlopen(request) as response:
        return response.read().decode()


def existing_ids():
    answer = ask(SEED)
    if '"errors"' in answer:
        raise SystemExit(f"hooks.py: the ids of what exists were refused: {answer[:1000]}")
    found = {}
    for an_id, kind in re.findall(r"\b(([a-z]+)_[0-9a-f]{32})\b", answer):
        found.setdefault(kind, []).append(an_id)
    return found


IDS = existing_ids()


def an_id(names, choice):
    """The nearest name that says what it wants decides; anything is good enough for `node(id:)`."""
    for name in names:
        fitting = [(len(word), kind) for kind, words in KINDS.items() for word in words if word in name.lower()]
        ids = IDS.get(max(fitting)[1]) if fitting else None
        if ids:
            return ids[choice % len(ids)]
    every = [an_id for ids in IDS.values() for an_id in ids]
    return every[choice % len(every)]


class Plausible(graphql.Visitor):
    """Puts ids that exist, and sizes of pages that are allowed, in the place of random ones."""

    def __init__(self, types, salt):
        super().__init__()
        self.types, self.salt, self.names = types, salt, []

    def enter_field(self, node, *_):
        self.names.append(node.name.value)
        arguments = {argument.name.value for argument in node.arguments}
        if "first" in arguments or "last" in arguments:
            # One way only, and from its end: a random cursor is refused. Those are left in by chance below.
            unwanted = {"after", "before"} | ({"last"} if "first" in arguments else set())
            kept = tuple(argument for argument in node.arguments if argument.name.value not in unwanted)
            return graphql.FieldNode(**{**fields_of(node), "arguments": kept})

    def leave_field(self, *_):
        self.names.pop()

    def enter_argument(self, node, *_):
        self.names.append(node.name.value)

    def leave_argument(self, *_):
        self.names.pop()

    enter_object_field, leave_object_field = enter_argument, leave_argument

    def enter_string_value(self, node, *_):
        expected = graphql.get_named_type(self.types.get_input_type())
        if expected is not None and expected.name == "ID":
            return nodes.String(an_id(reversed(self.names), crc32(node.value.encode(), self.salt)))

    def enter_int_value(self, node, *_):
        if self.names and self.names[-1] in ("first", "last"):
            return nodes.Int(abs(int(node.value)) % 5 + 1)


def fields_of(node):
    return {key: getattr(node, key) for key in node.keys}


@schemathesis.hook
def map_body(context, body):
    salt = crc32(graphql.print_ast(body).encode())
    if salt % 8 == 0:
        return body
    types = graphql.TypeInfo(context.operation.schema.client_schema)
    return graphql.visit(body, graphql.TypeInfoVisitor(types, Plausible(types, salt)))


def role_of(case):
    # Ids are others in each database.
    return ROLES[crc32(re.sub("[0-9a-f]{32}", "", str(case.body)).encode()) % len(ROLES)]


@schemathesis.hook
def before_call(context, case, kwargs):
    case.headers["Authorization"] = "Bearer " + os.environ[role_of(case)]


# What a client may meet at the top level of an answer; a fault of the service would be `INTERNAL`.
CODES = {"BAD_USER_INPUT", "FORBIDDEN", "QUERY_TOO_COMPLEX", "UNAUTHENTICATED"}


@schemathesis.check
def is_an_answer(context, response, case):
    """No 5xx, and JSON with data or with errors that have a code."""
    assert response.status_code < 500, f"{response.status_code} for {role_of(case)}"
    answer = response.json()
    assert answer.get("data") or answer.get("errors") or "data" in answer, "neither data nor errors"
    codes = {error.get("extensions", {}).get("code") for error in answer.get("errors", [])}
    assert codes <= CODES, f"{codes - CODES} for {role_of(case)}: {answer['errors']}"


@schemathesis.check
def hides_its_internals(context, response, case):
    """Neither the mask of a fault nor what it should have hidden."""
    for telling in ("internal error", "panicked at", "sqlx", "error returned from database"):
        assert telling not in response.text, f"the answer to {role_of(case)} tells of {telling!r}"


# schemathesis' own `response_schema_conformance` looks at an answer's errors and not at its data.
fitting.tried()


@schemathesis.check
def fits_its_schema(context, response, case):
    """The data are what was selected, of the types that the schema says."""
    answer = response.json()
    data = answer.get("data")
    if data is None:
        return
    document = graphql.parse(case.body) if isinstance(case.body, str) else case.body
    if not isinstance(document, graphql.DocumentNode):
        document = graphql.DocumentNode(definitions=(document,))
    found = list(fitting.misfits(case.operation.schema.client_schema, document, data))
    found += fitting.untold(data, answer.get("errors", ()))
    assert not found, f"the answer to {role_of(case)} does not fit: {found[:5]}"


def text_of(values):
    return values.map(str).map(nodes.String)


def hundredths(least, most):
    return text_of(strategies.decimals(least, most, places=2))


def fiscal_year(year):
    return f"{year}-{(year + 1) % 100:02}"


schemathesis.graphql.scalar("FiscalYear", text_of(strategies.integers(2000, 2060).map(fiscal_year)))
schemathesis.graphql.scalar("Hours", hundredths("0.01", "999.99"))
schemathesis.graphql.scalar("JSON", text_of(strategies.text(max_size=20)))
schemathesis.graphql.scalar("Money", hundredths("0.01", "999999.99"))
schemathesis.graphql.scalar("Percent", hundredths("0.00", "100.00"))
