// Made-up usage for the console: some thousand requests of a year, as a worker of Envoy reports them.
"use strict";

const { createHash } = require("node:crypto");
const { numbers } = require("./demo.js");

const DAY = 86_400_000;
const BATCH = 1000;

// Model group, model, address, deployment, picodollars for a prompt and a completion token, and milliseconds per completion token.
const MODELS = [
  ["gpt-4o", "openai/gpt-4o", "https://api.openai.com/v1", "gpt-4o-eu", 2_500_000, 10_000_000, 14],
  ["gpt-4o-mini", "openai/gpt-4o-mini", "https://api.openai.com/v1", "gpt-4o-mini-eu", 150_000, 600_000, 9],
  ["claude-sonnet-4-5", "anthropic/claude-sonnet-4-5", "https://api.anthropic.com/v1", "sonnet", 3_000_000, 15_000_000, 18],
  ["claude-sonnet-4-5", "bedrock/anthropic.claude-sonnet-4-5", "https://bedrock-runtime.eu-central-1.amazonaws.com", "sonnet-aws", 3_000_000, 15_000_000, 21],
  ["gemini-2.5-flash", "gemini/gemini-2.5-flash", "https://generativelanguage.googleapis.com", "flash", 300_000, 2_500_000, 6],
];
const ERRORS = [
  [429, "RateLimitError", "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 450000, Used 449120. Please try again in 1.2s."],
  [503, "ServiceUnavailableError", "The engine is currently overloaded, please try again later"],
  [400, "ContextWindowExceededError", "This model's maximum context length is 128000 tokens. However, your messages resulted in 131442 tokens."],
  [408, "Timeout", "Request timed out. The provider sent no response within 60 seconds."],
];

/** Reports usage of these keys. `report(batch)` records a batch. */
async function use(keys, report, total = 12_000) {
  const number = numbers(11);
  const tokens = keys.map((key) => createHash("sha256").update(key).digest("hex"));
  const kinds = MODELS.map(([model_group, model, api_base, deployment_id]) => ({ mode: "chat", model_group, deployment_id, model, api_base }));
  const texts = ["192.0.2.10", ...ERRORS.flatMap(([, kind, message]) => [kind, message])];
  const now = Date.now();
  for (let begin = 0; begin < total; begin += BATCH) {
    const requests = [];
    for (let at = begin; at < begin + BATCH; at += 1) {
      const kind = Math.min(number(7), MODELS.length - 1);
      const [, , , , input, output, pace] = MODELS[kind];
      // More lately than long ago, and more by day than by night.
      const ago = 365 * DAY * (number(10_000) / 10_000) ** 3;
      const started = Math.floor(now - ago - (number(3) === 0 ? 0 : number(6) * 3_600_000));
      const error = number(30) === 0 ? number(ERRORS.length) : null;
      const prompt = error === null ? 200 + number(9_000) : 0;
      const completion = error === null ? 20 + number(900) : 0;
      const cached = number(3) === 0 ? Math.floor(prompt * 0.6) : 0;
      const first = 180 + number(number(20) === 0 ? 6_000 : 900);
      const duration = error === 3 ? 60_000 : first + completion * pace;
      const cost = Math.floor((prompt - cached) * input + cached * input * 0.5 + completion * output);
      const more = error === null ? null : { error: [1 + 2 * error, 2 + 2 * error] };
      const status = error === null ? 200 : ERRORS[error][0];
      const id = createHash("sha256").update(`request ${at}`).digest("hex").slice(0, 32);
      // Keys at the beginning of the list are used most.
      const key = Math.floor(keys.length * (number(10_000) / 10_000) ** 2);
      requests.push([kind, key, id, 1, status, prompt, completion, cached, 0, 0, cost, started, duration, error === null ? first : null, `chatcmpl-${id.slice(0, 12)}`, 0, more]);
    }
    await report({ id: `demo-${begin}`, tokens, kinds, texts, requests });
  }
}

module.exports = { use };
