// Made-up users, members, budgets and models for the console, next to the keys and teams of demo.js.
"use strict";

const MODELS = `
general_settings: {store_model_in_db: true}
model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/NO_SUCH_KEY_OF_OPENAI}
  - model_name: gpt-4o
    litellm_params: {model: azure/gpt-4o, api_base: "https://team.openai.azure.com", api_key: made-up, api_version: 2024-10-21}
  - model_name: claude-sonnet-4-5
    litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: made-up}
  - model_name: house-model
    litellm_params: {model: openai/house-model, api_base: "http://127.0.0.1:9", api_key: made-up}
  - model_name: demo
    litellm_params: {model: openai/gpt-4o, mock_response: "Hello from the demo."}
`;

const ROLES = ["proxy_admin", "internal_user", "internal_user", "proxy_admin_viewer", "internal_user_viewer"];

/** Fills a key service that has the teams and users of demo.js. */
async function fillAccounts(call, { teams, people }) {
  for (const [at, user_id] of people.entries()) {
    const user_role = ROLES[at % ROLES.length];
    await call("/user/update", { user_id, user_role, user_email: user_id, max_budget: 50 * (at + 1), budget_duration: "30d", spend: 17.3 * at });
  }
  for (const [at, team_id] of teams.entries()) {
    for (const [seat, user_id] of people.slice(0, 2 + (at % 4)).entries()) {
      const member = { user_id, role: seat === 0 ? "admin" : "user" };
      const limits = seat === 1 ? { max_budget_in_team: 25, budget_duration: "30d" } : {};
      await call("/team/member_add", { team_id, member, ...limits });
    }
  }
  await call("/team/update", { team_id: teams[0], team_alias: "Search and discovery", models: ["gpt-4o", "claude-sonnet-4-5"], rpm_limit: 600, team_member_budget: 10 });
  await call("/team/block", { team_id: teams[3] });
  await call("/budget/new", { budget_id: "free-tier", max_budget: 5, budget_duration: "30d", rpm_limit: 20 });
  await call("/budget/new", { budget_id: "pro", max_budget: 200, budget_duration: "30d", tpm_limit: 1000000 });
  for (const [at, spend] of [0.4, 2.2, 4.6, 5.1].entries()) {
    await call("/key/generate", { key_alias: `trial-${at}`, budget_id: "free-tier", spend });
  }
  const added = { model: "openai/gpt-4o-mini", api_key: "sk-made-up-key-of-the-demo", rpm: 300 };
  await call("/model/new", { model_name: "gpt-4o-mini", litellm_params: added, model_info: { id: "gpt-4o-mini-eu" } });
}

module.exports = { MODELS, fillAccounts };
