//! `logprobsResult` to `logprobs`.

use crate::json::{JsonStr, Raw, Writer, fields, read};

#[derive(Default)]
struct Wire<'a> {
    chosen_candidates: Option<Vec<Token<'a>>>,
    top_candidates: Option<Vec<Top<'a>>>,
}
fields!(Wire<'a> { chosen_candidates = "chosenCandidates", top_candidates = "topCandidates" });

struct Top<'a> {
    candidates: Option<Vec<Token<'a>>>,
}
fields!(Top<'a> { candidates });

struct Token<'a> {
    token: Option<JsonStr<'a>>,
    log_probability: Option<Raw<'a>>,
}
fields!(Token<'a> { token, log_probability = "logProbability" });

/// Writes the inside of `logprobs`. A result that cannot be read gives no tokens.
pub(super) fn write(w: &mut Writer<'_>, result: Raw<'_>) {
    let wire: Wire<'_> = read(result).unwrap_or_default();
    let tops = wire.top_candidates.unwrap_or_default();
    w.object().key("content").array();
    for (at, chosen) in wire.chosen_candidates.iter().flatten().enumerate() {
        w.object();
        write_token(w, chosen);
        w.key("top_logprobs").array();
        for top in tops.get(at).and_then(|top| top.candidates.as_ref()).into_iter().flatten() {
            w.object();
            write_token(w, top);
            w.end_object();
        }
        w.end_array().end_object();
    }
    w.end_array().key("refusal").raw("null").end_object();
}

fn write_token(w: &mut Writer<'_>, token: &Token<'_>) {
    w.key("token").raw(token.token.unwrap_or(JsonStr::EMPTY).token());
    // A probability of 1 is a logarithm of 0, which is left out.
    w.key("logprob").raw(token.log_probability.map_or("0", Raw::get));
    w.key("bytes").raw("null");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_their_alternatives() {
        let result = r#"{"chosenCandidates":[{"token":"a\"","logProbability":-0.5},{"token":"b"}],"topCandidates":[{"candidates":[{"token":"a\"","logProbability":-0.5},{"token":"c","logProbability":-1}]}]}"#;
        let mut out = Vec::new();
        write(&mut Writer::new(&mut out), Raw::parse(result).unwrap());
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"content":[{"token":"a\"","logprob":-0.5,"bytes":null,"top_logprobs":[{"token":"a\"","logprob":-0.5,"bytes":null},{"token":"c","logprob":-1,"bytes":null}]},{"token":"b","logprob":0,"bytes":null,"top_logprobs":[]}],"refusal":null}"#
        );
    }
}
