//! `POST /v3/discovery:…`: Envoy's REST discovery.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use switchboard_compile::envoy::discovery::Part;
use tokio::time::{Instant, timeout_at};

use super::Control;
use super::nodes::Step;
use super::served::Served;

/// How long a request is held if there is nothing new; less than Envoy waits.
const HOLD: Duration = Duration::from_secs(20);

const NO_CONFIGURATION: &str = "the configuration has errors; see the key service's log";

/// `envoy.service.discovery.v3.DiscoveryRequest`, as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct DiscoveryRequest {
    #[serde(default)]
    version_info: String,
    #[serde(default)]
    node: NodeId,
    /// Why the last response was rejected. Envoy's REST client never sends it; the launcher does in its place.
    error_detail: Option<ErrorDetail>,
}

#[derive(Debug, Default, Deserialize)]
struct NodeId {
    /// Empty in the request of a launcher that asks what its Envoy would get. Envoy itself sends none without an id.
    #[serde(default)]
    id: String,
    #[serde(default)]
    metadata: Value,
}

#[derive(Debug, Deserialize)]
struct ErrorDetail {
    #[serde(default)]
    message: String,
}

/// A held request.
struct Held<'c> {
    control: &'c Control,
    id: &'c str,
}

impl<'c> Held<'c> {
    fn new(control: &'c Control, id: &'c str) -> Self {
        control.state().nodes.hold(id, true, Instant::now());
        Self { control, id }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.control.state().nodes.hold(self.id, false, Instant::now());
    }
}

/// Answers a request for the resources of `part` when there is something new.
pub async fn discover(control: &Control, part: Part, request: DiscoveryRequest) -> Response {
    let Some(token) = control.state().token.clone() else {
        return unavailable("this key service has no configuration; start it with --config");
    };
    let id = request.node.id.as_str();
    if let Some(detail) = &request.error_detail {
        control.rejected(id, part, Some(&detail.message));
        return StatusCode::NOT_MODIFIED.into_response();
    }
    if id.is_empty() {
        return control.try_out(part, &request.node.metadata, token.reveal()).await;
    }
    let deadline = Instant::now() + HOLD;
    let mut events = control.0.events.subscribe();
    let _held = Held::new(control, id);
    loop {
        events.borrow_and_update();
        let configuration = control.state().configuration.clone();
        let Some(configuration) = configuration else {
            return unavailable(NO_CONFIGURATION);
        };
        match configuration.served(&request.node.metadata, token.reveal()).await {
            Ok(served) => {
                if control.step(id, (part, &request.version_info), (configuration.number, &served))
                    == Step::Send
                {
                    return sent(part, &served);
                }
            }
            Err(reason) => {
                control.unusable(id, configuration.number, &reason);
                if request.version_info.is_empty() {
                    return unavailable(&reason);
                }
            }
        }
        // Either way there is another look, unless the time is over.
        if control.state().stops || timeout_at(deadline, events.changed()).await.is_err() {
            return StatusCode::NOT_MODIFIED.into_response();
        }
    }
}

fn sent(part: Part, served: &Served) -> Response {
    let index = Part::ALL.iter().position(|known| *known == part).unwrap_or_default();
    let body = served.parts[index].body.clone();
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn unavailable(reason: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, reason.to_owned()).into_response()
}

impl Control {
    /// Answers a request that is not an Envoy's: nothing waits for whoever made it to use a configuration.
    async fn try_out(&self, part: Part, metadata: &Value, token: &str) -> Response {
        let Some(configuration) = self.state().configuration.clone() else {
            return unavailable(NO_CONFIGURATION);
        };
        match configuration.served(metadata, token).await {
            Ok(served) => sent(part, &served),
            Err(reason) => unavailable(&reason),
        }
    }

    /// Logs that all Envoys use the latest configuration, if that is so because one of them is gone.
    pub(super) fn settle(&self, now: Instant) {
        let is_used = {
            let state = self.state();
            state.logged != state.number && state.nodes.all_use(state.number, now)
        };
        if is_used {
            self.used();
            self.wake();
        }
    }

    fn step(&self, id: &str, has: (Part, &str), (number, served): (u64, &Arc<Served>)) -> Step {
        let now = Instant::now();
        let latest = [0, 1, 2, 3].map(|index| served.parts[index].version.as_str());
        let (step, is_changed, is_used) = {
            let mut state = self.state();
            let (step, is_changed) = state.nodes.decide(id, has, (number, latest), now);
            let count = state.nodes.count(now);
            state.metrics.envoys.set(i64::try_from(count).unwrap_or(i64::MAX));
            let is_latest = number == state.number;
            (step, is_changed, is_changed && is_latest && state.nodes.all_use(number, now))
        };
        if step == Step::Rejected {
            self.rejected(id, has.0, None);
        }
        if is_used {
            self.used();
        }
        if is_changed {
            self.wake();
        }
        step
    }

    /// All Envoys use the latest configuration.
    fn used(&self) {
        let mut state = self.state();
        let Some(configuration) = state.configuration.clone() else { return };
        state.metrics.rejecting.set(0);
        state.accepted = configuration.models;
        if state.logged != configuration.number {
            state.logged = configuration.number;
            if let Some(why) = configuration.why {
                tracing::info!("{why}; the new configuration is active");
            }
        }
    }

    /// An Envoy has rejected a part, with these words if they are known.
    fn rejected(&self, id: &str, part: Part, words: Option<&str>) {
        let what = part.name();
        {
            let mut state = self.state();
            if words.is_some() && !state.nodes.reject(id, part, Instant::now()) {
                return;
            }
            state.metrics.rejection(what);
            state.metrics.rejecting.set(1);
        }
        let words = words.unwrap_or("see its log for the reason");
        tracing::error!("the old configuration stays active: Envoy {id} rejected the {what}: {words}");
        self.blame_models(words.to_owned());
    }

    /// Stops using models that were added or changed since Envoys accepted a configuration.
    fn blame_models(&self, why: String) {
        let control = self.clone();
        let Some(rejected) = self.state().configuration.as_ref().map(|latest| latest.models) else { return };
        tokio::spawn(async move {
            control.reject_models(rejected, why).await;
            control.wake();
        });
    }

    /// An Envoy cannot use a configuration.
    fn unusable(&self, id: &str, number: u64, reason: &str) {
        {
            let mut state = self.state();
            if state.logged == number {
                return;
            }
            state.logged = number;
            let why = state.configuration.as_ref().and_then(|configuration| configuration.why);
            if let Some(why) = why {
                tracing::error!("{why}, but the old configuration stays active: {reason}");
            } else {
                tracing::error!("Envoy {id} gets no configuration: {reason}");
            }
        }
        self.blame_models(reason.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::files::Files;
    use super::super::nodes::Step;
    use super::super::source;
    use super::*;
    use crate::credentials::Secrets;
    use crate::prices::Prices;

    #[test]
    fn an_envoy_that_is_gone_holds_up_nothing() {
        let prices = Prices::parse(b"{}").unwrap();
        let plan = source::load(
            Path::new("config.yaml"),
            Files::of(b"model_list: []\n"),
            &[],
            prices.map(),
            &Secrets::default(),
            true,
        );
        let (control, now) = (Control::default(), Instant::now());
        control.publish(*plan.plan.unwrap(), 0, Some("config.yaml changed"));
        let latest = (1, ["c", "r", "f", "l"]);
        let ask = |id: &str, part, has: &str| control.state().nodes.decide(id, (part, has), latest, now).0;
        assert_eq!(ask("gone", Part::ALL[0], ""), Step::Send);
        for (part, version) in Part::ALL.into_iter().zip(latest.1) {
            assert_eq!((ask("a", part, ""), ask("a", part, version)), (Step::Send, Step::Wait));
        }
        control.settle(now);
        assert_eq!(control.state().logged, 0, "one of them does not use it");
        control.state().nodes.hold("a", true, now);
        control.settle(now + Duration::from_secs(4));
        assert_eq!(control.state().logged, 1);
    }
}
