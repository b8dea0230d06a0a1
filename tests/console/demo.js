// Made-up data for the console: teams, people and keys, by the key API.
"use strict";

const TEAMS = ["search", "support", "growth", "research", "platform", "legal", "data"];
const PEOPLE = ["maya", "jonas", "ines", "tomek", "aisha", "li.wei", "sofia"].map((name) => `${name}@example.com`);
const PURPOSES = ["prod", "staging", "batch", "notebook", "ci", "agent"];
const SPENT = [0, 0.000312, 0.41, 3.8, 17.2, 48.7, 162.55];

// The same data at each run.
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Fills an empty key service. `call(path, body)` asks the key API. The result has the keys that were not blocked. */
async function fill(call) {
  const number = numbers(7);
  const pick = (list) => list[number(list.length)];
  const keys = [];
  for (const team_id of TEAMS) await call("/team/new", { team_id, max_budget: 5000 });
  for (const user_id of PEOPLE) await call("/user/new", { user_id, auto_create_key: false });
  for (let at = 0; at < 64; at += 1) {
    const team_id = pick(TEAMS);
    const fields = {
      key_alias: `${team_id}-${pick(PURPOSES)}-${String(at).padStart(2, "0")}`,
      team_id,
      models: pick([[], ["gpt-4o", "gpt-4o-mini"], ["claude-sonnet-4-5"], ["openai/*"]]),
      rpm_limit: pick([null, 60, 600]),
      tpm_limit: pick([null, 100000]),
      spend: pick(SPENT) * (1 + number(100) / 70),
    };
    if (number(2)) fields.user_id = pick(PEOPLE);
    const max_budget = pick([null, 5, 20, 50, 200, 1000]);
    if (max_budget) Object.assign(fields, { max_budget, budget_duration: "30d" });
    if (number(3) === 0) Object.assign(fields, { tags: ["eu"], metadata: { cost_center: "4711" } });
    if (number(9) === 0) fields.duration = "0s";
    const { key } = await call("/key/generate", fields);
    if (number(12) === 0) await call("/key/block", { key });
    else keys.push(key);
  }
  return keys;
}

module.exports = { fill, numbers, PEOPLE, TEAMS };
