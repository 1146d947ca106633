//! Documents that nobody means well with, sent to the real program: each is refused with a clear error, in little
//! time and memory.

use std::{fs, path::Path};

use serde_json::{Value, json};
use thrive::clock::Clock;

use crate::support::{
    process::{Running, thrive},
    raw::{self, Answer},
    service,
};

/// A request, the code of its refusal, and words of the message.
struct Hostile {
    name: &'static str,
    body: Vec<u8>,
    code: &'static str,
    told: &'static str,
}

const COMPLEX: &str = "QUERY_TOO_COMPLEX";
const INPUT: &str = "BAD_USER_INPUT";

fn document(name: &'static str, query: &str, code: &'static str, told: &'static str) -> Hostile {
    with(name, query, json!({}), code, told)
}

fn with(
    name: &'static str,
    query: &str,
    variables: Value,
    code: &'static str,
    told: &'static str,
) -> Hostile {
    let body = json!({ "query": query, "variables": variables }).to_string();
    bytes(name, body, code, told)
}

fn bytes(
    name: &'static str,
    body: impl Into<Vec<u8>>,
    code: &'static str,
    told: &'static str,
) -> Hostile {
    Hostile { name, body: body.into(), code, told }
}

fn repeated(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

fn nested(count: usize, open: &str, inside: &str, close: &str) -> String {
    format!("{}{inside}{}", open.repeat(count), close.repeat(count))
}

/// Fragments each of which spreads the next several times.
fn bomb(levels: usize, spreads: usize) -> String {
    let level = |level: usize| {
        let next = format!("...f{} ", level + 1).repeat(spreads);
        format!("fragment f{level} on Query {{ {next} }} ")
    };
    let last = format!("fragment f{levels} on Query {{ viewer {{ role }} }}");
    format!("{{ ...f0 }} {} {last}", repeated(levels, level))
}

fn depth() -> Vec<Hostile> {
    let chain = |count: usize, last: &str| {
        let each = |n: usize| format!("fragment f{n} on Grant {{ parent {{ ...f{} }} }} ", n + 1);
        format!("{{ grants {{ nodes {{ ...f0 }} }} }} {} {last}", repeated(count, each))
    };
    vec![
        document(
            "grants in grants",
            &format!("{{ grants {{ nodes {} }} }}", nested(20, "{ parent ", "{ id }", "}")),
            COMPLEX,
            "fields in fields: at least 23, and at most 16",
        ),
        document(
            "brackets without end",
            &nested(10_000, "{a", "", "}"),
            COMPLEX,
            "brackets in brackets",
        ),
        document(
            "brackets that are never closed",
            &"{a".repeat(1_900),
            COMPLEX,
            "brackets in brackets",
        ),
        document(
            "depth through fragments",
            &chain(30, "fragment f30 on Grant { id }"),
            COMPLEX,
            "fields in fields",
        ),
        document(
            "inline fragments in inline fragments",
            &format!("{{ {} }}", nested(60, "... { ", "viewer { role }", " }")),
            COMPLEX,
            "brackets in brackets",
        ),
        document(
            "lists in lists as an argument",
            &format!("{{ nodes(ids: {}) {{ id }} }}", nested(5_000, "[", "", "]")),
            COMPLEX,
            "brackets in brackets",
        ),
        document(
            "objects in objects as an argument",
            &format!("{{ grants(filter: {}) {{ totalCount }} }}", nested(2_000, "{a:", "1", "}")),
            COMPLEX,
            "brackets in brackets",
        ),
        bytes(
            "lists in lists as a variable",
            format!(
                "{{\"query\":\"{{ __typename }}\",\"variables\":{{\"a\":{}}}}}",
                nested(10_000, "[", "", "]")
            ),
            INPUT,
            "recursion limit",
        ),
        document(
            "types of types of types",
            &format!("{{ __schema {{ types {} }} }}", nested(30, "{ ofType ", "{ name }", "}")),
            COMPLEX,
            "fields in fields",
        ),
    ]
}

fn width() -> Vec<Hostile> {
    vec![
        document(
            "10,000 aliases",
            &format!("{{ {} }}", repeated(10_000, |n| format!("a{n}:viewer{{role}} "))),
            COMPLEX,
            "bytes of the document",
        ),
        document(
            "10,000 short aliases",
            &format!("{{ {} }}", repeated(10_000, |n| format!("a{n}:x "))),
            COMPLEX,
            "bytes of the document",
        ),
        document(
            "1,000 aliases",
            &format!("{{ {} }}", repeated(1_000, |n| format!("a{n}:x "))),
            COMPLEX,
            "aliases: at least 101, and at most 100",
        ),
        document(
            "a mutation 200 times",
            &format!(
                "mutation {{ {} }}",
                repeated(200, |n| format!(
                    "a{n}: closePeriod(input: {{}}) {{ userErrors {{ code }} }} "
                ))
            ),
            COMPLEX,
            "aliases",
        ),
        document(
            "one field 60 times",
            &format!("{{ {} }}", "viewer { role } ".repeat(60)),
            COMPLEX,
            "fields of the operation itself: at least 60, and at most 50",
        ),
        document(
            "one name 2,500 times",
            &format!("{{ viewer {{ {} }} }}", "__typename ".repeat(2_500)),
            COMPLEX,
            "fragments counted wherever they are spread",
        ),
        document(
            "1,000 operations",
            &repeated(1_000, |n| format!("query q{n} {{a}} ")),
            COMPLEX,
            "words and signs",
        ),
        document(
            "100 operations",
            &repeated(100, |n| format!("query q{n} {{a}} ")),
            COMPLEX,
            "operations: at least 100, and at most 20",
        ),
        document(
            "500 fragments",
            &format!("{{ a }} {}", repeated(500, |n| format!("fragment f{n} on Query {{a}} "))),
            COMPLEX,
            "fragments: at least 500, and at most 50",
        ),
        document(
            "1,000 directives at one place",
            &format!("{{ viewer {{ role {} }} }}", "@a ".repeat(1_000)),
            COMPLEX,
            "directives at one place: at least 1000, and at most 4",
        ),
        document(
            "directives everywhere",
            &format!("{{ viewer {{ {} }} }}", "role @skip(if: false) ".repeat(200)),
            COMPLEX,
            "directives: at least 51, and at most 50",
        ),
        document(
            "directives on the operation",
            &format!("query {} {{ viewer {{ role }} }}", "@a ".repeat(1_900)),
            COMPLEX,
            "directives at one place",
        ),
        document(
            "900 variables",
            &format!(
                "query ({}) {{ viewer {{ role }} }}",
                repeated(900, |n| format!("$v{n}: Int "))
            ),
            INPUT,
            "Variable",
        ),
        document(
            "900 fields that are none",
            &format!("{{ viewer {{ {} }} }}", repeated(900, |n| format!("unknown{n} "))),
            INPUT,
            "Unknown field",
        ),
    ]
}

fn lists() -> Vec<Hostile> {
    let nested = |first: &str| {
        format!(
            "grants({first}) {{ nodes {{ disbursements({first}) {{ nodes {{ grant {{ disbursements({first}) {{ nodes {{ id amount }} }} }} }} }} }} }}"
        )
    };
    let ids = repeated(100, |_| "\"grant_01990000000070008000000000000000\" ".into());
    vec![
        document(
            "pages of pages of pages",
            &format!("{{ {} }}", nested("first: 200")),
            COMPLEX,
            "cost, a field for each row of its list: at least",
        ),
        document(
            "counted from the end",
            &format!("{{ {} }}", nested("last: 200")),
            COMPLEX,
            "cost",
        ),
        document(
            "default pages of default pages",
            &format!("{{ {} }}", nested("orderBy: { field: CREATED_AT }")),
            COMPLEX,
            "cost",
        ),
        with(
            "pages by a variable",
            &format!("query ($n: Int) {{ {} }}", nested("first: $n")),
            json!({ "n": 200 }),
            COMPLEX,
            "cost",
        ),
        document(
            "pages by a variable's default",
            &format!("query ($n: Int = 200) {{ {} }}", nested("first: $n")),
            COMPLEX,
            "cost",
        ),
        document(
            "larger numbers than there are",
            &format!("{{ {} }}", nested("first: 99999999999999999999")),
            COMPLEX,
            "cost",
        ),
        document(
            "100 ids with all that belongs to them",
            &format!(
                "{{ nodes(ids: [{ids}]) {{ ... on Grant {{ disbursements(first: 200) {{ nodes {{ id amount lines {{ amount }} }} }} }} }} }}"
            ),
            COMPLEX,
            "cost",
        ),
    ]
}

fn fragments() -> Vec<Hostile> {
    let ring = |count: usize| {
        let each = |n: usize| format!("fragment f{n} on Query {{ ...f{} }} ", (n + 1) % count);
        format!("{{ ...f0 }} {}", repeated(count, each))
    };
    vec![
        document(
            "a fragment in itself",
            "{ ...f } fragment f on Query { viewer { role } ...f }",
            INPUT,
            "the fragment `f` contains itself",
        ),
        document("two fragments in each other", &ring(2), INPUT, "contains itself"),
        document("a ring of 40 fragments", &ring(40), INPUT, "contains itself"),
        document(
            "a ring that nothing spreads",
            &ring(3).replacen("...f0", "viewer { role }", 1),
            INPUT,
            "contains itself",
        ),
        document(
            "2 to the 30th",
            &bomb(30, 2),
            COMPLEX,
            "fields of the operation itself: at least 1073741824",
        ),
        document("10 to the 30th", &bomb(30, 10), COMPLEX, "at least 18446744073709551615"),
        document("a chain of 49 fragments, 20 times each", &bomb(49, 20), COMPLEX, "at least"),
    ]
}

fn introspection() -> Vec<Hostile> {
    let levels = |count: usize| nested(count, "{ fields { type ", "{ name }", "} }");
    vec![
        document(
            "fields of types of fields",
            &format!("{{ __schema {{ types {} }} }}", levels(4)),
            COMPLEX,
            "lists of types in lists of types: at least 4, and at most 2",
        ),
        document(
            "the schema 50 times",
            &format!(
                "{{ {} }}",
                repeated(50, |n| format!(
                    "a{n}: __schema {{ types {{ fields {{ args {{ type {{ name }} }} }} }} }} "
                ))
            ),
            COMPLEX,
            "`__schema` in one operation: at least 50, and at most 1",
        ),
        document(
            "all types 50 times",
            &format!(
                "{{ __schema {{ {} }} }}",
                repeated(50, |n| format!(
                    "a{n}: types {{ fields {{ args {{ type {{ name ofType {{ name }} }} }} type {{ name }} }} }} "
                ))
            ),
            COMPLEX,
            "rows of the schema",
        ),
        document(
            "types that are possible types",
            &format!(
                "{{ __type(name: \"Node\") {} }}",
                nested(14, "{ possibleTypes ", "{ name }", "}")
            ),
            COMPLEX,
            "lists of types",
        ),
    ]
}

fn bodies() -> Vec<Hostile> {
    let megabyte = 1024 * 1024;
    let string = "a".repeat(megabyte);
    let objects = format!(
        "{{\"query\":\"{{ a }}\",\"variables\":{{\"a\":[{}1]}}}}",
        "{\"\":0},".repeat(36_000)
    );
    vec![
        document(
            "a string of a megabyte",
            &format!("{{ node(id: \"{string}\") {{ id }} }}"),
            INPUT,
            "larger than 262144 bytes",
        ),
        document(
            "a string of 200 kilobytes",
            &format!("{{ node(id: \"{}\") {{ id }} }}", &string[..200_000]),
            COMPLEX,
            "bytes of the document: at least 200023, and at most 65536",
        ),
        document(
            "a block string of 60 kilobytes in a wrong place",
            &format!("{{ viewer(\"\"\"{}\"\"\") {{ role }} }}", &string[..60_000]),
            INPUT,
            "expected",
        ),
        with(
            "a variable of a megabyte",
            "query ($id: ID!) { node(id: $id) { id } }",
            json!({ "id": string }),
            INPUT,
            "larger than 262144 bytes",
        ),
        with(
            "a variable of 200 kilobytes",
            "query ($id: ID!) { node(id: $id) { id } }",
            json!({ "id": &string[..200_000] }),
            INPUT,
            "...",
        ),
        document(
            "comments of a megabyte",
            &format!("{}{{ a }}", "# a\n".repeat(megabyte / 4)),
            INPUT,
            "larger than 262144 bytes",
        ),
        document(
            "commas",
            &format!("{{ viewer {{ nothing{} }} }}", ",".repeat(60_000)),
            INPUT,
            "Unknown field",
        ),
        document(
            "comments",
            &format!("{{ viewer {{ nothing\n{} }} }}", "#a\n".repeat(20_000)),
            INPUT,
            "Unknown field",
        ),
        bytes(
            "a batch of 1,000",
            json!(vec![json!({ "query": "{ __typename }" }); 1_000]).to_string(),
            INPUT,
            "batches are not answered",
        ),
        bytes("a batch of nothing", "[]", INPUT, "batches are not answered"),
        bytes(
            "36,000 objects",
            objects,
            INPUT,
            "values in the request: at least 20001, and at most 20000",
        ),
        bytes("no UTF-8", b"{\"query\":\"\xff\xfe\"}".to_vec(), INPUT, "not valid JSON"),
        bytes(
            "a string without end",
            "{\"query\":\"{ node(id: \\\"".to_owned() + &string[..60_000] + "\"}",
            INPUT,
            "expected",
        ),
        document("nothing", "", INPUT, "expected"),
        document("the character U+0000", "\0", INPUT, "expected"),
    ]
}

fn all() -> Vec<Hostile> {
    [depth(), width(), lists(), fragments(), introspection(), bodies()]
        .into_iter()
        .flatten()
        .collect()
}

/// The time that a process's threads have run.
fn cpu_nanoseconds(pid: i32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |thread: &Path| {
        let text = fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|time| time.parse::<u64>().ok()).unwrap_or_default()
    };
    threads.map(|thread| of(&thread.unwrap().path())).sum()
}

/// A line of what the system knows of a process's memory, in kibibytes.
fn memory(pid: i32, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let found = status.lines().find_map(|each| each.strip_prefix(line)).unwrap();
    found.trim_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap()
}

fn send(running: &Running, token: &str, hostile: &Hostile) -> Answer {
    let headers = [raw::JSON, ("Authorization", token)];
    raw::send(running.port, "POST", "/graphql", &headers, &hostile.body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_documents_are_refused_clearly_in_little_time_and_memory() {
    let service = service().await;
    service.travel(Clock::System.now());
    let person = service.person("Aud Auditor").await;
    let role = thrive::access::commands::NewRole::everywhere(thrive::access::Role::Auditor);
    let made = thrive::access::commands::create_token(&service.app, &person, &role, 30).await;
    let token = format!("Bearer {}", made.unwrap().1.reveal());
    let mut command = thrive();
    command
        .args(["serve", "--parts", "api", "--log", "warn", "--requests-per-minute", "0"])
        .args(["--cost-per-minute", "0", "--database-url", &service.database_url()]);
    let hostile = all();
    assert!(hostile.len() >= 30);
    tokio::task::block_in_place(|| {
        let running = Running::start(command);
        let ordinary = json!({ "query": "{ grants(first: 5) { nodes { id } } }" });
        let ask = || raw::post(running.port, &[("Authorization", &token)], &ordinary);
        assert_eq!(ask().json(), json!({ "data": { "grants": { "nodes": [] } } }));
        let resting = memory(running.pid(), "VmRSS:");
        let mut wrong = vec![];
        for each in &hostile {
            let answer = send(&running, &token, each);
            let (code, message) = (answer.code(), answer.message());
            let short = answer.body.len() < 32_000;
            if code != each.code || !message.contains(each.told) || !short {
                wrong.push(format!("{}: {code} {message}", each.name));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        let times = 3;
        let mut slow = vec![];
        for each in &hostile {
            let begin = cpu_nanoseconds(running.pid());
            (0..times).for_each(|_| drop(send(&running, &token, each)));
            let spent = (cpu_nanoseconds(running.pid()) - begin) / times / 1_000;
            println!("{spent:>8} µs  {}", each.name);
            if spent >= 50_000 {
                slow.push(format!("{}: {spent} µs", each.name));
            }
        }
        assert!(slow.is_empty(), "{slow:#?}");
        let most = memory(running.pid(), "VmHWM:");
        println!("{resting} KiB at rest, {most} KiB at most");
        assert!(
            most.saturating_sub(resting) < 64 * 1024,
            "{resting} KiB at rest, {most} KiB at most"
        );
        assert_eq!(ask().status, 200, "and it goes on");
    });
}
