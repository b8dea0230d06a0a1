// The official OpenAI SDK for Node: the Responses API, in front of every kind of provider.
"use strict";

const assert = require("node:assert/strict");
const { describe, it } = require("node:test");
const OpenAI = require("openai");
const { API_KEY, BASE_URL, WEATHER, WITH_RESPONSES, calls, cameBack, conversation, each, says } = require("./families.cjs");

const client = new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY, maxRetries: 0, timeout: 30_000 });
const tools = [{ type: "function", name: "weather", description: "Tells the weather.", parameters: WEATHER, strict: true }];
// OpenAI's models without reasoning take no effort.
const options = (model) => ({
  model, tools, store: false, include: ["reasoning.encrypted_content"],
  ...(model === "openai" ? {} : { reasoning: { effort: "medium", summary: "auto" } }),
});

/** A response, whole or as the SDK accumulates it from a stream. */
const answer = (stream, asked) =>
  stream ? client.responses.stream(asked).finalResponse() : client.responses.create(asked);

for (const stream of [false, true]) {
  describe(stream ? "streamed" : "whole", () => {
    each("tools are called and their results come back", async (family) => {
      const told = await conversation(calls("Paris", "Rome"), says("{results}"));
      const items = [{ role: "user", content: told.prompt("How is the weather?") }];
      const first = await answer(stream, { ...options(family), input: items });
      assert.equal(first.model, family);
      const wanted = first.output.filter((item) => item.type === "function_call");
      assert.deepEqual(wanted.map((item) => JSON.parse(item.arguments).city), ["Paris", "Rome"]);
      // What the SDK parsed of a stream is its own; OpenAI refuses it as well.
      items.push(...first.output.map(({ parsed_arguments, ...item }) => item));
      for (const item of wanted) {
        const { city } = JSON.parse(item.arguments);
        items.push({ type: "function_call_output", call_id: item.call_id, output: `${city}: 12 degrees` });
      }
      const second = await answer(stream, { ...options(family), input: items });
      assert.equal(second.output_text, "Paris: 12 degrees\nRome: 12 degrees");
      const requests = await told.requests();
      assert.equal(requests.length, 2);
      cameBack(family, requests[1]);
    }, WITH_RESPONSES);
  });
}

it("what the provider keeps is fetched, continued and deleted", async () => {
  const told = await conversation(says("Bonjour"));
  const first = await client.responses.create({ model: "responses", input: told.prompt() });
  const found = await client.responses.retrieve(first.id);
  assert.deepEqual([found.id, found.output], [first.id, first.output]);
  const items = await client.responses.inputItems.list(first.id);
  assert.equal(items.data[0].content[0].text, told.prompt());
  const stream = client.responses.stream({ model: "responses", input: told.prompt("Two"), previous_response_id: first.id });
  const second = await stream.finalResponse();
  assert.deepEqual([second.previous_response_id, second.output_text], [first.id, "Bonjour"]);
  await client.responses.delete(first.id);
  await assert.rejects(client.responses.retrieve(first.id), OpenAI.NotFoundError);
});
