//! Child processes that cannot outlive the tests.
//!
//! A test that panics, times out or is interrupted must not leave an Envoy behind. So every child is started by way
//! of `switchboard guard`, which asks the kernel to end it together with the *thread* that started it, and all are
//! started by one thread that lives as long as the process.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::artefacts::launcher;

/// What to start, and where to say how that went.
type Order = (Command, Sender<std::io::Result<std::process::Child>>);

static NURSERY: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
    let (sender, orders) = channel::<Order>();
    std::thread::spawn(move || {
        for (mut command, answer) in orders {
            let _ = answer.send(command.spawn());
        }
    });
    Mutex::new(sender)
});

/// What a child has written so far, line by line.
#[derive(Clone, Debug, Default)]
pub struct Logs(Arc<Mutex<Vec<String>>>);

impl Logs {
    /// All of it.
    pub fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    fn collect(&self, source: impl Read + Send + 'static) -> JoinHandle<()> {
        let logs = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                logs.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        })
    }
}

/// A child process. Dropped, it is killed.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    name: String,
    /// Who reads what it writes.
    readers: [JoinHandle<()>; 2],
    /// What it wrote on standard output.
    pub stdout: Logs,
    /// What it wrote on standard error.
    pub stderr: Logs,
}

impl Child {
    /// Starts a program.
    pub fn start(program: &Path, arguments: &[String], environment: &[(String, String)]) -> Self {
        let mut command = Command::new(launcher());
        command
            .arg("guard")
            .arg(std::process::id().to_string())
            .arg(program)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (answer, started) = channel();
        NURSERY
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .send((command, answer))
            .expect("the thread that starts children");
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut process = started
            .recv()
            .expect("the thread that starts children")
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let (stdout, stderr) = (Logs::default(), Logs::default());
        let readers = [
            stdout.collect(process.stdout.take().expect("a pipe")),
            stderr.collect(process.stderr.take().expect("a pipe")),
        ];
        Self { process, name, readers, stdout, stderr }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// Its exit status, once it has ended and all that it wrote is read.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        let end = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended() {
                // A child of its own that was killed apart may still hold a pipe open: for that nobody waits long.
                let read = Instant::now() + Duration::from_secs(2);
                while !self.readers.iter().all(JoinHandle::is_finished) && Instant::now() < read {
                    std::thread::sleep(Duration::from_millis(5));
                }
                return status;
            }
            assert!(
                Instant::now() < end,
                "{} should have ended within {patience:?}; it wrote:\n{}",
                self.name,
                self.stderr.text()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it has written a line that begins so on standard output, and gives the line.
    pub fn wait_for_line(&mut self, beginning: &str, patience: Duration) -> String {
        let end = Instant::now() + patience;
        loop {
            if let Some(line) = self.stdout.text().lines().find(|line| line.starts_with(beginning)) {
                return line.to_owned();
            }
            let ended = self.ended();
            assert!(
                ended.is_none() && Instant::now() < end,
                "{} should have written `{beginning}…` within {patience:?} ({}); it wrote:\n{}",
                self.name,
                ended.map_or_else(|| "it still runs".to_owned(), |status| status.to_string()),
                self.stderr.text()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The process ids of its children of that name (the first fifteen letters of it, as Linux keeps them).
    pub fn children(&self, name: &str) -> Vec<u32> {
        let pid = self.pid();
        let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let name = &name[..name.len().min(15)];
        let is_named = |pid: &u32| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == name)
        };
        listed.split_whitespace().filter_map(|pid| pid.parse().ok()).filter(is_named).collect()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// Sends a signal to any process of ours.
pub(crate) fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // A process that has ended already needs none.
        let _ = kill_process(pid, signal);
    }
}
