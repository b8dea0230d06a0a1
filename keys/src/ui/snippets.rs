//! The same request as a program, for each API that clients can use.

use serde_json::{Value, json};

/// The variable that snippets read the key from.
pub(super) const VARIABLE: &str = "SWITCHBOARD_KEY";

/// An API of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    /// `OpenAI`'s Chat Completions.
    Chat,
    /// Anthropic's Messages.
    Messages,
    /// `OpenAI`'s Responses.
    Responses,
    /// Google's Gemini.
    Gemini,
}

/// Programs that send a request.
#[derive(Clone, Debug)]
pub(super) struct Snippets {
    pub(super) curl: String,
    pub(super) python: String,
    pub(super) typescript: String,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) model: &'a str,
    pub(super) system: &'a str,
    pub(super) prompt: &'a str,
}

impl Api {
    pub(super) const ALL: [Self; 4] = [Self::Chat, Self::Messages, Self::Responses, Self::Gemini];

    /// Its name in forms.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Messages => "messages",
            Self::Responses => "responses",
            Self::Gemini => "gemini",
        }
    }

    /// Its name for people.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Chat => "Chat Completions (OpenAI)",
            Self::Messages => "Messages (Anthropic)",
            Self::Responses => "Responses (OpenAI)",
            Self::Gemini => "Gemini (Google)",
        }
    }

    pub(super) fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|api| api.name() == name).unwrap_or(Self::Chat)
    }

    fn path(self, model: &str) -> String {
        match self {
            Self::Chat => "/v1/chat/completions".to_owned(),
            Self::Messages => "/v1/messages".to_owned(),
            Self::Responses => "/v1/responses".to_owned(),
            Self::Gemini => format!("/v1beta/models/{}:generateContent", super::form::segment(model)),
        }
    }

    /// The body of the request.
    fn body(self, asked: Asked<'_>) -> Value {
        let Asked { model, system, prompt } = asked;
        let mut body = match self {
            Self::Chat => {
                let mut messages = vec![json!({"role": "user", "content": prompt})];
                if !system.is_empty() {
                    messages.insert(0, json!({"role": "system", "content": system}));
                }
                json!({"model": model, "messages": messages})
            }
            Self::Messages => {
                json!({"model": model, "max_tokens": 1024, "messages": [{"role": "user", "content": prompt}]})
            }
            Self::Responses => json!({"model": model, "input": prompt}),
            Self::Gemini => json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}]}),
        };
        if !system.is_empty() {
            match self {
                Self::Chat => {}
                Self::Messages => body["system"] = json!(system),
                Self::Responses => body["instructions"] = json!(system),
                Self::Gemini => body["systemInstruction"] = json!({"parts": [{"text": system}]}),
            }
        }
        body
    }

    /// Programs for the gateway at this address.
    pub(super) fn snippets(self, gateway: &str, asked: Asked<'_>) -> Snippets {
        let body = self.body(asked).to_string();
        let header = match self {
            Self::Gemini => format!("x-goog-api-key: ${VARIABLE}"),
            _ => format!("Authorization: Bearer ${VARIABLE}"),
        };
        let curl = format!(
            "curl {} \\\n  -H \"{header}\" \\\n  -H 'Content-Type: application/json' \\\n  -d {}",
            in_shell(&format!("{gateway}{}", self.path(asked.model))),
            in_shell(&body)
        );
        // JSON strings are strings of Python and of TypeScript.
        let quoted = |text: &str| Value::from(text).to_string();
        let (model, prompt, system) = (quoted(asked.model), quoted(asked.prompt), quoted(asked.system));
        let has_system = !asked.system.is_empty();
        let when = |text: String| if has_system { text } else { String::new() };
        let root = quoted(gateway);
        let v1 = quoted(&format!("{gateway}/v1"));
        let (python, typescript) = match self {
            Self::Chat => {
                let of_system = when(format!("        {{\"role\": \"system\", \"content\": {system}}},\n"));
                let in_js = when(format!("    {{ role: \"system\", content: {system} }},\n"));
                (
                    format!(
                        "import os\nfrom openai import OpenAI\n\nclient = OpenAI(base_url={v1}, api_key=os.environ[\"{VARIABLE}\"])\nresponse = client.chat.completions.create(\n    model={model},\n    messages=[\n{of_system}        {{\"role\": \"user\", \"content\": {prompt}}},\n    ],\n)\nprint(response.choices[0].message.content)"
                    ),
                    format!(
                        "import OpenAI from \"openai\";\n\nconst client = new OpenAI({{ baseURL: {v1}, apiKey: process.env.{VARIABLE} }});\nconst response = await client.chat.completions.create({{\n  model: {model},\n  messages: [\n{in_js}    {{ role: \"user\", content: {prompt} }},\n  ],\n}});\nconsole.log(response.choices[0].message.content);"
                    ),
                )
            }
            Self::Messages => {
                let of_system = when(format!("    system={system},\n"));
                let in_js = when(format!("  system: {system},\n"));
                (
                    format!(
                        "import os\nfrom anthropic import Anthropic\n\nclient = Anthropic(base_url={root}, api_key=os.environ[\"{VARIABLE}\"])\nmessage = client.messages.create(\n    model={model},\n    max_tokens=1024,\n{of_system}    messages=[{{\"role\": \"user\", \"content\": {prompt}}}],\n)\nprint(message.content[0].text)"
                    ),
                    format!(
                        "import Anthropic from \"@anthropic-ai/sdk\";\n\nconst client = new Anthropic({{ baseURL: {root}, apiKey: process.env.{VARIABLE} }});\nconst message = await client.messages.create({{\n  model: {model},\n  max_tokens: 1024,\n{in_js}  messages: [{{ role: \"user\", content: {prompt} }}],\n}});\nconsole.log(message.content[0].text);"
                    ),
                )
            }
            Self::Responses => {
                let of_system = when(format!("    instructions={system},\n"));
                let in_js = when(format!("  instructions: {system},\n"));
                (
                    format!(
                        "import os\nfrom openai import OpenAI\n\nclient = OpenAI(base_url={v1}, api_key=os.environ[\"{VARIABLE}\"])\nresponse = client.responses.create(\n    model={model},\n{of_system}    input={prompt},\n)\nprint(response.output_text)"
                    ),
                    format!(
                        "import OpenAI from \"openai\";\n\nconst client = new OpenAI({{ baseURL: {v1}, apiKey: process.env.{VARIABLE} }});\nconst response = await client.responses.create({{\n  model: {model},\n{in_js}  input: {prompt},\n}});\nconsole.log(response.output_text);"
                    ),
                )
            }
            Self::Gemini => {
                let of_system =
                    when(format!("    config=types.GenerateContentConfig(system_instruction={system}),\n"));
                let in_js = when(format!("  config: {{ systemInstruction: {system} }},\n"));
                (
                    format!(
                        "import os\nfrom google import genai\nfrom google.genai import types\n\nclient = genai.Client(\n    api_key=os.environ[\"{VARIABLE}\"],\n    http_options=types.HttpOptions(base_url={root}),\n)\nresponse = client.models.generate_content(\n    model={model},\n    contents={prompt},\n{of_system})\nprint(response.text)"
                    ),
                    format!(
                        "import {{ GoogleGenAI }} from \"@google/genai\";\n\nconst client = new GoogleGenAI({{ apiKey: process.env.{VARIABLE}, httpOptions: {{ baseUrl: {root} }} }});\nconst response = await client.models.generateContent({{\n  model: {model},\n  contents: {prompt},\n{in_js}}});\nconsole.log(response.text);"
                    ),
                )
            }
        };
        Snippets { curl, python, typescript }
    }
}

/// A word of a shell command.
pub(super) fn in_shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_stays_text_in_each_language() {
        let asked = Asked { model: "it's \"m\"/x", system: "be\nbrief", prompt: "say 'hi' \\ \"there\"" };
        for api in Api::ALL {
            let Snippets { curl, python, typescript } = api.snippets("https://gw.test", asked);
            assert!(curl.starts_with("curl 'https://gw.test/v1"), "{curl}");
            let data = curl.split_once("-d '").unwrap().1.strip_suffix('\'').unwrap().replace(r"'\''", "'");
            let body: Value = serde_json::from_str(&data).unwrap();
            assert!(body.to_string().contains(r#"say 'hi' \\ \"there\""#), "{body}");
            for program in [python, typescript] {
                assert!(program.contains(r#""say 'hi' \\ \"there\"""#), "{program}");
                assert!(program.contains(r#""be\nbrief""#) && program.contains("gw.test"), "{program}");
            }
        }
    }

    #[test]
    fn without_a_system_prompt_there_is_no_trace_of_one() {
        let asked = Asked { model: "m", system: "", prompt: "hi" };
        for api in Api::ALL {
            let Snippets { curl, python, typescript } = api.snippets("http://g", asked);
            for text in [curl, python, typescript] {
                assert!(!text.contains("system") && !text.contains("instructions"), "{text}");
            }
        }
    }
}
