//! Decodes tokens of `OpenAI`'s encodings to text.
//!
//! `LangChain`'s `OpenAIEmbeddings` sends tokens by default, whatever the model: in tiktoken's encoding for
//! the model's name, and in `cl100k_base` for names that tiktoken does not know. This module follows the same
//! rule. Tokens of another vocabulary become meaningless text or an error.

use core::fmt;

use serde::Deserialize;
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};
use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

/// `input` of `/embeddings` that consists of tokens.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Tokens {
    /// One text.
    One(Vec<u32>),
    /// Several texts.
    Many(Vec<Vec<u32>>),
}

/// Why tokens cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecodable {
    /// The model uses an encoding that is not supported for embeddings.
    Encoding(String),
    /// They are not tokens of that encoding, or do not form UTF-8 text.
    Tokens {
        /// Index of the token array.
        at: usize,
        /// The encoding.
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

/// Decodes tokens that were created for a model.
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
        // Encodings of retired models that never supported embeddings; their vocabularies would add
        // megabytes.
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
