// The official Anthropic SDK for Node: the Messages API, in front of every kind of provider.
"use strict";

const assert = require("node:assert/strict");
const { it } = require("node:test");
const { default: Anthropic } = require("@anthropic-ai/sdk");
const { API_KEY, ROOT, WEATHER, calls, cameBack, conversation, each, says, scripted } = require("./families.cjs");

const client = (options = {}) => new Anthropic({ baseURL: ROOT, apiKey: API_KEY, maxRetries: 0, ...options });
const asked = (model, messages, more = {}) => ({ model, max_tokens: 4096, messages, ...more });
const user = (content) => [{ role: "user", content }];
const THINKING = { thinking: { type: "enabled", budget_tokens: 2048 } };
const TOOLS = { tools: [{ name: "weather", description: "Tells the weather.", input_schema: WEATHER }] };

const said = (message) => message.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("");

each("a message is created", async (family) => {
  const told = await conversation(says("Bonjour"));
  const message = await client().messages.create(asked(family, user(told.prompt())));
  assert.deepEqual([said(message), message.stop_reason, message.model], ["Bonjour", "end_turn", family]);
  await told.requests();
});

each("tools are called in a stream, and their results come back", async (family) => {
  const told = await conversation(calls("Paris", "Rome"), says("{results}"));
  const messages = user(told.prompt("How is the weather?"));
  const ask = () => client().messages.stream(asked(family, messages, { ...THINKING, ...TOOLS })).finalMessage();
  const first = await ask();
  assert.equal(first.stop_reason, "tool_use");
  const uses = first.content.filter((block) => block.type === "tool_use");
  messages.push({ role: "assistant", content: first.content });
  messages.push({
    role: "user",
    content: uses.map(({ id, input }) => ({ type: "tool_result", tool_use_id: id, content: `${input.city}: 12 degrees` })),
  });
  assert.equal(said(await ask()), "Paris: 12 degrees\nRome: 12 degrees");
  const requests = await told.requests();
  assert.equal(requests.length, 2);
  cameBack(family, requests[1]);
});

each("a stream that dies is an error", async (family) => {
  const told = await scripted({
    rounds: [says("Never complete, not at all.")],
    faults: [{ fault: "cut", after: 5, how: "clean" }],
  });
  await assert.rejects(client().messages.stream(asked(family, user(told.prompt()))).finalMessage());
});

each("tokens are counted", async (family) => {
  const counted = await client().messages.countTokens({ model: family, messages: user("How many tokens are in this?") });
  assert.ok(counted.input_tokens > 4);
});

it("models are listed", async () => {
  const ids = [];
  for await (const model of client().models.list()) ids.push(model.id);
  assert.ok(ids.includes("bedrock"), ids.join());
});

it("errors are of their class", async () => {
  const failing = (options, model) => client(options).messages.create(asked(model, user("Hello")));
  await assert.rejects(failing({ apiKey: "sk-unknown" }, "openai"), Anthropic.AuthenticationError);
  await assert.rejects(failing({}, "no-such-model"), Anthropic.BadRequestError);
  for (const [status, kind] of [[429, Anthropic.RateLimitError], [503, Anthropic.InternalServerError]]) {
    const told = await scripted({ faults: [{ fault: "status", status }] });
    await assert.rejects(client().messages.create(asked("openai", user(told.prompt()))), kind);
  }
});
