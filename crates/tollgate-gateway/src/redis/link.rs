//! One server: the task that stays connected to it, and what callers see of that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, RedisConnectionInfo, RedisError,
    ServerErrorKind,
};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::{RedisFailure, RedisSettings, RedisStatus, Script};
use crate::fetch::Fetcher;
use crate::telemetry::Metrics;

/// How long after a failed attempt, or after a connection that was of no use, the next attempt begins, at first and at most. The
/// last is how long after its return a server may stay unused.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A server that refuses commands is spoken of at most this often.
const REFUSALS_SAID: Duration = Duration::from_secs(10);
/// Commands that may wait to be written; beyond it callers wait, within their time-out.
const QUEUE: usize = 1_024;

/// A server that is stayed connected to until this is dropped.
pub(super) struct Link {
    shared: Arc<Shared>,
    task: AbortHandle,
    attempted: watch::Receiver<bool>,
}

struct Shared {
    settings: RedisSettings,
    fetcher: Arc<Fetcher>,
    metrics: Arc<Metrics>,
    /// The connection in use; none while the server is away.
    connection: ArcSwapOption<Connection>,
    error: Mutex<Option<String>>,
    /// When a refused command was last spoken of.
    refusal_said: Mutex<Option<Instant>>,
}

/// A connection that has answered.
struct Connection {
    commands: MultiplexedConnection,
    /// A caller has found it to be broken.
    broken: Notify,
    /// A command of a caller has been carried out over it.
    served: AtomicBool,
}

/// Why a command has no result, before it is known who needs to hear of it.
pub(super) enum Failure {
    /// There is no connection, or it has just turned out to be broken.
    Away,
    /// The server said so.
    Server(ServerErrorKind, String),
    /// The server answered something else than the caller understands.
    Answer(String),
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    pub(super) fn start(
        settings: RedisSettings,
        fetcher: Arc<Fetcher>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let shared = Arc::new(Shared {
            settings,
            fetcher,
            metrics,
            connection: ArcSwapOption::empty(),
            error: Mutex::default(),
            refusal_said: Mutex::default(),
        });
        let (tell, attempted) = watch::channel(false);
        let task = tokio::spawn(stay_connected(Arc::clone(&shared), tell)).abort_handle();
        Self { shared, task, attempted }
    }

    pub(super) fn settings(&self) -> &RedisSettings {
        &self.shared.settings
    }

    /// Waits until the first attempt to connect has ended, well or not.
    pub(super) async fn first_attempt(&self) {
        // The task ends only with this, so there is always somebody to hear from.
        self.attempted.clone().wait_for(|attempted| *attempted).await.ok();
    }

    pub(super) fn status(&self) -> RedisStatus {
        RedisStatus {
            server: self.shared.settings.server(),
            connected: self.shared.connection.load().is_some(),
            error: self.shared.error.lock().clone(),
        }
    }

    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisFailure> {
        let result = self.send(command).await;
        self.settle(result)
    }

    pub(super) async fn load(&self, script: &Script) -> Result<(), RedisFailure> {
        let mut command = redis::cmd("SCRIPT");
        command.arg("LOAD").arg(script.code());
        self.query(&command).await
    }

    /// Sends a command over the connection in use, if there is one.
    pub(super) async fn send<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Failure> {
        let connection = self.shared.connection.load_full().ok_or(Failure::Away)?;
        let sent = command.query_async(&mut connection.commands.clone()).await;
        // A write only when it changes something: many requests pass here.
        if sent.is_ok() && !connection.served.load(Ordering::Relaxed) {
            connection.served.store(true, Ordering::Relaxed);
        }
        sent.map_err(|error| self.judge(&connection, &error))
    }

    /// What an error means. A command that takes too long condemns the connection too: the server answers in order, so
    /// what was sent after it is late as well. So does a server that can no longer write or is not ready: after a
    /// fail-over its name leads to another one, which only a new connection reaches.
    fn judge(&self, connection: &Arc<Connection>, error: &RedisError) -> Failure {
        use ServerErrorKind::{BusyLoading, MasterDown, ReadOnly};
        let why = self.shared.in_words(error);
        match error.kind() {
            ErrorKind::Server(ReadOnly | MasterDown | BusyLoading) => {}
            _ if error.is_timeout() || error.is_unrecoverable_error() => {}
            ErrorKind::Server(kind) => return Failure::Server(kind, why),
            _ => return Failure::Answer(why),
        }
        self.shared.lost(connection, &why);
        Failure::Away
    }

    /// Counts a failure and says it as callers understand it.
    pub(super) fn settle<T>(&self, result: Result<T, Failure>) -> Result<T, RedisFailure> {
        result.map_err(|failure| {
            self.shared.metrics.redis_failed();
            match failure {
                Failure::Away => RedisFailure::Away,
                Failure::Server(_, why) | Failure::Answer(why) => {
                    self.shared.refused(&why);
                    RedisFailure::Refused(why)
                }
            }
        })
    }
}

impl Shared {
    /// From now on callers are told that the server is away, unless it is connected to anew already.
    fn lost(&self, connection: &Arc<Connection>, why: &str) {
        // Many callers find the same connection broken; the first says so.
        let used = Some(Arc::clone(connection));
        let found = self.connection.compare_and_swap(&used, None);
        if !found.as_ref().is_some_and(|found| Arc::ptr_eq(found, connection)) {
            return;
        }
        connection.broken.notify_one();
        *self.error.lock() = Some(why.to_owned());
        tracing::warn!(server = self.settings.server(), why, "the Redis server is away");
    }

    /// Says that the server refuses commands, but not for each of them.
    fn refused(&self, why: &str) {
        let now = Instant::now();
        let mut said = self.refusal_said.lock();
        if said.is_none_or(|said| now.saturating_duration_since(said) >= REFUSALS_SAID) {
            *said = Some(now);
            drop(said);
            tracing::warn!(
                server = self.settings.server(),
                why,
                "the Redis server refuses commands"
            );
        }
    }

    /// What the server or the connection says. Servers repeat the arguments of a command that they do not know.
    fn in_words(&self, error: &RedisError) -> String {
        let text = error.to_string();
        match self.settings.password.as_ref().map(|password| password.expose().as_str()) {
            Some(password) if !password.is_empty() => text.replace(password, "***"),
            _ => text,
        }
    }
}

/// Connects, and connects again whenever the connection ends. Ends when it is aborted.
async fn stay_connected(shared: Arc<Shared>, attempted: watch::Sender<bool>) {
    let (mut failed, mut dropped) = (Pause::default(), Pause::default());
    loop {
        let timeout = shared.settings.connect_timeout;
        let connecting = tokio::time::timeout(timeout, connect(&shared)).await;
        let too_late = || Err(format!("no connection within {} ms", timeout.as_millis()));
        match connecting.unwrap_or_else(|_| too_late()) {
            Ok((commands, mut driver)) => {
                failed = Pause::default();
                let connection = Arc::new(Connection {
                    commands,
                    broken: Notify::new(),
                    served: AtomicBool::new(false),
                });
                shared.connection.store(Some(Arc::clone(&connection)));
                tracing::info!(server = shared.settings.server(), "connected to the Redis server");
                attempted.send_replace(true);
                let made = Instant::now();
                tokio::select! {
                    () = &mut driver => shared.lost(&connection, "the server closed the connection"),
                    () = connection.broken.notified() => {}
                }
                // A server that takes connections only to drop them is asked as seldom as one that takes none.
                if connection.served.load(Ordering::Relaxed) || made.elapsed() >= LONGEST_PAUSE {
                    dropped = Pause::default();
                } else {
                    dropped.wait().await;
                }
            }
            Err(why) => {
                let first = !attempted.send_replace(true);
                let before = shared.error.lock().replace(why.clone());
                if first || before.is_none_or(|before| before != why) {
                    let server = shared.settings.server();
                    tracing::warn!(server, why, "the Redis server cannot be reached");
                }
                failed.wait().await;
            }
        }
    }
}

/// The time until the next attempt; longer each time.
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pause {
    async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = LONGEST_PAUSE.min(self.0 * 2);
    }
}

type Driver = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection that has answered, and the future that carries it.
async fn connect(shared: &Shared) -> Result<(MultiplexedConnection, Driver), String> {
    let settings = &shared.settings;
    let stream = shared
        .fetcher
        .connect(&settings.host, settings.port, settings.protection, settings.connect_timeout)
        .await
        .map_err(|error| error.to_string())?;
    let mut login = RedisConnectionInfo::default().set_db(settings.database);
    if let Some(username) = &settings.username {
        login = login.set_username(username);
    }
    if let Some(password) = &settings.password {
        login = login.set_password(password.expose());
    }
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(Some(settings.response_timeout))
        .set_pipeline_buffer_size(QUEUE);
    let (mut connection, driver) = MultiplexedConnection::new_with_config(&login, stream, config)
        .await
        .map_err(|error| shared.in_words(&error))?;
    let mut driver: Driver = Box::pin(driver);
    let ping = redis::cmd("PING");
    let answered = tokio::select! {
        answer = ping.query_async::<()>(&mut connection) => answer.map_err(|error| shared.in_words(&error)),
        () = &mut driver => Err("the server closed the connection".to_owned()),
    };
    answered.map(|()| (connection, driver))
}
