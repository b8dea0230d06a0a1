//! Handles a stream that becomes idle.
//!
//! Envoy cannot end one with an error message: its timeouts for an attempt end with the headers, and its
//! stream timeouts reset the stream. So the host calls this periodically and writes what it returns.

use std::time::Duration;

use crate::facts::{Class, Fault};
use crate::inbound::{Language, Place};
use crate::table::Endpoint;

/// How long a stream has been idle.
#[derive(Debug)]
pub struct Silence {
    /// `None` until the first tick after its last event.
    since_ms: Option<u64>,
    /// When the last comment was written or the last event received.
    kept_alive_ms: u64,
    patience_ms: u64,
    keepalive_ms: Option<u64>,
    provider: &'static str,
    language: &'static dyn Language,
    place: Place,
}

/// The result of a tick.
#[derive(Debug, PartialEq, Eq)]
pub enum Overdue {
    /// Nothing to do.
    Wait,
    /// Write this comment, which clients skip, to keep the connection alive.
    Comment(&'static [u8]),
    /// Write this event, which ends the stream.
    End(Vec<u8>),
}

impl Silence {
    /// Creates the timer for a stream of a deployment. `patience_ms` is the idle timeout; 0 means none.
    pub fn new(patience_ms: u64, language: &'static dyn Language, place: Place, endpoint: &Endpoint) -> Self {
        Self {
            since_ms: None,
            kept_alive_ms: 0,
            patience_ms,
            keepalive_ms: endpoint.deployment.keepalive_ms,
            provider: endpoint.provider.name,
            language,
            place,
        }
    }

    /// The stream has sent something.
    pub fn ended(&mut self) {
        self.since_ms = None;
    }

    /// The event that ends the stream if the provider's connection is reset.
    pub fn broken(&self) -> Vec<u8> {
        self.end(&Fault::new(
            Class::InternalServer,
            "the provider's connection was reset before the end of the response",
        ))
    }

    fn end(&self, fault: &Fault) -> Vec<u8> {
        let mut event = Vec::new();
        self.language.error_event(&fault.to_body(self.provider), &self.place, &mut event);
        event
    }

    /// Time has passed. `now_ms` is a monotonic clock.
    pub fn tick(&mut self, now_ms: u64) -> Overdue {
        let Some(since_ms) = self.since_ms else {
            (self.since_ms, self.kept_alive_ms) = (Some(now_ms), now_ms);
            return Overdue::Wait;
        };
        if self.patience_ms > 0 && now_ms.saturating_sub(since_ms) >= self.patience_ms {
            let seconds = Duration::from_millis(self.patience_ms).as_secs_f64();
            let fault =
                Fault::new(Class::Timeout, format!("the provider's stream was idle for {seconds} seconds"));
            return Overdue::End(self.end(&fault));
        }
        match self.keepalive_ms {
            Some(period_ms) if now_ms.saturating_sub(self.kept_alive_ms) >= period_ms => {
                self.kept_alive_ms = now_ms;
                Overdue::Comment(self.language.keepalive())
            }
            _ => Overdue::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    fn silence(keepalive_ms: Option<u64>) -> Silence {
        Silence {
            since_ms: None,
            kept_alive_ms: 0,
            patience_ms: 10_000,
            keepalive_ms,
            provider: "openai",
            language: &crate::inbound::CHAT,
            place: Place {
                request: "id".into(),
                answer: "chatcmpl-id".into(),
                model: "the-model".into(),
                created: 0,
                events: Rc::default(),
            },
        }
    }

    #[test]
    fn a_stream_may_be_silent_for_as_long_as_its_time_out_and_no_longer() {
        let mut silence = silence(None);
        for now_ms in [1_000, 5_000, 10_999] {
            assert_eq!(silence.tick(now_ms), Overdue::Wait, "{now_ms}");
        }
        silence.ended();
        for now_ms in [11_000, 20_999] {
            assert_eq!(silence.tick(now_ms), Overdue::Wait, "{now_ms}");
        }
        let Overdue::End(event) = silence.tick(21_000) else { panic!("it may not wait any longer") };
        let event = String::from_utf8(event).unwrap();
        assert!(event.starts_with("data: {\"error\":{\"message\":\"litellm.Timeout"), "{event}");
        assert!(
            event.contains("idle for 10 seconds") && event.ends_with("\"code\":\"408\"}}\n\n"),
            "{event}"
        );
    }

    #[test]
    fn who_is_to_be_kept_alive_hears_a_comment_after_each_period_of_silence() {
        let mut silence = silence(Some(3_000));
        let mut heard = Vec::new();
        for now_ms in (0..9_000).step_by(1_000) {
            if now_ms == 4_000 {
                silence.ended();
            }
            if let Overdue::Comment(_) = silence.tick(now_ms) {
                heard.push(now_ms);
            }
        }
        assert_eq!(heard, [3_000, 7_000]);
    }
}
