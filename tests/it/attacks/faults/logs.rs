//! Logs that nobody takes: full discs, readers that have gone, readers that stand still.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use super::super::tell;
use super::metric;
use crate::harness::{Answer, Call, Connection, Directory, binary, until};

const CALLS: usize = 300;

/// A line of this length is logged for each request: more than a pipe and the gateway's queue hold in the end.
const LINE: usize = 20_000;

/// A gateway whose output goes where the test wants it, which therefore cannot say where it listens.
struct Process {
    child: Child,
    http: SocketAddr,
    admin: SocketAddr,
    _directory: Directory,
}

async fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("its address")
}

impl Process {
    /// `begin` gets the binary's command before it runs.
    async fn start(begin: impl FnOnce(&mut Command)) -> Self {
        let (http, admin) = (free().await, free().await);
        // A file that nothing uses is worth a warning at the start, which goes to the standard error.
        let config = format!(
            "[listen]\nhttp = \"{http}\"\nadmin = \"{admin}\"\n[loggers.audit]\nkind = \"file\"\npath = \"/dev/full\"\n\
             [apis.a]\npath = \"a\"\nsubscription = \"optional\"\n"
        );
        let policy = format!(
            "<policies><inbound><trace source=\"it\" severity=\"error\"><message>@(new string('y', {LINE}))</message></trace>\
             <log-to-eventhub logger-id=\"audit\">@(new string('x', 10000))</log-to-eventhub><return-response /></inbound></policies>"
        );
        let directory = Directory::new(&config)
            .api("a", &policy)
            .file("apis/unused/policy.xml", "<policies />");
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "exec \"$0\" run \"$1\""])
            .arg(binary())
            .arg(directory.path())
            .env_clear()
            .stdin(Stdio::null());
        begin(&mut command);
        let child = command.spawn().expect("the binary runs");
        let this = Self { child, http, admin, _directory: directory };
        until("it listens", async || tokio::net::TcpStream::connect(http).await.ok()).await;
        this
    }

    /// Serves, says how many lines are lost, and ends.
    async fn check(mut self, what: &str) -> u64 {
        let mut connection = Connection::to(self.http).await;
        for _ in 0..CALLS {
            connection.send(Call::get("/a/x")).await.expect("an answer").expect(200);
        }
        let lost = until("lines are known to be lost", async || {
            let mut admin = Connection::to(self.admin).await;
            let call = Call::get("/metrics").header("host", &self.admin.to_string());
            let answer = admin.open(call).await.expect("an answer");
            let text = Answer::read(answer).await.expect(200).text();
            // The last of them is counted when its client has the answer.
            if metric(&text, "tollgate_requests_total", "") < CALLS as u64 {
                return None;
            }
            // What still waits is lost when the gateway ends.
            let lost = metric(&text, "tollgate_log_lines_dropped_total", "");
            (lost > 0 && (what == "nobody reads" || lost >= 2 * CALLS as u64)).then_some(lost)
        })
        .await;
        Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        let begun = Instant::now();
        let ended = until("it ends", async || self.child.try_wait().expect("the process")).await;
        assert_eq!(ended.code(), Some(0), "{what}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {:?}", begun.elapsed());
        lost
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A process whose log goes nowhere goes on serving, and says how much of it was lost.
#[tokio::test(flavor = "multi_thread")]
async fn logs_that_nobody_takes_stop_nobody() {
    let began = Instant::now();
    let full = || File::options().write(true).open("/dev/full").expect("a disc that is full");
    let discs = Process::start(|command| {
        command.stdout(full()).stderr(full());
    });
    let n_full = discs.await.check("full discs").await;
    let gone = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        writer
    };
    let readers = Process::start(|command| {
        command.stdout(gone()).stderr(gone());
    });
    let n_gone = readers.await.check("readers that have gone").await;
    // The reading side stays open, and nobody reads it.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let still = Process::start(|command| {
        command.stdout(writer).stderr(Stdio::null());
    });
    let n_still = still.await.check("nobody reads").await;
    drop(reader);
    let more = format!(
        "all of them answered; lines lost and counted: {n_full} on full discs, {n_gone} without a reader, {n_still} with one that stands still"
    );
    tell("logs that nobody takes", 3 * CALLS, began, &more);
}
