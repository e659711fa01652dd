//! Starts the real binary on a policy directory and speaks HTTP to it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Nothing a test waits for takes longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A policy directory in the making.
pub(crate) struct Directory {
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
}

impl Directory {
    /// An empty directory whose configuration listens on free ports; `config` is the rest of `tollgate.toml`.
    pub(crate) fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the policies");
        let this = Self { folder, env: BTreeMap::new() };
        let listen = if config.contains("[listen]") {
            ""
        } else {
            "[listen]\nhttp = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n"
        };
        this.file("tollgate.toml", &format!("{listen}{config}"))
    }

    /// Writes a file.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    /// Writes a file while the gateway may be running.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for the file");
        std::fs::write(path, text).expect("a policy file");
    }

    /// The policy of an API.
    pub(crate) fn api(self, name: &str, policy: &str) -> Self {
        self.file(&format!("apis/{name}/policy.xml"), policy)
    }

    /// Sets a variable of the gateway's environment, which is otherwise empty.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the gateway and waits until it listens.
    pub(crate) fn start(self) -> Gateway {
        Gateway::start(self)
    }

    /// Runs `tollgate check` on the directory.
    pub(crate) fn check(&self) -> Output {
        tollgate(&self.env, &["check", &self.folder.path().to_string_lossy()])
    }
}

/// Runs the binary to its end.
pub(crate) fn tollgate(env: &BTreeMap<String, String>, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(args)
        .env_clear()
        .envs(env)
        .output()
        .expect("the binary runs")
}

/// A running gateway; killed when dropped.
pub(crate) struct Gateway {
    pub(crate) directory: Directory,
    pub(crate) http: SocketAddr,
    pub(crate) admin: SocketAddr,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Gateway {
    fn start(directory: Directory) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .arg("run")
            .arg(directory.path())
            .env_clear()
            .envs(&directory.env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (sender, listening) = channel();
        let streams: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("standard output")),
            Box::new(child.stderr.take().expect("standard error")),
        ];
        for stream in streams {
            let (log, sender) = (Arc::clone(&log), sender.clone());
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if line.contains("\"listening\"") {
                        sender.send(line.clone()).ok();
                    }
                    log.lock().expect("the log").push(line);
                }
            });
        }
        let (http, admin) = addresses(&listening, &log);
        Self { directory, http, admin, child, log }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// All lines the gateway has printed so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().expect("the log").clone()
    }

    /// Waits for a log line that satisfies a condition.
    pub(crate) async fn logged(&self, what: impl Fn(&str) -> bool) -> String {
        let look = async {
            loop {
                if let Some(line) = self.log().into_iter().find(|line| what(line)) {
                    return line;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        match tokio::time::timeout(DEADLINE, look).await {
            Ok(line) => line,
            Err(_) => panic!("no such log line among:\n{}", self.log().join("\n")),
        }
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for the end of the process and gives its status.
    pub(crate) async fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let look = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("the process") {
                    return status.code();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let code = tokio::time::timeout(DEADLINE, look).await.expect("the gateway ends");
        (code, self.log())
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&self, request: Call) -> Answer {
        Answer::read(self.open(request).await).await
    }

    /// Sends a request and gives the answer as it begins.
    pub(crate) async fn open(&self, call: Call) -> Response<Incoming> {
        open(self.http, call).await
    }

    /// GET of the admin listener.
    pub(crate) async fn admin(&self, path: &str) -> Answer {
        Answer::read(open(self.admin, Call::get(path)).await).await
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn addresses(listening: &Receiver<String>, log: &Mutex<Vec<String>>) -> (SocketAddr, SocketAddr) {
    let Ok(line) = listening.recv_timeout(DEADLINE) else {
        panic!("the gateway does not listen:\n{}", log.lock().expect("the log").join("\n"));
    };
    let line: Value = serde_json::from_str(&line).expect("a JSON log line");
    let address = |key: &str| {
        let text =
            line.get(key).and_then(Value::as_str).unwrap_or_else(|| panic!("no `{key}` in {line}"));
        text.parse().expect("an address")
    };
    (address("http"), address("admin"))
}

/// A request to send.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    pub(crate) fn new(method: Method, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: &str, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::new(Method::POST, path) }
    }

    pub(crate) fn json(path: &str, body: &Value) -> Self {
        Self::post(path, body.to_string()).header("content-type", "application/json")
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().expect("a header value"));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }
}

async fn open(address: SocketAddr, call: Call) -> Response<Incoming> {
    let sending = async {
        let stream = TcpStream::connect(address).await.expect("a connection");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection);
        let mut request = Request::builder().method(call.method).uri(call.path);
        let headers = request.headers_mut().expect("headers");
        *headers = call.headers;
        headers.entry("host").or_insert("gateway.test".parse().expect("a host"));
        let request = request.body(Full::new(call.body)).expect("a request");
        sender.send_request(request).await.expect("an answer")
    };
    tokio::time::timeout(DEADLINE, sending).await.expect("an answer in time")
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn read(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = tokio::time::timeout(DEADLINE, body.collect()).await.expect("a body in time");
        Self {
            status: head.status,
            headers: head.headers,
            body: body.expect("a whole body").to_bytes(),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}
