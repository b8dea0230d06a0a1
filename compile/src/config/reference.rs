//! Generates `docs/configuration.md` from the parser's tables of settings.

use std::collections::BTreeSet;
use std::fmt::Write;

use switchboard::providers;

use super::routing::{STRATEGIES, UNSUPPORTED_STRATEGY};
use super::section::{Row, Section};
use super::sections::{self, ROUTER_SETTINGS};
use super::telemetry;
use super::variables::VARIABLES;

const HEAD: &str = "\
# Configuration

The settings of `config.yaml`, and all environment variables. The format is LiteLLM's.

`switchboard check --config config.yaml` validates a file. It reports errors with their line, and warns about settings that have no
effect, with the reason given below.

A default such as `LITELLM_MASTER_KEY` is an environment variable, which is used if it is set. A default that names another setting
is the value of that setting. Numbers must not be negative, and may be quoted. A list with one item may be written as the item alone.

This page is generated from `compile/src/config/sections/` by `UPDATE=1 cargo test -p switchboard-compile --test reference`.

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
                "Other callbacks have no effect, and cause a warning: use `otel` with a collector, which can export to \
                 most of them. LiteLLM also has {others}.\n"
            );
        }
    }
    write_variables(&mut page);
    page
}

fn write_section(page: &mut String, section: &Section) {
    let title = if section.path.is_empty() { "Top level".to_owned() } else { format!("`{}`", section.path) };
    let _ = writeln!(
        page,
        "## {title}\n\n{}\n\n| setting | type | default | description |\n|---|---|---|---|",
        section.about
    );
    for row in section.rows.iter().copied().flatten() {
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", row.name, row.kind, default(row), row.becomes);
    }
    page.push('\n');
    if !section.values.is_empty() {
        let names: Vec<_> =
            section.values.iter().copied().flatten().map(|name| format!("`{name}`")).collect();
        let what = if section.path == sections::MODEL_INFO.path {
            "Fields of any type, which `/model/info` shows"
        } else {
            "Request parameters of any type, used as defaults for requests that do not set them"
        };
        let _ = writeln!(page, "{what}: {}.\n", names.join(", "));
    }
    if !section.without_effect.is_empty() {
        page.push_str("LiteLLM settings without effect:\n\n| settings | reason |\n|---|---|\n");
        for unread in section.without_effect {
            let names: Vec<_> = unread.names.split_whitespace().map(|name| format!("`{name}`")).collect();
            let _ = writeln!(page, "| {} | {} |", names.join(", "), unread.why);
        }
        page.push('\n');
    }
}

/// The default of a setting: from its row, or from the providers' presets.
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
        "## Environment variables\n\nIn addition to those that the file refers to with `os.environ/NAME`, and those of the \
         [providers](providers.md). `environment_variables` in the file overrides the environment.\n\n\
         | variable | read by | description |\n|---|---|---|\n",
    );
    for variable in &VARIABLES {
        let _ = writeln!(page, "| `{}` | {} | {} |", variable.name, variable.reader, variable.purpose);
    }
}
