//! Gateways that share counters in a real Redis server.
//!
//! `TOLLGATE_REDIS_SERVER` names the server's binary; without it these tests have nothing to talk to and say so. `.ci/run`
//! sets it, in a stage of its own.

mod cache;
mod semantic_cache;
mod state;
mod tokens;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Call, Connection, Directory, Gateway, until};
use crate::tls::Authority;

/// A server on a free port of loopback that keeps nothing; killed when dropped.
pub(crate) struct RedisServer {
    binary: PathBuf,
    pub(crate) port: u16,
    arguments: Vec<String>,
    child: Child,
    folder: tempfile::TempDir,
}

impl RedisServer {
    /// `None`, said aloud, when the environment names no server. `{port}` in the arguments is a free port, `{dir}` a folder
    /// of the server's own, into which these files are put before it starts.
    fn start(arguments: &[&str], files: &[(&str, &str)]) -> Option<Self> {
        let Some(binary) = std::env::var_os("TOLLGATE_REDIS_SERVER") else {
            println!("skipped: TOLLGATE_REDIS_SERVER names no Redis server");
            return None;
        };
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            listener.local_addr().expect("its address").port()
        };
        let folder = tempfile::tempdir().expect("a folder for the server");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file of the server");
        }
        let place = |text: &&str| {
            text.replace("{port}", &port.to_string())
                .replace("{dir}", &folder.path().to_string_lossy())
        };
        let arguments: Vec<String> = arguments.iter().map(place).collect();
        let binary = PathBuf::from(binary);
        let child = run(&binary, &arguments, &folder);
        Some(Self { binary, port, arguments, child, folder })
    }

    pub(crate) fn plain() -> Option<Self> {
        Self::start(&["--port", "{port}"], &[])
    }

    fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    fn kill(&mut self) {
        self.child.kill().expect("the server is killed");
        self.child.wait().expect("the server has ended");
    }

    fn start_again(&mut self) {
        self.child = run(&self.binary, &self.arguments, &self.folder);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn run(binary: &PathBuf, arguments: &[String], folder: &tempfile::TempDir) -> Child {
    Command::new(binary)
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the Redis server runs")
}

/// A gateway whose API `it` answers by itself behind this policy.
pub(crate) fn gateway(config: &str, policy: &str) -> Gateway {
    let policy = format!(
        "<policies><inbound>{policy}<return-response><set-status code=\"200\" /></return-response></inbound>\
         <backend><base /></backend></policies>"
    );
    let api = "[apis.it]\npath = \"it\"\nsubscription = \"optional\"\n";
    Directory::new(&format!("{config}\n{api}")).api("it", &policy).start()
}

/// Waits until the gateway's own word is that it is connected to the server, or not.
pub(crate) async fn connected(gateway: &Gateway, expected: bool) {
    until("the server's state is known", async || {
        let status = gateway.admin("/status").await.expect(200).json();
        (status["redis"]["connected"] == expected).then_some(())
    })
    .await;
}

/// One call as its client saw it.
#[derive(Clone, Copy)]
struct Seen {
    sent: Instant,
    received: Instant,
    status: u16,
    remaining: Option<u64>,
}

/// Sends so many calls, evenly over so much time, over several connections to gateways in turn.
async fn load(gateways: &[SocketAddr], n: u32, over: Duration) -> Vec<Seen> {
    const CLIENTS: u32 = 20;
    let began = Instant::now() + Duration::from_millis(20);
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let address = gateways[client as usize % gateways.len()];
        clients.spawn(async move {
            let mut connection = Connection::to(address).await;
            let mut seen = Vec::new();
            for call in (client..n).step_by(CLIENTS as usize) {
                tokio::time::sleep_until((began + over * call / n).into()).await;
                let sent = Instant::now();
                let answer = connection.send(Call::get("/it/x")).await.expect("an answer");
                let remaining = answer.header("x-remaining").parse().ok();
                let status = answer.status.as_u16();
                seen.push(Seen { sent, received: Instant::now(), status, remaining });
            }
            seen
        });
    }
    let mut all: Vec<Seen> = clients.join_all().await.into_iter().flatten().collect();
    all.sort_by_key(|seen| seen.received);
    all
}

fn counts(all: &[Seen]) -> BTreeMap<u16, usize> {
    all.iter().fold(BTreeMap::new(), |mut counts, seen| {
        *counts.entry(seen.status).or_default() += 1;
        counts
    })
}

fn slowest(all: &[Seen]) -> Duration {
    all.iter().map(|seen| seen.received - seen.sent).max().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_admit_together_exactly_what_one_would() {
    const LIMIT: usize = 300;
    const WINDOW: Duration = Duration::from_secs(2);
    let Some(server) = RedisServer::plain() else { return };
    let config = format!("[redis]\nurl = \"redis://127.0.0.1:{}\"", server.port);
    let policy = r#"<rate-limit-by-key calls="300" renewal-period="2" counter-key="k" remaining-calls-header-name="x-remaining" />
        <quota-by-key calls="850" renewal-period="0" counter-key="k" />"#;
    let gateways = [gateway(&config, policy), gateway(&config, policy)];
    for gateway in &gateways {
        connected(gateway, true).await;
    }
    // 500 calls a second. A window of two seconds lets 300 of them through, then none until the first has left.
    let all = load(&gateways.each_ref().map(|gateway| gateway.http), 2_750, WINDOW * 11 / 4).await;
    let took = all.last().expect("calls").received - all[0].sent;
    let counts = counts(&all);
    println!(
        "two gateways, one Redis: {} calls in {:.2} s ({:.0} a second), limit {LIMIT} in {} s and 850 in all: {counts:?}, slowest {} ms",
        all.len(),
        took.as_secs_f64(),
        f64::from(u32::try_from(all.len()).unwrap()) / took.as_secs_f64(),
        WINDOW.as_secs(),
        slowest(&all).as_millis()
    );
    // The quota lets exactly 850 through, and the rate before it three bursts of 300.
    assert_eq!(counts.get(&200), Some(&850), "{counts:?}");
    assert_eq!(counts.get(&403), Some(&50), "{counts:?}");
    // Whoever the rate let through was counted by the rate.
    let mut admitted: Vec<Seen> = all.into_iter().filter(|seen| seen.status != 429).collect();
    admitted.sort_by_key(|seen| seen.sent);
    for span in admitted.windows(LIMIT + 1) {
        let latest = span[1..].iter().map(|seen| seen.received).max().expect("calls");
        assert!(latest - span[0].sent >= WINDOW, "more than {LIMIT} calls in a window");
    }
    // Each of the first burst saw another number: none was counted twice or not at all.
    let mut remaining: Vec<u64> =
        admitted[..LIMIT].iter().filter_map(|seen| seen.remaining).collect();
    remaining.sort_unstable();
    assert_eq!(remaining, (0..LIMIT as u64).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_killed_and_returns_is_met_as_the_setting_says() {
    for setting in ["fail-open", "fail-closed", "local"] {
        let Some(mut server) = RedisServer::plain() else { return };
        let config = format!(
            "[redis]\nurl = \"redis://127.0.0.1:{}\"\nresponse-timeout = \"100ms\"\nconnect-timeout = \"300ms\"\n\
             [counters]\nwhen-unavailable = \"{setting}\"",
            server.port
        );
        let policy = r#"<rate-limit-by-key calls="5" renewal-period="300" counter-key="k" />"#;
        let gateway = gateway(&config, policy);
        connected(&gateway, true).await;
        let second = Duration::from_secs(1);
        let with = load(&[gateway.http], 100, second).await;
        assert_eq!(counts(&with), BTreeMap::from([(200, 5), (429, 95)]), "{setting}");
        server.signal("STOP");
        let hung = load(&[gateway.http], 200, second).await;
        server.signal("CONT");
        connected(&gateway, true).await;
        let awake = load(&[gateway.http], 20, second / 10).await;
        assert_eq!(counts(&awake), BTreeMap::from([(429, 20)]), "{setting}: the count is there");
        // Under load.
        let (address, loading) = (gateway.http, second * 2);
        let killed = tokio::spawn(async move { load(&[address], 400, loading).await });
        tokio::time::sleep(second / 2).await;
        server.kill();
        let killed = killed.await.expect("the load");
        connected(&gateway, false).await;
        let gone = load(&[gateway.http], 200, second).await;
        server.start_again();
        connected(&gateway, true).await;
        let back = load(&[gateway.http], 100, second).await;
        println!(
            "{setting}: with the server {:?}; hung {:?}, slowest {} ms; killed under load {:?}, slowest {} ms; gone {:?}, slowest {} ms; back {:?}",
            counts(&with),
            counts(&hung),
            slowest(&hung).as_millis(),
            counts(&killed),
            slowest(&killed).as_millis(),
            counts(&gone),
            slowest(&gone).as_millis(),
            counts(&back),
        );
        let expected = |n: usize, admitted: usize| match setting {
            "fail-open" => BTreeMap::from([(200, n)]),
            "fail-closed" => BTreeMap::from([(503, n)]),
            // Five were admitted when the server hung, of a count that began with the gateway's own.
            _ if admitted == 0 => BTreeMap::from([(429, n)]),
            _ => BTreeMap::from([(200, admitted), (429, n - admitted)]),
        };
        assert_eq!(counts(&hung), expected(200, 5), "{setting}: hung");
        assert_eq!(counts(&gone), expected(200, 0), "{setting}: gone");
        assert_eq!(counts(&back), BTreeMap::from([(200, 5), (429, 95)]), "{setting}: a new count");
        let until_killed = counts(&killed).get(&429).copied().unwrap_or(0);
        assert!(until_killed > 0, "{setting}: {:?}", counts(&killed));
        for (what, all) in [("hung", &hung), ("killed", &killed), ("gone", &gone)] {
            // The time-out, and the machine's own slowness.
            assert!(slowest(all) < Duration::from_secs(1), "{setting}: {what}");
        }
        let log = gateway.log().join("\n");
        assert!(log.contains("the Redis server is away"), "{log}");
        assert!(log.contains("connected to the Redis server"), "{log}");
        let metrics = gateway.admin("/metrics").await.expect(200).text();
        assert!(metrics.contains("tollgate_redis_connected 1"), "{metrics}");
        assert!(!metrics.contains("tollgate_counters_unavailable_total 0"), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_counts_when_the_response_is_known_counts_for_all_gateways() {
    let Some(server) = RedisServer::plain() else { return };
    let config = format!("[redis]\nurl = \"redis://127.0.0.1:{}\"", server.port);
    let policy = r#"
        <quota-by-key bandwidth="1" renewal-period="86400" counter-key="k" />
        <rate-limit-by-key calls="100" renewal-period="300" counter-key="k" remaining-calls-header-name="x-remaining"
            increment-condition="@(context.Response.StatusCode == 200)" increment-count="40" />
        <return-response><set-body>@(new string('x', 600))</set-body></return-response>"#;
    let gateways = [gateway(&config, policy), gateway(&config, policy)];
    for gateway in &gateways {
        connected(gateway, true).await;
    }
    let [one, two] = &gateways;
    assert_eq!(one.send(Call::get("/it/x")).await.expect(200).header("x-remaining"), "100");
    assert_eq!(two.send(Call::get("/it/x")).await.expect(200).header("x-remaining"), "60");
    // Traffic is counted when the response has been sent, which its client may see a moment before.
    until("both answers have used up the bandwidth", async || {
        let answer = one.send(Call::get("/it/x")).await;
        (answer.status == 403).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_is_encrypted_and_its_password_is_shown_nowhere() {
    let authority = Authority::new();
    let (pem, _) = authority.issue(&["localhost"]);
    let arguments = [
        "--port",
        "0",
        "--tls-port",
        "{port}",
        "--tls-cert-file",
        "server.pem",
        "--tls-key-file",
        "server.pem",
        "--tls-ca-cert-file",
        "ca.pem",
        "--tls-auth-clients",
        "no",
        "--requirepass",
        "canary-password",
    ];
    let files = [("server.pem", pem.as_str()), ("ca.pem", &authority.pem())];
    let Some(server) = RedisServer::start(&arguments, &files) else { return };
    let policy = r#"<rate-limit-by-key calls="2" renewal-period="300" counter-key="k" />"#;
    let start = |url: String, more: &str| {
        let policy = format!(
            "<policies><inbound>{policy}<return-response /></inbound><backend><base /></backend></policies>"
        );
        let api = "[apis.it]\npath = \"it\"\nsubscription = \"optional\"\n";
        Directory::new(&format!("[redis]\nurl = {{ env = \"REDIS\" }}\n{more}\n{api}"))
            .file("ca.pem", &authority.pem())
            .env("REDIS", url)
            .api("it", &policy)
            .start()
    };
    let url = format!("rediss://:canary-password@localhost:{}/0", server.port);
    let trusting = start(url.clone(), "[egress]\nca-file = \"ca.pem\"");
    connected(&trusting, true).await;
    for status in [200, 200, 429] {
        trusting.send(Call::get("/it/x")).await.expect(status);
    }
    // A certificate that leads to no trusted root is not believed, and a wrong password not let in.
    let wary = start(url, "");
    connected(&wary, false).await;
    let wrong = format!("rediss://:canary-wrong@localhost:{}/0", server.port);
    let locked_out = start(wrong, "[egress]\nca-file = \"ca.pem\"");
    connected(&locked_out, false).await;
    for gateway in [&trusting, &wary, &locked_out] {
        let status = gateway.admin("/status").await.text();
        let shown = format!("{}{status}", gateway.log().join("\n"));
        assert!(!shown.contains("canary"), "{shown}");
    }
    let status = locked_out.admin("/status").await.json();
    let why = status["redis"]["error"].as_str().expect("a reason");
    assert!(why.contains("WRONGPASS") || why.contains("uthentication"), "{why}");
}
