//! Status 200, and an error in the body.

use crate::dialects::{Dialect, Refusal};
use crate::script::{Act, Script};

pub(super) fn apply(mut script: Script, dialect: &dyn Dialect, after: usize, status: u16) -> Script {
    let refusal = Refusal::new(status, super::status::words());
    if script.is_stream() {
        script.acts.truncate(after);
        script.acts.push(Act::Send(dialect.error_event(&refusal)));
        return script;
    }
    let error = dialect.error(&refusal).bytes();
    Script::whole(200, "application/json", error)
}
