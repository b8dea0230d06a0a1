//! Envoy's configuration for people: YAML with a comment where a line has a reason that it does not show.

use std::fmt::Write as _;

use serde_json::Value;

/// Why a line is there, by its path; items of lists share one path. Each is said where it first applies.
pub const COMMENTS: &[(&str, &str)] = &[
    ("admin", "Only on loopback: it can stop the process, and shows what runs."),
    (
        "static_resources.listeners.per_connection_buffer_limit_bytes",
        "The largest request body. Envoy's default of 1 MiB would refuse a photograph, with a reply in plain text.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.use_remote_address",
        "Nobody who connects is trusted: Envoy takes away the x-envoy-* headers (retries, time-outs) that clients \
         send. The filter sets its own after that.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.skip_xff_append",
        "A provider has no business with the client's address.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.stream_idle_timeout",
        "Longer than all attempts together: a model may think for minutes without a byte.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.local_reply_config",
        "Envoy's own replies, in the words that clients of OpenAI and LiteLLM read.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.http_filters.typed_config.config.root_id",
        "Admission: who calls, which model, may it now?",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.http_filters.typed_config.config.vm_config",
        "The same in both roles, so that they share one VM for each worker, and in it one table.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.http_filters.typed_config.config.vm_config\
         .environment_variables",
        "Secrets come from Envoy's environment: they stand in no file, and config_dump does not show them.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.http_filters.typed_config.config\
         .allow_on_headers_stop_iteration",
        "Required (Envoy 1.35 or later). Without it a filter that waits in the headers never gets the body: every \
         request hangs.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.http_filters.typed_config.config\
         .failure_policy",
        "A filter that dies costs one request and starts anew. By default its worker would answer 503 for ever.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.http_filters.typed_config.config\
         .configuration",
        "Everything that the filter is told, once. The clusters' filters find it in the VM that they share.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.route_config.virtual_hosts.routes.match",
        "Keys, users, teams, budgets and spend are the key service's; everything else is the filter's.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.route_config.virtual_hosts.routes.route\
         .cluster_header",
        "The filter writes the model group's cluster here.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.route_config.virtual_hosts.routes.route\
         .auto_host_rewrite",
        "Every attempt gets the host name of the endpoint that it goes to.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.route_config.virtual_hosts.routes.route\
         .retry_policy.per_try_timeout",
        "LiteLLM's time-out: the longest silence before the answer. A stream that has begun is not cut.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.route_config.virtual_hosts.routes.route\
         .retry_policy.retriable_headers",
        "The filter has read the provider's error and wants another attempt (a full context window, for example).",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.route_config.virtual_hosts.routes.route\
         .retry_policy.retry_priority",
        "After so many attempts the next one goes to the next priority: to deployments without a share of the load, \
         or to nobody.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.route_config.virtual_hosts.routes.route\
         .internal_redirect_policy",
        "How a request goes on to another group: the filter answers with a redirect that no client sees, and Envoy \
         serves the request anew.",
    ),
    (
        "static_resources.clusters.outlier_detection",
        "A deployment that fails again and again is left alone for a while (cooldown_time).",
    ),
    (
        "static_resources.clusters.circuit_breakers",
        "Envoy's defaults (1,024 requests and 3 retries at a time) are for answers that take milliseconds.",
    ),
    (
        "static_resources.clusters.load_assignment.endpoints.lb_endpoints.metadata",
        "Tells the filter which deployment an attempt goes to.",
    ),
    (
        "static_resources.clusters.typed_extension_protocol_options\
         .envoy.extensions.upstreams.http.v3.HttpProtocolOptions.http_filters",
        "The same filter in its other role, once for each attempt: it writes the provider's request, and turns the \
         answer back.",
    ),
    (
        "static_resources.clusters.typed_extension_protocol_options\
         .envoy.extensions.upstreams.http.v3.HttpProtocolOptions.http_filters.typed_config.mutations",
        "Tells the filter after this one which request and which deployment an attempt is for, and is not sent on. \
         Without it that filter asks Envoy, which takes longer.",
    ),
    (
        "static_resources.clusters.transport_socket_matches",
        "Endpoints whose metadata says so are called over TLS, each by its own name; others in plain text.",
    ),
    ("typed_dns_resolver_config", "A name server that does not answer must not hold up the start."),
    ("stats_config", "Each cluster has some two hundred statistics; these are the ones that tell something."),
];

/// Writes `value` as YAML with `comments` (as [`COMMENTS`]), and says `head` first.
pub fn commented(value: &Value, comments: &[(&str, &str)], head: &str) -> String {
    let mut writer = Writer { text: String::new(), comments, said: vec![false; comments.len()] };
    for line in head.lines() {
        writer.comment_line(0, line);
    }
    if !head.is_empty() {
        writer.text.push('\n');
    }
    writer.block(value, 0, "");
    writer.text
}

/// Widest line of a comment.
const WIDTH: usize = 110;

struct Writer<'a> {
    text: String,
    comments: &'a [(&'a str, &'a str)],
    said: Vec<bool>,
}

impl Writer<'_> {
    /// A value that begins on its own line.
    fn block(&mut self, value: &Value, indent: usize, path: &str) {
        match value {
            Value::Object(entries) => {
                for (i, (key, value)) in entries.iter().enumerate() {
                    if i > 0 {
                        self.indent(indent);
                    }
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    self.entry(key, value, indent, &path);
                }
            }
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        self.indent(indent);
                    }
                    self.text.push_str("- ");
                    if is_block(item) {
                        self.block(item, indent + 2, path);
                    } else {
                        self.scalar(item, indent);
                    }
                }
            }
            other => self.scalar(other, indent),
        }
    }

    fn entry(&mut self, key: &str, value: &Value, indent: usize, path: &str) {
        self.comment(indent, path);
        let _ = write!(self.text, "{}:", plain(key));
        match value {
            Value::Object(_) if is_block(value) => {
                self.text.push('\n');
                self.indent(indent + 2);
                self.block(value, indent + 2, path);
            }
            Value::Array(_) if is_block(value) => {
                self.text.push('\n');
                self.indent(indent);
                self.block(value, indent, path);
            }
            scalar => {
                self.text.push(' ');
                self.scalar(scalar, indent);
            }
        }
    }

    /// A value on the rest of this line; text of several lines as a block of its own.
    fn scalar(&mut self, value: &Value, indent: usize) {
        match value {
            Value::String(text)
                if text.contains('\n') && !text.starts_with([' ', '\n']) && !text.ends_with('\n') =>
            {
                self.text.push_str("|-\n");
                for line in text.lines() {
                    self.indent(indent + 2);
                    self.text.push_str(line);
                    self.text.push('\n');
                }
            }
            Value::String(text) => {
                let _ = writeln!(self.text, "{}", plain(text));
            }
            // JSON is YAML.
            other => {
                let _ = writeln!(self.text, "{other}");
            }
        }
    }

    /// Says what there is to say of `path`, above the line that is begun.
    fn comment(&mut self, indent: usize, path: &str) {
        let Some(i) = self.comments.iter().position(|(place, _)| *place == path) else { return };
        if std::mem::replace(&mut self.said[i], true) {
            return;
        }
        // The line may have begun with the dash of a list.
        let begun = self.text.len() - self.text.rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text.split_off(self.text.len() - begun);
        let mut words = self.comments[i].1.split_whitespace().peekable();
        while words.peek().is_some() {
            let mut text = String::new();
            while let Some(word) =
                words.next_if(|word| text.is_empty() || indent + text.len() + word.len() < WIDTH - 3)
            {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(word);
            }
            self.comment_line(line.len().min(indent), &text);
        }
        self.text.push_str(&line);
    }

    fn comment_line(&mut self, indent: usize, line: &str) {
        self.indent(indent);
        self.text.push('#');
        if !line.is_empty() {
            self.text.push(' ');
            self.text.push_str(line);
        }
        self.text.push('\n');
    }

    fn indent(&mut self, indent: usize) {
        self.text.extend(std::iter::repeat_n(' ', indent));
    }
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(entries) => !entries.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

/// Text without quotes where YAML reads it as the same text, else as a JSON string.
fn plain(text: &str) -> String {
    let safe = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte))
        && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if safe { text.to_owned() } else { Value::from(text).to_string() }
}
