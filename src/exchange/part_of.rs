//! What a part of a split request inherits from the whole: it has no key itself.

use serde::Serialize;

use crate::json::{fields, read};

use super::head::Head;
use crate::config::PART_OF_HEADER;

/// What decides on the deployments of a part, in addition to its body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PartOf {
    /// The team of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_id: Option<String>,
    /// The tags of the whole request, if they select deployments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}
fields!(PartOf { team_id, tags });

impl PartOf {
    /// Reads it from the headers of a part. `None` if they are not what [`Self::header`] writes.
    pub(super) fn by_headers(head: &Head) -> Option<Self> {
        match head.get(PART_OF_HEADER) {
            Some(json) => read(json).ok(),
            None => Some(Self::default()),
        }
    }

    /// The value of the header, if there is anything in it.
    pub(super) fn header(&self) -> Option<String> {
        if *self == Self::default() { None } else { serde_json::to_string(self).ok() }
    }
}
