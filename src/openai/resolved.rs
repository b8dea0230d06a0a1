//! References in a request that are resolved before it is sent: media URLs, and token arrays in `OpenAI`'s
//! encodings.
//!
//! Some providers support neither. The key service resolves them, because it has sockets and vocabularies.
//! Until it has responded, reading the request fails, and [`Resolved::wanted`] says what is missing.

use core::cell::RefCell;
use std::borrow::Cow;

use super::{Content, ErrorBody, File, ImageUrl, Message, Part, Request};
use crate::json::{JsonStr, Raw, Text, fields, read};

/// What the key service has resolved so far, and what is still missing.
#[derive(Default)]
pub struct Resolved<'a> {
    media: Vec<Medium<'a>>,
    texts: Option<Vec<JsonStr<'a>>>,
    problem: Option<Text<'a>>,
    wanted: RefCell<Option<Wanted>>,
}

/// What must be resolved before the request can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The media at these URLs.
    Media(Vec<String>),
    /// The texts for these tokens: `input` of `/embeddings`, as JSON.
    Texts(String),
}

/// The contents of a URL, or why it could not be fetched.
struct Medium<'a> {
    url: Text<'a>,
    /// A `data:` URL.
    data: Option<JsonStr<'a>>,
    problem: Option<Text<'a>>,
}
fields!(Medium<'a> { url, data, problem; "url" });

/// One response of the key service.
struct Answer<'a> {
    media: Vec<Medium<'a>>,
    texts: Option<Vec<JsonStr<'a>>>,
    problem: Option<Text<'a>>,
}
fields!(Answer<'a> { media, texts, problem });

impl<'a> Resolved<'a> {
    /// Reads the key service's responses. Invalid ones resolve nothing.
    pub fn read(answers: &'a [Vec<u8>]) -> Self {
        let mut resolved = Self::default();
        for answer in answers.iter().filter_map(|answer| read::<Answer<'a>>(&**answer).ok()) {
            resolved.media.extend(answer.media);
            resolved.texts = resolved.texts.or(answer.texts);
            resolved.problem = resolved.problem.or(answer.problem);
        }
        resolved
    }

    /// What to ask the key service for, if reading the request failed because it is missing.
    pub fn wanted(&self) -> Option<Wanted> {
        self.wanted.take()
    }

    fn want(&self, wanted: Wanted) -> ErrorBody {
        self.wanted.replace(Some(wanted));
        ErrorBody::ours("The request has unresolved URLs or token arrays.")
    }

    /// Replaces the URLs at these places of an `input` by `data:` URLs.
    pub(super) fn images(&self, inputs: &mut [JsonStr<'a>], remote: &[usize]) -> Result<(), ErrorBody> {
        let mut missing: Vec<String> = Vec::new();
        for at in remote {
            let Some(input) = inputs.get_mut(*at) else { continue };
            let url = input.decode().unwrap_or_default();
            let refused = |why: &str| {
                let url: String = url.chars().take(200).collect();
                ErrorBody::invalid(format!("input[{at}]"), &format!("cannot use {url}: {why}"))
            };
            let is_remote = ["http:", "https:"].into_iter().any(|scheme| {
                url.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
            });
            if !is_remote {
                return Err(refused("expected an http: or https: URL, or a base64 data: URL"));
            }
            match self.media.iter().find(|medium| *medium.url == *url) {
                Some(Medium { data: Some(data), .. }) if data.inner().starts_with("data:image/") => {
                    *input = *data;
                }
                Some(Medium { data: Some(_), .. }) => return Err(refused("it is not an image")),
                Some(Medium { problem, .. }) => {
                    return Err(refused(problem.as_deref().unwrap_or("it could not be fetched")));
                }
                None if missing.iter().any(|other| *other == *url) => {}
                None => missing.push(url.into_owned()),
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(self.want(Wanted::Media(missing))) }
    }

    /// The texts of an `input` that consists of token arrays.
    pub(super) fn texts(&self, input: Raw<'_>) -> Result<Vec<JsonStr<'a>>, ErrorBody> {
        match (&self.texts, &self.problem) {
            (Some(texts), _) => Ok(texts.clone()),
            (None, Some(problem)) => Err(ErrorBody::invalid("input", problem)),
            (None, None) => Err(self.want(Wanted::Texts(input.get().to_owned()))),
        }
    }
}

impl<'a> Request<'a> {
    /// Like [`Self::messages`], for a provider that takes media inline: replaces each URL with a `data:` URL.
    /// URLs that start with one of `passed` are left for the provider to fetch.
    ///
    /// # Errors
    /// As [`Self::messages`]; media that could not be fetched; or media that is not resolved yet
    /// ([`Resolved::wanted`]).
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

impl<'a> Request<'a> {
    /// The image URLs in messages, verbatim, each with the `data:` URL that replaces it.
    ///
    /// # Errors
    /// As [`Self::messages_inlined`].
    pub fn pictures_inlined(&self) -> Result<Vec<(JsonStr<'a>, JsonStr<'a>)>, ErrorBody> {
        let (before, after) = (self.messages()?, self.messages_inlined(&[])?);
        let pictures = |messages: &[Message<'a>]| -> Vec<JsonStr<'a>> {
            let parts = messages.iter().flat_map(|message| match &message.content {
                Content::Parts(parts) => parts.as_slice(),
                _ => &[],
            });
            parts.filter_map(|part| Some(part.image_url.as_ref()?.url)).collect()
        };
        let pairs = pictures(&before).into_iter().zip(pictures(&after));
        Ok(pairs.filter(|(url, data)| url.token() != data.token()).collect())
    }
}

fn refused(at: usize, n: usize, url: &str, why: &str) -> ErrorBody {
    // Signed URLs are long.
    let url: String = url.chars().take(200).collect();
    ErrorBody::invalid(format!("messages[{at}].content[{n}]"), &format!("cannot use {url}: {why}"))
}

/// The URL of a part's media, unless the provider fetches it itself.
fn remote_url<'a>(part: &Part<'a>, passed: &[&str]) -> Option<Cow<'a, str>> {
    let url = match (&*part.kind, &part.image_url, &part.file, part.source) {
        ("image_url", Some(image), ..) => image.url,
        ("file", _, Some(file), _) => file.file_data.or(file.file_id)?,
        ("image", .., Some(source)) => url_of(source)?,
        // Once inlined it becomes a plain file, which has no fields for these.
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

/// `url` of Anthropic's own content parts.
fn url_of(source: Raw<'_>) -> Option<JsonStr<'_>> {
    struct Source<'a> {
        kind: Text<'a>,
        url: Option<JsonStr<'a>>,
    }
    fields!(Source<'a> { kind = "type", url; "type" });
    read::<Source<'_>>(source).ok().filter(|source| &*source.kind == "url")?.url
}

/// Replaces a URL with the media.
fn inline<'a>(part: &mut Part<'a>, data: JsonStr<'a>) -> Result<(), &'static str> {
    let is_text = data.inner().starts_with("data:text");
    match (&*part.kind, &mut part.image_url, &mut part.file) {
        ("image_url", Some(image), _) if !is_text => image.url = data,
        ("image", ..) if !is_text => {
            part.kind = Text("image_url".into());
            part.image_url = Some(ImageUrl { url: data, detail: None, format: None });
        }
        // For example, an HTML page that says "not found" or asks for a login.
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
