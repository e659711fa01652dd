//! The measured process.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A running gateway, ended when it is dropped.
pub struct Gateway {
    process: Child,
}

impl Gateway {
    /// Starts the binary over a directory and waits until it answers.
    pub async fn start(binary: &Path, directory: &Path, address: &str) -> Result<Self> {
        Self::start_on(None, binary, directory, address).await
    }

    /// Likewise, on one core.
    pub async fn start_on(
        core: Option<usize>,
        binary: &Path,
        directory: &Path,
        address: &str,
    ) -> Result<Self> {
        let mut command = match core {
            None => Command::new(binary),
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &core.to_string()]).arg(binary);
                command
            }
        };
        command.arg("run").arg(directory);
        Self::start_by(command, address, Duration::from_secs(10)).await
    }

    /// Likewise, by a command that becomes the process of the binary, and for so long.
    pub async fn start_by(mut command: Command, address: &str, within: Duration) -> Result<Self> {
        let process = command
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let mut gateway = Self { process };
        let began = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if began.elapsed() > within || gateway.process.try_wait()?.is_some() {
                bail!("the gateway does not listen on {address}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(gateway)
    }

    /// Identifier of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to end, and waits for so long.
    pub async fn stop(mut self, within: Duration) -> Result<()> {
        let id = self.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().context("kill does not run")?;
        let began = Instant::now();
        while self.process.try_wait()?.is_none() {
            if began.elapsed() > within {
                bail!("the gateway does not end");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// How many files and connections it has open, and how many threads.
    pub fn files_and_threads(&self) -> Result<(usize, usize)> {
        let count =
            |what| anyhow::Ok(std::fs::read_dir(format!("/proc/{}/{what}", self.id()))?.count());
        Ok((count("fd")?, count("task")?))
    }

    /// CPU time so far, of all threads that still run.
    pub fn cpu(&self) -> Result<Duration> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id()))?;
        tasks
            .map(|task| {
                let spent = std::fs::read_to_string(task?.path().join("schedstat"))?;
                let nanos = spent.split(' ').next().context("schedstat is empty")?;
                Ok(Duration::from_nanos(nanos.parse()?))
            })
            .sum()
    }

    /// Resident memory, in KiB.
    pub fn resident(&self) -> Result<u64> {
        self.memory("VmRSS:")
    }

    /// The most resident memory that there has been, in KiB.
    pub fn peak(&self) -> Result<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        kib(&status, name).context("no memory in status")
    }
}

/// Keeps this process to one core. Threads that exist already stay where they are.
pub fn pin(core: usize) -> Result<()> {
    let itself = std::process::id().to_string();
    let done = Command::new("taskset")
        .args(["-p", "-c", &core.to_string(), &itself])
        .stdout(Stdio::null())
        .status()
        .context("cannot start taskset")?;
    if !done.success() {
        bail!("taskset ended with {done}");
    }
    Ok(())
}

/// A figure of `/proc/PID/status`, in KiB.
fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Checks a directory; time and peak memory in KiB.
pub fn check(binary: &Path, directory: &Path) -> Result<(Duration, u64)> {
    let began = Instant::now();
    let mut process = Command::new(binary)
        .arg("check")
        .arg(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let status = format!("/proc/{}/status", process.id());
    let mut peak = 0;
    let ended = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        peak = peak.max(kib(&text, "VmHWM:").unwrap_or(0));
        if let Some(ended) = process.try_wait()? {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    if !ended.success() {
        bail!("`check` ended with {ended}");
    }
    Ok((began.elapsed(), peak))
}
