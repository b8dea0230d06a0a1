// The AI SDK with its providers for OpenAI (whose default is the Responses API), Anthropic and Google, each in front of
// every kind of provider.
"use strict";

const assert = require("node:assert/strict");
const { describe, it } = require("node:test");
const { createAnthropic } = require("@ai-sdk/anthropic");
const { createGoogleGenerativeAI } = require("@ai-sdk/google");
const { createOpenAI } = require("@ai-sdk/openai");
const { APICallError, generateText, jsonSchema, stepCountIs, streamText, tool } = require("ai");
const { API_KEY, BASE_URL, ROOT, WEATHER, WITH_RESPONSES, calls, cameBack, conversation, each, says, scripted } = require("./families.cjs");

const openai = createOpenAI({ baseURL: BASE_URL, apiKey: API_KEY });
const anthropic = createAnthropic({ baseURL: BASE_URL, apiKey: API_KEY });
const google = createGoogleGenerativeAI({ baseURL: `${ROOT}/v1beta`, apiKey: API_KEY });

const weather = tool({
  description: "Tells the weather.",
  inputSchema: jsonSchema(WEATHER),
  execute: async ({ city }) => `${city}: 12 degrees`,
});

/** By provider of the SDK: the model, and the options with which it reasons. */
const APIS = {
  "openai, its default": (family) => ({
    model: openai(family),
    providerOptions: {
      openai: { store: false, ...(family === "openai" ? {} : { reasoningEffort: "medium", reasoningSummary: "auto", forceReasoning: true }) },
    },
  }),
  "openai, chat": (family) => ({ model: openai.chat(family) }),
  anthropic: (family) => ({
    model: anthropic(family),
    maxOutputTokens: 4096,
    providerOptions: { anthropic: { thinking: { type: "enabled", budgetTokens: 2048 } } },
  }),
  google: (family) => ({
    model: google(family),
    providerOptions: {
      google: {
        thinkingConfig: { includeThoughts: true, ...(family === "gemini" ? { thinkingLevel: "low" } : { thinkingBudget: 2048 }) },
      },
    },
  }),
};

for (const [name, options] of Object.entries(APIS)) {
  // Only clients of the same API are relayed to the provider that has it.
  const families = name === "openai, its default" ? WITH_RESPONSES : undefined;
  describe(name, () => {
    each("text is generated", async (family) => {
      const told = await conversation(says("Bonjour"));
      const { text, finishReason, usage } = await generateText({ ...options(family), prompt: told.prompt() });
      assert.deepEqual([text, finishReason], ["Bonjour", "stop"]);
      assert.equal(usage.outputTokens, 7);
      await told.requests();
    });

    each("text is streamed", async (family) => {
      const told = await conversation(says("One two three.", { reasoning: "Which city?" }));
      const result = streamText({ ...options(family), prompt: told.prompt() });
      assert.equal(await result.text, "One two three.");
      assert.equal(await result.finishReason, "stop");
      await told.requests();
    });

    each("tools are run", async (family) => {
      const told = await conversation(calls("Paris", "Rome"), says("{results}"));
      const asked = { ...options(family), tools: { weather }, stopWhen: stepCountIs(3), prompt: told.prompt() };
      const { text } = await generateText(asked);
      for (const city of ["Paris", "Rome"]) assert.ok(text.includes(`${city}: 12 degrees`), text);
      const requests = await told.requests();
      assert.equal(requests.length, 2);
      if (name !== "openai, chat") cameBack(family, requests[1]);
    });

    each("tools are run in streams", async (family) => {
      const told = await conversation(calls("Paris", "Rome"), says("{results}"));
      const asked = { ...options(family), tools: { weather }, stopWhen: stepCountIs(3), prompt: told.prompt() };
      const text = await streamText(asked).text;
      for (const city of ["Paris", "Rome"]) assert.ok(text.includes(`${city}: 12 degrees`), text);
      const requests = await told.requests();
      assert.equal(requests.length, 2);
      if (name !== "openai, chat") cameBack(family, requests[1]);
    });

    each("errors have their status and message", async (family) => {
      for (const status of [429, 503]) {
        const told = await scripted({ faults: [{ fault: "status", status, message: "Out of sorts." }] });
        const failed = generateText({ ...options(family), prompt: told.prompt(), maxRetries: 0 });
        await assert.rejects(failed, (error) => APICallError.isInstance(error) && /Out of sorts/.test(error.message));
      }
    });
  });
}

it("a wrong key is an error", async () => {
  const wrong = createOpenAI({ baseURL: BASE_URL, apiKey: "sk-unknown" });
  await assert.rejects(generateText({ model: wrong("openai"), prompt: "Hello", maxRetries: 0 }), { statusCode: 401 });
});
