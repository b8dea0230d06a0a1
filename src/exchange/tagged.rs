//! Tags of a request, and the deployments that they select.

use core::fmt::Write as _;

use crate::key::KeyRecord;
use crate::openai::ErrorBody;
use crate::route::Route;

use super::access;
use super::call::Call;
use super::head::unauthorized;
use super::origin::Origin;
use super::part_of::PartOf;

/// The tags of a request: those of its key and the key's team, those of the whole request if it is a part, and its own.
pub(super) fn tags<'t>(
    key: Option<&'t KeyRecord>,
    whole: Option<&'t PartOf>,
    origin: &'t Origin,
) -> Vec<&'t str> {
    let of_key = key.into_iter().flat_map(|key| &key.tags);
    let of_whole = whole.into_iter().flat_map(|whole| &whole.tags);
    of_key.chain(of_whole).chain(&origin.tags).map(String::as_str).collect()
}

/// The error for tags that fit no deployment, in `LiteLLM`'s words.
#[cold]
pub(super) fn refused(model: &str, tags: &[&str]) -> ErrorBody {
    let mut message =
        format!("Not allowed to access model due to tags configuration. Passed model={model} and tags=[");
    for (at, tag) in tags.iter().enumerate() {
        // Writing to a String does not fail.
        let _ = write!(message, "{}'{tag}'", if at == 0 { "" } else { ", " });
    }
    message.push(']');
    unauthorized(message)
}

impl Call {
    /// Its tags.
    pub(super) fn tags(&self) -> Vec<&str> {
        tags(self.key.as_deref(), self.part_of.as_ref(), &self.origin)
    }

    /// The error for its tags, if they fit no deployment of its group.
    pub(super) fn unfit(&self) -> Option<ErrorBody> {
        self.current()?.fits_nobody().then(|| refused(&self.memo.model, &self.tags()))
    }

    /// The group that serves it under that name, and whose deployments fit its tags.
    pub(super) fn route<'m>(&self, model: &'m str) -> Option<Route<'m>> {
        let route = match &self.part_of {
            Some(whole) => self.table.routes.find_in(whole.team_id.as_deref(), model),
            None => access::find(&self.table, self.key.as_deref(), model),
        }?;
        let group = self.table.serving(route.group, || self.tags(), self.started_ms)?;
        let fits = self.table.groups.get(group).is_some_and(|group| !group.fits_nobody());
        fits.then_some(Route { group, ..route })
    }

    /// What its parts inherit.
    pub(super) fn inherited(&self) -> PartOf {
        let tags = self.table.settings.tag_filtering.map(|_| self.tags()).unwrap_or_default();
        PartOf {
            team_id: self.key.as_ref().and_then(|key| key.team_id.clone()),
            tags: tags.into_iter().map(str::to_owned).collect(),
        }
    }
}
