//! `switchboard up`: real Envoy, a filter that always answers, and a key service that can be told to die.

#[path = "support/key_service.rs"]
mod key_service;
mod support;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use support::envoy::{answering_filter, free_ports, get};
use support::find_envoy;
use switchboard_compile::envoy::Site;
use switchboard_compile::envoy::discovery::{Part, resources, response, text};

/// Writes what the key service would serve.
fn write_responses(folder: &Path, port: u16, wasm: &Path, config: &str) {
    let (Some(plan), _) = support::compiled_with(config, &[]) else { return };
    let site = Site { port, keys_port: port + 2, ..support::site(wasm) };
    let document = serde_json::to_string(&plan.document).unwrap();
    for part in Part::ALL {
        let resources = text(part, resources(part, &plan, &site, &document));
        std::fs::write(folder.join(part.name()), response("1", &resources)).unwrap();
    }
}

/// A launcher that ends with the test.
struct Up {
    process: Child,
    port: u16,
    log: mpsc::Receiver<String>,
}

impl Up {
    fn command(folder: &Path, port: u16, envoy: &Path, config: &str) -> Command {
        let (config_path, keys) = (folder.join("config.yaml"), folder.join("keys"));
        std::fs::write(&config_path, config).unwrap();
        key_service::write(&keys, "the_key_service_of_the_other_tests");
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        command.arg("up").arg("--config").arg(config_path).arg("--keys").arg(keys).arg("--envoy").arg(envoy);
        let wasm = answering_filter(folder, 200);
        write_responses(folder, port, &wasm, config);
        command.arg("--wasm").arg(wasm).arg("--data-dir").arg(folder.join("data"));
        command.args([
            "--concurrency",
            "1",
            "--port",
            &port.to_string(),
            "--admin-port",
            &(port + 1).to_string(),
        ]);
        command.args(["--keys-port", &(port + 2).to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts everything and waits for the line on standard output.
    fn start(folder: &Path, envoy: &Path, config: &str) -> Self {
        let port = free_ports(4);
        let mut process = Self::command(folder, port, envoy, config).spawn().unwrap();
        let (sender, log) = mpsc::channel();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut ready = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
        let mut up = Self { process, port, log };
        if ready != format!("ready http://127.0.0.1:{port}\n") {
            let status = up.process.wait();
            panic!("not ready: {ready:?} {status:?} {:?}", up.log.iter().collect::<Vec<_>>());
        }
        up
    }

    fn keys(&self, path: &str) -> Option<String> {
        get(self.port + 2, path, &[]).map(|answer| answer.body)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// The process ids of Envoy and the key service.
    fn children(&self) -> Vec<Pid> {
        let path = format!("/proc/{0}/task/{0}/children", self.pid().as_raw_nonzero());
        let children = std::fs::read_to_string(path).unwrap();
        children.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap()).unwrap()).collect()
    }

    #[track_caller]
    fn await_log(&self, words: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(words) => return line,
                Ok(_) => {}
                Err(error) => panic!("nothing said '{words}': {error}"),
            }
        }
    }

    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[track_caller]
fn await_gone(processes: &[Pid]) {
    let deadline = Instant::now() + Duration::from_secs(15);
    let gone = |pid: &Pid| {
        // A process that nobody has waited for still has its number.
        let state =
            std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        test_kill_process(*pid).is_err() || state.contains(") Z ")
    };
    while !processes.iter().all(gone) {
        assert!(Instant::now() < deadline, "children outlive their parent");
        std::thread::sleep(Duration::from_millis(20));
    }
}

const CONFIG: &str = "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: sk-inline}\n\
                      general_settings: {master_key: sk-master}\nenvironment_variables: {COLOUR: blue}\n";

#[test]
#[ignore = "a process of its own, which the other tests start"]
fn the_key_service_of_the_other_tests() {
    key_service::serve();
}

#[test]
fn sigterm_ends_everything_well() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut up = Up::start(folder.path(), &envoy, CONFIG);
    let children = up.children();
    assert_eq!(children.len(), 2);
    kill_process(up.pid(), Signal::TERM).unwrap();
    assert!(up.wait().success());
    await_gone(&children);
}

#[test]
fn children_end_with_a_parent_that_is_killed() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut up = Up::start(folder.path(), &envoy, CONFIG);
    let children = up.children();
    assert_eq!(children.len(), 2);
    up.process.kill().unwrap();
    up.process.wait().unwrap();
    await_gone(&children);
}

#[test]
fn a_key_service_that_dies_is_started_again_and_its_last_words_are_told() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &envoy, CONFIG);
    let first = up.keys("/pid").unwrap();
    assert_eq!(up.keys("/die"), None);
    let told = up.await_log("the key service exited");
    assert!(told.contains("exit status 3") && told.contains("out of ideas"), "{told}");
    let deadline = Instant::now() + Duration::from_secs(20);
    let second = loop {
        if let Some(pid) = up.keys("/pid") {
            break pid;
        }
        assert!(Instant::now() < deadline, "it is not started again");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_ne!(second, first);
    // Envoy never stopped answering.
    assert_eq!(get(up.port, "/health/liveliness", &[]).unwrap().status, 200);
}

#[test]
fn an_envoy_that_dies_ends_everything_with_the_reason() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut up = Up::start(folder.path(), &envoy, CONFIG);
    let keys: i32 = up.keys("/pid").unwrap().parse().unwrap();
    let children = up.children();
    let dying = children.iter().find(|pid| pid.as_raw_nonzero().get() != keys).unwrap();
    kill_process(*dying, Signal::KILL).unwrap();
    assert_eq!(up.wait().code(), Some(1));
    assert_eq!(up.await_log("Envoy exited"), "switchboard: Envoy exited: killed by signal 9");
    await_gone(&children);
}

#[test]
fn the_key_service_gets_the_master_key_and_no_providers_secret() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &envoy, CONFIG);
    let environment = up.keys("/environment").unwrap();
    assert!(environment.contains("SWITCHBOARD_MASTER_KEY=sk-master\n"));
    assert!(environment.contains("COLOUR=blue\n"));
    assert!(environment.contains("SWITCHBOARD_INTERNAL_TOKEN="));
    assert!(!environment.contains("sk-inline"));
    let envoy_configuration = std::fs::read_to_string(folder.path().join("data/envoy.json")).unwrap();
    assert!(!envoy_configuration.contains("sk-inline") && !envoy_configuration.contains("sk-master"));
}

#[test]
fn envoys_allocator_is_left_what_caches_for_each_cpu_need() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &envoy, CONFIG);
    let of = |pid: &Pid, what: &str| {
        std::fs::read_to_string(format!("/proc/{}/{what}", pid.as_raw_nonzero())).unwrap_or_default()
    };
    let children = up.children();
    let envoy = children.iter().find(|pid| of(pid, "cmdline").contains("--config-path")).unwrap();
    assert!(of(envoy, "environ").contains("GLIBC_TUNABLES=glibc.pthread.rseq=0"));
}

#[test]
fn a_master_key_is_made_when_none_is_given_and_told_by_its_path_only() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &envoy, "model_list: []\n");
    let told = up.await_log("generated a master key");
    let key = std::fs::read_to_string(folder.path().join("data/master_key")).unwrap();
    assert!(told.ends_with("data/master_key") && !told.contains(key.trim()), "{told}");
    assert!(up.keys("/environment").unwrap().contains(&format!("SWITCHBOARD_MASTER_KEY={}\n", key.trim())));
}

#[test]
fn a_port_in_use_is_told_with_the_option_that_changes_it() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_ports(4);
    let _holder = std::net::TcpListener::bind(("127.0.0.1", port + 3)).unwrap();
    let output = Up::command(folder.path(), port, &envoy, CONFIG).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(&format!("127.0.0.1:{} is in use by another program", port + 3)), "{told}");
    assert!(told.contains("or use another port with --keys-port"), "{told}");
}

#[test]
fn a_key_service_that_does_not_start_is_told_at_once() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut command = Up::command(folder.path(), free_ports(4), &envoy, CONFIG);
    std::fs::write(folder.path().join("keys"), "#!/bin/sh\necho 'no disk' >&2\nexit 7\n").unwrap();
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("the key service did not start: exit status 7 (last log line: no disk)"), "{told}");
}

#[test]
fn a_file_with_mistakes_starts_nothing() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = "model_list:\n- model_name: m\n  litellm_params: {model: opnai/m, api_key: k}\n";
    let output = Up::command(folder.path(), free_ports(4), &envoy, config).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(!folder.path().join("data").exists());
}

#[test]
fn three_hundred_groups_start_and_say_so_in_one_line() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let model = |i: u32| {
        format!(
            "- model_name: group-{i}\n  litellm_params: {{model: openai/m, api_key: sk-{}, \
             api_base: 'https://127.0.0.1:{}'}}\n",
            i % 20,
            20_000 + i % 7
        )
    };
    let config = format!("model_list:\n{}", (0..300).map(model).collect::<String>());
    let mut up = Up::start(folder.path(), &envoy, &config);
    let mut rest = String::new();
    kill_process(up.pid(), Signal::TERM).unwrap();
    up.process.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "one line on standard output");
}
