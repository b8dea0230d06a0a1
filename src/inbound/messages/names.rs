//! Names of tools that are longer than other providers accept: Anthropic's API allows 128 characters.

use crate::inbound::names::{LONGEST, hashed};
use crate::json::{JsonStr, Writer};
use crate::openai::Memo;

/// The long names of a request, as pairs of the name that is sent and the client's.
pub(super) type Renamed = Vec<(String, String)>;

/// Writes a name as it is sent.
pub(super) fn write(w: &mut Writer<'_>, name: JsonStr<'_>) {
    match shortened(name) {
        Some((sent, _)) => w.string(&sent),
        None => w.raw(name.token()),
    };
}

/// The name that is sent and the client's, if they differ.
pub(super) fn shortened(name: JsonStr<'_>) -> Option<(String, String)> {
    if name.inner().len() <= LONGEST {
        return None;
    }
    let name = name.decode()?.into_owned();
    Some((hashed(None, &name), name))
}

/// The client's name for a tool that a model calls.
pub(super) fn asked<'n>(memo: &'n Memo, sent: &'n str) -> &'n str {
    let renamed = memo.echo.as_deref().and_then(|echo| echo.downcast_ref::<Renamed>());
    let known = renamed.and_then(|renamed| renamed.iter().find(|(as_sent, _)| as_sent == sent));
    known.map_or(sent, |(_, asked)| asked)
}
