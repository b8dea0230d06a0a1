//! A JSON writer without a tree.

use super::JsonStr;

/// Writes JSON directly to bytes and adds commas.
///
/// A comma is needed exactly if the last byte ends a value. No JSON token ends with `{`, `[`, `:` or a space,
/// so the buffer itself is the only state.
pub struct Writer<'b> {
    out: &'b mut Vec<u8>,
}

impl<'b> Writer<'b> {
    /// Writes to the end of `out`.
    pub fn new(out: &'b mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Starts an object.
    pub fn object(&mut self) -> &mut Self {
        self.open(b'{')
    }

    /// Ends an object.
    pub fn end_object(&mut self) -> &mut Self {
        self.out.push(b'}');
        self
    }

    /// Opens the object that ends here again, for more members. It may be the client's, with whitespace before its bracket.
    pub fn reopen_object(&mut self) -> &mut Self {
        self.out.pop();
        self.out.truncate(self.out.trim_ascii_end().len());
        self
    }

    /// Starts an array.
    pub fn array(&mut self) -> &mut Self {
        self.open(b'[')
    }

    /// Ends an array.
    pub fn end_array(&mut self) -> &mut Self {
        self.out.push(b']');
        self
    }

    /// Writes a key that needs no escaping.
    #[inline(never)]
    pub fn key(&mut self, name: &str) -> &mut Self {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self
    }

    /// Writes a value that is already JSON.
    #[inline(never)]
    pub fn raw(&mut self, json: &str) -> &mut Self {
        self.comma();
        self.out.extend_from_slice(json.as_bytes());
        self
    }

    /// Writes a string, escaped.
    #[inline(never)]
    pub fn string(&mut self, text: &str) -> &mut Self {
        self.comma();
        let written = serde_json::to_writer(&mut *self.out, text);
        debug_assert!(written.is_ok(), "writing to a Vec cannot fail");
        self
    }

    /// Writes the concatenation of string tokens as one string.
    pub fn joined<'t>(&mut self, tokens: impl IntoIterator<Item = JsonStr<'t>>) -> &mut Self {
        self.comma();
        self.out.push(b'"');
        for token in tokens {
            self.out.extend_from_slice(token.inner().as_bytes());
        }
        self.out.push(b'"');
        self
    }

    /// Writes a string from text that is already escaped.
    #[inline(never)]
    pub fn escaped(&mut self, inner: &str) -> &mut Self {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(inner.as_bytes());
        self.out.push(b'"');
        self
    }

    /// Writes an integer.
    #[inline(never)]
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.comma();
        let written = serde_json::to_writer(&mut *self.out, &number);
        debug_assert!(written.is_ok(), "writing to a Vec cannot fail");
        self
    }

    /// Writes `true` or `false`.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.raw(if value { "true" } else { "false" })
    }

    /// The bytes so far.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        self.out
    }

    fn open(&mut self, bracket: u8) -> &mut Self {
        self.comma();
        self.out.push(bracket);
        self
    }

    fn comma(&mut self) {
        let value_ended = self
            .out
            .last()
            .is_some_and(|byte| matches!(byte, b'"' | b'}' | b']') || byte.is_ascii_alphanumeric());
        if value_ended {
            self.out.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_puts_commas_after_values_only() {
        let mut out = b"data: ".to_vec();
        let mut w = Writer::new(&mut out);
        w.object().key("a").array().number(1).string("x\"").raw("{}").end_array();
        w.key("b").bool(true).key("c").object().end_object().end_object();
        assert_eq!(String::from_utf8(out).unwrap(), r#"data: {"a":[1,"x\"",{}],"b":true,"c":{}}"#);
    }

    #[test]
    fn an_object_that_ended_gets_more_members_whatever_whitespace_it_has() {
        for (object, more) in [
            ("{}", r#"{"b":2}"#),
            ("{ \n}", r#"{"b":2}"#),
            (r#"{"a":1}"#, r#"{"a":1,"b":2}"#),
            ("{\"a\": [\n] \r\n\t}", "{\"a\": [\n],\"b\":2}"),
        ] {
            let mut out = Vec::new();
            Writer::new(&mut out).raw(object).reopen_object().key("b").number(2).end_object();
            assert_eq!(String::from_utf8(out).unwrap(), more);
        }
    }
}
