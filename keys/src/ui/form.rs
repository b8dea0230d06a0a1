//! Pages with a form, and pages that ask before something is done.

use askama::Template;
use axum::response::{IntoResponse, Response};

use super::fields::Filled;
use super::page::{Frame, html};
use super::show::Moment;
use super::visit::Visit;

/// A link with its text.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) href: String,
    pub(super) label: String,
}

impl Link {
    pub(super) fn to(href: impl Into<String>, label: impl Into<String>) -> Self {
        Self { href: href.into(), label: label.into() }
    }
}

/// A name as a segment of a path.
pub(super) fn segment(name: &str) -> String {
    let encoded: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    encoded.replace('+', "%20")
}

/// What a page with a form says around it.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) section: &'static str,
    pub(super) above: Link,
    pub(super) title: String,
    /// What to know before.
    pub(super) note: Option<String>,
    /// Where it is sent.
    pub(super) action: String,
    /// Where to go instead.
    pub(super) back: String,
    pub(super) verb: &'static str,
}

#[derive(Template)]
#[template(path = "form.html")]
struct FormPage {
    frame: Frame,
    above: Link,
    title: String,
    note: Option<String>,
    action: String,
    back: String,
    verb: &'static str,
    form: Filled,
}

impl Form {
    /// The page, with the status that the form has.
    pub(super) fn page(self, visit: &Visit, form: Filled) -> Response {
        let status = form.status;
        let Self { section, above, title, note, action, back, verb } = self;
        let frame = Frame::of(visit, section);
        let page = FormPage { frame, above, title, note, action, back, verb, form };
        (status, html(&page)).into_response()
    }
}

/// Something that an action affects.
#[derive(Clone, Debug)]
pub(super) struct Affected {
    pub(super) name: String,
    pub(super) note: String,
    pub(super) at: Option<Moment>,
}

/// A question before an action.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) section: &'static str,
    pub(super) above: Link,
    pub(super) title: String,
    pub(super) meaning: String,
    pub(super) affected: Vec<Affected>,
    pub(super) action: String,
    pub(super) back: String,
    pub(super) verb: &'static str,
    /// Fields that the form sends.
    pub(super) hidden: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "question.html")]
struct QuestionPage {
    frame: Frame,
    question: Question,
}

impl Question {
    /// The page.
    pub(super) fn page(self, visit: &Visit) -> Response {
        html(&QuestionPage { frame: Frame::of(visit, self.section), question: self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(segment("a b/c?d#e+f"), "a%20b%2Fc%3Fd%23e%2Bf");
    }
}
