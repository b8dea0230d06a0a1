//! The filters of the log: as they were typed, and as the store knows them.

use super::super::visit::Visit;
use crate::clock;
use crate::error::ApiError;
use crate::money::Picodollars;
use crate::query::Query;
use crate::rights::{Operation, Subject, Whose};
use crate::store::{Cursor, Outcome, RequestFilter, SpendFilter};
use crate::token::identified;
use crate::usage::Sight;

/// The fields of the form.
const FIELDS: [&str; 12] = [
    "from",
    "to",
    "key",
    "user",
    "team",
    "model",
    "provider",
    "deployment",
    "status",
    "cost",
    "duration",
    "error",
];

/// Statuses that are offered.
pub(super) const STATUSES: [(&str, &str); 8] = [
    ("", "Any outcome"),
    ("success", "Successful"),
    ("failure", "Failed"),
    ("4xx", "Rejected (4xx)"),
    ("5xx", "Server error (5xx)"),
    ("401", "401"),
    ("429", "429"),
    ("503", "503"),
];

/// What was typed.
#[derive(Clone, Debug, Default)]
pub(super) struct Typed(Vec<(&'static str, String)>);

impl Typed {
    pub(super) fn of(query: &Query) -> Self {
        let text = |name: &'static str| {
            let text = query.text(name)?.trim();
            (!text.is_empty()).then(|| (name, text.to_owned()))
        };
        Self(FIELDS.into_iter().filter_map(text).collect())
    }

    /// What was typed into a field.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(of, _)| *of == name).map_or("", |(_, text)| text)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A link to a page with these filters and others.
    pub(super) fn link(&self, page: &str, more: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.0).extend_pairs(more);
        format!("{page}?{}", query.finish())
    }

    /// The filter, or the field that is wrong and why.
    pub(super) fn filter(&self) -> Result<RequestFilter, (&'static str, String)> {
        let some = |name: &str| Some(self.text(name)).filter(|text| !text.is_empty());
        let time = |name: &'static str| {
            let read = |text: &str| {
                clock::parse(text)
                    .ok_or((name, format!("'{text}' is not a time; write 2026-11-30 14:00 (UTC).")))
            };
            some(name).map(read).transpose()
        };
        let amount = |name: &'static str| {
            let read = |text: &str| match text.trim_start_matches('$').parse::<f64>() {
                Ok(amount) if amount.is_finite() && amount >= 0.0 => Ok(amount),
                _ => Err((name, format!("'{text}' is not a number, 0 or more."))),
            };
            some(name).map(read).transpose()
        };
        #[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
        let least_ms = amount("duration")?.map(|seconds| (seconds * 1_000.0) as i64);
        Ok(RequestFilter {
            of: SpendFilter {
                token: some("key").map(|key| identified(key).to_string()),
                user_id: some("user").map(str::to_owned),
                request_id: None,
                from: time("from")?,
                before: time("to")?,
            },
            team_id: some("team").map(str::to_owned),
            model: some("model").map(str::to_owned),
            provider: some("provider").map(str::to_owned),
            deployment_id: some("deployment").map(str::to_owned),
            outcome: some("status").map(outcome).transpose()?,
            least_cost: amount("cost")?.map(Picodollars::from_usd),
            least_ms,
            error: some("error").map(str::to_owned),
        })
    }
}

fn outcome(text: &str) -> Result<Outcome, (&'static str, String)> {
    Ok(match text {
        "success" => Outcome::Success,
        "failure" => Outcome::Failure,
        "4xx" => Outcome::Status(400, 499),
        "5xx" => Outcome::Status(500, 599),
        _ => match text.parse::<i64>() {
            Ok(status) if (0..1_000).contains(&status) => Outcome::Status(status, status),
            _ => return Err(("status", format!("'{text}' is not a status."))),
        },
    })
}

/// Restricts a filter to what the caller may see.
pub(super) async fn restrict(visit: &Visit, mut filter: RequestFilter) -> Result<RequestFilter, ApiError> {
    let caller = visit.calling(Operation::SpendLogs)?;
    caller.may(&visit.app, Operation::SpendLogs, Whose::Anything, Subject::default()).await?;
    match Sight::of(&caller) {
        Sight::All => {}
        Sight::User(user) => filter.of.user_id = Some(user),
        Sight::Key(token) => filter.of.token = Some(token),
    }
    Ok(filter)
}

/// A cursor as a link has it.
pub(super) fn cursor_text(cursor: Cursor) -> String {
    format!("{}.{}.{}", cursor.started_at, cursor.segment, cursor.position)
}

/// Reads a cursor; anything else is the first page.
pub(super) fn cursor(text: &str) -> Option<Cursor> {
    let mut parts = text.split('.').map(|part| part.parse::<i64>().ok());
    let (started_at, segment, position) = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(Cursor { started_at, segment, position })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(query: &str) -> Typed {
        Typed::of(&Query::parse(query))
    }

    #[test]
    fn what_is_typed_becomes_a_filter() {
        let filter = typed("from=2026-11-30T10:00&cost=%240.5&duration=1.5&status=4xx&error=+slow+").filter();
        let filter = filter.unwrap();
        assert_eq!(filter.of.from, Some("2026-11-30T10:00:00Z".parse().unwrap()));
        assert_eq!(filter.least_cost, Some(Picodollars::from_usd(0.5)));
        assert_eq!((filter.least_ms, filter.outcome), (Some(1_500), Some(Outcome::Status(400, 499))));
        assert_eq!(filter.error.as_deref(), Some("slow"));
    }

    #[test]
    fn what_is_wrong_names_its_field() {
        for (query, field) in [
            ("from=soon", "from"),
            ("cost=-1", "cost"),
            ("duration=long", "duration"),
            ("status=odd", "status"),
        ] {
            assert_eq!(typed(query).filter().unwrap_err().0, field);
        }
    }

    #[test]
    fn a_cursor_survives_a_link_and_nonsense_is_the_first_page() {
        let at = Cursor { started_at: 5, segment: -3, position: 7 };
        assert_eq!(cursor(&cursor_text(at)), Some(at));
        for text in ["", "1.2", "1.2.3.4", "a.b.c"] {
            assert_eq!(cursor(text), None, "{text}");
        }
    }
}
