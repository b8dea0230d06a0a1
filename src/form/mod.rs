//! `multipart/form-data` (RFC 7578): reads the fields of a form in pieces of any size, without keeping the files in it, and
//! writes a form with other values.
//!
//! The provider reads the same form with another parser. What parsers read differently (a line break without a carriage return
//! before a boundary, two names of a part, what follows the last boundary) is rejected or left out: otherwise a form could ask
//! the provider for another model than the one that was admitted.

mod disposition;

use core::ops::Range;

use disposition::disposition;

/// The longest boundary (RFC 2046, section 5.1.1), with the dashes before it, bytes.
const LONGEST_BOUNDARY: usize = 72;

/// The longest headers of a part, bytes.
const LONGEST_HEADERS: usize = 4 << 10;

/// The longest value of a field that is not a file, bytes: prompts are texts.
const LONGEST_VALUE: usize = 256 << 10;

/// The largest number of fields.
const MOST_FIELDS: usize = 128;

/// A form, as far as it is read.
#[derive(Debug, Default)]
pub struct Form {
    /// `--` and the boundary.
    delimiter: Vec<u8>,
    fields: Vec<Field>,
    /// Where the last delimiter is.
    part: usize,
    /// Where the form ends.
    length: usize,
    state: State,
    /// Bytes that are not processed yet, and the position of the first one.
    held: Vec<u8>,
    offset: usize,
}

/// A field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value; `None` if it is a file.
    pub value: Option<Vec<u8>>,
    /// Where the part begins, with its delimiter.
    part: usize,
    /// Where its value is.
    content: Range<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before the first delimiter, which tells the boundary.
    #[default]
    Begun,
    /// After a delimiter.
    Delimited,
    /// In the headers of a part.
    Headers,
    /// In the value of the last field.
    Content,
    /// After the last delimiter.
    Ended,
}

/// Why a body is not a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl Field {
    /// The length of its value, bytes.
    pub fn length(&self) -> usize {
        self.content.len()
    }
}

impl Form {
    /// Reads a whole form.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        /// So much is copied at a time.
        const PIECE: usize = 64 << 10;
        let mut form = Self::default();
        body.chunks(PIECE).try_for_each(|piece| form.feed(piece))?;
        form.end()?;
        Ok(form)
    }

    /// Reads the next piece.
    ///
    /// # Errors
    /// It is not a form, or exceeds a limit.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), Malformed> {
        if self.state == State::Ended {
            return Ok(());
        }
        self.held.extend_from_slice(piece);
        while self.step()? {}
        Ok(())
    }

    /// The body is complete.
    ///
    /// # Errors
    /// The form is not.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.state == State::Ended {
            Ok(())
        } else {
            Err(Malformed("the form ends before its last boundary"))
        }
    }

    /// The fields, in their order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The value of a field that is not a file.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|field| field.name == name)?.value.as_deref()
    }

    /// `content-type` of the form.
    pub fn content_type(&self) -> String {
        let boundary = self.delimiter.get(2..).unwrap_or_default();
        ["multipart/form-data; boundary=\"", &String::from_utf8_lossy(boundary), "\""].concat()
    }

    /// The form with other values: `value` returns the new one of a field, `Some(None)` to leave it out, or `None` to keep it.
    /// `body` is the whole form, and `added` are further fields.
    pub fn rewritten<'v>(
        &self,
        body: &[u8],
        added: &[(&str, &str)],
        value: impl Fn(&str) -> Option<Option<&'v str>>,
    ) -> Vec<u8> {
        let mut written = Vec::with_capacity(body.len() + 256);
        for (name, value) in added {
            let head =
                ["\r\nContent-Disposition: form-data; name=\"", name, "\"\r\n\r\n", value, "\r\n"].concat();
            written.extend_from_slice(&self.delimiter);
            written.extend_from_slice(head.as_bytes());
        }
        let mut from = 0;
        for (at, field) in self.fields.iter().enumerate() {
            let Some(new) = value(&field.name).filter(|_| field.value.is_some()) else { continue };
            // What is left out ends where the next part begins; the last one ends with a line break.
            let next = || self.fields.get(at + 1).map_or(field.content.end + 2, |next| next.part);
            let (start, end) = match new {
                Some(_) => (field.content.start, field.content.end),
                None => (field.part, next()),
            };
            written.extend_from_slice(body.get(from..start).unwrap_or_default());
            written.extend_from_slice(new.unwrap_or_default().as_bytes());
            from = end;
        }
        written.extend_from_slice(body.get(from..self.length).unwrap_or_default());
        written
    }

    /// Processes some of the held bytes. Returns whether there may be more to do.
    fn step(&mut self) -> Result<bool, Malformed> {
        match self.state {
            State::Begun => self.begin(),
            State::Delimited => self.delimited(),
            State::Headers => self.headers(),
            State::Content => self.content(),
            State::Ended => Ok(false),
        }
    }

    fn begin(&mut self) -> Result<bool, Malformed> {
        let Some(end) = memchr::memmem::find(&self.held, b"\r\n") else {
            let may_begin = self.held.iter().zip(b"--").all(|(held, dash)| held == dash);
            return if may_begin && self.held.len() <= LONGEST_BOUNDARY {
                Ok(false)
            } else {
                Err(Malformed("expected multipart/form-data, which begins with `--` and a boundary"))
            };
        };
        let line = self.held.get(..end).unwrap_or_default().trim_ascii_end();
        if !line.starts_with(b"--") || line.len() < 3 || end > LONGEST_BOUNDARY || line.contains(&b'"') {
            return Err(Malformed("expected multipart/form-data, which begins with `--` and a boundary"));
        }
        self.delimiter = line.to_vec();
        self.take(end + 2);
        self.state = State::Headers;
        Ok(true)
    }

    /// A line break begins the next part, and two dashes end the form.
    fn delimited(&mut self) -> Result<bool, Malformed> {
        // Spaces may follow a boundary.
        let padding = self.held.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        match self.held.get(padding..).unwrap_or_default() {
            [b'-', b'-', ..] if padding == 0 => {
                self.state = State::Ended;
                self.length = self.offset + 2;
                self.held = Vec::new();
                Ok(false)
            }
            [b'\r', b'\n', ..] => {
                self.take(padding + 2);
                self.state = State::Headers;
                Ok(true)
            }
            [] | [b'-' | b'\r'] if padding <= LONGEST_BOUNDARY => Ok(false),
            _ => Err(Malformed("a line with a boundary is not complete")),
        }
    }

    fn headers(&mut self) -> Result<bool, Malformed> {
        let Some(end) = memchr::memmem::find(&self.held, b"\r\n\r\n") else {
            return if self.held.len() <= LONGEST_HEADERS {
                Ok(false)
            } else {
                Err(Malformed("the headers of a part are too long"))
            };
        };
        if end > LONGEST_HEADERS {
            return Err(Malformed("the headers of a part are too long"));
        }
        if self.fields.len() == MOST_FIELDS {
            return Err(Malformed("the form has too many fields"));
        }
        let headers = core::str::from_utf8(self.held.get(..end).unwrap_or_default());
        let Some((name, is_file)) = headers.ok().and_then(disposition) else {
            return Err(Malformed("a part has no valid `content-disposition` with a `name`"));
        };
        let start = self.offset + end + 4;
        self.fields.push(Field {
            name,
            value: (!is_file).then(Vec::new),
            part: self.part,
            content: start..start,
        });
        self.take(end + 4);
        self.state = State::Content;
        Ok(true)
    }

    fn content(&mut self) -> Result<bool, Malformed> {
        let Some(field) = self.fields.last_mut() else { return Err(Malformed("a value has no field")) };
        let mark = [b"\n", &*self.delimiter].concat();
        let found = memchr::memmem::find(&self.held, &mark);
        // The end of what is held may be the beginning of a line with a delimiter.
        let length = match found {
            Some(at) if at > 0 && self.held.get(at - 1) == Some(&b'\r') => at - 1,
            Some(_) => return Err(Malformed("expected a carriage return and a line feed before a boundary")),
            None => self.held.len().saturating_sub(mark.len()),
        };
        field.content.end += length;
        let end = field.content.end;
        if let Some(value) = &mut field.value {
            if value.len() + length > LONGEST_VALUE {
                return Err(Malformed("a field that is not a file is too long"));
            }
            value.extend_from_slice(self.held.get(..length).unwrap_or_default());
        }
        self.take(if found.is_some() { length + mark.len() + 1 } else { length });
        if found.is_some() {
            self.part = end + 2;
            self.state = State::Delimited;
        }
        Ok(found.is_some())
    }

    fn take(&mut self, count: usize) {
        self.held.drain(..count.min(self.held.len()));
        self.offset += count;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &[u8] = b"--xyz\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a;name=\\\"b.wav\"\r\n\
        content-type: audio/wav\r\n\r\nRIFF\r\n--xy\r\n--xyy\x00\xff\r\n--xyz \t\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\
        whisper\r\n--xyz\r\nContent-Disposition: form-data; name=prompt\r\n\r\n\r\n--xyz--\r\nepilogue";

    fn seen(form: &Form) -> Vec<(String, Option<String>)> {
        let text = |value: &Vec<u8>| String::from_utf8(value.clone()).unwrap();
        form.fields().iter().map(|field| (field.name.clone(), field.value.as_ref().map(text))).collect()
    }

    #[test]
    fn fields_are_read_and_files_are_not_kept_wherever_the_body_is_cut() {
        let expected = [("file", None), ("model", Some("whisper")), ("prompt", Some(""))]
            .map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
        for at in 0..=BODY.len() {
            let mut form = Form::default();
            let (before, after) = BODY.split_at(at);
            form.feed(before).unwrap();
            form.feed(after).unwrap();
            form.end().unwrap();
            assert_eq!(seen(&form), expected, "cut at {at}");
            let file = form.fields()[0].content.clone();
            assert_eq!(&BODY[file], b"RIFF\r\n--xy\r\n--xyy\x00\xff", "cut at {at}");
            assert!(form.held.len() < 16, "nothing of a file is held");
        }
        let mut form = Form::default();
        BODY.iter().try_for_each(|byte| form.feed(&[*byte])).unwrap();
        assert_eq!(seen(&form), expected);
    }

    #[test]
    fn values_are_replaced_and_fields_left_out_and_everything_else_stays() {
        let form = Form::parse(BODY).unwrap();
        let same = form.rewritten(BODY, &[], |_| None);
        assert_eq!(same, BODY.strip_suffix(b"\r\nepilogue").unwrap());
        let written = form.rewritten(BODY, &[], |name| (name == "model").then_some(Some("another/model")));
        let again = Form::parse(&written).unwrap();
        assert_eq!(again.value("model"), Some(&b"another/model"[..]));
        assert_eq!(written.len(), same.len() + 6);
        for out in ["model", "prompt"] {
            let written = form.rewritten(BODY, &[], |name| (name == out).then_some(None));
            let names: Vec<String> =
                Form::parse(&written).unwrap().fields().iter().map(|field| field.name.clone()).collect();
            assert!(names.len() == 2 && !names.iter().any(|name| name == out), "{names:?}");
        }
        let added = Form::parse(&form.rewritten(BODY, &[("n", "2")], |_| None)).unwrap();
        assert_eq!((added.value("n"), added.fields().len()), (Some(&b"2"[..]), 4));
        assert_eq!(form.content_type(), "multipart/form-data; boundary=\"xyz\"");
    }

    #[test]
    fn what_is_no_form_or_too_long_is_refused() {
        let long = |name: &str, length: usize| {
            let head = format!("--b\r\nContent-Disposition: form-data; {name}\r\n\r\n");
            [head.as_bytes(), &vec![b'a'; length], b"\r\n--b--"].concat()
        };
        assert!(Form::parse(&long("name=\"prompt\"", LONGEST_VALUE)).is_ok());
        assert!(Form::parse(&long("name=\"prompt\"", LONGEST_VALUE + 1)).is_err());
        assert!(Form::parse(&long("name=\"file\"; filename=\"f\"", LONGEST_VALUE + 1)).is_ok());
        let many = |count: usize| {
            let part = "--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n\r\n".repeat(count);
            Form::parse([&part, "--b--"].concat().as_bytes())
        };
        assert!(many(MOST_FIELDS).is_ok() && many(MOST_FIELDS + 1).is_err());
        for body in [
            &b""[..],
            b"{}",
            b"--",
            b"--\r\n",
            b"--b\r\n\r\nno headers\r\n--b--",
            b"--b\r\nContent-Disposition: form-data\r\n\r\n\r\n--b--",
            b"--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nnever ends",
            b"--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n\r\n--bc--",
            b"--b\r\nContent-Disposition: form-data; name=\"n\"; name=\"model\"\r\n\r\n\r\n--b--",
            b"--b\r\nContent-Disposition: form-data; name=\"n\"\r\nContent-Disposition: form-data; name=\"m\"\r\n\r\n\r\n--b--",
            b"--b\r\nContent-Disposition: form-data;\r\n name=\"n\"\r\n\r\n\r\n--b--",
            b"--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\na\n--b\r\n\r\n--b--",
            b"--b\"\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n\r\n--b\"--",
        ] {
            assert!(Form::parse(body).is_err(), "{}", String::from_utf8_lossy(body));
        }
        let headers = [&b"--b\r\nx: "[..], &vec![b'a'; 2 * LONGEST_HEADERS]].concat();
        assert!(Form::parse(&headers).is_err());
        assert!(Form::parse(&vec![b'-'; 1000]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_the_same_however_they_are_cut(
            content in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'b'), any::<u8>()], 0..60),
            cuts in proptest::collection::vec(0_usize..200, 0..6),
        ) {
            let head = b"--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n";
            let body = [&head[..], &content, b"\r\n--b--"].concat();
            let whole = Form::parse(&body);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let mut form = Form::default();
            let read = cuts.windows(2).try_for_each(|cut| form.feed(&body[cut[0]..cut[1]])).and_then(|()| form.end());
            prop_assert_eq!(read.is_ok(), whole.is_ok());
            if let Ok(whole) = whole {
                prop_assert_eq!(seen_raw(&form), seen_raw(&whole));
                let written = whole.rewritten(&body, &[], |_| Some(Some("v")));
                prop_assert!(Form::parse(&written).is_ok());
            }
        }

        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Form::parse(&[&b"--b\r\n"[..], &bytes].concat());
        }
    }

    fn seen_raw(form: &Form) -> Vec<(String, Option<Vec<u8>>, Range<usize>)> {
        let fields = form.fields().iter();
        fields.map(|field| (field.name.clone(), field.value.clone(), field.content.clone())).collect()
    }
}
