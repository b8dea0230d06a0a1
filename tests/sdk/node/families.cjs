// What the tests of the SDKs have in common: the groups of the gateway, and what the model behind them says.
//
// Needs BASE_URL (with /v1), API_KEY, and PROVIDER_URL: the fake provider behind the gateway, which a control API
// scripts. `cargo test -p switchboard-e2e sdk` starts both. CommonJS, because NODE_PATH does not lead imports of modules.
"use strict";

const assert = require("node:assert/strict");
const { randomUUID } = require("node:crypto");
const { it } = require("node:test");

const { BASE_URL, API_KEY, PROVIDER_URL } = process.env;

/** One group for each kind of provider. */
const FAMILIES = ["openai", "deepseek", "anthropic", "gemini", "bedrock"];

/** Those and a provider with the Responses API, whose clients are relayed to it. */
const WITH_RESPONSES = [...FAMILIES, "responses"];

/** What every seal of the provider begins with: its opaque state, in base64. */
const SEAL = "c2VhbGVkIGJ5IHRoZSBmYWtlIHByb3ZpZGVyOi";

const WEATHER = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

/** A new case of the provider; gives its prompt and the requests that it received, none of which may be refused. */
async function scripted(...steps) {
  const name = randomUUID().replaceAll("-", "");
  const url = `${PROVIDER_URL}/_control/cases/${name}`;
  assert.equal((await fetch(url, { method: "PUT", body: JSON.stringify(steps) })).status, 200);
  const requests = async () => {
    const requests = await (await fetch(url)).json();
    assert.deepEqual(requests.map((request) => request.refused).filter(Boolean), []);
    return requests;
  };
  return { prompt: (text = "Hello") => `${text} [case ${name}]`, requests };
}

/** A conversation in which the model says these things, one in each round of tools. */
const conversation = (...rounds) => scripted({ rounds });

/** The model answers; `{results}` is replaced by what the tools returned. */
const says = (text, more = {}) => ({ text, finish: "end", ...more });

/** The model asks for the weather of these cities. */
const calls = (...cities) => ({
  reasoning: "Which city?",
  tool_calls: cities.map((city) => ({ name: "weather", arguments: JSON.stringify({ city }) })),
  finish: "tools",
});

/** Fails if the model's own state is not in a request that the provider received. */
function cameBack(family, request) {
  if (family === "openai") return;
  const text = JSON.stringify(request.body);
  const wanted = family === "deepseek" ? '"reasoning_content":"Which city?"' : SEAL;
  assert.ok(text.includes(wanted), text);
}

/** A test for each group. */
function each(name, run, families = FAMILIES) {
  for (const family of families) it(`${name}: ${family}`, () => run(family));
}

module.exports = { API_KEY, BASE_URL, WITH_RESPONSES, ROOT: BASE_URL.replace(/\/v1$/, ""), WEATHER, calls, cameBack, conversation, each, says, scripted };
