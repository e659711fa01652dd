use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex as SyncMutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::loopback::fetcher;

const TIMEOUT: Duration = Duration::from_millis(100);

/// What a server that speaks just enough of the protocol is asked and how it behaves.
#[derive(Default)]
struct Behaviour {
    commands: SyncMutex<Vec<Vec<String>>>,
    is_silent: AtomicBool,
    refuses_password: AtomicBool,
    /// It does not know `AUTH`, and says so as Redis does.
    repeats_arguments: AtomicBool,
    /// It closes each connection once it has answered a `PING`.
    hangs_up: AtomicBool,
    /// It was the primary once.
    is_replica: AtomicBool,
    accepted: AtomicUsize,
    loaded: AtomicUsize,
}

struct Server {
    address: SocketAddr,
    behaviour: Arc<Behaviour>,
    tasks: JoinSet<()>,
}

impl Server {
    async fn start(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let behaviour = Arc::new(Behaviour::default());
        let mut tasks = JoinSet::new();
        let seen = Arc::clone(&behaviour);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                seen.accepted.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(stream, Arc::clone(&seen)));
            }
        });
        Self { address, behaviour, tasks }
    }

    async fn stop(mut self) -> SocketAddr {
        self.tasks.shutdown().await;
        self.address
    }
}

async fn serve(mut stream: TcpStream, behaviour: Arc<Behaviour>) {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        read.extend_from_slice(&buffer[..n]);
        while let Some((command, used)) = parse(&read) {
            read.drain(..used);
            if behaviour.is_silent.load(Ordering::SeqCst) {
                continue;
            }
            let answer = respond(&command, &behaviour);
            let was_ping = command[0] == "PING";
            behaviour.commands.lock().push(command);
            stream.write_all(answer.as_bytes()).await.unwrap();
            if was_ping && behaviour.hangs_up.load(Ordering::SeqCst) {
                return;
            }
        }
    }
}

/// One command of `*n\r\n$len\r\n…\r\n…`, and how many bytes it took.
fn parse(bytes: &[u8]) -> Option<(Vec<String>, usize)> {
    let line = |at: usize| {
        let end = at + bytes.get(at..)?.windows(2).position(|pair| pair == b"\r\n")?;
        Some((std::str::from_utf8(&bytes[at + 1..end]).unwrap().parse::<usize>().unwrap(), end + 2))
    };
    let (n, mut at) = line(0)?;
    let mut parts = Vec::new();
    for _ in 0..n {
        let (length, begin) = line(at)?;
        parts.push(String::from_utf8(bytes.get(begin..begin + length)?.to_vec()).unwrap());
        at = begin + length + 2;
    }
    (at <= bytes.len()).then_some((parts, at))
}

fn respond(command: &[String], behaviour: &Behaviour) -> String {
    match command[0].as_str() {
        "PING" => "+PONG\r\n".to_owned(),
        "GET" if behaviour.is_replica.load(Ordering::SeqCst) => {
            "-READONLY You can't write against a read only replica.\r\n".to_owned()
        }
        "GET" => "$5\r\nvalue\r\n".to_owned(),
        "BAD" => "-ERR unknown command\r\n".to_owned(),
        "AUTH" | "HELLO" if behaviour.repeats_arguments.load(Ordering::SeqCst) => {
            let arguments = command[1..].join("' '");
            format!(
                "-ERR unknown command '{}', with args beginning with: '{arguments}'\r\n",
                command[0]
            )
        }
        "AUTH" | "HELLO" if behaviour.refuses_password.load(Ordering::SeqCst) => {
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n".to_owned()
        }
        "EVALSHA" if behaviour.loaded.load(Ordering::SeqCst) == 0 => {
            "-NOSCRIPT No matching script.\r\n".to_owned()
        }
        "EVALSHA" => ":7\r\n".to_owned(),
        "SCRIPT" => {
            behaviour.loaded.fetch_add(1, Ordering::SeqCst);
            "+OK\r\n".to_owned()
        }
        _ => "+OK\r\n".to_owned(),
    }
}

fn settings(address: SocketAddr) -> RedisSettings {
    RedisSettings {
        connect_timeout: Duration::from_secs(2),
        response_timeout: TIMEOUT,
        ..RedisSettings::parse(&format!("redis://:canary@{address}/3")).unwrap()
    }
}

async fn connected(server: &Server) -> Redis {
    let redis = Redis::new(fetcher(), Arc::new(Metrics::new()));
    redis.apply(Some(settings(server.address))).await;
    redis
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

async fn get(redis: &Redis) -> Result<String, RedisFailure> {
    let mut command = redis::cmd("GET");
    command.arg(redis.key("it"));
    redis.query(&command).await
}

/// Waits for the server to be used again.
async fn back(redis: &Redis) {
    let waiting = async {
        while !redis.status().unwrap().connected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap();
}

#[tokio::test]
async fn commands_are_carried_out_with_prefix_and_database() {
    let server = Server::start(loopback()).await;
    let redis = connected(&server).await;
    assert_eq!(get(&redis).await, Ok("value".to_owned()));
    let commands = server.behaviour.commands.lock().clone();
    assert!(commands.contains(&vec!["AUTH".into(), "canary".into()]), "{commands:?}");
    assert!(commands.contains(&vec!["SELECT".into(), "3".into()]), "{commands:?}");
    assert_eq!(commands.last().unwrap(), &["GET", "tollgate:it"]);
    let failure = redis.query::<String>(&redis::cmd("BAD")).await.unwrap_err();
    assert!(matches!(failure, RedisFailure::Refused(_)), "{failure}");
    assert!(redis.status().unwrap().connected, "a refused command says nothing of the connection");
}

#[tokio::test]
async fn a_script_is_taught_once() {
    let server = Server::start(loopback()).await;
    let redis = connected(&server).await;
    let script = Script::new("return 7");
    for _ in 0..3 {
        assert_eq!(redis.run::<i64>(&script, &[redis.key("k")], &[1, -2]).await, Ok(7));
    }
    assert_eq!(server.behaviour.loaded.load(Ordering::SeqCst), 1);
    let commands = server.behaviour.commands.lock().clone();
    let last = commands.last().unwrap();
    assert_eq!(&last[2..], ["1", "tollgate:k", "1", "-2"]);
}

#[tokio::test]
async fn a_server_that_is_gone_costs_nothing_and_is_used_when_it_returns() {
    let server = Server::start(loopback()).await;
    let redis = connected(&server).await;
    let address = server.stop().await;
    // The first may find the connection broken, or hear of it.
    assert_eq!(get(&redis).await, Err(RedisFailure::Away));
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(get(&redis).await, Err(RedisFailure::Away));
    }
    assert!(began.elapsed() < TIMEOUT, "{:?}", began.elapsed());
    let _server = Server::start(address).await;
    back(&redis).await;
    assert_eq!(get(&redis).await, Ok("value".to_owned()));
}

#[tokio::test]
async fn a_server_that_hangs_makes_nobody_wait_longer_than_the_time_out() {
    let server = Server::start(loopback()).await;
    let redis = connected(&server).await;
    server.behaviour.is_silent.store(true, Ordering::SeqCst);
    let began = Instant::now();
    let all = futures::future::join_all((0..50).map(|_| get(&redis))).await;
    assert!(all.iter().all(|result| *result == Err(RedisFailure::Away)), "{all:?}");
    assert!(began.elapsed() < 3 * TIMEOUT, "{:?}", began.elapsed());
    let again = Instant::now();
    assert_eq!(get(&redis).await, Err(RedisFailure::Away));
    assert!(again.elapsed() < TIMEOUT / 2, "a server that accepts but does not answer is away");
    server.behaviour.is_silent.store(false, Ordering::SeqCst);
    back(&redis).await;
    assert_eq!(get(&redis).await, Ok("value".to_owned()));
}

#[tokio::test]
async fn what_is_not_configured_or_not_there_is_said() {
    let redis = Redis::new(fetcher(), Arc::new(Metrics::new()));
    assert_eq!(get(&redis).await, Err(RedisFailure::NotConfigured));
    assert_eq!(redis.status(), None);
    let nobody = Server::start(loopback()).await.stop().await;
    redis.apply(Some(settings(nobody))).await;
    assert_eq!(get(&redis).await, Err(RedisFailure::Away));
    let status = redis.status().unwrap();
    assert!(!status.connected && status.error.is_some(), "{status:?}");
    redis.apply(None).await;
    assert_eq!(get(&redis).await, Err(RedisFailure::NotConfigured));
}

#[tokio::test]
async fn unchanged_settings_keep_the_connection_and_changed_ones_make_another() {
    let server = Server::start(loopback()).await;
    let redis = connected(&server).await;
    let pings = || {
        let commands = server.behaviour.commands.lock();
        commands.iter().filter(|command| command[0] == "PING").count()
    };
    redis.apply(Some(settings(server.address))).await;
    assert_eq!(pings(), 1);
    let changed = RedisSettings { key_prefix: "other:".to_owned(), ..settings(server.address) };
    redis.apply(Some(changed)).await;
    assert_eq!((pings(), redis.key("x")), (2, "other:x".to_owned()));
}

#[tokio::test]
async fn a_wrong_password_is_said_without_the_password() {
    for repeats in [false, true] {
        let server = Server::start(loopback()).await;
        server.behaviour.refuses_password.store(true, Ordering::SeqCst);
        server.behaviour.repeats_arguments.store(repeats, Ordering::SeqCst);
        let redis = connected(&server).await;
        let shown = format!("{:?} {redis:?} {:?}", redis.status(), settings(server.address));
        assert!(shown.contains("connected: false"), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_not_called_without_a_pause() {
    let server = Server::start(loopback()).await;
    server.behaviour.hangs_up.store(true, Ordering::SeqCst);
    let redis = connected(&server).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    // After 0, 50, 150 and 350 ms.
    let accepted = server.behaviour.accepted.load(Ordering::SeqCst);
    assert!((2..=4).contains(&accepted), "{accepted}");
    server.behaviour.hangs_up.store(false, Ordering::SeqCst);
    back(&redis).await;
    assert_eq!(get(&redis).await, Ok("value".to_owned()));
}

#[tokio::test]
async fn a_server_that_became_a_replica_is_looked_for_anew() {
    let server = Server::start(loopback()).await;
    let redis = connected(&server).await;
    server.behaviour.is_replica.store(true, Ordering::SeqCst);
    assert_eq!(get(&redis).await, Err(RedisFailure::Away));
    let error = redis.status().unwrap().error.unwrap();
    assert!(error.contains("read only replica"), "{error}");
    server.behaviour.is_replica.store(false, Ordering::SeqCst);
    back(&redis).await;
    assert_eq!(get(&redis).await, Ok("value".to_owned()));
    assert_eq!(server.behaviour.accepted.load(Ordering::SeqCst), 2);
}

#[test]
fn urls_are_read_whole() {
    let settings = RedisSettings::parse("rediss://u%40x:p%20w@redis.test:6380/2").unwrap();
    let password = settings.password.as_ref().map(|password| password.expose().as_str());
    assert_eq!((settings.username.as_deref(), password), (Some("u@x"), Some("p w")));
    assert_eq!((settings.server().as_str(), settings.database), ("redis.test:6380", 2));
    assert_eq!(settings.protection, crate::fetch::Protection::Tls);
    assert_eq!(RedisSettings::parse("redis://localhost").unwrap().server(), "localhost:6379");
    for wrong in ["localhost:6379", "http://x", "redis://", "redis://x/a", "redis://x/0?a=b", ""] {
        assert!(RedisSettings::parse(wrong).is_err(), "{wrong}");
    }
}
