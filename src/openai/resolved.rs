//! What a request refers to instead of holding it: media by URL, and texts as tokens of `OpenAI`'s encodings.
//!
//! Some providers take neither. What they need instead is resolved by the key service, which has sockets and
//! vocabularies. Until it has answered, reading the request fails, and [`Resolved::wanted`] says what is missing.

use core::cell::RefCell;
use std::borrow::Cow;

use super::{Content, ErrorBody, File, ImageUrl, Message, Part, Request};
use crate::json::{JsonStr, Raw, Text, fields, read};

/// What the key service has resolved so far, and what it has yet to be asked for.
#[derive(Default)]
pub struct Resolved<'a> {
    media: Vec<Medium<'a>>,
    texts: Option<Vec<JsonStr<'a>>>,
    problem: Option<Text<'a>>,
    wanted: RefCell<Option<Wanted>>,
}

/// What has to be resolved before the request can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The media at these URLs.
    Media(Vec<String>),
    /// The texts of these tokens: `input` of `/embeddings`, as JSON.
    Texts(String),
}

/// What is at a URL, or why it cannot be had.
struct Medium<'a> {
    url: Text<'a>,
    /// A `data:` URL.
    data: Option<JsonStr<'a>>,
    problem: Option<Text<'a>>,
}
fields!(Medium<'a> { url, data, problem; "url" });

/// One answer of the key service.
struct Answer<'a> {
    media: Vec<Medium<'a>>,
    texts: Option<Vec<JsonStr<'a>>>,
    problem: Option<Text<'a>>,
}
fields!(Answer<'a> { media, texts, problem });

impl<'a> Resolved<'a> {
    /// Reads the key service's answers. One that cannot be read resolves nothing.
    pub fn read(answers: &'a [Vec<u8>]) -> Self {
        let mut resolved = Self::default();
        for answer in answers.iter().filter_map(|answer| read::<Answer<'a>>(&**answer).ok()) {
            resolved.media.extend(answer.media);
            resolved.texts = resolved.texts.or(answer.texts);
            resolved.problem = resolved.problem.or(answer.problem);
        }
        resolved
    }

    /// What the key service must be asked for, if reading the request failed for want of it.
    pub fn wanted(&self) -> Option<Wanted> {
        self.wanted.take()
    }

    fn want(&self, wanted: Wanted) -> ErrorBody {
        self.wanted.replace(Some(wanted));
        ErrorBody::ours("The request has unresolved URLs or token arrays.")
    }

    /// The texts of an `input` that is made of tokens.
    pub(super) fn texts(&self, input: Raw<'_>) -> Result<Vec<JsonStr<'a>>, ErrorBody> {
        match (&self.texts, &self.problem) {
            (Some(texts), _) => Ok(texts.clone()),
            (None, Some(problem)) => Err(ErrorBody::invalid("input", problem)),
            (None, None) => Err(self.want(Wanted::Texts(input.get().to_owned()))),
        }
    }
}

impl<'a> Request<'a> {
    /// [`Self::messages`] for a provider that takes media inline: what lies at a URL is put in its place as a `data:`
    /// URL. URLs that begin with one of `passed` are left to the provider.
    ///
    /// # Errors
    /// As [`Self::messages`]; the media cannot be had; or they are not resolved yet ([`Resolved::wanted`]).
    pub fn messages_inlined(&self, passed: &[&str]) -> Result<Vec<Message<'a>>, ErrorBody> {
        let mut messages = self.messages()?;
        let Some(resolved) = self.resolved else { return Ok(messages) };
        let mut missing: Vec<String> = Vec::new();
        for (at, message) in messages.iter_mut().enumerate() {
            let Content::Parts(parts) = &mut message.content else { continue };
            for (n, part) in parts.iter_mut().enumerate() {
                let Some(url) = remote_url(part, passed) else { continue };
                match resolved.media.iter().find(|medium| *medium.url == *url) {
                    Some(Medium { data: Some(data), .. }) => {
                        inline(part, *data).map_err(|why| refused(at, n, &url, why))?;
                    }
                    Some(Medium { problem, .. }) => {
                        let why = problem.as_ref().map_or("it could not be fetched", |problem| problem);
                        return Err(refused(at, n, &url, why));
                    }
                    None if missing.iter().any(|other| *other == *url) => {}
                    None => missing.push(url.into_owned()),
                }
            }
        }
        if missing.is_empty() { Ok(messages) } else { Err(resolved.want(Wanted::Media(missing))) }
    }
}

fn refused(at: usize, n: usize, url: &str, why: &str) -> ErrorBody {
    // A signed URL is long.
    let url: String = url.chars().take(200).collect();
    ErrorBody::invalid(format!("messages[{at}].content[{n}]"), &format!("cannot use {url}: {why}"))
}

/// The URL at which a part's media lie, unless the provider fetches it by itself.
fn remote_url<'a>(part: &Part<'a>, passed: &[&str]) -> Option<Cow<'a, str>> {
    let url = match (&*part.kind, &part.image_url, &part.file, part.source) {
        ("image_url", Some(image), ..) => image.url,
        ("file", _, Some(file), _) => file.file_data.or(file.file_id)?,
        ("image", .., Some(source)) => url_of(source)?,
        // Once inlined it is a plain file, which has no place for these.
        ("document", .., Some(source)) if part.citations.is_none() && part.context.is_none() => {
            url_of(source)?
        }
        _ => return None,
    };
    let begins = |scheme: &str| {
        url.inner().as_bytes().get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    let is_remote = begins("http:") || begins("https:");
    if !is_remote || passed.iter().any(|scheme| begins(scheme)) {
        return None;
    }
    url.decode()
}

/// `url` of Anthropic's own parts.
fn url_of(source: Raw<'_>) -> Option<JsonStr<'_>> {
    struct Source<'a> {
        kind: Text<'a>,
        url: Option<JsonStr<'a>>,
    }
    fields!(Source<'a> { kind = "type", url; "type" });
    read::<Source<'_>>(source).ok().filter(|source| &*source.kind == "url")?.url
}

/// Puts media in the place of their URL.
fn inline<'a>(part: &mut Part<'a>, data: JsonStr<'a>) -> Result<(), &'static str> {
    let is_text = data.inner().starts_with("data:text");
    match (&*part.kind, &mut part.image_url, &mut part.file) {
        ("image_url", Some(image), _) if !is_text => image.url = data,
        ("image", ..) if !is_text => {
            part.kind = Text("image_url".into());
            part.image_url = Some(ImageUrl { url: data, detail: None, format: None });
        }
        // A page that says that there is no such picture, or asks for a login.
        ("image_url" | "image", ..) => return Err("it is text, not an image"),
        (_, _, Some(file)) => file.file_data = Some(data),
        _ => {
            part.kind = Text("file".into());
            let filename = part.title.and_then(JsonStr::of);
            part.file = Some(File { file_id: None, filename, file_data: Some(data), format: None });
        }
    }
    Ok(())
}
