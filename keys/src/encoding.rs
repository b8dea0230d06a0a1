//! Tokens of `OpenAI`'s encodings to text.
//!
//! `LangChain`'s `OpenAIEmbeddings` sends tokens by default, whatever model is behind the name: those of tiktoken's
//! encoding for the model's name, and of `cl100k_base` for every name that tiktoken does not know. The same rule is
//! followed here. Whoever makes tokens by another vocabulary gets text that makes no sense, or an error.

use core::fmt;

use serde::Deserialize;
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};
use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

/// `input` of `/embeddings` that is made of tokens.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Tokens {
    /// One text.
    One(Vec<u32>),
    /// Several.
    Many(Vec<Vec<u32>>),
}

/// Why tokens cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecodable {
    /// The model has an encoding that is not used for embeddings.
    Encoding(String),
    /// They are not tokens of that encoding, or no text.
    Tokens {
        /// Which text.
        at: usize,
        /// By which encoding.
        encoding: &'static str,
    },
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the model's provider accepts only text, and ")?;
        match self {
            Self::Encoding(model) => write!(f, "tokens of '{model}' cannot be decoded")?,
            Self::Tokens { at, encoding } => {
                write!(f, "token array {at} is not valid text in the encoding {encoding}")?;
            }
        }
        f.write_str("; send strings (LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False))")
    }
}

/// The texts of tokens that were made for that model.
///
/// # Errors
/// They cannot be decoded.
pub fn decode(model: &str, tokens: Tokens) -> Result<Vec<String>, Undecodable> {
    let (encoding, bpe) = encoding_of(model).ok_or_else(|| Undecodable::Encoding(model.to_owned()))?;
    let texts = match tokens {
        Tokens::One(text) => vec![text],
        Tokens::Many(texts) => texts,
    };
    let decoded = texts.iter().enumerate().map(|(at, text)| {
        let bytes = bpe.decode_bytes(text).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.ok_or(Undecodable::Tokens { at, encoding })
    });
    decoded.collect()
}

fn encoding_of(model: &str) -> Option<(&'static str, &'static CoreBPE)> {
    match get_tokenizer(model) {
        None | Some(Tokenizer::Cl100kBase) => Some(("cl100k_base", cl100k_base_singleton())),
        Some(Tokenizer::O200kBase) => Some(("o200k_base", o200k_base_singleton())),
        // Of models that are gone, and never made embeddings: their vocabularies would be megabytes.
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_decoded_by_the_encoding_that_clients_choose_by_the_models_name() {
        let hello = || Tokens::One(vec![15339, 1917]);
        for model in ["text-embedding-3-small", "text-embedding-ada-002", "my-titan", "bge-m3"] {
            assert_eq!(decode(model, hello()).unwrap(), ["hello world"], "{model}");
        }
        assert_eq!(decode("gpt-4o-embeddings", Tokens::One(vec![24912, 2375])).unwrap(), ["hello world"]);
    }

    #[test]
    fn several_texts_stay_several() {
        let many = Tokens::Many(vec![vec![15339], vec![], vec![9468, 239, 235]]);
        assert_eq!(decode("m", many).unwrap(), ["hello", "", "👍"].map(str::to_owned));
    }

    #[test]
    fn what_is_no_text_is_told_with_the_way_out() {
        for tokens in [vec![4_000_000_000], vec![9468]] {
            let told = decode("m", Tokens::Many(vec![vec![15339], tokens])).unwrap_err().to_string();
            assert!(told.contains("array 1") && told.contains("check_embedding_ctx_length=False"), "{told}");
        }
        assert!(decode("davinci", Tokens::One(vec![1])).unwrap_err().to_string().contains("'davinci'"));
    }
}
