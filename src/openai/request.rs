//! A request body. The top level is parsed once, deeper levels only when a dialect needs them.

use serde_json::value::RawValue;

use super::{
    AnyTool, ChosenTools, Content, ErrorBody, Message, Operation, Resolved, SEARCH_REQUIRED, STANDARD_PARAMS,
    Tool, ToolChoice, is_empty_array, is_private,
};
use crate::json::{JsonStr, Object, Place, Raw, Span, Text, Writer, fields, read};

/// A request, split into its top-level members.
#[derive(Clone)]
pub struct Request<'a> {
    /// The operation, from the path.
    pub operation: Operation,
    /// The body's bytes.
    pub body: &'a [u8],
    object: Object<'a>,
    defaults: &'a [(String, Box<RawValue>)],
    /// Resolved references; `None` if the dialect cannot use them.
    pub(super) resolved: Option<&'a Resolved<'a>>,
}

impl<'a> Request<'a> {
    /// Parses the top level. Duplicate fields are rejected, because the gateway and the provider could each
    /// use a different one.
    pub fn parse(operation: Operation, body: &'a [u8]) -> Result<Self, ErrorBody> {
        Self::of(operation, body, Object::parse(body))
    }

    /// Like [`Self::parse`], for a body that is known to be UTF-8.
    pub fn parse_text(operation: Operation, body: &'a str) -> Result<Self, ErrorBody> {
        Self::of(operation, body.as_bytes(), Object::parse_text(body))
    }

    fn of(
        operation: Operation,
        body: &'a [u8],
        object: Result<Object<'a>, serde_json::Error>,
    ) -> Result<Self, ErrorBody> {
        if body.trim_ascii().is_empty() {
            return Err(ErrorBody::missing(
                operation.route(),
                operation.required().first().copied().unwrap_or("model"),
            ));
        }
        let object = object.map_err(|error| invalid_json(body, &error))?;
        if let Some(name) = object.duplicate() {
            return Err(ErrorBody::bad_request(format!("Invalid JSON payload: duplicate field `{name}`"))
                .about("request_body"));
        }
        Ok(Self { operation, body, object, defaults: &[], resolved: None })
    }

    /// Rebuilds a request from the positions of its members in an earlier parse. `None` if they belong to
    /// another text.
    pub fn again(operation: Operation, text: &'a str, members: &[Span]) -> Option<Self> {
        let object = Object::at(text, members)?;
        Some(Self { operation, body: text.as_bytes(), object, defaults: &[], resolved: None })
    }

    /// Adds the deployment's default values for parameters that the client left out.
    #[must_use]
    pub fn with_defaults(mut self, defaults: &'a [(String, Box<RawValue>)]) -> Self {
        self.defaults = defaults;
        self
    }

    /// Adds the resolved references.
    #[must_use]
    pub fn with_resolved(mut self, resolved: &'a Resolved<'a>) -> Self {
        self.resolved = Some(resolved);
        self
    }

    /// The members of the body.
    pub fn object(&self) -> &Object<'a> {
        &self.object
    }

    /// The deployment's defaults for parameters that are absent or `null` in the body.
    pub fn missing_defaults(&self) -> impl Iterator<Item = (&'a str, Raw<'a>)> {
        self.defaults
            .iter()
            .filter(|(name, _)| self.object.get(name).is_none())
            .map(|(name, value)| (name.as_str(), Raw::from(&**value)))
    }

    /// All parameters, from the body and the deployment.
    pub fn params(&self) -> impl Iterator<Item = (std::borrow::Cow<'a, str>, Raw<'a>)> {
        let own = self.object.members().iter().filter_map(|m| Some((m.name()?, m.value)));
        own.chain(self.missing_defaults().map(|(name, value)| (name.into(), value)))
    }

    /// A parameter, verbatim; JSON `null` counts as absent.
    pub fn get(&self, name: &str) -> Option<Raw<'a>> {
        self.object.get(name).or_else(|| {
            let default = self.defaults.iter().find(|(default, _)| default == name);
            default.map(|(_, value)| Raw::from(&**value)).filter(|value| value.get() != "null")
        })
    }

    /// A parameter of a given type.
    pub fn read<T: for<'r> Place<'r>>(
        &self,
        name: &'static str,
        expected: &str,
    ) -> Result<Option<T>, ErrorBody> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        read(raw).map(Some).map_err(|_| {
            ErrorBody::invalid(name, &format!("expected {expected}, but got {}", excerpt(raw.get())))
        })
    }

    /// A string parameter.
    pub fn text(&self, name: &'static str) -> Result<Option<JsonStr<'a>>, ErrorBody> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        JsonStr::of(raw).map(Some).ok_or_else(|| {
            ErrorBody::invalid(name, &format!("expected a string, but got {}", excerpt(raw.get())))
        })
    }

    /// `model`
    pub fn model(&self) -> Result<Option<Text<'a>>, ErrorBody> {
        let Some(raw) = self.object.get("model") else { return Ok(None) };
        let decoded = JsonStr::of(raw).and_then(JsonStr::decode);
        decoded.map(|model| Some(Text(model))).ok_or_else(|| {
            ErrorBody::new(400, "bad_request_error", "'model' must be a string.").about("model")
        })
    }

    /// A boolean parameter of the gateway itself. Python's spelling in a string is accepted, too.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, ErrorBody> {
        match self.object.get(name).map(|raw| raw.get().trim_matches('"')) {
            None => Ok(None),
            Some("true" | "True") => Ok(Some(true)),
            Some("false" | "False") => Ok(Some(false)),
            Some(_) => Err(ErrorBody::invalid(name, "expected a boolean")),
        }
    }

    /// Whether the request is void without a search of the web.
    pub fn must_search(&self) -> bool {
        self.object.get(SEARCH_REQUIRED).is_some_and(|required| required.get() == "true")
    }

    /// `stream`
    pub fn stream(&self) -> Result<bool, ErrorBody> {
        Ok(self.read("stream", "a boolean")?.unwrap_or(false))
    }

    /// `stream_options.include_usage`
    pub fn include_usage(&self) -> Result<bool, ErrorBody> {
        struct StreamOptions {
            include_usage: Option<bool>,
        }
        fields!(StreamOptions { include_usage });
        let options: Option<StreamOptions> = self.read("stream_options", "an object")?;
        Ok(options.and_then(|options| options.include_usage).unwrap_or(false))
    }

    /// `max_completion_tokens`, or the older `max_tokens`. Either form in the body takes precedence over the
    /// deployment's defaults.
    pub fn max_tokens(&self) -> Result<Option<u64>, ErrorBody> {
        const NEW: &str = "max_completion_tokens";
        const OLD: &str = "max_tokens";
        let old =
            self.object.get(NEW).is_none() && (self.object.get(OLD).is_some() || self.get(NEW).is_none());
        self.read(if old { OLD } else { NEW }, "an integer")
    }

    /// `stop`, a string or an array of strings, as JSON tokens.
    pub fn stop(&self) -> Result<Vec<JsonStr<'a>>, ErrorBody> {
        let Some(raw) = self.get("stop") else { return Ok(Vec::new()) };
        if let Some(one) = JsonStr::of(raw) {
            return Ok(vec![one]);
        }
        read(raw).map_err(|_| ErrorBody::invalid("stop", "expected a string or an array of strings"))
    }

    /// The first stop sequences of `stop`, without empty ones. Like `LiteLLM`, the gateway leaves out those that a provider
    /// would reject a request for: editors send a dozen.
    ///
    /// # Errors
    /// As [`Self::stop`].
    pub fn first_stops(&self, most: usize) -> Result<Vec<JsonStr<'a>>, ErrorBody> {
        Ok(self.stop()?.into_iter().filter(|stop| !stop.is_empty()).take(most).collect())
    }

    /// `messages`. The `prompt` of `/completions` becomes one user message.
    pub fn messages(&self) -> Result<Vec<Message<'a>>, ErrorBody> {
        if self.operation == Operation::Completions {
            return Ok(vec![Message::user(Content::Text(self.prompt()?))]);
        }
        let Some(raw) = self.get("messages") else {
            return Err(ErrorBody::missing(self.operation.route(), "messages"));
        };
        let messages: Vec<Raw<'a>> = read(raw).map_err(|_| {
            ErrorBody::invalid(
                "messages",
                &format!("expected an array of messages, but got {}", excerpt(raw.get())),
            )
        })?;
        messages.iter().enumerate().map(|(at, raw)| Message::parse(at, *raw)).collect()
    }

    /// `prompt` for a model that is called through chat: a single text. Several prompts would need several
    /// responses, and token arrays belong to another model.
    fn prompt(&self) -> Result<JsonStr<'a>, ErrorBody> {
        let Some(raw) = self.get("prompt") else {
            return Err(ErrorBody::missing(self.operation.route(), "prompt"));
        };
        if let Some(prompt) = JsonStr::of(raw) {
            return Ok(prompt);
        }
        match read::<Vec<JsonStr<'a>>>(raw).as_deref() {
            Ok([prompt]) => Ok(*prompt),
            Ok(_) => Err(ErrorBody::invalid("prompt", "the model's provider accepts one prompt per request")),
            Err(_) => Err(ErrorBody::invalid("prompt", "the model's provider accepts only text, not tokens")),
        }
    }

    /// `tools`, including the deprecated `functions`. Tools that are not functions are rejected.
    pub fn tools(&self) -> Result<Vec<Tool<'a>>, ErrorBody> {
        let function = |(at, tool)| match tool {
            AnyTool::Function(tool) => Ok(tool),
            AnyTool::Other { kind, .. } => Err(AnyTool::refused(at, &kind)),
        };
        self.any_tools()?.into_iter().enumerate().map(function).collect()
    }

    /// `tools` of every type, including the deprecated `functions`.
    pub fn any_tools(&self) -> Result<Vec<AnyTool<'a>>, ErrorBody> {
        AnyTool::parse_all(self.get("tools"), self.get("functions"))
    }

    /// Whether the request uses the deprecated `functions`. Calls are then returned in that form, too.
    pub fn asks_with_functions(&self) -> bool {
        self.get("functions").is_some_and(|functions| !is_empty_array(functions))
    }

    /// Whether the model may call only one tool at a time: `parallel_tool_calls: false`, or the deprecated
    /// `functions`, whose clients support a single call.
    pub fn wants_one_call(&self) -> Result<bool, ErrorBody> {
        let parallel = self.read("parallel_tool_calls", "a boolean")?;
        Ok(parallel == Some(false) || self.asks_with_functions())
    }

    /// `tool_choice`, including the deprecated `function_call`.
    pub fn tool_choice(&self) -> Result<Option<ToolChoice<'a>>, ErrorBody> {
        ToolChoice::parse(self.get("tool_choice").or_else(|| self.get("function_call")))
    }

    /// The `tools` that `tool_choice` allows.
    pub fn chosen_tools(&self) -> Result<ChosenTools<'a>, ErrorBody> {
        Ok(ChosenTools::of(self.tools()?, self.tool_choice()?))
    }

    /// Writes all parameters that are not `OpenAI`'s verbatim, except those in `known`, which the dialect has
    /// written.
    pub fn write_extras(&self, known: &[&str], w: &mut Writer<'_>) {
        for (name, value) in self.params() {
            let is_ours = matches!(&*name, "messages" | "model" | "prompt" | "input" | "stream")
                || STANDARD_PARAMS.contains(&&*name)
                || is_private(&name);
            if !is_ours && !known.contains(&&*name) && value.get() != "null" {
                w.string(&name).bytes().push(b':');
                w.raw(value.get());
            }
        }
    }

    /// Writes parameters of the provider's own verbatim: all but those in `known`.
    pub fn write_own(&self, known: &[&str], w: &mut Writer<'_>) {
        for (name, value) in self.params() {
            let is_ours =
                known.contains(&&*name) || matches!(&*name, "metadata" | "user") || is_private(&name);
            if !is_ours && !value.is_null() {
                w.string(&name).bytes().push(b':');
                w.raw(value.get());
            }
        }
    }

    /// `response_format`
    pub fn response_format(&self) -> Result<ResponseFormat<'a>, ErrorBody> {
        ResponseFormat::parse(self.get("response_format"))
    }
}

/// `response_format`
#[derive(Clone, Copy, Debug)]
pub enum ResponseFormat<'a> {
    /// Absent, or `text`.
    Text,
    /// `json_object`
    JsonObject,
    /// `json_schema`, or `json_object` with a schema
    JsonSchema {
        /// `json_schema.name`
        name: JsonStr<'a>,
        /// `json_schema.description`
        description: Option<JsonStr<'a>>,
        /// `json_schema.schema`
        schema: Raw<'a>,
        /// `json_schema.strict`
        strict: bool,
    },
}

impl<'a> ResponseFormat<'a> {
    fn parse(raw: Option<Raw<'a>>) -> Result<Self, ErrorBody> {
        struct Wire<'a> {
            kind: Text<'a>,
            json_schema: Option<Raw<'a>>,
            schema: Option<Raw<'a>>,
            response_schema: Option<Raw<'a>>,
        }
        fields!(Wire<'a> { kind = "type", json_schema, schema, response_schema; "type" });
        struct Schema<'a> {
            name: Option<JsonStr<'a>>,
            description: Option<JsonStr<'a>>,
            schema: Raw<'a>,
            strict: Option<bool>,
        }
        fields!(Schema<'a> { name, description, schema, strict; "schema" });
        let Some(raw) = raw else { return Ok(Self::Text) };
        let wire: Wire<'a> =
            read(raw).map_err(|error| ErrorBody::invalid("response_format", &error.to_string()))?;
        match (&*wire.kind, wire.json_schema) {
            ("text", _) => Ok(Self::Text),
            // Older ways to pass a schema, under the names that vendors used.
            ("json_object", schema) => Ok(match wire.response_schema.or(wire.schema).or(schema) {
                None => Self::JsonObject,
                Some(schema) => Self::JsonSchema {
                    name: JsonStr::EMPTY,
                    description: None,
                    schema: Object::of(schema).and_then(|named| named.get("schema")).unwrap_or(schema),
                    strict: false,
                },
            }),
            ("json_schema", Some(schema)) => {
                let schema: Schema<'a> = read(schema)
                    .map_err(|error| ErrorBody::invalid("response_format", &error.to_string()))?;
                Ok(Self::JsonSchema {
                    name: schema.name.unwrap_or(JsonStr::EMPTY),
                    description: schema.description,
                    schema: schema.schema,
                    strict: schema.strict.unwrap_or(false),
                })
            }
            ("json_schema", None) => Err(ErrorBody::missing("response_format", "json_schema")),
            (other, _) => Err(ErrorBody::invalid(
                "response_format.type",
                &format!("expected 'text', 'json_object' or 'json_schema', but got '{other}'"),
            )),
        }
    }
}

/// The beginning of a value, for error messages. Long values are not quoted, because they may contain a
/// person's text.
pub(super) fn excerpt(json: &str) -> String {
    match json.as_bytes().first() {
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "an array".to_owned(),
        Some(b'"') => "a string".to_owned(),
        _ => json.chars().take(24).collect(),
    }
}

fn invalid_json(body: &[u8], error: &serde_json::Error) -> ErrorBody {
    let message = match body.trim_ascii().first() {
        Some(b'{') => format!("Invalid JSON payload: {error}"),
        _ if error.is_data() => "Invalid JSON payload: expected an object".to_owned(),
        _ => format!("Invalid JSON payload: {error}"),
    };
    ErrorBody::bad_request(message).about("request_body")
}
