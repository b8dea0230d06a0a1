//! `/rerank`: reads a query and documents, in Cohere's format.

use super::request::excerpt;
use super::{ErrorBody, Request};
use crate::json::{JsonStr, Object, Raw, read};

impl<'a> Request<'a> {
    /// `documents`: texts, or objects that the provider reads.
    ///
    /// # Errors
    /// They are missing, or not an array.
    pub fn documents(&self) -> Result<Vec<Raw<'a>>, ErrorBody> {
        let Some(raw) = self.get("documents") else {
            return Err(ErrorBody::missing(self.operation.route(), "documents"));
        };
        read(raw).map_err(|_| {
            let given = excerpt(raw.get());
            ErrorBody::invalid("documents", &format!("expected an array of documents, but got {given}"))
        })
    }

    /// The same, for a provider that takes texts only: of an object, `text`.
    ///
    /// # Errors
    /// As there, and an object without a text.
    pub fn document_texts(&self) -> Result<Vec<JsonStr<'a>>, ErrorBody> {
        let text = |(at, document): (usize, Raw<'a>)| {
            let inside = || JsonStr::of(Object::of(document)?.get("text")?);
            JsonStr::of(document).or_else(inside).ok_or_else(|| {
                ErrorBody::invalid(
                    format!("documents[{at}]"),
                    "the model's provider accepts strings, or objects with a `text`",
                )
            })
        };
        self.documents()?.into_iter().enumerate().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::Operation;

    fn texts(documents: &str) -> Result<Vec<String>, ErrorBody> {
        let body = format!(r#"{{"documents":{documents}}}"#);
        let request = Request::parse(Operation::Rerank, body.as_bytes())?;
        Ok(request.document_texts()?.iter().map(|text| text.token().to_owned()).collect())
    }

    #[test]
    fn documents_are_texts_or_objects_with_one() {
        assert_eq!(texts(r#"["a",{"text":"b\n","title":"t"}]"#).unwrap(), [r#""a""#, r#""b\n""#]);
        let refused = texts(r#"["a",{"title":"t"}]"#).unwrap_err();
        assert_eq!((refused.status, refused.param.as_deref()), (400, Some("documents[1]")));
        assert_eq!(texts(r#""a""#).unwrap_err().param.as_deref(), Some("documents"));
    }
}
