//! Structs that are read from JSON in one pass, without generating a parser for each of them.
//!
//! serde's derive generates about two kilobytes of WebAssembly per struct: a loop over the members, one over
//! the items, and an error for each case. A hundred wire structs would be a quarter of a megabyte that every
//! worker of Envoy compiles at startup. Here a struct only says where the value of a field goes
//! ([`Fields::field`]), and a single loop fills it in.

use std::borrow::Cow;

use serde::de;
use serde_json::value::RawValue;

use super::scan::{self, Scanner};
use super::{JsonStr, Object, Raw, Text};

/// Maximum nesting depth of structs.
const MOST_DEPTH: u32 = 128;

/// Reads JSON. Unknown fields are ignored; of duplicate fields, the last one counts.
///
/// # Errors
/// The source is not UTF-8, not JSON, or not of that type.
pub fn read<'de, T: Place<'de>>(source: impl Source<'de>) -> Result<T, serde_json::Error> {
    let mut value = T::empty();
    fill(source.text()?, value.slot())?;
    Ok(value)
}

fn fill<'de>(text: &'de str, slot: Slot<'_, 'de>) -> Result<(), serde_json::Error> {
    let mut scanner = Scanner::new(text);
    let filled = put(&mut scanner, slot, MOST_DEPTH)
        .and_then(|()| if scanner.is_at_end() { Ok(()) } else { Err(Fault::Syntax) });
    filled.map_err(|fault| match fault {
        Fault::Syntax => scan::error(text),
        Fault::Form(said) => {
            let (line, column) = scanner.position();
            de::Error::custom(format_args!("{said} at line {line} column {column}"))
        }
    })
}

/// Why a value cannot be read.
enum Fault {
    /// Invalid JSON; `serde_json` provides the message.
    Syntax,
    /// Valid JSON of another type.
    Form(Cow<'static, str>),
}

/// Reads a value.
fn put<'de>(scanner: &mut Scanner<'de>, slot: Slot<'_, 'de>, depth: u32) -> Result<(), Fault> {
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(Fault::Form("recursion limit exceeded".into()));
    };
    let is_null = scanner.peek() == Some(b'n');
    match slot {
        Slot::Leaf(leaf) => leaf.set(scanner.value().ok_or(Fault::Syntax)?).map_err(Fault::Form),
        Slot::Maybe(value) if is_null => {
            value.none();
            pass(scanner)
        }
        Slot::Maybe(value) => put(scanner, value.some(), depth),
        Slot::List(_) if is_null => pass(scanner),
        Slot::List(list) => {
            open(scanner, b'[', "expected an array")?;
            list.clear();
            let mut is_first = true;
            while scanner.more(b']', is_first).ok_or(Fault::Syntax)? {
                put(scanner, list.next(), deeper)?;
                is_first = false;
            }
            Ok(())
        }
        Slot::Object(object) => {
            open(scanner, b'{', "expected an object")?;
            put_members(scanner, object, deeper)
        }
    }
}

fn put_members<'de>(
    scanner: &mut Scanner<'de>,
    object: &mut (dyn Fields<'de> + '_),
    depth: u32,
) -> Result<(), Fault> {
    let required = object.required();
    let mut missing = (1_u32 << required.len()) - 1;
    let mut is_first = true;
    while scanner.more(b'}', is_first).ok_or(Fault::Syntax)? {
        is_first = false;
        // A name that is not valid Unicode is not a known field.
        let (key, is_escaped) = scanner.key().ok_or(Fault::Syntax)?;
        let name = if is_escaped { key.decode().unwrap_or_default() } else { Cow::Borrowed(key.inner()) };
        if let Some(at) = required.iter().position(|required| *required == name) {
            missing &= !(1 << at);
        }
        let strict = object.is_strict();
        match object.field(&name) {
            Some(slot) => put(scanner, slot, depth)?,
            None if strict => return Err(Fault::Form(format!("unknown field `{name}`").into())),
            None => pass(scanner)?,
        }
    }
    match required.get(missing.trailing_zeros() as usize) {
        Some(field) => Err(Fault::Form(format!("missing field `{field}`").into())),
        None => Ok(()),
    }
}

/// Skips a value.
fn pass(scanner: &mut Scanner<'_>) -> Result<(), Fault> {
    scanner.value().map(|_| ()).ok_or(Fault::Syntax)
}

/// Consumes a bracket. Another valid value is a type error; anything else is invalid JSON.
fn open(scanner: &mut Scanner<'_>, bracket: u8, expected: &'static str) -> Result<(), Fault> {
    match scanner.take(bracket) {
        Some(()) => Ok(()),
        None => pass(scanner).and(Err(Fault::Form(expected.into()))),
    }
}

/// A source of JSON.
pub trait Source<'de> {
    /// The source as text.
    ///
    /// # Errors
    /// It is not UTF-8.
    fn text(self) -> Result<&'de str, serde_json::Error>;
}

impl<'de> Source<'de> for &'de str {
    fn text(self) -> Result<&'de str, serde_json::Error> {
        Ok(self)
    }
}

impl<'de> Source<'de> for &'de [u8] {
    fn text(self) -> Result<&'de str, serde_json::Error> {
        core::str::from_utf8(self).map_err(de::Error::custom)
    }
}

impl<'de> Source<'de> for Raw<'de> {
    fn text(self) -> Result<&'de str, serde_json::Error> {
        Ok(self.get())
    }
}

/// A type that can be read from JSON.
pub trait Place<'de>: Sized {
    /// The initial value.
    fn empty() -> Self;

    /// Where to store the value.
    fn slot(&mut self) -> Slot<'_, 'de>;
}

/// Where a value is stored, by its type.
pub enum Slot<'s, 'de> {
    /// A token.
    Leaf(&'s mut (dyn Leaf<'de> + 's)),
    /// An object's members.
    Object(&'s mut (dyn Fields<'de> + 's)),
    /// An array's items. `null` means none.
    List(&'s mut (dyn List<'de> + 's)),
    /// A value, or `null`.
    Maybe(&'s mut (dyn Maybe<'de> + 's)),
}

/// A value that is read from a single token.
pub trait Leaf<'de> {
    /// Reads the token.
    ///
    /// # Errors
    /// What was expected instead.
    fn set(&mut self, token: Raw<'de>) -> Result<(), Cow<'static, str>>;
}

/// A struct with named fields; implemented by the macro `fields!`.
pub trait Fields<'de> {
    /// Where to store a field, if it is known.
    fn field(&mut self, name: &str) -> Option<Slot<'_, 'de>>;

    /// Required fields.
    fn required(&self) -> &'static [&'static str];

    /// Whether unknown fields are errors, as in a configuration.
    fn is_strict(&self) -> bool;
}

/// A list.
pub trait List<'de> {
    /// Removes all items.
    fn clear(&mut self);

    /// Where to store the next item.
    fn next(&mut self) -> Slot<'_, 'de>;
}

/// An optional value.
pub trait Maybe<'de> {
    /// Where to store it if it is present.
    fn some(&mut self) -> Slot<'_, 'de>;

    /// Sets it to `None`, for `null`.
    fn none(&mut self);
}

impl<'de, T: Place<'de>> Place<'de> for Option<T> {
    fn empty() -> Self {
        None
    }

    fn slot(&mut self) -> Slot<'_, 'de> {
        Slot::Maybe(self)
    }
}

impl<'de, T: Place<'de>> Maybe<'de> for Option<T> {
    fn some(&mut self) -> Slot<'_, 'de> {
        self.insert(T::empty()).slot()
    }

    fn none(&mut self) {
        *self = None;
    }
}

impl<'de, T: Place<'de>> Place<'de> for Vec<T> {
    fn empty() -> Self {
        Self::new()
    }

    fn slot(&mut self) -> Slot<'_, 'de> {
        Slot::List(self)
    }
}

impl<'de, T: Place<'de>> List<'de> for Vec<T> {
    fn clear(&mut self) {
        self.clear();
    }

    fn next(&mut self) -> Slot<'_, 'de> {
        self.push_mut(T::empty()).slot()
    }
}

/// Implements [`Leaf`] for types: the initial value, a conversion from a token, and a description for errors.
macro_rules! leaves {
    ($($type:ty: $empty:expr, $read:expr, $expected:literal;)+) => {$(
        impl<'de> $crate::json::Leaf<'de> for $type {
            fn set(&mut self, token: $crate::json::Raw<'de>) -> Result<(), ::std::borrow::Cow<'static, str>> {
                let read: fn($crate::json::Raw<'de>) -> Option<Self> = $read;
                *self = read(token).ok_or(concat!("expected ", $expected))?;
                Ok(())
            }
        }

        impl<'de> $crate::json::Place<'de> for $type {
            fn empty() -> Self {
                $empty
            }

            fn slot(&mut self) -> $crate::json::Slot<'_, 'de> {
                $crate::json::Slot::Leaf(self)
            }
        }
    )+};
}
pub(crate) use leaves;

leaves! {
    Raw<'de>: Raw::NULL, Some, "a value";
    JsonStr<'de>: JsonStr::EMPTY, JsonStr::of, "a string";
    Text<'de>: Text::default(), |token| JsonStr::of(token)?.decode().map(Text), "a string";
    String: String::new(), |token| JsonStr::of(token)?.decode().map(Cow::into_owned), "a string";
    Object<'de>: Object::default(), |token| Object::of(token), "an object";
    bool: false, |token| token.get().parse().ok(), "a boolean";
    u64: 0, |token| token.get().parse().ok(), "an integer";
    u16: 0, |token| token.get().parse().ok(), "an integer";
    u32: 0, |token| token.get().parse().ok(), "an integer";
    usize: 0, |token| token.get().parse().ok(), "an integer";
    i64: 0, |token| token.get().parse().ok(), "an integer";
    Box<RawValue>: RawValue::NULL.to_owned(), owned, "a value";
    (String, String): Default::default(), |pair| <[String; 2]>::try_from(read::<Vec<String>>(pair).ok()?).ok().map(Into::into), "a pair of strings";
    (String, Box<RawValue>): (String::new(), RawValue::NULL.to_owned()), named_value, "a name and a value";
    f64: 0.0, |token| token.get().parse().ok().filter(|number: &f64| number.is_finite()), "a number";
}

fn owned(token: Raw<'_>) -> Option<Box<RawValue>> {
    RawValue::from_string(token.get().to_owned()).ok()
}

fn named_value(pair: Raw<'_>) -> Option<(String, Box<RawValue>)> {
    let [name, value] = <[Raw<'_>; 2]>::try_from(read::<Vec<Raw<'_>>>(pair).ok()?).ok()?;
    Some((read(name).ok()?, owned(value)?))
}

/// Maps the fields of a struct to JSON names: `fields!(Call<'a> { id, args = "arguments" })`. Required fields
/// follow a semicolon. `strict` rejects unknown fields.
macro_rules! fields {
    ($type:ident<$life:lifetime> { $($fields:tt)* }) => {
        $crate::json::fields!(@impl ($life) ($type<$life>) (false) $($fields)*);
    };
    ($type:ident { $($fields:tt)* }) => {
        $crate::json::fields!(@impl ('de) ($type) (false) $($fields)*);
    };
    (strict $type:ident { $($fields:tt)* }) => {
        $crate::json::fields!(@impl ('de) ($type) (true) $($fields)*);
    };
    (@impl ($life:lifetime) ($type:ty) ($strict:literal)
        $($field:ident $(= $($name:literal)|+)?),+ $(; $($required:literal),+)?
    ) => {
        impl<$life> $crate::json::Fields<$life> for $type {
            fn field(&mut self, name: &str) -> Option<$crate::json::Slot<'_, $life>> {
                match name {
                    $(name if $crate::json::fields!(@is name $field $($($name)+)?) => {
                        Some($crate::json::Place::slot(&mut self.$field))
                    })+
                    _ => None,
                }
            }

            fn required(&self) -> &'static [&'static str] {
                &[$($($required),+)?]
            }

            fn is_strict(&self) -> bool {
                $strict
            }
        }

        impl<$life> $crate::json::Place<$life> for $type {
            fn empty() -> Self {
                Self { $($field: $crate::json::Place::empty()),+ }
            }

            fn slot(&mut self) -> $crate::json::Slot<'_, $life> {
                $crate::json::Slot::Object(self)
            }
        }
    };
    (@is $given:ident $field:ident) => { $given == stringify!($field) };
    (@is $given:ident $field:ident $($name:literal)+) => { matches!($given, $($name)|+) };
}
pub(crate) use fields;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Call<'a> {
        id: Option<Text<'a>>,
        kind: Text<'a>,
        count: u64,
        more: Vec<Call<'a>>,
        inner: Option<Name<'a>>,
    }
    fields!(Call<'a> { id, kind = "type", count = "count" | "number", more, inner; "type" });

    #[derive(Debug, Default, PartialEq)]
    struct Name<'a> {
        name: Text<'a>,
    }
    fields!(Name<'a> { name });

    fn call(json: &str) -> Result<Call<'_>, String> {
        read(json).map_err(|error| error.to_string())
    }

    #[test]
    fn fields_are_found_in_any_order_under_any_of_their_names_however_they_are_escaped() {
        let call = call(
            r#" {"number":2,"unknown":[{"type":1}],"\u0074ype":"a\n", "more":[{"type":"b","inner":{"name":"n"}}]} "#,
        );
        let Call { id, kind, count, more, inner } = call.unwrap();
        assert_eq!((id, &*kind, count, inner), (None, "a\n", 2, None));
        assert_eq!(more.len(), 1);
        assert_eq!(more[0].inner.as_ref().unwrap().name.0, "n");
    }

    #[test]
    fn null_is_nothing_where_something_may_be_missing() {
        let call = call(r#"{"type":"a","id":null,"more":null,"inner":null}"#).unwrap();
        assert_eq!((call.id, call.more, call.inner), (None, Vec::new(), None));
        assert!(read::<Call<'_>>(r#"{"type":null}"#).is_err());
        assert!(read::<Call<'_>>("null").is_err());
    }

    #[test]
    fn what_must_be_there_and_what_has_another_form_is_said() {
        assert!(call("{}").unwrap_err().starts_with("missing field `type`"));
        assert!(call(r#"{"type":5}"#).unwrap_err().starts_with("expected a string"));
        assert!(call(r#"{"type":"a","count":-1}"#).unwrap_err().starts_with("expected an integer"));
        assert!(call(r#"{"type":"a","more":{}}"#).unwrap_err().contains("expected an array"));
        assert!(call(r#"{"type":"a","inner":[]}"#).unwrap_err().contains("expected an object"));
        assert!(call(r#"{"type":"a"} x"#).unwrap_err().starts_with("trailing characters"));
        assert!(read::<Call<'_>>(&b"\xff"[..]).is_err());
    }

    #[test]
    fn the_last_of_two_counts_and_lists_do_not_add_up() {
        let call = call(r#"{"type":"a","type":"b","more":[{"type":"x"}],"more":[]}"#).unwrap();
        assert_eq!((&*call.kind, call.more.len()), ("b", 0));
    }

    #[test]
    fn no_depth_overflows_the_stack() {
        let deep = format!("{}{}", r#"{"type":"a","more":["#.repeat(100_000), "]}".repeat(100_000));
        assert!(call(&deep).unwrap_err().starts_with("recursion limit exceeded"));
    }
}
