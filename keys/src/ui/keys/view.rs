//! A key as pages show it, from a response of the key API.

use serde_json::{Map, Value};

use super::super::show::{Bar, Moment, count, usd};
use super::super::snippets::in_shell;
use crate::auth::ADMIN_USER_ID;

/// A key.
#[derive(Debug)]
pub(in super::super) struct KeyView {
    pub(super) token: String,
    /// `sk-...abcd`
    pub(super) name: String,
    pub(super) alias: Option<String>,
    pub(super) user: Option<String>,
    pub(super) team: Option<String>,
    pub(super) status: String,
    pub(super) spend: String,
    pub(super) total_spend: String,
    pub(super) budget: Option<Budget>,
    pub(super) models: Vec<String>,
    pub(super) limits: Vec<(&'static str, String)>,
    pub(super) tags: Vec<String>,
    pub(super) routes: Vec<String>,
    pub(super) metadata: Option<String>,
    pub(super) created: Option<Moment>,
    pub(super) created_by: String,
    pub(super) updated: Option<Moment>,
    pub(super) updated_by: String,
    pub(super) expires: Option<Moment>,
    pub(super) last_active: Option<Moment>,
}

/// A budget and how much of it is spent.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) limit: String,
    pub(super) bar: Bar,
    pub(super) period: Option<String>,
    pub(super) resets: Option<Moment>,
}

impl KeyView {
    /// From `/key/info` or `/key/list`.
    pub(super) fn of(token: &str, info: &Map<String, Value>) -> Self {
        let text = |name: &str| {
            info.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let number = |name: &str| info.get(name).and_then(Value::as_f64);
        let moment = |name: &str| info.get(name).and_then(Moment::read);
        let metadata = info.get("metadata").and_then(Value::as_object);
        let strings = |value: Option<&Value>| -> Vec<String> {
            let items = value.and_then(Value::as_array).into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let spent = number("spend").unwrap_or_default();
        let limit = |name: &'static str, label: &'static str| {
            info.get(name).and_then(Value::as_i64).map(|limit| (label, count(limit)))
        };
        let limits = [
            limit("rpm_limit", "Requests per minute"),
            limit("tpm_limit", "Tokens per minute"),
            limit("max_parallel_requests", "Parallel requests"),
        ];
        let budget = number("max_budget").map(|limit| Budget {
            limit: usd(limit),
            bar: Bar::of(spent, limit),
            period: text("budget_duration"),
            resets: moment("budget_reset_at"),
        });
        let own = metadata.map(|all| {
            let own = all.iter().filter(|(name, _)| *name != "tags");
            own.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>()
        });
        Self {
            token: token.to_owned(),
            name: text("key_name").unwrap_or_default(),
            alias: text("key_alias"),
            user: text("user_id"),
            team: text("team_id"),
            status: text("status").unwrap_or_default(),
            spend: usd(spent),
            total_spend: usd(number("total_spend").unwrap_or_default()),
            budget,
            models: strings(info.get("models")),
            limits: limits.into_iter().flatten().collect(),
            tags: strings(metadata.and_then(|metadata| metadata.get("tags"))),
            routes: strings(info.get("allowed_routes")),
            metadata: own
                .filter(|own| !own.is_empty())
                .and_then(|own| serde_json::to_string_pretty(&own).ok()),
            created: moment("created_at"),
            created_by: text("created_by").map(author).unwrap_or_default(),
            updated: moment("updated_at"),
            updated_by: text("updated_by").map(author).unwrap_or_default(),
            expires: moment("expires"),
            last_active: moment("last_active"),
        }
    }

    /// The alias, or the end of the key.
    pub(super) fn title(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

/// Who made a change, for people.
fn author(name: String) -> String {
    if name == ADMIN_USER_ID { "the master key".to_owned() } else { name }
}

/// A key as its owner needs it once: in the clear, with commands to try it.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) key: String,
    pub(super) token: String,
    pub(super) title: String,
    pub(super) curl: String,
    pub(super) python: String,
    pub(super) typescript: String,
    pub(super) claude: String,
}

impl Fresh {
    /// From the response of `/key/generate` or `/key/regenerate`.
    pub(super) fn of(answer: &Value, gateway: &str) -> Self {
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        let key = text("key");
        let model = answer["models"].get(0).and_then(Value::as_str).filter(|model| !model.contains('*'));
        let model = Value::from(model.unwrap_or("gpt-4o")).to_string();
        let title = answer["key_alias"].as_str().map_or_else(|| text("key_name"), str::to_owned);
        let body =
            format!("{{\"model\": {model}, \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}");
        Self {
            curl: format!(
                "curl {gateway}/v1/chat/completions \\\n  -H 'Authorization: Bearer {key}' \\\n  -H 'Content-Type: application/json' \\\n  -d {}",
                in_shell(&body)
            ),
            python: format!(
                "from openai import OpenAI\n\nclient = OpenAI(base_url=\"{gateway}/v1\", api_key=\"{key}\")\nresponse = client.chat.completions.create(\n    model={model},\n    messages=[{{\"role\": \"user\", \"content\": \"Hello\"}}],\n)\nprint(response.choices[0].message.content)"
            ),
            typescript: format!(
                "import OpenAI from \"openai\";\n\nconst client = new OpenAI({{ baseURL: \"{gateway}/v1\", apiKey: \"{key}\" }});\nconst response = await client.chat.completions.create({{\n  model: {model},\n  messages: [{{ role: \"user\", content: \"Hello\" }}],\n}});\nconsole.log(response.choices[0].message.content);"
            ),
            claude: format!("export ANTHROPIC_BASE_URL={gateway}\nexport ANTHROPIC_AUTH_TOKEN={key}\nclaude"),
            token: text("token"),
            title,
            key,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_model_with_quotes_does_not_end_a_word_of_the_command() {
        let answer = json!({"key": "sk-1", "key_name": "sk-...1", "token": "t", "models": ["it's \"new\""]});
        let fresh = Fresh::of(&answer, "http://g");
        assert!(fresh.curl.contains(r#"-d '{"model": "it'\''s \"new\"","#), "{}", fresh.curl);
        assert!(fresh.python.contains(r#"model="it's \"new\"","#), "{}", fresh.python);
        assert_eq!(fresh.title, "sk-...1");
    }

    #[test]
    fn a_pattern_is_no_model_to_ask_for() {
        let fresh = Fresh::of(&json!({"key": "sk-1", "models": ["openai/*"]}), "http://g");
        assert!(fresh.curl.contains("gpt-4o") && !fresh.curl.contains('*'));
    }
}
