// Streams the chat of the playground. The key goes from its field to the gateway, and nowhere else.
"use strict";

const form = document.querySelector("form[data-playground]");
const turns = document.getElementById("turns");
const facts = document.getElementById("facts");
const failure = document.getElementById("failure");
const stop = form.querySelector("[data-stop]");
const send = form.querySelector("button[value=send]");
let running = null;

const history = () => JSON.parse(form.elements.history.value || "[]");

function addTurn(role, text) {
  const item = document.createElement("li");
  item.className = role;
  const who = document.createElement("span");
  who.className = "off";
  who.textContent = role === "user" ? "You: " : "Model: ";
  const content = document.createElement("bdi");
  content.textContent = text;
  item.append(who, content);
  turns.append(item);
  return content;
}

function fail(text) {
  failure.textContent = text;
  failure.hidden = false;
}

/** The lines of a response as they arrive. */
async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    yield* parts;
  }
  if (rest) yield rest;
}

/** What the request cost, from the spend log, which has it about a second later. */
async function cost(id, authorization) {
  for (let attempt = 0; id && attempt < 6; attempt += 1) {
    await new Promise((resolve) => { setTimeout(resolve, 700); });
    const response = await fetch(`/spend/logs?request_id=${encodeURIComponent(id)}`, { headers: { authorization } });
    if (!response.ok) return null;
    const [row] = await response.json();
    if (row) return row.spend;
  }
  return null;
}

const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(1)} s`;
const dollars = (amount) => `$${Number(amount.toPrecision(4))}`;

async function ask() {
  const key = form.elements.key.value.trim();
  const prompt = form.elements.prompt.value;
  failure.hidden = true;
  if (!key || !prompt.trim()) return fail(key ? "Enter a message." : "Enter a key.");
  const authorization = `Bearer ${key}`;
  const past = history();
  const system = form.elements.system.value;
  const messages = [...(system ? [{ role: "system", content: system }] : []), ...past, { role: "user", content: prompt }];
  const body = { model: form.elements.model.value.trim(), messages, stream: true, stream_options: { include_usage: true } };
  running = new AbortController();
  stop.hidden = false;
  send.disabled = true;
  const begun = performance.now();
  let first = null;
  let usage = null;
  let text = "";
  let id = null;
  facts.textContent = "Waiting …";
  try {
    const response = await fetch("/v1/chat/completions", {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: running.signal,
    });
    id = response.headers.get("x-litellm-call-id");
    if (!response.ok) {
      const error = await response.json().catch(() => null);
      facts.textContent = "";
      return fail(`The gateway answers with ${response.status}: ${error?.error?.message ?? "there is no reason given"}`);
    }
    addTurn("user", prompt);
    const shown = addTurn("assistant", "");
    form.elements.prompt.value = "";
    try {
      for await (const line of lines(response.body)) {
        if (!line.startsWith("data: ") || line.startsWith("data: [DONE]")) continue;
        const chunk = JSON.parse(line.slice(6));
        if (chunk.error) fail(chunk.error.message);
        usage = chunk.usage ?? usage;
        const piece = chunk.choices?.[0]?.delta?.content;
        if (!piece) continue;
        first ??= performance.now() - begun;
        text += piece;
        shown.textContent = text;
      }
    } finally {
      form.elements.history.value = JSON.stringify([...past, { role: "user", content: prompt }, { role: "assistant", content: text }]);
    }
  } catch (error) {
    if (error.name !== "AbortError") fail(`The answer ends early: ${error.message}`);
  } finally {
    running = null;
    stop.hidden = true;
    send.disabled = false;
  }
  const known = [seconds(performance.now() - begun)];
  if (first !== null) known.push(`first token after ${seconds(first)}`);
  if (usage) known.push(`${usage.prompt_tokens} tokens in, ${usage.completion_tokens} out`);
  facts.textContent = known.join(", ");
  const paid = await cost(id, authorization).catch(() => null);
  if (paid !== null && !running) facts.textContent = [...known, dollars(paid)].join(", ");
}

form.addEventListener("submit", (event) => {
  if (event.submitter && event.submitter.value !== "send") return;
  event.preventDefault();
  if (!running) ask();
});
stop.addEventListener("click", () => running?.abort());
form.elements.prompt.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(send);
});
