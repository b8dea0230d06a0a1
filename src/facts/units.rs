//! What is charged by other units than tokens.

use crate::config::Picture;

/// Counts of what a request asks for, or a response reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// Searches: a query over up to [`DOCUMENTS_PER_SEARCH`] documents.
    pub searches: u32,
    /// Characters of the input.
    pub characters: u32,
    /// Audio, heard or said.
    pub milliseconds: u32,
    /// Generated images.
    pub images: u32,
    /// Tokens of images in the prompt.
    pub image_tokens: u32,
    /// What these images are like.
    pub picture: Picture,
}

/// Cohere's and AWS's search unit: <https://cohere.com/pricing>.
pub const DOCUMENTS_PER_SEARCH: usize = 100;

impl Units {
    /// These counts, and for those that are not known, the others.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let known = |own: u32, other: u32| if own == 0 { other } else { own };
        Self {
            searches: known(self.searches, other.searches),
            characters: known(self.characters, other.characters),
            milliseconds: known(self.milliseconds, other.milliseconds),
            images: known(self.images, other.images),
            image_tokens: known(self.image_tokens, other.image_tokens),
            picture: if self.picture == Picture::default() { other.picture } else { self.picture },
        }
    }
}
