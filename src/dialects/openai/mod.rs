//! `OpenAI`'s API, which most vendors use: requests are spliced and responses relayed, without reserialization.
//!
//! The provider receives the client's bytes with the `model` token replaced, the gateway's own fields removed and the
//! deployment's defaults added. The response is returned with its `model` token replaced. Everything else, known or
//! unknown, passes unchanged.
//!
//! A vendor that deviates from it has [`Quirks`]: further edits of requests and responses.

mod charges;
mod choices;
mod completion;
mod error;
mod facts;
mod form;
mod formats;
mod mend;
mod messages;
mod models;
mod path;
mod plain;
mod quirks;
mod relay;
mod request;
mod responses;
mod thinking;
mod tools;
mod words;

pub use charges::Charges;
pub use models::{Model, OPENAI_MODELS, Sampling};
pub use quirks::{
    Answers, Effort, Embedding, Format, Formats, Messages, Names, Other, Quirks, Surface, Tools,
};

use std::borrow::Cow;

use super::{Body, Dialect, Outbound, Stream, Target, reranked};
use crate::config::Deployment;
use crate::dialect::Provider;
use crate::facts::{Fault, Sink, Usage, Wire};
use crate::frame::Framing;
use crate::json::{JsonStr, JsonString, Object, Splice};
use crate::openai::{Answer, ErrorBody, Memo, Operation, Request, service_tier};

/// The dialect of `api.openai.com/v1`.
pub static OPENAI: OpenAi = OpenAi(Quirks::NONE);

/// How state begins that clients carry for other providers.
const CARRIED: &[u8] = b"\"sb1.";

/// The dialect with a vendor's quirks.
pub struct OpenAi(pub Quirks);

impl Dialect for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn supports(&self, operation: Operation) -> bool {
        // Prompts become chats, and chats prompts.
        request::has(&self.0, request::performed(&self.0, operation))
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }

    fn most_inputs(&self, _: &Provider, _: &str) -> Option<usize> {
        self.0.embedding.most
    }

    fn most_input_tokens(&self, _: &Provider, _: &str) -> Option<u64> {
        self.0.embedding.most_tokens
    }

    fn wire(&self) -> Option<Wire> {
        self.0.responses.then_some(Wire::Responses)
    }

    fn has_wire(&self, deployment: &Deployment) -> bool {
        path::has_responses(&self.0, deployment)
    }

    fn can_relay(&self, request: &Request<'_>, _: &Provider, _: &str) -> bool {
        // State of other providers, which a translation keeps.
        memchr::memmem::find(request.body, CARRIED).is_none()
    }

    fn relayed(
        &self,
        request: &Request<'_>,
        to: &Target<'_>,
        memo: &mut Memo,
    ) -> Result<Outbound, ErrorBody> {
        let endpoint = match memo.wire {
            _ if memo.counts => responses::Endpoint::Count,
            Some(Wire::Compaction) => responses::Endpoint::Compact,
            _ => responses::Endpoint::Create,
        };
        Ok(responses::request(&self.0, request, to, endpoint))
    }

    fn counts_tokens(&self) -> bool {
        self.0.responses
    }

    fn count(&self, body: &[u8]) -> Option<u64> {
        responses::count(body)
    }

    fn request(&self, request: &Request<'_>, to: &Target<'_>, _: &mut Memo) -> Result<Outbound, ErrorBody> {
        if request.operation.is_form() {
            return Ok(form::request(&self.0, request, to));
        }
        Ok(Outbound {
            body: Body::Edited(request::write(&self.0, request, to)?),
            path: path::of(&self.0, request.operation, request.stream()?, to),
            headers: Vec::new(),
        })
    }

    fn answer(&self, body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
        if memo.wire.is_some() {
            return responses::answer(body, memo, out);
        }
        let (wire, memo) = self.asked(memo);
        let mended = self.mended(body, &memo)?;
        out.usage(mended.usage);
        let Some(relay) = out.relay(wire) else {
            facts::Facts::default().report(&mended.body, out);
            out.done();
            return Ok(());
        };
        if let Some(id) = mended.id {
            relay.set_id(id);
        }
        relay.bytes(&[&mended.body]);
        Ok(())
    }

    fn converted(&self, body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
        if memo.operation == Operation::Rerank {
            return reranked::answer(body);
        }
        if memo.operation.is_transcript() && !body.trim_ascii_start().starts_with(b"{") {
            // A text, or subtitles.
            return Ok(Answer { body: body.to_vec(), ..Answer::default() });
        }
        let Mended { body, usage, id } = self.mended(body, memo)?;
        Ok(Answer { body, usage, id: id.map(|id| id.inner().into()).unwrap_or_default() })
    }

    fn error(&self, status: u16, body: &[u8], _: &Memo) -> Fault {
        error::read(status, body)
    }

    fn stream(&self, memo: &Memo) -> Box<dyn Stream> {
        if memo.wire.is_some() {
            return Box::new(responses::Relayed::new(memo));
        }
        let (wire, memo) = self.asked(memo);
        Box::new(relay::Relay::new(self.0.answer, memo.into_owned(), wire))
    }
}

/// A complete response as a client of `OpenAI` expects it.
struct Mended<'b> {
    body: Vec<u8>,
    usage: Usage,
    id: Option<JsonStr<'b>>,
}

impl OpenAi {
    /// The request as sent to the vendor: a prompt as a chat, if it has no `/completions`, and the other way round.
    fn asked<'m>(&self, memo: &'m Memo) -> (Wire, Cow<'m, Memo>) {
        let operation = request::performed(&self.0, memo.operation);
        let wire = match operation {
            Operation::Completions => Wire::Completions,
            _ => Wire::ChatCompletions,
        };
        if operation == memo.operation {
            return (wire, Cow::Borrowed(memo));
        }
        (wire, Cow::Owned(Memo { operation, ..memo.clone() }))
    }

    fn mended<'b>(&self, body: &'b [u8], memo: &Memo) -> Result<Mended<'b>, Fault> {
        let object = Object::parse(body).map_err(|_| Fault::unreadable(502, body))?;
        if let Some(error) = object.get("error") {
            return Err(error::read_error(500, error));
        }
        if self.0.answer.base_resp
            && let Some(fault) = error::in_base_resp(&object)
        {
            return Err(fault);
        }
        let mut splice = Splice::new(body);
        if let Some(model) = object.get("model") {
            splice.replace(model.get(), json_string(&memo.model));
        }
        let mut usage = match memo.operation {
            Operation::Moderations => Usage::default(),
            Operation::Transcriptions | Operation::Translations => form::usage(&object),
            Operation::Images | Operation::ImageEdits => {
                if object.get("created").is_none() {
                    splice.append(format!(r#""created":{}"#, memo.created).into_bytes());
                }
                let mut usage = Usage::of_images(&object);
                if let (Some(charges), Some(raw)) = (self.0.answer.charges, object.get("usage")) {
                    charges.read(raw, &mut usage);
                }
                usage
            }
            _ => mend::usage(self.0.answer, &object, &mut splice),
        };
        usage.tier = service_tier(object.get("service_tier"));
        if !memo.operation.generates_text() {
            if memo.base64 && self.0.embedding.format == Format::Floats {
                mend::pack(&object, &mut splice)?;
            }
        } else if self.0.answer.mended {
            mend::answer(self.0.answer, &object, memo, &mut splice);
        }
        let id = object.get("id").and_then(JsonStr::of);
        Ok(Mended { body: splice.write(), usage, id })
    }
}

fn json_string(text: &str) -> Vec<u8> {
    JsonString::new(text).into_bytes()
}
