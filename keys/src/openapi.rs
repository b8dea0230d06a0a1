//! The key API's description, generated from the tables that also validate requests: `/openapi.json`, and a
//! page for people at `/docs`.

pub mod data_plane;
pub mod page;

use axum::http::Method;
use serde_json::{Map, Value, json};

use crate::fields::{Field, Kind};

/// A path with a method.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path, with `{names}`.
    pub path: &'static str,
    /// A one-sentence summary.
    pub summary: &'static str,
    /// Its input.
    pub input: Input,
}

/// The input of an endpoint.
#[derive(Clone, Debug)]
pub enum Input {
    /// None.
    Nothing,
    /// Query parameters.
    Query(&'static [Parameter]),
    /// A JSON object of these fields.
    Body(Vec<Field>),
    /// A JSON object in which these fields are required.
    BodyWith(Vec<Field>, &'static [&'static str]),
    /// A JSON object, or no body.
    OptionalBody(Vec<Field>),
    /// A JSON object of lists, one of which must not be empty.
    OneOf(Vec<Field>),
}

/// A query parameter, optional unless stated otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// The type of its value.
    pub holds: Holds,
}

/// The type of a query parameter.
#[derive(Clone, Copy, Debug)]
pub enum Holds {
    /// A string.
    Text,
    /// A required string.
    RequiredText,
    /// A date.
    Date,
    /// A boolean.
    Boolean,
    /// An integer from 1 to this.
    UpTo(u64),
    /// One of these strings.
    Choice(&'static [&'static str]),
}

/// Creates a parameter.
pub const fn parameter(name: &'static str, holds: Holds) -> Parameter {
    Parameter { name, holds }
}

/// Durations, as parsed by [`crate::duration::Duration::parse`], including the words and `1mo`.
const DURATION: &str = "^([1-9][0-9]{0,3}(s|m|h|d|w)|1mo|hourly|daily|weekly|monthly)$";

/// A custom key for `/key/generate`.
const CHOSEN_KEY: &str = "^sk-[!-~]{13,64}$";

/// Strings that `LiteLLM` accepts as booleans, ignoring case.
const TRUTH: &str =
    "^([Tt]([Rr][Uu][Ee])?|[Yy]([Ee][Ss])?|[Oo][Nn]|1|[Ff]([Aa][Ll][Ss][Ee])?|[Nn][Oo]?|[Oo][Ff][Ff]|0)$";

/// Strings must not contain a NUL.
const NO_NUL: &str = "^[^\\u0000]*$";

/// Names must not contain other control characters either, and have a maximum length for indexes.
const NAME: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]{0,255}$";

impl Endpoint {
    /// Whether it needs no authentication.
    pub fn is_public(&self) -> bool {
        self.path.starts_with("/health/")
    }

    /// The first segment of the path, which groups endpoints.
    pub fn tag(&self) -> &'static str {
        self.path.trim_start_matches("/v2").trim_start_matches('/').split('/').next().unwrap_or_default()
    }

    fn operation(&self) -> Value {
        let mut operation = json!({
            "tags": [self.tag()],
            "summary": self.summary,
            "operationId": format!("{}{}", self.method.as_str().to_lowercase(), self.path.replace(['/', '{', '}'], "_")),
            "responses": self.responses(),
        });
        let mut parameters: Vec<Value> = path_names(self.path)
            .map(|name| {
                json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}})
            })
            .collect();
        if let Input::Query(query) = &self.input {
            parameters.extend(query.iter().map(Parameter::describe));
        }
        let Some(fields) = operation.as_object_mut() else { return operation };
        if !parameters.is_empty() {
            fields.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(body) = self.body() {
            fields.insert("requestBody".to_owned(), body);
        }
        if self.is_public() {
            fields.insert("security".to_owned(), json!([]));
        }
        operation
    }

    fn body(&self) -> Option<Value> {
        let (fields, required): (_, &[&str]) = match &self.input {
            Input::Nothing | Input::Query(_) => return None,
            Input::Body(fields) | Input::OptionalBody(fields) | Input::OneOf(fields) => (fields, &[]),
            Input::BodyWith(fields, required) => (fields, required),
        };
        let properties: Map<String, Value> = fields
            .iter()
            .map(|field| (field.name.to_owned(), field.describe(required.contains(&field.name))))
            .collect();
        let mut schema = json!({"type": "object", "properties": properties});
        if let Some(schema) = schema.as_object_mut() {
            if !required.is_empty() {
                schema.insert("required".to_owned(), json!(required));
            }
            if let Input::OneOf(fields) = &self.input {
                let some = |field: &Field| {
                    let list = json!({"type": "array", "items": {"type": "string", "pattern": NO_NUL}, "minItems": 1});
                    json!({"required": [field.name], "properties": {(field.name): list}})
                };
                schema.insert("anyOf".to_owned(), fields.iter().map(some).collect());
            }
        }
        let optional = matches!(self.input, Input::OptionalBody(_));
        Some(json!({"required": !optional, "content": {"application/json": {"schema": schema}}}))
    }

    fn responses(&self) -> Value {
        let json = |description: &str, schema: Value| json!({"description": description, "content": {"application/json": {"schema": schema}}});
        let error = |description: &str| json(description, json!({"$ref": "#/components/schemas/Error"}));
        let mut responses = json!({
            "200": json("Done", json!({})),
            "503": if self.path == "/health/readiness" {
                json("Database unavailable", json!({}))
            } else {
                error("Database unavailable; retry later")
            },
        });
        let Some(all) = responses.as_object_mut() else { return responses };
        if self.path.starts_with("/health/live") {
            all.remove("503");
        }
        if self.is_public() {
            return responses;
        }
        for (status, description) in [
            ("400", "Invalid request"),
            ("401", "Missing, invalid or unauthorized key"),
            ("403", "Not permitted for this key"),
            ("404", "Not found"),
            ("409", "Already exists"),
            ("413", "Request body too large"),
            ("422", "Validation error"),
        ] {
            all.insert(status.to_owned(), error(description));
        }
        responses
    }
}

impl Parameter {
    fn describe(&self) -> Value {
        let schema = match self.holds {
            Holds::Text => json!({"type": "string"}),
            Holds::RequiredText => json!({"type": "string", "minLength": 1}),
            Holds::Date => json!({"type": "string", "format": "date"}),
            Holds::Boolean => json!({"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": TRUTH}]}),
            Holds::UpTo(most) => json!({"type": "integer", "minimum": 1, "maximum": most}),
            Holds::Choice(texts) => json!({"type": "string", "enum": texts}),
        };
        let required = matches!(self.holds, Holds::RequiredText);
        let schema = match self.holds {
            Holds::Text | Holds::RequiredText => schema,
            // An empty parameter counts as absent.
            _ => json!({"anyOf": [schema, {"type": "string", "maxLength": 0}]}),
        };
        json!({"name": self.name, "in": "query", "required": required, "schema": schema})
    }
}

impl Field {
    /// The field as JSON Schema. Fields that are not required may be `null`.
    fn describe(&self, required: bool) -> Value {
        let mut schema = match self.kind {
            Kind::Text => json!({"type": "string"}),
            Kind::Integer => json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX}),
            Kind::Count => json!({"type": "integer", "minimum": 0, "maximum": i64::MAX}),
            Kind::Number => json!({"type": "number"}),
            Kind::Boolean => return truth_value(required),
            Kind::TextList => json!({"type": "array", "items": {"type": "string"}}),
            Kind::List => json!({"type": "array", "items": {}}),
            Kind::Map => json!({"type": "object"}),
            Kind::Choice(texts) => json!({"type": "string", "enum": texts}),
            Kind::Any => return one_or_many(self.name),
        };
        let Some(fields) = schema.as_object_mut() else { return schema };
        let mut add = |name: &str, value: Value| _ = fields.insert(name.to_owned(), value);
        match self.kind {
            Kind::Text => match self.name {
                name if name.ends_with("duration") || name == "grace_period" => {
                    add("pattern", json!(DURATION));
                }
                "temp_budget_expiry" | "budget_reset_at" => add("format", json!("date-time")),
                "key" | "new_key" if !required => add("pattern", json!(CHOSEN_KEY)),
                _ => add("pattern", json!(NAME)),
            },
            Kind::TextList => add("items", json!({"type": "string", "pattern": NO_NUL})),
            Kind::Map => add("propertyNames", json!({"pattern": NAME})),
            Kind::Number if self.name.contains("budget") => add("minimum", json!(0)),
            Kind::List if required => {
                // Errors in an item are reported in the response, next to the results of the others.
                let item = json!({
                    "type": "object",
                    "required": ["key"],
                    "properties": {"key": {"type": "string"}},
                });
                add("items", item);
            }
            _ => {}
        }
        if required {
            match self.kind {
                Kind::Text => add("minLength", json!(1)),
                Kind::TextList | Kind::List => add("minItems", json!(1)),
                _ => {}
            }
        }
        if !required && let Some(kind) = fields.get_mut("type") {
            *kind = json!([kind.take(), "null"]);
            if let Some(Value::Array(texts)) = fields.get_mut("enum") {
                texts.push(Value::Null);
            }
        }
        schema
    }
}

/// A boolean, in all accepted forms.
fn truth_value(required: bool) -> Value {
    let mut forms = vec![
        json!({"type": "boolean"}),
        json!({"enum": [0, 1]}),
        json!({"type": "string", "pattern": TRUTH}),
    ];
    if !required {
        forms.push(json!({"type": "null"}));
    }
    json!({"anyOf": forms})
}

/// Members of a team, or teams of a user: objects or lists that their handlers validate.
fn one_or_many(name: &str) -> Value {
    let id = json!({"type": "string", "pattern": "^[^\\s\\u0000-\\u001f\\u007f-\\u009f]{1,255}$"});
    let member = json!({
        "type": "object",
        "required": ["user_id", "role"],
        "properties": {
            "user_id": id,
            "user_email": {"type": ["string", "null"], "pattern": NAME},
            "role": {"type": "string", "enum": ["admin", "user"]},
        },
    });
    match name {
        "teams" => json!({"type": ["array", "null"], "items": id}),
        "member" => json!({"anyOf": [member, {"type": "array", "items": member}]}),
        _ => json!({"type": ["array", "null"], "items": member}),
    }
}

/// All paths of an API description with their methods, in the format of `LiteLLM`'s `/routes`.
pub fn routes(document: &Value) -> Value {
    let paths = document.get("paths").and_then(Value::as_object);
    let route = |(path, operations): (&String, &Value)| {
        let operations = operations.as_object()?;
        let methods: Vec<String> = operations.keys().map(|method| method.to_uppercase()).collect();
        let name = operations.values().find_map(|operation| operation.get("operationId"));
        Some(json!({"path": path, "methods": methods, "name": name, "endpoint": name}))
    };
    json!({"routes": paths.into_iter().flatten().filter_map(route).collect::<Vec<_>>()})
}

/// The names of path parameters, as in `/key/{key}/regenerate`.
fn path_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// The complete document.
pub fn document(endpoints: &[Endpoint]) -> Value {
    let mut paths = Map::new();
    for endpoint in endpoints {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(endpoint.method.as_str().to_lowercase(), endpoint.operation());
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Switchboard key API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Manages virtual keys, users, teams, budgets and spend; compatible with LiteLLM Proxy. Authenticate with \
    the master key or a virtual key as a bearer token.",
        },
        "paths": paths,
        "security": [{"bearer": []}],
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Error": {
                    "description": "An error: OpenAI's error object, or FastAPI's `detail`.",
                    "oneOf": [
                        {
                            "type": "object",
                            "required": ["error"],
                            "properties": {
                                "error": {
                                    "type": "object",
                                    "required": ["message", "type", "param", "code"],
                                    "properties": {
                                        "message": {"type": "string"},
                                        "type": {"type": "string"},
                                        "param": {"type": ["string", "null"]},
                                        "code": {"type": "string"},
                                    },
                                },
                            },
                        },
                        {
                            "type": "object",
                            "required": ["detail"],
                            "properties": {"detail": {}},
                        },
                    ],
                },
            },
        },
    })
}
