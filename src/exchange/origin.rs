//! Who a request is for, besides the key that pays: data for the spend log.

use crate::json::{JsonStr, Object, Raw, read};
use crate::key::clipped;
use crate::openai::Request;

use super::head::Head;

/// Maximum length of a stored user name or tag, bytes.
const LONGEST: usize = 256;

/// Maximum number of stored tags per request.
const MOST_TAGS: usize = 32;

/// Where a request comes from. Unknown values are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The caller's end user.
    pub end_user: String,
    /// Tags, without duplicates.
    pub tags: Vec<String>,
    /// The client's address as seen by Envoy.
    pub ip: String,
}

impl Origin {
    /// Reads the headers `x-litellm-customer-id`, `x-litellm-end-user-id` and those that the operator chose for end users,
    /// `x-litellm-tags`, and the client address that Envoy reports.
    pub(super) fn by_headers(head: &Head, user_headers: &[String]) -> Self {
        let end_user = ["x-litellm-customer-id", "x-litellm-end-user-id"]
            .into_iter()
            .chain(user_headers.iter().map(String::as_str))
            .find_map(|name| head.text(name).filter(|user| !user.is_empty()));
        let mut origin = Self {
            end_user: end_user.map(|user| clipped(user, LONGEST).to_owned()).unwrap_or_default(),
            tags: Vec::new(),
            ip: head.text("x-envoy-external-address").unwrap_or_default().to_owned(),
        };
        if let Some(tags) = head.text("x-litellm-tags") {
            tags.split(',').for_each(|tag| origin.tag(tag.trim()));
        }
        origin
    }

    /// Adds values from the body, in `LiteLLM`'s order: `user`, `litellm_metadata.user`, `metadata.user_id`,
    /// `safety_identifier`; and the tags in `metadata`, `litellm_metadata` and `tags`. Values of the wrong
    /// type are ignored; the provider rejects them if it has to.
    pub(super) fn or_body(mut self, request: &Request<'_>) -> Self {
        let body = request.object();
        let object = |name| body.get(name).and_then(|raw: Raw<'_>| Object::parse(raw.get().as_bytes()).ok());
        let (metadata, own) = (object("metadata"), object("litellm_metadata"));
        if self.end_user.is_empty() {
            let within =
                |object: &Option<Object<'_>>, name| object.as_ref().and_then(|object| text(object.get(name)));
            self.end_user = text(body.get("user"))
                .or_else(|| within(&own, "user"))
                .or_else(|| within(&metadata, "user_id"))
                .or_else(|| text(body.get("safety_identifier")))
                .unwrap_or_default();
        }
        for list in [body.get("tags"), metadata.and_then(|m| m.get("tags")), own.and_then(|m| m.get("tags"))]
        {
            let list: Option<Vec<Raw<'_>>> = list.and_then(|list| read(list).ok());
            for tag in list.into_iter().flatten().filter_map(|tag| text(Some(tag))) {
                self.tag(&tag);
            }
        }
        self
    }

    fn tag(&mut self, tag: &str) {
        let tag = clipped(tag, LONGEST);
        if !tag.is_empty() && self.tags.len() < MOST_TAGS && !self.tags.iter().any(|known| known == tag) {
            self.tags.push(tag.to_owned());
        }
    }
}

fn text(raw: Option<Raw<'_>>) -> Option<String> {
    let text = JsonStr::of(raw?)?.decode()?;
    (!text.is_empty()).then(|| clipped(&text, LONGEST).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::Operation;

    fn origin(headers: &[(&str, &str)], body: &str) -> Origin {
        let pairs = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        let request = Request::parse(Operation::Chat, body.as_bytes()).unwrap();
        Origin::by_headers(&Head::new(pairs.collect()), &["x-mine".to_owned()]).or_body(&request)
    }

    #[test]
    fn the_end_user_is_found_in_the_order_of_litellm() {
        let body = r#"{"user":"a","litellm_metadata":{"user":"b"},"metadata":{"user_id":"c"},"safety_identifier":"d"}"#;
        assert_eq!(origin(&[("x-litellm-end-user-id", "h")], body).end_user, "h");
        assert_eq!(origin(&[("x-mine", "m"), ("x-litellm-end-user-id", "h")], body).end_user, "h");
        assert_eq!(origin(&[("x-mine", "m")], body).end_user, "m");
        assert_eq!(origin(&[("x-mine", "")], body).end_user, "a");
        assert_eq!(origin(&[], body).end_user, "a");
        assert_eq!(origin(&[], &body.replace("\"user\":\"a\",", "")).end_user, "b");
        assert_eq!(origin(&[], r#"{"metadata":{"user_id":"c"},"safety_identifier":"d"}"#).end_user, "c");
        assert_eq!(origin(&[], r#"{"metadata":"x","safety_identifier":"d"}"#).end_user, "d");
        assert_eq!(origin(&[], r#"{"user":7}"#).end_user, "");
    }

    #[test]
    fn tags_of_all_places_are_one_list_without_duplicates() {
        let body = r#"{"tags":["a","b",1],"metadata":{"tags":["b","c"]},"litellm_metadata":{"tags":"x"}}"#;
        assert_eq!(origin(&[("x-litellm-tags", "z, a")], body).tags, ["z", "a", "b", "c"]);
    }

    #[test]
    fn what_is_too_long_or_too_much_is_cut() {
        let body = format!(r#"{{"user":"{}","tags":[{}]}}"#, "é".repeat(300), ["\"t\""; 5].join(","));
        let cut = origin(&[], &body);
        assert_eq!((cut.end_user.len(), cut.tags.len()), (256, 1));
        let many: Vec<_> = (0..100).map(|n| format!("\"{n}\"")).collect();
        assert_eq!(origin(&[], &format!(r#"{{"tags":[{}]}}"#, many.join(","))).tags.len(), MOST_TAGS);
    }
}
