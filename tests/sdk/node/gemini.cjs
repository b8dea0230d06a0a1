// Google's Gen AI SDK for Node: the Gemini API, in front of every kind of provider.
"use strict";

const assert = require("node:assert/strict");
const { it } = require("node:test");
const { ApiError, GoogleGenAI } = require("@google/genai");
const { API_KEY, ROOT, WEATHER, calls, cameBack, conversation, each, says, scripted } = require("./families.cjs");

const client = (apiKey = API_KEY) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: ROOT } });
const TOOLS = [{ functionDeclarations: [{ name: "weather", description: "Tells the weather.", parametersJsonSchema: WEATHER }] }];

const thinking = (family) => ({
  thinkingConfig: { includeThoughts: true, ...(family === "gemini" ? { thinkingLevel: "LOW" } : { thinkingBudget: 2048 }) },
});

each("content is generated", async (family) => {
  const told = await conversation(says("Bonjour"));
  const response = await client().models.generateContent({ model: family, contents: told.prompt() });
  assert.deepEqual([response.text, response.modelVersion], ["Bonjour", family]);
  await told.requests();
});

each("functions are called in a stream, and their results come back", async (family) => {
  const told = await conversation(calls("Paris", "Rome"), says("{results}"));
  const chat = client().chats.create({ model: family, config: { tools: TOOLS, ...thinking(family) } });
  const asked = [];
  for await (const chunk of await chat.sendMessageStream({ message: told.prompt("How is the weather?") })) {
    asked.push(...(chunk.functionCalls ?? []));
  }
  assert.deepEqual(asked.map((call) => call.args.city), ["Paris", "Rome"]);
  const message = asked.map(({ id, name, args }) => ({
    functionResponse: { id, name, response: { output: `${args.city}: 12 degrees` } },
  }));
  const { text } = await chat.sendMessage({ message });
  for (const city of ["Paris", "Rome"]) assert.ok(text.includes(`${city}: 12 degrees`), text);
  const requests = await told.requests();
  assert.equal(requests.length, 2);
  cameBack(family, requests[1]);
});

each("tokens are counted", async (family) => {
  const counted = await client().models.countTokens({ model: family, contents: "How many tokens are in this?" });
  assert.ok(counted.totalTokens > 4);
});

it("models are listed", async () => {
  const names = [];
  for await (const model of await client().models.list()) names.push(model.name);
  assert.ok(names.includes("models/bedrock"), names.join());
});

it("errors have their status", async () => {
  const failing = (key, model, contents = "Hello") => client(key).models.generateContent({ model, contents });
  const has = (status) => (error) => error instanceof ApiError && error.status === status;
  await assert.rejects(failing("sk-unknown", "openai"), has(401));
  await assert.rejects(failing(API_KEY, "no-such-model"), has(400));
  const told = await scripted({ faults: [{ fault: "status", status: 429 }] });
  await assert.rejects(failing(API_KEY, "openai", told.prompt()), has(429));
});
