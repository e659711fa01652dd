//! Starts the real binary on a policy directory and speaks HTTP to it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{HOST, HeaderName};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::ext::ReasonPhrase;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tollgate_emulator::{Emulator, Options, Running};

/// Nothing a test waits for takes longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// Emulated Azure, as it is without further wishes.
pub(crate) async fn azure() -> Running {
    Emulator::start(Options::default()).await.expect("the emulators start")
}

/// Looks again and again until there is something to see.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A policy directory in the making.
pub(crate) struct Directory {
    path: PathBuf,
    env: BTreeMap<String, String>,
    /// Removes what was made for the test.
    _folder: tempfile::TempDir,
}

/// How long work may wait before requests are refused.
const DELAY: &str = "queueing-delay";

/// The configuration of a gateway that refuses nobody because its work waits, unless it says something about that. Tests run
/// beside one another, with more to do than the processors can, and most are not about that.
fn patient(config: &str) -> String {
    const LIMITS: &str = "[limits]\n";
    const PATIENT: &str = "[limits]\nqueueing-delay = \"1h\"\n";
    if config.contains(DELAY) {
        config.to_owned()
    } else if config.contains(LIMITS) {
        config.replacen(LIMITS, PATIENT, 1)
    } else {
        format!("{config}\n{PATIENT}")
    }
}

impl Directory {
    /// An empty directory whose configuration listens on free ports; `config` is the rest of `tollgate.toml`.
    pub(crate) fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the policies");
        let path = folder.path().to_owned();
        let this = Self { path, env: nowhere(), _folder: folder };
        this.configure(config);
        this
    }

    /// A copy of a folder of the repository that listens on free ports.
    pub(crate) fn copy_of(folder: &Path) -> Self {
        let this = Self::new("");
        copy(folder, &this.path);
        let config = std::fs::read_to_string(folder.join("tollgate.toml")).expect("tollgate.toml");
        this.configure(&without_table(&config, "[listen]"));
        this
    }

    /// Writes `tollgate.toml`, also while the gateway is running.
    pub(crate) fn configure(&self, config: &str) {
        let listen = if config.contains("[listen]") {
            ""
        } else {
            "[listen]\nhttp = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\n"
        };
        let config = format!("{listen}{config}");
        let is_running = self.config().is_some_and(|config| config.contains(DELAY));
        self.write("tollgate.toml", &if is_running { patient(&config) } else { config });
    }

    fn config(&self) -> Option<String> {
        std::fs::read_to_string(self.path.join("tollgate.toml")).ok()
    }

    /// Writes a file.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    /// Replaces a file in one go, as a deployment would, while the gateway may be running.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path.join(path);
        let parent = path.parent().expect("a folder");
        std::fs::create_dir_all(parent).expect("a folder for the file");
        let draft = parent.join(".draft");
        std::fs::write(&draft, text).expect("a policy file");
        std::fs::rename(&draft, path).expect("the file in its place");
    }

    /// The policy of an API.
    pub(crate) fn api(self, name: &str, policy: &str) -> Self {
        self.file(&format!("apis/{name}/policy.xml"), policy)
    }

    /// Sets a variable of the gateway's environment, which otherwise leads nowhere.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts the gateway and waits until it listens.
    pub(crate) fn start(self) -> Gateway {
        Gateway::start(self)
    }

    /// Runs `tollgate check` on the directory.
    pub(crate) fn check(&self) -> Output {
        tollgate(&self.env, &["check", &self.path.to_string_lossy()])
    }

    /// Runs the gateway to its end, for a directory that must not start.
    pub(crate) fn run_to_the_end(&self) -> Output {
        tollgate(&self.env, &["run", &self.path.to_string_lossy()])
    }
}

/// A gateway that nobody told otherwise must not ask this machine's real metadata service or Entra for tokens: nothing
/// listens at port 9 of loopback.
fn nowhere() -> BTreeMap<String, String> {
    let nobody = "http://127.0.0.1:9";
    ["AZURE_POD_IDENTITY_AUTHORITY_HOST", "AZURE_AUTHORITY_HOST"]
        .map(|name| (name.to_owned(), nobody.to_owned()))
        .into()
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder to copy") {
        let entry = entry.expect("an entry of the folder");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            std::fs::create_dir_all(&target).expect("a folder");
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy of the file");
        }
    }
}

/// The file without one of its tables.
fn without_table(toml: &str, header: &str) -> String {
    let mut inside = false;
    let kept: Vec<&str> = toml
        .lines()
        .filter(|line| {
            if line.trim_start().starts_with('[') {
                inside = line.trim() == header;
            }
            !inside
        })
        .collect();
    kept.join("\n")
}

/// The binary: this build's, unless `TOLLGATE_BINARY` names another one.
pub(crate) fn binary() -> PathBuf {
    let named = std::env::var_os("TOLLGATE_BINARY");
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_tollgate").into()).into()
}

/// Runs the binary to its end.
pub(crate) fn tollgate(env: &BTreeMap<String, String>, args: &[&str]) -> Output {
    Command::new(binary())
        .args(args)
        .env_clear()
        .envs(env)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

/// A running gateway; killed when dropped.
pub(crate) struct Gateway {
    pub(crate) directory: Directory,
    pub(crate) http: SocketAddr,
    pub(crate) https: Option<SocketAddr>,
    pub(crate) admin: SocketAddr,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Gateway {
    fn start(directory: Directory) -> Self {
        directory.write("tollgate.toml", &patient(&directory.config().expect("tollgate.toml")));
        let mut child = Command::new(binary())
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
        drop(sender);
        let line = match listening_line(&listening, &log) {
            Ok(line) => line,
            Err(why) => {
                child.kill().ok();
                child.wait().ok();
                panic!("{why}");
            }
        };
        let http = address(&line, "http").expect("the address of the HTTP listener");
        let admin = address(&line, "admin").expect("the address of the admin listener");
        Self { directory, http, https: address(&line, "https"), admin, child, log }
    }

    /// All lines the gateway has printed so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().expect("the log").clone()
    }

    /// How many lines satisfy a condition.
    pub(crate) fn count_log(&self, what: impl Fn(&str) -> bool) -> usize {
        self.log().iter().filter(|line| what(line)).count()
    }

    /// Waits for a log line that satisfies a condition.
    pub(crate) async fn logged(&self, what: impl Fn(&str) -> bool) -> String {
        self.logged_times(1, what).await
    }

    /// Waits until that many log lines satisfy a condition, and gives the last of them.
    pub(crate) async fn logged_times(&self, times: usize, what: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let log = self.log();
            let mut matching = log.iter().filter(|line| what(line));
            if let Some(line) = matching.nth(times - 1) {
                return line.clone();
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "no such log line among the last of {}:\n{}",
                log.len(),
                log[log.len().saturating_sub(40)..].join("\n")
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits for the access line of a path.
    pub(crate) async fn access(&self, path: &str) -> Value {
        let line = self.logged(|line| {
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            find(&line, "path").is_some_and(|found| found == path)
                && find(&line, "status").is_some()
        });
        serde_json::from_str(&line.await).expect("a JSON log line")
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Has the directory loaded again and waits until that has gone well.
    pub(crate) async fn reload(&self) {
        let before = self.count_log(is_reload);
        self.signal("HUP");
        self.logged_times(before + 1, is_reload).await;
    }

    /// What the system says of the process.
    pub(crate) fn proc(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.child.id());
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// The most memory the process has had so far, as the system says it.
    pub(crate) fn peak_memory(&self) -> String {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.unwrap_or("unknown").trim().to_owned()
    }

    /// Waits for the end of the process.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        until("the gateway ends", async || child.try_wait().expect("the process")).await
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&self, call: Call) -> Answer {
        Answer::read(self.open(call).await).await
    }

    /// Sends a request and gives the answer as it begins.
    pub(crate) async fn open(&self, call: Call) -> Response<Incoming> {
        self.connect().await.open(call).await.expect("an answer")
    }

    /// A connection for several requests.
    pub(crate) async fn connect(&self) -> Connection {
        Connection::to(self.http).await
    }

    /// GET of the admin listener.
    pub(crate) async fn admin(&self, path: &str) -> Answer {
        let mut connection = Connection::to(self.admin).await;
        // Without a key the status is for callers on this machine that say so.
        let call = Call::get(path).header("host", &self.admin.to_string());
        Answer::read(connection.open(call).await.expect("an answer")).await
    }

    /// Sends bytes as they are and returns all that comes until the gateway closes the connection.
    pub(crate) async fn raw(&self, sent: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.http).await.expect("a connection");
        exchange(&mut stream, sent).await
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn is_reload(line: &str) -> bool {
    line.contains("\"reloaded\"")
}

fn listening_line(listening: &Receiver<String>, log: &Mutex<Vec<String>>) -> Result<Value, String> {
    let line = listening.recv_timeout(DEADLINE).map_err(|_| {
        format!("the gateway does not listen:\n{}", log.lock().expect("the log").join("\n"))
    })?;
    serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))
}

/// A field of a log line, wherever the format puts it.
pub(crate) fn find<'a>(line: &'a Value, key: &str) -> Option<&'a Value> {
    line.get(key).or_else(|| line.get("fields")?.get(key))
}

fn address(line: &Value, key: &str) -> Option<SocketAddr> {
    find(line, key)?.as_str()?.parse().ok()
}

/// Sends bytes and reads until the other side closes.
pub(crate) async fn exchange<T: AsyncRead + AsyncWrite + Unpin>(io: &mut T, sent: &[u8]) -> String {
    // The other side may refuse and close before all is sent.
    io.write_all(sent).await.ok();
    let mut received = Vec::new();
    let read = io.read_to_end(&mut received);
    tokio::time::timeout(DEADLINE, read).await.expect("the connection ends in time").ok();
    String::from_utf8_lossy(&received).into_owned()
}

/// Reads until what came contains a text.
pub(crate) async fn read_until<T: AsyncRead + Unpin>(io: &mut T, wanted: &str) -> String {
    let mut received = Vec::new();
    let reading = async {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let n = io.read(&mut buffer).await.expect("bytes");
            received.extend_from_slice(&buffer[..n]);
            let text = String::from_utf8_lossy(&received).into_owned();
            if text.contains(wanted) {
                return text;
            }
            assert!(n > 0, "the connection ended before `{wanted}`: {text}");
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.expect("bytes in time")
}

/// One connection over HTTP/1.1.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects to an address.
    pub(crate) async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection.with_upgrades());
        Self { sender }
    }

    /// Sends a request and gives the answer as it begins.
    pub(crate) async fn open(&mut self, call: Call) -> hyper::Result<Response<Incoming>> {
        let sending = async {
            self.sender.ready().await?;
            self.sender.send_request(call.into_request()).await
        };
        tokio::time::timeout(DEADLINE, sending).await.expect("an answer in time")
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&mut self, call: Call) -> hyper::Result<Answer> {
        let response = self.open(call).await?;
        Answer::try_read(response).await
    }
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
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let method = method.parse().expect("a method");
        Self { method, path: path.to_owned(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: &str, body: impl Into<Bytes>) -> Self {
        Self::new("POST", path).body(body)
    }

    pub(crate) fn json(path: &str, body: &Value) -> Self {
        Self::post(path, body.to_string()).header("content-type", "application/json")
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        self.headers.append(name, value.parse().expect("a header value"));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn into_request(self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().expect("a target");
        *request.headers_mut() = self.headers;
        let host = "gateway.test".parse().expect("a host");
        request.headers_mut().entry(HOST).or_insert(host);
        request
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The reason phrase; empty when there is none.
    pub(crate) phrase: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn read(response: Response<Incoming>) -> Self {
        Self::try_read(response).await.expect("a whole body")
    }

    pub(crate) async fn try_read(response: Response<Incoming>) -> hyper::Result<Self> {
        let (head, body) = response.into_parts();
        let body = tokio::time::timeout(DEADLINE, body.collect()).await.expect("a body in time");
        // hyper keeps a phrase only when it is not the standard one of the status.
        let phrase = match head.extensions.get::<ReasonPhrase>() {
            Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
            None => head.status.canonical_reason().unwrap_or_default().to_owned(),
        };
        Ok(Self { status: head.status, phrase, headers: head.headers, body: body?.to_bytes() })
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

    /// Asserts the status; shows the body when it is another.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:?} {}", self.headers, self.text());
        self
    }
}

/// Whether a text is like a pattern, in which `…` stands for anything.
pub(crate) fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}
