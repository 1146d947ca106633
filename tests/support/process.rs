//! The real binary as a process of its own, and what it needs around it.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{LazyLock, mpsc},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

pub const BINARY: &str = env!("CARGO_BIN_EXE_thrive");

/// How long anything may take here before a test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// `thrive` with nothing of the test's own environment that would configure it.
pub fn thrive() -> Command {
    configured_by_nothing(Command::new(BINARY))
}

pub fn configured_by_nothing(mut command: Command) -> Command {
    for name in [
        "DATABASE_URL",
        "THRIVE_OWNER_DATABASE_URL",
        "MAIL_URL",
        "THRIVE_LISTEN",
        "THRIVE_DATA_DIR",
    ] {
        command.env_remove(name);
    }
    command
}

pub fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running `thrive serve` or `thrive demo`; killed when the test ends, whatever happened.
pub struct Running {
    child: Child,
    pub port: u16,
    stderr: mpsc::Receiver<String>,
}

impl Running {
    /// Starts the command on a free port and waits until it is ready.
    pub fn start(mut command: Command) -> Self {
        let port = free_port();
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines, stderr) = mpsc::channel();
        let pipe = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            pipe.lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        let mut running = Self { child, port, stderr };
        running.wait_until("it is ready", |running| {
            if let Some(status) = running.child.try_wait().unwrap() {
                let said: Vec<_> = running.stderr.try_iter().collect();
                panic!("thrive ended with {status}: {}", said.join("\n"));
            }
            running.get("/health/ready").is_some_and(|(status, _)| status == 200)
        });
        running
    }

    pub fn wait_until(&mut self, what: &str, mut condition: impl FnMut(&mut Self) -> bool) {
        let begin = Instant::now();
        while !condition(self) {
            assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The status and the body, or none when nobody answers.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        curl(&[&self.url(path)])
    }

    pub fn ask(&self, token: Option<&str>, query: &str) -> Value {
        ask(&self.url("/graphql"), token, query).expect("the service answers")
    }

    /// What it has logged since it was asked last.
    pub fn logged(&self) -> String {
        // What is on its way arrives.
        std::thread::sleep(Duration::from_millis(200));
        self.stderr.try_iter().map(|line| line + "\n").collect()
    }

    pub fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    pub fn kill_9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As Ctrl-C does; answers how the process ended.
    pub fn ctrl_c(mut self) -> std::process::ExitStatus {
        kill(Pid::from_raw(self.pid()), Signal::SIGINT).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            // Softly first, so that a private PostgreSQL goes too.
            let _ = kill(Pid::from_raw(self.pid()), Signal::SIGINT);
            let begin = Instant::now();
            while self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
                if begin.elapsed() > Duration::from_secs(20) {
                    let _ = self.child.kill();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// The answer to a query, or none when nobody answers.
pub fn ask(url: &str, token: Option<&str>, query: &str) -> Option<Value> {
    let body = serde_json::json!({ "query": query }).to_string();
    let authorization = format!("Authorization: Bearer {}", token.unwrap_or_default());
    let mut arguments = vec!["-H", "Content-Type: application/json", "-d", &body, url];
    if token.is_some() {
        arguments.extend(["-H", &authorization]);
    }
    let (_, text) = curl(&arguments)?;
    Some(serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}")))
}

/// A request by the tool that the README uses too.
fn curl(arguments: &[&str]) -> Option<(u16, String)> {
    let output =
        Command::new("curl").args(["-s", "-w", "\n%{http_code}"]).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n')?;
    let status = status.parse().unwrap();
    (status != 0).then(|| (status, body.to_owned()))
}

/// The processes whose command line names a path.
pub fn processes_naming(path: &Path) -> Vec<String> {
    let listed = Command::new("ps").args(["-eo", "pid,args"]).output().unwrap();
    let name = path.to_str().unwrap();
    String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter(|line| line.contains(name))
        .map(Into::into)
        .collect()
}

/// A tool of `tests/tools`, with its packages installed.
pub fn tool(name: &str) -> PathBuf {
    static INSTALLED: LazyLock<PathBuf> = LazyLock::new(|| {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools");
        let lock = std::fs::File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools.lock"))
            .unwrap();
        lock.lock().unwrap();
        if !tools.join("node_modules/.package-lock.json").exists() {
            let installed =
                Command::new("npm").args(["ci", "--silent"]).current_dir(&tools).status();
            assert!(
                installed.is_ok_and(|status| status.success()),
                "npm could not install tests/tools"
            );
        }
        tools
    });
    INSTALLED.join(name)
}

/// A real SMTP server, as a process of its own; it ends with the test.
pub struct SmtpServer {
    child: Child,
    pub port: u16,
    pub dir: tempfile::TempDir,
}

impl SmtpServer {
    pub fn start(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new("node")
            .arg(tool("smtp-server.mjs"))
            .args(["--port", "0", "--dir", dir.path().to_str().unwrap()])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is installed");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).expect("the server says its port");
        let port = ready["port"].as_u64().unwrap().try_into().unwrap();
        std::thread::spawn(move || output.read_to_string(&mut String::new()));
        Self { child, port, dir }
    }

    /// What was accepted so far, in order.
    pub fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.dir.path().join("log.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The messages as they arrived, in order.
    pub fn messages(&self) -> Vec<String> {
        let mut files: Vec<_> = std::fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|kind| kind == "eml"))
            .collect();
        let number = |path: &PathBuf| -> u32 {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.split('-').next().unwrap().parse().unwrap()
        };
        files.sort_by_key(number);
        files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
