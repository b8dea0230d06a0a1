//! The description as a self-contained HTML page, without scripts or external styles.

use core::fmt::Write as _;

use super::{Endpoint, Holds, Input, path_names};
use crate::fields::{Field, Kind};

const HEAD: &str = "<!doctype html>
<html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width, initial-scale=1\">
<title>Switchboard key API</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
summary { cursor: pointer; padding: .4rem 0 }
code { font: 14px/1.5 ui-monospace, monospace }
.method { display: inline-block; width: 3.5rem; font-weight: 600 }
table { border-collapse: collapse; margin: 0 0 1rem 3.5rem }
td { padding: .1rem 1.5rem .1rem 0; vertical-align: top }
.path { font-weight: 600 }
</style>
<h1>Switchboard key API</h1>
<p>Authenticate with the master key or a virtual key as a bearer token. Machine-readable version: <a
href=/openapi.json>openapi.json</a>.</p>
";

/// The page.
pub fn page(endpoints: &[Endpoint]) -> String {
    let mut html = HEAD.to_owned();
    let mut tag = "";
    for endpoint in endpoints {
        if endpoint.tag() != tag {
            tag = endpoint.tag();
            put(&mut html, format_args!("<h2>{}</h2>\n", escaped(tag)));
        }
        put(
            &mut html,
            format_args!(
                "<details><summary><code><span class=method>{}</span><span class=path>{}</span></code> {}</summary>\n",
                endpoint.method,
                escaped(endpoint.path),
                escaped(endpoint.summary)
            ),
        );
        html.push_str("<table>\n");
        for name in path_names(endpoint.path) {
            line(&mut html, name, "string, in the path");
        }
        match &endpoint.input {
            Input::Nothing => {}
            Input::Query(query) => {
                for parameter in *query {
                    line(&mut html, parameter.name, &held(parameter.holds));
                }
            }
            Input::Body(fields) | Input::OptionalBody(fields) | Input::OneOf(fields) => {
                for field in fields {
                    line(&mut html, field.name, &kind(field, false));
                }
            }
            Input::BodyWith(fields, required) => {
                for field in fields {
                    line(&mut html, field.name, &kind(field, required.contains(&field.name)));
                }
            }
        }
        html.push_str("</table></details>\n");
    }
    html
}

fn line(html: &mut String, name: &str, holds: &str) {
    put(html, format_args!("<tr><td><code>{}</code><td>{}\n", escaped(name), escaped(holds)));
}

fn put(html: &mut String, text: core::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = html.write_fmt(text);
}

fn held(holds: Holds) -> String {
    match holds {
        Holds::Text => "string, in the query".to_owned(),
        Holds::RequiredText => "string, in the query; required".to_owned(),
        Holds::Date => "date, in the query".to_owned(),
        Holds::Boolean => "boolean, in the query".to_owned(),
        Holds::UpTo(most) => format!("integer up to {most}, in the query"),
        Holds::Choice(texts) => format!("{}, in the query", texts.join(" or ")),
    }
}

fn kind(field: &Field, required: bool) -> String {
    let kind = match field.kind {
        Kind::Text => "text",
        Kind::Integer | Kind::Count => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::TextList => "list of strings",
        Kind::List => "list",
        Kind::Map => "object",
        Kind::Any => "object or list",
        Kind::Choice(texts) => &texts.join(" or "),
    };
    if required { format!("{kind}; required") } else { kind.to_owned() }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('`', "")
}
