//! A child process: its environment, its log, its end.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::envoy_log::EnvoyLog;
use super::{Failure, guard, say_as};
use switchboard_compile::config::Secret;

/// A running child.
pub(super) struct Child {
    name: &'static str,
    process: tokio::process::Child,
    last_line: Arc<Mutex<String>>,
    logs: Vec<JoinHandle<()>>,
    exit: Option<Exit>,
}

/// How a child ended.
#[derive(Clone, Debug)]
pub(super) struct Exit {
    how: String,
    last_line: String,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.how)?;
        if self.last_line.is_empty() { Ok(()) } else { write!(f, " (last log line: {})", self.last_line) }
    }
}

impl Child {
    /// Time between SIGTERM and SIGKILL.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// Starts `program` with our environment, without the variables `withheld`, and `environment` over it. Its output goes to our standard error.
    ///
    /// It runs in a separate process group: Ctrl-C reaches every process of the terminal's group, and would
    /// end the children before requests are finished.
    pub(super) fn start(
        name: &'static str,
        program: &Path,
        arguments: &[OsString],
        environment: &BTreeMap<String, Secret>,
        log: Option<&EnvoyLog>,
        withheld: &BTreeSet<String>,
    ) -> Result<Self, Failure> {
        let failed =
            |error: std::io::Error| Failure::new(format!("cannot start {}: {error}", program.display()));
        let mut process = Command::new(guard::this_program().map_err(failed)?)
            .args(guard::arguments(program))
            .args(arguments)
            .env_clear()
            .envs(
                std::env::vars_os()
                    .filter(|(name, _)| !name.to_str().is_some_and(|name| withheld.contains(name))),
            )
            .envs(environment.iter().map(|(name, value)| (name, value.reveal())))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let last_line = Arc::new(Mutex::new(String::new()));
        let mut logs = Vec::new();
        logs.extend(
            process.stdout.take().map(|out| tokio::spawn(relay(name, out, Arc::clone(&last_line), None))),
        );
        let (err, log) = (process.stderr.take(), log.cloned());
        logs.extend(err.map(|out| tokio::spawn(relay(name, out, Arc::clone(&last_line), log))));
        Ok(Self { name, process, last_line, logs, exit: None })
    }

    /// Waits for the end, and can be asked again afterwards.
    pub(super) async fn exited(&mut self) -> Exit {
        if let Some(exit) = &self.exit {
            return exit.clone();
        }
        let how = match self.process.wait().await {
            Ok(status) => described(status),
            Err(error) => format!("its exit status could not be read: {error}"),
        };
        // The last words may still be in the pipe; a grandchild may hold it open.
        for log in self.logs.drain(..) {
            let _ = timeout(Duration::from_millis(200), log).await;
        }
        let last_line = self.last_line.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.exit.insert(Exit { how, last_line }).clone()
    }

    /// SIGTERM, and SIGKILL if that does not help.
    pub(super) async fn stop(&mut self) {
        let Some(pid) = self.process.id().and_then(|pid| Pid::from_raw(pid.cast_signed())) else { return };
        // It may have ended by itself just now.
        let _ = kill_process(pid, Signal::TERM);
        if timeout(Self::PATIENCE, self.exited()).await.is_err() {
            super::say(&format!("{} does not stop; killing it", self.name));
            let _ = self.process.kill().await;
        }
    }
}

fn described(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

async fn relay(
    name: &'static str,
    out: impl AsyncRead + Unpin,
    last_line: Arc<Mutex<String>>,
    log: Option<EnvoyLog>,
) {
    let mut lines = BufReader::new(out).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        let told = match &log {
            Some(log) => log.read(line),
            None => Some(line.to_owned()),
        };
        if let Some(line) = told.filter(|line| !line.is_empty()) {
            say_as(name, &line);
            *last_line.lock().unwrap_or_else(PoisonError::into_inner) = line;
        }
    }
}
