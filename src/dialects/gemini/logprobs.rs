//! `logprobsResult`.

use crate::facts::{Logprob, Sink};
use crate::json::{JsonStr, Raw, fields, read};

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

/// Reports it. A result that cannot be read has no tokens.
pub(super) fn report(result: Raw<'_>, out: &mut dyn Sink) {
    out.logprobs(&tokens(result));
}

fn tokens(result: Raw<'_>) -> Vec<Logprob<'_>> {
    let wire: Wire<'_> = read(result).unwrap_or_default();
    let tops = wire.top_candidates.unwrap_or_default();
    let chosen = wire.chosen_candidates.unwrap_or_default();
    let top = |at: usize| tops.get(at).and_then(|top| top.candidates.as_ref()).into_iter().flatten();
    chosen
        .iter()
        .enumerate()
        .map(|(at, chosen)| Logprob { top: top(at).map(Token::logprob).collect(), ..chosen.logprob() })
        .collect()
}

impl<'a> Token<'a> {
    fn logprob(&self) -> Logprob<'a> {
        Logprob {
            token: self.token.unwrap_or(JsonStr::EMPTY),
            // A probability of 1 has the logarithm 0, which the provider omits.
            logprob: self.log_probability.map_or("0", Raw::get),
            bytes: None,
            top: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_their_alternatives() {
        let result = r#"{"chosenCandidates":[{"token":"a\"","logProbability":-0.5},{"token":"b"}],"topCandidates":[{"candidates":[{"token":"a\"","logProbability":-0.5},{"token":"c","logProbability":-1}]}]}"#;
        let tokens = tokens(Raw::parse(result).unwrap());
        let shown = |token: &Logprob<'_>| (token.token.token().to_owned(), token.logprob.to_owned());
        let read: Vec<_> = tokens
            .iter()
            .map(|token| (shown(token), token.top.iter().map(shown).collect::<Vec<_>>()))
            .collect();
        let pair = |token: &str, logprob: &str| (token.to_owned(), logprob.to_owned());
        let first = pair(r#""a\"""#, "-0.5");
        assert_eq!(
            read,
            [(first.clone(), vec![first, pair(r#""c""#, "-1")]), (pair(r#""b""#, "0"), Vec::new())]
        );
    }
}
