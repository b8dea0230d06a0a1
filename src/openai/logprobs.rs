//! `logprobs.content[]`, read.

use crate::facts::Logprob;
use crate::json::{JsonStr, Raw, fields, read};

struct Wire<'a> {
    token: Option<JsonStr<'a>>,
    logprob: Option<Raw<'a>>,
    bytes: Option<Raw<'a>>,
    top_logprobs: Option<Vec<Raw<'a>>>,
}
fields!(Wire<'a> { token, logprob, bytes, top_logprobs });

/// Parses the tokens. Invalid ones are skipped.
pub fn read_logprobs<'a>(tokens: &[Raw<'a>]) -> Vec<Logprob<'a>> {
    tokens
        .iter()
        .filter_map(|raw| {
            let wire: Wire<'a> = read(*raw).ok()?;
            Some(Logprob {
                token: wire.token?,
                logprob: wire.logprob?.get(),
                bytes: wire.bytes,
                top: wire.top_logprobs.map(|top| read_logprobs(&top)).unwrap_or_default(),
            })
        })
        .collect()
}
