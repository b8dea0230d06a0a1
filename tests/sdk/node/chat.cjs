// The official OpenAI SDK for Node against a running gateway.
//
// Needs BASE_URL (with /v1), API_KEY, and PROVIDER_URL: the fake provider behind the gateway, which is told by its
// control API what to do. Run it by `cargo test -p switchboard-e2e sdk`, which starts both. CommonJS, because
// NODE_PATH does not lead imports of modules.
"use strict";

const assert = require("node:assert/strict");
const { randomUUID } = require("node:crypto");
const { describe, it } = require("node:test");
const { OpenAI } = require("openai");

const { BASE_URL, API_KEY, PROVIDER_URL } = process.env;
const MODELS = ["gpt-4o", "claude"];

const WEATHER = {
  type: "function",
  function: {
    name: "weather",
    description: "Tells the weather.",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, unit: { type: "string", enum: ["C", "F"] } },
      required: ["city"],
    },
  },
};

const client = (options = {}) => new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY, maxRetries: 0, ...options });

const user = (content) => [{ role: "user", content }];

/** A new case of the provider; gives the marker that belongs into the prompt. */
async function scripted(...steps) {
  const name = randomUUID().replaceAll("-", "");
  const url = `${PROVIDER_URL}/_control/cases/${name}`;
  const answer = await fetch(url, { method: "PUT", body: JSON.stringify(steps) });
  assert.equal(answer.status, 200);
  return `[case ${name}]`;
}

for (const model of MODELS) {
  describe(model, () => {
    it("answers", async () => {
      const answer = await client().chat.completions.create({ model, messages: user("Hello") });
      assert.equal(answer.choices[0].message.content, "You said: Hello");
      assert.equal(answer.choices[0].finish_reason, "stop");
      assert.equal(answer.model, model);
      assert.equal(answer.usage.total_tokens, 18);
    });

    it("streams without usage unless asked", async () => {
      const stream = await client().chat.completions.create({ model, messages: user("Hello"), stream: true });
      let text = "";
      for await (const chunk of stream) {
        assert.equal(chunk.usage ?? null, null);
        text += chunk.choices[0].delta.content ?? "";
      }
      assert.equal(text, "You said: Hello");
    });

    it("streams with usage when asked", async () => {
      const stream = await client().chat.completions.create({
        model,
        messages: user("Hello"),
        stream: true,
        stream_options: { include_usage: true },
      });
      const chunks = [];
      for await (const chunk of stream) chunks.push(chunk);
      assert.deepEqual(chunks.at(-1).choices, []);
      assert.equal(chunks.at(-1).usage.total_tokens, 18);
    });

    it("accumulates a streamed call", async () => {
      const stream = client().chat.completions.stream({
        model,
        messages: user("Weather?"),
        tools: [WEATHER],
        tool_choice: "required",
      });
      const answer = await stream.finalChatCompletion();
      const call = answer.choices[0].message.tool_calls[0];
      assert.equal(call.function.name, "weather");
      assert.deepEqual(JSON.parse(call.function.arguments), { city: "Paris", unit: "C" });
    });

    it("calls a tool and is told the result", async () => {
      const messages = user("How is the weather?");
      const first = await client().chat.completions.create({ model, messages, tools: [WEATHER] });
      assert.equal(first.choices[0].finish_reason, "tool_calls");
      const { message } = first.choices[0];
      const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: "12 degrees" };
      const second = await client().chat.completions.create({
        model,
        messages: [...messages, message, result],
        tools: [WEATHER],
      });
      assert.equal(second.choices[0].message.content, "The tool says: 12 degrees");
    });

    it("runs tools by itself", async () => {
      const weather = { ...WEATHER.function, parse: JSON.parse, function: ({ city }) => `Rain in ${city}` };
      const runner = client().chat.completions.runTools({
        model,
        messages: user("How is the weather?"),
        tools: [{ type: "function", function: weather }],
      });
      assert.equal(await runner.finalContent(), "The tool says: Rain in Paris");
    });

    for (const [status, expected] of [
      [400, OpenAI.BadRequestError],
      [401, OpenAI.AuthenticationError],
      [403, OpenAI.PermissionDeniedError],
      [404, OpenAI.NotFoundError],
      [429, OpenAI.RateLimitError],
      [500, OpenAI.InternalServerError],
    ]) {
      it(`throws the class of a ${status}`, async () => {
        for (const stream of [false, true]) {
          const marker = await scripted({ faults: [{ fault: "status", status }] });
          await assert.rejects(client().chat.completions.create({ model, messages: user(marker), stream }), (error) => {
            assert.ok(error instanceof expected, `${error}`);
            assert.equal(error.status, status);
            assert.match(error.message, /out of sorts/);
            return true;
          });
        }
      });
    }

    it("throws when a stream dies", async () => {
      const marker = await scripted({
        reply: { text: "one two three four" },
        faults: [{ fault: "cut", after: 5, how: "clean" }],
      });
      const stream = await client().chat.completions.create({ model, messages: user(marker), stream: true });
      await assert.rejects(async () => {
        for await (const _ of stream);
      }, OpenAI.APIError);
    });
  });
}

it("embeds in both encodings", async () => {
  // Without a format the SDK asks for base64 and decodes it.
  const packed = await client().embeddings.create({ model: "embed", input: ["one", "two"] });
  const plain = await client().embeddings.create({ model: "embed", input: ["one", "two"], encoding_format: "float" });
  assert.deepEqual(
    packed.data.map((one) => one.embedding),
    plain.data.map((one) => one.embedding),
  );
  assert.equal(plain.data[0].embedding.length, 8);
});

it("lists models", async () => {
  const ids = [];
  for await (const model of client().models.list()) ids.push(model.id);
  for (const id of ["gpt-4o", "claude", "embed", "demo"]) assert.ok(ids.includes(id), `${ids}`);
});

it("throws for a wrong key and a wrong model", async () => {
  await assert.rejects(client({ apiKey: "sk-0123456789abcdef012345" }).models.list(), OpenAI.AuthenticationError);
  const wrong = client().chat.completions.create({ model: "no-such-model", messages: user("Hello") });
  await assert.rejects(wrong, OpenAI.BadRequestError);
});
