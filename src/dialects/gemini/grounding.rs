//! `groundingMetadata`: what the provider searched for, what it found, and which words it supports.

use crate::facts::{Citation, Search, Sink};
use crate::json::{JsonStr, Raw, fields, read};

#[derive(Default)]
struct Wire<'a> {
    web_search_queries: Option<Vec<JsonStr<'a>>>,
    grounding_chunks: Option<Vec<Chunk<'a>>>,
    grounding_supports: Option<Vec<Support>>,
}
fields!(Wire<'a> {
    web_search_queries = "webSearchQueries", grounding_chunks = "groundingChunks",
    grounding_supports = "groundingSupports"
});

struct Chunk<'a> {
    web: Option<Source<'a>>,
    maps: Option<Source<'a>>,
}
fields!(Chunk<'a> { web, maps });

struct Source<'a> {
    uri: Option<JsonStr<'a>>,
    title: Option<JsonStr<'a>>,
}
fields!(Source<'a> { uri, title });

struct Support {
    segment: Option<Segment>,
    grounding_chunk_indices: Option<Vec<usize>>,
}
fields!(Support { segment, grounding_chunk_indices = "groundingChunkIndices" });

struct Segment {
    start_index: u64,
    end_index: u64,
}
fields!(Segment { start_index = "startIndex", end_index = "endIndex" });

impl<'a> Source<'a> {
    /// URL and title.
    fn named(&self) -> Option<(JsonStr<'a>, JsonStr<'a>)> {
        Some((self.uri?, self.title.unwrap_or(JsonStr::EMPTY)))
    }
}

/// What an answer is grounded in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Grounded {
    /// In the web.
    pub(super) searched: bool,
    /// In Google Maps.
    pub(super) mapped: bool,
    /// The number of queries.
    pub(super) queries: u64,
}

impl Grounded {
    /// Together with what another candidate, or a later event, says.
    #[must_use]
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            searched: self.searched || other.searched,
            mapped: self.mapped || other.mapped,
            queries: self.queries.max(other.queries),
        }
    }

    pub(super) fn any(self) -> bool {
        self.searched || self.mapped
    }
}

impl Wire<'_> {
    fn grounded(&self) -> Grounded {
        let chunks = self.grounding_chunks.as_deref().unwrap_or_default();
        let mapped = chunks.iter().any(|chunk| chunk.maps.is_some());
        let queries = self.web_search_queries.as_ref().map(Vec::len);
        // What was found in the client's own documents is neither.
        let searched = chunks.iter().any(|chunk| chunk.web.is_some()) || !mapped && queries.is_some();
        let queries = queries.unwrap_or_else(|| (searched || mapped).into()) as u64;
        Grounded { searched, mapped, queries }
    }
}

/// What an answer is grounded in.
pub(super) fn of(grounding: Raw<'_>) -> Grounded {
    read::<Wire<'_>>(grounding).unwrap_or_default().grounded()
}

/// Reports the citations and the search, and returns what the answer is grounded in. The positions are the provider's, which
/// counts bytes.
pub(super) fn report(grounding: Raw<'_>, out: &mut dyn Sink) -> Grounded {
    let wire: Wire<'_> = read(grounding).unwrap_or_default();
    let chunks = wire.grounding_chunks.as_deref().unwrap_or_default();
    for support in wire.grounding_supports.iter().flatten() {
        let Some(segment) = &support.segment else { continue };
        for chunk in support.grounding_chunk_indices.iter().flatten().filter_map(|at| chunks.get(*at)) {
            if let Some((url, title)) = chunk.web.as_ref().or(chunk.maps.as_ref()).and_then(Source::named) {
                out.citation(Citation { start: segment.start_index, end: segment.end_index, title, url });
            }
        }
    }
    if let Some(searched) = wire.web_search_queries.as_deref().filter(|queries| !queries.is_empty()) {
        let results: Vec<_> =
            chunks.iter().filter_map(|chunk| chunk.web.as_ref().and_then(Source::named)).collect();
        out.searched(Search { queries: searched, results: &results, failed: false });
    }
    wire.grounded()
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::json::Raw;

    #[test]
    fn the_web_a_map_and_documents_are_told_apart() {
        for (grounding, expected) in [
            (r#"{"webSearchQueries":["a","b"],"groundingChunks":[{"web":{"uri":"u"}}]}"#, (true, false, 2)),
            (r#"{"webSearchQueries":["a"]}"#, (true, false, 1)),
            (r#"{"groundingChunks":[{"web":{"uri":"u"}}]}"#, (true, false, 1)),
            (r#"{"groundingChunks":[{"maps":{"uri":"u"}}]}"#, (false, true, 1)),
            (r#"{"webSearchQueries":["a","b"],"groundingChunks":[{"maps":{"uri":"u"}}]}"#, (false, true, 2)),
            (r#"{"groundingChunks":[{"web":{"uri":"u"}},{"maps":{"uri":"u"}}]}"#, (true, true, 1)),
            (r#"{"groundingChunks":[{"retrievedContext":{"uri":"u"}}]}"#, (false, false, 0)),
            ("{}", (false, false, 0)),
        ] {
            let grounded = of(Raw::parse(grounding).unwrap());
            assert_eq!((grounded.searched, grounded.mapped, grounded.queries), expected, "{grounding}");
        }
    }
}
