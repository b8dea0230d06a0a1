//! What each Envoy has, and what it gets next.
//!
//! Envoy's REST client does not say that it has rejected a response: it asks again with its old version. So a part that
//! was sent twice, and is asked for once more with the old version, is taken as rejected. The launcher, which reads
//! Envoy's log, reports a rejection with Envoy's words.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_compile::envoy::discovery::Part;
use tokio::time::Instant;

/// How often a part is sent before it counts as rejected. A response may have been lost.
const TRIES: u32 = 3;

/// When a rejected part is sent again: the cause may be gone, such as a file that Envoy could not read.
const AGAIN: Duration = Duration::from_secs(30);

/// How long an Envoy without a request in flight counts as connected: longer than it waits between two requests.
const SILENCE: Duration = Duration::from_secs(3);

/// How long an Envoy that is gone is remembered.
const MEMORY: Duration = Duration::from_mins(10);

/// All Envoys, by the ids of their nodes.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    by_id: BTreeMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    seen: Instant,
    /// Requests that are being held.
    held: usize,
    /// The configuration that it is getting, and the versions of its parts.
    number: u64,
    latest: [String; 4],
    parts: [PartState; 4],
}

#[derive(Debug, Default)]
struct PartState {
    /// The version that it has; empty before the first.
    has: String,
    /// The version that was sent last, and how often.
    sent: String,
    times: u32,
    rejected: Option<Rejected>,
}

#[derive(Debug)]
struct Rejected {
    version: String,
    at: Instant,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It gets the latest version.
    Send,
    /// It waits for an event.
    Wait,
    /// It waits, and Envoy has just rejected the latest version.
    Rejected,
}

fn index(part: Part) -> usize {
    Part::ALL.iter().position(|known| *known == part).unwrap_or_default()
}

impl Nodes {
    /// Decides about a request of the node `id`, which has version `has` of a part. `latest` are the versions of all
    /// parts of configuration `number`. Also says whether the node's state has changed.
    pub(super) fn decide(
        &mut self,
        id: &str,
        (part, has): (Part, &str),
        (number, latest): (u64, [&str; 4]),
        now: Instant,
    ) -> (Step, bool) {
        let known = self.known(id, now);
        let part = index(part);
        let mut is_changed = known.number != number;
        known.number = number;
        known.latest = latest.map(str::to_owned);
        let held = &mut known.parts[part];
        if held.has != has {
            is_changed = true;
            has.clone_into(&mut held.has);
            if has.is_empty() {
                *held = PartState::default();
            }
        }
        let wanted = latest[part];
        if has == wanted {
            held.rejected = None;
            return (Step::Wait, is_changed);
        }
        let earlier = known.parts.iter().zip(latest).take(part);
        if !has.is_empty() && earlier.into_iter().any(|(held, latest)| held.has != latest) {
            return (Step::Wait, is_changed);
        }
        let held = &mut known.parts[part];
        if held.sent != wanted {
            (held.sent, held.times) = (wanted.to_owned(), 0);
        }
        match &held.rejected {
            Some(rejected) if rejected.version == wanted => {
                if now.duration_since(rejected.at) < AGAIN {
                    return (Step::Wait, is_changed);
                }
                (held.rejected, held.times) = (None, 1);
            }
            _ if held.times >= TRIES => {
                held.rejected = Some(Rejected { version: wanted.to_owned(), at: now });
                return (Step::Rejected, true);
            }
            _ => held.times += 1,
        }
        (Step::Send, is_changed)
    }

    /// Envoy has rejected what it was sent. Returns whether this is news.
    pub(super) fn reject(&mut self, id: &str, part: Part, now: Instant) -> bool {
        let held = &mut self.known(id, now).parts[index(part)];
        let is_news = held.rejected.as_ref().is_none_or(|known| known.version != held.sent);
        held.rejected = Some(Rejected { version: held.sent.clone(), at: now });
        is_news
    }

    /// A request is held, or no longer.
    pub(super) fn hold(&mut self, id: &str, is_held: bool, now: Instant) {
        let known = self.known(id, now);
        known.held = if is_held { known.held + 1 } else { known.held.saturating_sub(1) };
    }

    /// Whether all connected Envoys use a configuration, and there is one.
    pub(super) fn all_use(&self, number: u64, now: Instant) -> bool {
        let mut connected = self.connected(now).peekable();
        connected.peek().is_some()
            && connected.all(|known| {
                let mut parts = known.parts.iter().zip(&known.latest);
                known.number == number && parts.all(|(held, latest)| held.has == *latest)
            })
    }

    /// Whether an Envoy has rejected a part of a configuration.
    pub(super) fn has_rejected(&self, number: u64) -> bool {
        self.by_id.values().filter(|known| known.number == number).any(|known| {
            let mut parts = known.parts.iter().zip(&known.latest);
            parts.any(|(held, latest)| held.rejected.as_ref().is_some_and(|no| no.version == *latest))
        })
    }

    /// Whether an Envoy has accepted the clusters of a configuration, and none has rejected any part of it.
    pub(super) fn have_clusters_of(&self, number: u64) -> bool {
        let clusters = index(Part::Clusters);
        let mut asked = self.by_id.values().filter(|known| known.number == number);
        !self.has_rejected(number) && asked.any(|known| known.parts[clusters].has == known.latest[clusters])
    }

    /// Whether an Envoy was sent the clusters of a configuration, and has neither accepted nor rejected them yet.
    pub(super) fn is_undecided(&self, number: u64) -> bool {
        let clusters = index(Part::Clusters);
        self.by_id.values().filter(|known| known.number == number).any(|known| {
            let (held, latest) = (&known.parts[clusters], &known.latest[clusters]);
            let is_rejected = held.rejected.as_ref().is_some_and(|no| no.version == *latest);
            held.sent == *latest && held.has != *latest && !is_rejected
        })
    }

    /// How many Envoys are connected.
    pub(super) fn count(&self, now: Instant) -> usize {
        self.connected(now).count()
    }

    fn connected(&self, now: Instant) -> impl Iterator<Item = &Known> {
        self.by_id.values().filter(move |known| known.held > 0 || now.duration_since(known.seen) < SILENCE)
    }

    fn known(&mut self, id: &str, now: Instant) -> &mut Known {
        self.by_id
            .retain(|other, known| other == id || known.held > 0 || now.duration_since(known.seen) < MEMORY);
        let known = self.by_id.entry(id.to_owned()).or_insert_with(|| Known {
            seen: now,
            held: 0,
            number: 0,
            latest: Default::default(),
            parts: Default::default(),
        });
        known.seen = now;
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: (u64, [&str; 4]) = (1, ["c1", "r1", "f1", "l1"]);
    const SECOND: (u64, [&str; 4]) = (2, ["c2", "r1", "f2", "l1"]);

    fn started() -> (Nodes, Instant) {
        let (mut nodes, now) = (Nodes::default(), Instant::now());
        for (part, version) in Part::ALL.into_iter().zip(FIRST.1) {
            assert_eq!(nodes.decide("a", (part, ""), FIRST, now).0, Step::Send);
            assert_eq!(nodes.decide("a", (part, version), FIRST, now), (Step::Wait, true));
        }
        assert!(nodes.all_use(1, now));
        (nodes, now)
    }

    #[test]
    fn the_filter_is_replaced_when_its_clusters_are_there() {
        let (mut nodes, now) = started();
        assert_eq!(nodes.decide("a", (Part::Filter, "f1"), SECOND, now).0, Step::Wait);
        assert_eq!(nodes.decide("a", (Part::Clusters, "c1"), SECOND, now).0, Step::Send);
        assert_eq!(nodes.decide("a", (Part::Filter, "f1"), SECOND, now).0, Step::Wait);
        assert_eq!(nodes.decide("a", (Part::Clusters, "c2"), SECOND, now), (Step::Wait, true));
        assert_eq!(nodes.decide("a", (Part::Filter, "f1"), SECOND, now).0, Step::Send);
        assert!(!nodes.all_use(2, now));
        nodes.decide("a", (Part::Filter, "f2"), SECOND, now);
        assert!(nodes.all_use(2, now));
    }

    #[test]
    fn clusters_are_in_use_when_an_envoy_has_accepted_them_and_none_has_rejected_the_rest() {
        let (mut nodes, now) = started();
        assert!(nodes.have_clusters_of(1) && !nodes.have_clusters_of(2));
        assert!(!nodes.is_undecided(1) && !nodes.is_undecided(2));
        nodes.decide("a", (Part::Clusters, "c1"), SECOND, now);
        assert!(!nodes.have_clusters_of(2) && nodes.is_undecided(2), "it has not accepted them yet");
        nodes.decide("a", (Part::Clusters, "c2"), SECOND, now);
        assert!(nodes.have_clusters_of(2) && !nodes.is_undecided(2));
        nodes.decide("a", (Part::Filter, "f1"), SECOND, now);
        nodes.reject("a", Part::Filter, now);
        assert!(!nodes.have_clusters_of(2));
    }

    #[test]
    fn what_is_asked_for_again_and_again_was_rejected_and_holds_back_what_refers_to_it() {
        let (mut nodes, now) = started();
        let mut steps = vec![Step::Send; TRIES as usize];
        steps.extend([Step::Rejected, Step::Wait]);
        for step in steps {
            assert_eq!(nodes.decide("a", (Part::Clusters, "c1"), SECOND, now).0, step);
        }
        assert!(nodes.has_rejected(2) && !nodes.all_use(2, now) && !nodes.is_undecided(2));
        assert_eq!(nodes.decide("a", (Part::Filter, "f1"), SECOND, now).0, Step::Wait);
        // It is tried again after a while, and a third configuration at once.
        assert_eq!(nodes.decide("a", (Part::Clusters, "c1"), SECOND, now + AGAIN).0, Step::Send);
        assert_eq!(nodes.decide("a", (Part::Clusters, "c1"), (3, FIRST.1), now).0, Step::Wait);
        assert!(!nodes.has_rejected(3) && nodes.all_use(3, now));
    }

    #[test]
    fn a_rejection_with_envoys_words_is_news_once() {
        let (mut nodes, now) = started();
        nodes.decide("a", (Part::Clusters, "c1"), SECOND, now);
        assert!(nodes.reject("a", Part::Clusters, now));
        assert!(!nodes.reject("a", Part::Clusters, now));
        assert_eq!(nodes.decide("a", (Part::Clusters, "c1"), SECOND, now).0, Step::Wait);
        assert!(nodes.has_rejected(2));
    }

    #[test]
    fn an_envoy_that_has_restarted_gets_everything_and_one_that_is_gone_holds_up_nothing() {
        let (mut nodes, now) = started();
        assert_eq!(nodes.decide("a", (Part::Clusters, ""), FIRST, now), (Step::Send, true));
        assert_eq!(nodes.decide("a", (Part::Filter, ""), FIRST, now).0, Step::Send);
        assert!(!nodes.all_use(1, now));
        assert_eq!(nodes.count(now + SILENCE), 0);
        assert!(!nodes.all_use(1, now + SILENCE), "there is none");
    }
}
