//! Envoy's configuration for people: YAML with comments that explain why a line is there.

use std::fmt::Write as _;

use serde_json::Value;

/// Why a line is there, by its path; items of a list share a path. Each comment is written once, where it first applies.
pub const COMMENTS: &[(&str, &str)] = &[
    ("admin", "Loopback only: the admin interface can stop the process and shows its configuration."),
    (
        "static_resources.listeners.per_connection_buffer_limit_bytes",
        "Maximum request body. Envoy's default of 1 MiB would reject a photograph, with a plain-text reply.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.use_remote_address",
        "Clients are not trusted: Envoy removes x-envoy-* headers (retries, timeouts) from their requests. The filter \
         sets its own later.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.skip_xff_append",
        "Providers do not receive the client's address.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.stream_idle_timeout",
        "Longer than all attempts together: a model may think for minutes before it sends a byte.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.request_timeout",
        "Maximum time to receive a request. Large bodies count against a worker's memory from their first byte.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.local_reply_config",
        "Envoy's own replies, in the error format of OpenAI and LiteLLM.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.http_filters.typed_config.config.root_id",
        "Admission: checks the key, the model and the limits.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.http_filters.typed_config.config.vm_config",
        "Identical in both roles, so that they share one VM per worker, and its configuration.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.http_filters.typed_config.config.vm_config\
         .environment_variables",
        "Secrets come from Envoy's environment: they are not in this file, and config_dump does not show them.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.http_filters.typed_config.config\
         .allow_on_headers_stop_iteration",
        "Required (Envoy 1.35 or later). Without it, a filter that holds the headers never receives the body, and \
         every request hangs.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.http_filters.typed_config.config\
         .failure_policy",
        "If the filter crashes, only the current requests of its worker fail, and it is restarted. By default, the worker would \
         answer every request with 503.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.http_filters.typed_config.config\
         .configuration",
        "The filter's configuration. The filters of the clusters read it from the shared VM.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.route_config.virtual_hosts.routes.match",
        "Paths for keys, users, teams, budgets and spend go to the key service; the filter handles all others.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.route_config.virtual_hosts.routes.route\
         .cluster_header",
        "The filter sets this header to the cluster of the model group.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.route_config.virtual_hosts.routes.route\
         .auto_host_rewrite",
        "Every attempt uses the host name of its endpoint.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.route_config.virtual_hosts.routes.route\
         .retry_policy.per_try_timeout",
        "LiteLLM's timeout: the maximum wait for the response to begin. It does not end a stream that has begun.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.route_config.virtual_hosts.routes.route\
         .retry_policy.retriable_headers",
        "Set by the filter to request another attempt, after it has read the provider's error.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.route_config.virtual_hosts.routes.route\
         .retry_policy.retry_priority",
        "After this many attempts, the next one uses the next priority: deployments without a share of the load, or \
         the placeholder endpoint that ends the group.",
    ),
    (
        "static_resources.listeners.filter_chains.filters.typed_config.route_config.virtual_hosts.routes.route\
         .internal_redirect_policy",
        "Fallbacks to another model group: the filter answers with a redirect, which Envoy follows internally with the \
         original request.",
    ),
    (
        "static_resources.clusters.outlier_detection",
        "A deployment that keeps failing gets no requests for a while (cooldown_time).",
    ),
    (
        "static_resources.clusters.circuit_breakers",
        "Envoy's defaults (1,024 concurrent requests, 3 concurrent retries) suit responses that take milliseconds.",
    ),
    (
        "static_resources.clusters.load_assignment.endpoints.lb_endpoints.metadata",
        "Identifies the deployment of an attempt for the filter.",
    ),
    (
        "static_resources.clusters.typed_extension_protocol_options\
         .envoy.extensions.upstreams.http.v3.HttpProtocolOptions.http_filters",
        "The same filter in its other role, once per attempt: it writes the provider's request, and translates the \
         response back.",
    ),
    (
        "static_resources.clusters.typed_extension_protocol_options\
         .envoy.extensions.upstreams.http.v3.HttpProtocolOptions.http_filters.typed_config.mutations",
        "Passes the request and the deployment of an attempt to the next filter; the header is not sent to the provider. \
         Optional: without it, the filter reads both from Envoy, which is slower.",
    ),
    (
        "static_resources.clusters.transport_socket_matches",
        "Endpoints with this metadata are called over TLS, with their own server name; others in plain text.",
    ),
    ("typed_dns_resolver_config", "A DNS server that does not answer must not delay the start."),
    ("stats_config", "Each cluster has about two hundred statistics; these are the useful ones."),
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

    /// A value on the rest of this line; text with several lines as a block.
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

/// Text without quotes if YAML reads it as the same text; otherwise a JSON string.
fn plain(text: &str) -> String {
    let safe = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte))
        && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if safe { text.to_owned() } else { Value::from(text).to_string() }
}
