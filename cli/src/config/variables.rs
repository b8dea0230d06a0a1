//! The variables of the environment that are read besides those which `config.yaml` or a provider's row names.

/// A variable of the environment.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Whose environment it is in.
    pub reader: &'static str,
    /// What it says.
    pub purpose: &'static str,
}

const LAUNCHER: &str = "launcher";
const KEYS: &str = "key service";
const ALL: &str = "launcher, Envoy, key service";

/// All of them.
pub const VARIABLES: [Variable; 26] = [
    variable(
        "LITELLM_MASTER_KEY",
        "launcher, key service",
        "the master key, where `general_settings.master_key` is absent",
    ),
    variable(
        "SWITCHBOARD_MASTER_KEY",
        ALL,
        "the master key; the launcher gives it to its children, and reads it with `--keys-host`",
    ),
    variable(
        "SWITCHBOARD_INTERNAL_TOKEN",
        ALL,
        "any long random text, by which the key service knows the filter; `switchboard up` makes one, but with `--keys-host`",
    ),
    variable(
        "SWITCHBOARD_GOOGLE_CREDENTIALS",
        KEYS,
        "names of variables, commas between them: each holds the JSON of a Google service account, or its file's path; `switchboard up` sets it",
    ),
    variable(
        "DATABASE_URL",
        KEYS,
        "where its data is; SQLite in the data directory without it. `general_settings.database_url` goes before it",
    ),
    variable(
        "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB",
        KEYS,
        "largest file, MiB, that is fetched for a provider that takes no URLs: 20 unless it is set, up to 23; 0 turns fetching off",
    ),
    variable("LITELLM_DATABASE_URL", KEYS, "`switchboard-keys import`: LiteLLM's database, as `--from`"),
    variable("RUST_LOG", KEYS, "how much it logs, as `debug` or `switchboard_keys=debug`"),
    variable(
        "SWITCHBOARD_CORE_DUMPS",
        "launcher, key service",
        "set to anything: a process that dies may leave its memory, with the secrets in it, in a core file",
    ),
    variable(
        "LITELLM_CORS_ORIGINS",
        LAUNCHER,
        "origins whose pages may call from a browser, commas between them, where `general_settings.cors_allow_origins` is absent",
    ),
    variable(
        "LITELLM_CORS_ALLOW_CREDENTIALS",
        LAUNCHER,
        "`true` or `false`, where `general_settings.cors_allow_credentials` is absent",
    ),
    variable(
        "ENVOY",
        LAUNCHER,
        "Envoy's program, where `--envoy` is absent; else it is looked for in `PATH`",
    ),
    variable("PATH", LAUNCHER, "where programs are looked for"),
    variable(
        "SSL_CERT_FILE",
        LAUNCHER,
        "the authorities whose certificates providers may have; else the system's",
    ),
    variable(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        LAUNCHER,
        "where spans go, whole; needs the callback `otel`, as do all below",
    ),
    variable("OTEL_EXPORTER_OTLP_ENDPOINT", LAUNCHER, "the same without `/v1/traces`"),
    variable("OTEL_ENDPOINT", LAUNCHER, "LiteLLM's name of it"),
    variable(
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        LAUNCHER,
        "gRPC is an error: spans are sent over HTTP, in Protobuf",
    ),
    variable("OTEL_EXPORTER_OTLP_PROTOCOL", LAUNCHER, "the same"),
    variable("OTEL_EXPORTER", LAUNCHER, "LiteLLM's name of it"),
    variable(
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        LAUNCHER,
        "`name=value,name=value`: headers for the collector; the values are moved to Envoy's environment",
    ),
    variable("OTEL_EXPORTER_OTLP_HEADERS", LAUNCHER, "the same"),
    variable("OTEL_HEADERS", LAUNCHER, "LiteLLM's name of it"),
    variable("OTEL_SERVICE_NAME", LAUNCHER, "`service.name` of the spans; `switchboard` without it"),
    variable(
        "OTEL_TRACES_SAMPLER",
        LAUNCHER,
        "`always_on`, `always_off` or `traceidratio`, each also with `parentbased_`; a caller's `traceparent` decides in any case",
    ),
    variable("OTEL_TRACES_SAMPLER_ARG", LAUNCHER, "share of `traceidratio`, 0 to 1"),
];

const fn variable(name: &'static str, reader: &'static str, purpose: &'static str) -> Variable {
    Variable { name, reader, purpose }
}
