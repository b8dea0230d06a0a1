//! An object's members as they stand in the source.

use core::fmt;
use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{JsonStr, Source};

/// One member of an object: both tokens as they stand in the source.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    /// The quoted key.
    pub key: JsonStr<'a>,
    /// The value.
    pub value: &'a RawValue,
}

impl Member<'_> {
    /// Whether the key is `name`, however it is escaped.
    pub fn is(&self, name: &str) -> bool {
        self.key.inner() == name
            || (self.key.inner().len() > name.len() && self.key.decode().is_some_and(|key| key == name))
    }
}

/// The members of an object in the order of the source, duplicates included.
#[derive(Clone, Default)]
pub struct Object<'a>(Vec<Member<'a>>);

impl<'a> Object<'a> {
    /// Reads an object's members without reading their values.
    pub fn parse(source: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_str(source.text()?)
    }

    /// All members.
    pub fn members(&self) -> &[Member<'a>] {
        &self.0
    }

    /// The value of the first member of that name; JSON `null` counts as absent.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|member| member.is(name)).map(|member| member.value).filter(|v| v.get() != "null")
    }

    /// A key that stands twice, whose meaning would depend on the reader.
    pub fn duplicate(&self) -> Option<Cow<'a, str>> {
        self.0.iter().enumerate().find_map(|(at, member)| {
            let name = member.key.decode()?;
            self.0.get(..at)?.iter().any(|earlier| earlier.is(&name)).then_some(name)
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some((key, value)) = map.next_entry::<JsonStr<'de>, &'de RawValue>()? {
                    members.push(Member { key, value });
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_key_is_found_and_a_duplicate_is_seen_through_its_escape() {
        let object = Object::parse(br#"{"mod\u0065l":"a","x":1,"model":"b"}"#).unwrap();
        assert_eq!(object.get("model").unwrap().get(), r#""a""#);
        assert_eq!(object.duplicate().as_deref(), Some("model"));
    }

    #[test]
    fn null_counts_as_absent() {
        assert!(Object::parse(br#"{"a":null}"#).unwrap().get("a").is_none());
    }
}
