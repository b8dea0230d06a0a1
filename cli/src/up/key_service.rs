//! The key service, which is started again when it dies: Envoy goes on with the keys that it knows. Or none at all, when
//! it runs elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::rand::distr::{Alphanumeric, SampleString};
use tokio::time::{Instant, sleep};

use super::child::{Child, Exit};
use super::{Failure, Options, master_key, say};
use switchboard_compile::config::Secret;
use switchboard_compile::plan::{MASTER_KEY_ENV, Plan, TOKEN_ENV};

/// The variable from which the key service reads where its data is.
pub(super) const DATABASE_URL_ENV: &str = "DATABASE_URL";

/// The key service, and what Envoy shares with it.
pub(super) struct KeyService {
    /// Variables for Envoy too.
    pub(super) environment: BTreeMap<String, Secret>,
    running: Option<Running>,
}

/// One that was started here.
struct Running {
    child: Child,
    program: PathBuf,
    arguments: Vec<OsString>,
    deaths: u32,
    started: Instant,
}

impl KeyService {
    /// Shortest and longest time between a death and the next start.
    const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

    /// Starts it, if it does not run elsewhere.
    pub(super) fn start(plan: &Plan, options: &Options) -> Result<Self, Failure> {
        let mut environment: BTreeMap<_, _> = plan.environment.iter().cloned().collect();
        let Some(program) = &options.keys else {
            environment.extend(shared_with_another(plan)?);
            return Ok(Self { environment, running: None });
        };
        let master_key = match &plan.master_key {
            Some(key) => key.clone(),
            None => master_key::in_data_dir(&options.data_dir)?,
        };
        let token = Secret::new(Alphanumeric.sample_string(&mut ::rand::rng(), 43));
        environment.insert(MASTER_KEY_ENV.to_owned(), master_key);
        environment.insert(TOKEN_ENV.to_owned(), token);
        if let Some(url) = &plan.database_url {
            environment.insert(DATABASE_URL_ENV.to_owned(), url.clone());
        }
        let running = Running::start(program, arguments(plan, options), &environment)?;
        Ok(Self { environment, running: Some(running) })
    }

    /// Waits until it has exited; never returns if it was not started here.
    pub(super) async fn exited(&mut self) -> Exit {
        match &mut self.running {
            Some(running) => running.child.exited().await,
            None => std::future::pending().await,
        }
    }

    /// Starts it again after a pause that doubles with each death in a row.
    pub(super) async fn restart(&mut self, exit: &Exit) {
        let Some(running) = &mut self.running else { return };
        let (shortest, longest) = Self::BACK_OFF;
        if running.started.elapsed() > Duration::from_mins(1) {
            running.deaths = 0;
        }
        let pause = shortest.saturating_mul(1 << running.deaths.min(16)).min(longest);
        running.deaths += 1;
        say(&format!("the key service exited: {exit}; restarting it in {} ms", pause.as_millis()));
        sleep(pause).await;
        running.started = Instant::now();
        let nothing = BTreeSet::new();
        match Child::start("keys", &running.program, &running.arguments, &self.environment, None, &nothing) {
            Ok(child) => running.child = child,
            // The old child has exited, so the caller comes back here, with a longer pause.
            Err(failure) => say(&failure.to_string()),
        }
    }

    /// Stops what was started here.
    pub(super) async fn stop(&mut self) {
        if let Some(running) = &mut self.running {
            running.child.stop().await;
        }
    }
}

impl Running {
    fn start(
        program: &Path,
        arguments: Vec<OsString>,
        environment: &BTreeMap<String, Secret>,
    ) -> Result<Self, Failure> {
        let child = Child::start("keys", program, &arguments, environment, None, &BTreeSet::new())?;
        Ok(Self { child, program: program.to_owned(), arguments, deaths: 0, started: Instant::now() })
    }
}

fn arguments(plan: &Plan, options: &Options) -> Vec<OsString> {
    let site = &options.site;
    let mut arguments: Vec<OsString> = vec![
        "serve".into(),
        "--listen".into(),
        format!("{}:{}", site.keys_host, site.keys_port).into(),
        "--internal-listen".into(),
        format!("{}:{}", site.keys_host, site.keys_internal_port()).into(),
        "--data-dir".into(),
        options.data_dir.clone().into(),
    ];
    arguments.extend(["--config".into(), options.config.clone().into(), "--config-checked".into()]);
    for path in &options.secrets {
        arguments.extend(["--secrets".into(), path.into()]);
    }
    if let Some(port) = options.metrics_port {
        arguments.extend(["--metrics-listen".into(), format!("{}:{port}", site.keys_host).into()]);
    }
    if !site.tls {
        let host = if site.host == "0.0.0.0" || site.host == "::" { "127.0.0.1" } else { site.host.as_str() };
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        arguments.extend(["--gateway".into(), format!("http://{host}:{}", site.port).into()]);
    }
    arguments.extend(["--envoy-admin".into(), format!("127.0.0.1:{}", site.admin_port).into()]);
    if let Some(prices) = &options.prices {
        arguments.extend(["--prices".into(), prices.into()]);
    }
    arguments.extend(plan.key_service_options.iter().map(OsString::from));
    arguments
}

/// What Envoy and a key service that runs elsewhere must have in common, which nobody can make up here.
fn shared_with_another(plan: &Plan) -> Result<[(String, Secret); 2], Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty()).map(Secret::new);
    let missing = |name: &str| {
        Failure::new(format!(
            "{name} is not set\n  help: with --keys-host, set it to the value that the key service was started with"
        ))
    };
    // In the key service's own order.
    let master_key = variable(MASTER_KEY_ENV).or_else(|| plan.master_key.clone());
    let master_key = master_key.ok_or_else(|| missing(MASTER_KEY_ENV))?;
    let token = variable(TOKEN_ENV).ok_or_else(|| missing(TOKEN_ENV))?;
    Ok([(MASTER_KEY_ENV.to_owned(), master_key), (TOKEN_ENV.to_owned(), token)])
}
