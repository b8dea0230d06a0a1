//! `docs/configuration.md`, written from the tables by which the parser knows the settings.

use std::collections::BTreeSet;
use std::fmt::Write;

use switchboard::providers;

use super::section::{Row, Section};
use super::sections::{self, ROUTER_SETTINGS};
use super::settings::{STRATEGIES, UNSUPPORTED_STRATEGY};
use super::telemetry;
use super::variables::VARIABLES;

const HEAD: &str = "\
# Configuration

Every setting of `config.yaml` and every variable that is read. The tables are those by which the launcher knows a setting
(`cli/src/config/sections/`); `UPDATE=1 cargo test -p switchboard-cli --test reference` writes this page.

`switchboard check` tells of a file what is wrong in it, by line, and warns of every setting that has no effect, with the
reason given here. A default that is a variable counts where that is set. A default *of* another setting counts where that one is given. All numbers are zero or more. A number
may be quoted, a list of one text may be that text.

";

/// The whole page.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for section in sections::ALL {
        write_section(&mut page, section);
        if section.path == ROUTER_SETTINGS.path {
            let strategies = STRATEGIES.map(|name| format!("`{name}`")).join(", ");
            let _ = writeln!(
                page,
                "`routing_strategy` is one of {strategies}. LiteLLM's `{UNSUPPORTED_STRATEGY}` is not supported: \
                 `{}` is used instead, with a warning.\n",
                STRATEGIES[0]
            );
        }
        if section.path == sections::LITELLM_SETTINGS.path {
            let others = telemetry::OTHERS.map(|name| format!("`{name}`")).join(", ");
            let _ = writeln!(
                page,
                "Other callbacks have no effect, and are warned of: send traces to a collector with `otel`, which can \
                 hand them on. LiteLLM has {others}.\n"
            );
        }
    }
    write_variables(&mut page);
    page
}

fn write_section(page: &mut String, section: &Section) {
    let title = if section.path.is_empty() { "The file".to_owned() } else { format!("`{}`", section.path) };
    let _ = writeln!(
        page,
        "## {title}\n\n{}\n\n| setting | type | default | what it becomes |\n|---|---|---|---|",
        section.about
    );
    for row in section.rows.iter().copied().flatten() {
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", row.name, row.kind, default(row), row.becomes);
    }
    page.push('\n');
    if !section.values.is_empty() {
        let names: Vec<_> =
            section.values.iter().copied().flatten().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(
            page,
            "Parameters of a request, of any type, for requests that do not have them: {}.\n",
            names.join(", ")
        );
    }
    if !section.without_effect.is_empty() {
        page.push_str("Known from LiteLLM, without effect here:\n\n| settings | why |\n|---|---|\n");
        for unread in section.without_effect {
            let names: Vec<_> = unread.names.split_whitespace().map(|name| format!("`{name}`")).collect();
            let _ = writeln!(page, "| {} | {} |", names.join(", "), unread.why);
        }
        page.push('\n');
    }
}

/// The default of a setting: its own, or what the providers' rows preset.
fn default(row: &Row) -> String {
    if !row.default.is_empty() {
        return row.default.to_owned();
    }
    let rows = providers::names().filter_map(providers::find);
    let presets = rows.flat_map(|provider| provider.options).filter(|preset| preset.name == row.name);
    let (mut ways, mut values) = (BTreeSet::new(), BTreeSet::new());
    for preset in presets {
        ways.extend(preset.env);
        values.extend(Some(preset.value).filter(|value| !value.is_empty()));
    }
    let ways: Vec<_> = ways.into_iter().copied().chain(values).map(|way| format!("`{way}`")).collect();
    ways.join(", ")
}

fn write_variables(page: &mut String) {
    page.push_str(
        "## Variables of the environment\n\nBesides those that the file names by `os.environ/NAME`, and those of the \
         [providers](providers.md). `environment_variables` of the file goes before the environment for what the file means.\n\n\
         | variable | read by | what for |\n|---|---|---|\n",
    );
    for variable in &VARIABLES {
        let _ = writeln!(page, "| `{}` | {} | {} |", variable.name, variable.reader, variable.purpose);
    }
}
