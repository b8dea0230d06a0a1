// Uses the console in Chromium. Arguments: the key service's program, and a folder for screenshots. See `run`.
"use strict";

const assert = require("node:assert");
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");

const { chromium } = require("playwright-core");
const { MODELS, fillAccounts } = require("./accounts.js");
const { fill, PEOPLE, TEAMS } = require("./demo.js");
const { use } = require("./usage.js");

const MASTER_KEY = "sk-master-of-the-console";
const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = [[390, 844], [820, 1180], [1280, 800]];

const [program, shots] = process.argv.slice(2);
const findings = [];
let looked = 0;

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function start() {
  const [port, internal] = [await freePort(), await freePort()];
  const data = fs.mkdtempSync(path.join(os.tmpdir(), "console-"));
  const config = path.join(data, "config.yaml");
  fs.writeFileSync(config, MODELS);
  const options = ["serve", "--config", config, "--listen", `127.0.0.1:${port}`, "--internal-listen", `127.0.0.1:${internal}`, "--data-dir", data];
  const env = { ...process.env, SWITCHBOARD_MASTER_KEY: MASTER_KEY, SWITCHBOARD_INTERNAL_TOKEN: "internal", RUST_LOG: "warn" };
  const service = spawn(program, options, { env, stdio: "inherit" });
  const base = `http://127.0.0.1:${port}`;
  for (let attempt = 0; ; attempt += 1) {
    const ready = await fetch(`${base}/health/readiness`).catch(() => null);
    if (ready?.ok) break;
    assert(attempt < 100 && service.exitCode === null, "the key service does not start");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const stop = () => {
    service.kill("SIGTERM");
    fs.rmSync(data, { recursive: true, force: true });
  };
  return { base, internal: `http://127.0.0.1:${internal}`, stop };
}

async function call(base, place, body, token = MASTER_KEY) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(base + place, { method: "POST", headers, body: JSON.stringify(body) });
  assert(response.ok, `${place}: ${await response.clone().text()}`);
  return response.json();
}

/** A page whose requests and errors are watched. */
async function open(browser, base, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("request", (request) => {
    const { origin } = new URL(request.url());
    if (origin !== base) findings.push(`a request leaves the host: ${request.url()}`);
  });
  page.on("pageerror", (error) => findings.push(`an error in the script: ${error}`));
  page.on("console", (message) => {
    // The browser reports each response with an error status.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) findings.push(message.text());
  });
  return page;
}

async function shoot(page, file) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await page.screenshot({ path: file });
      return;
    } catch (error) {
      // A busy machine.
      if (attempt === 5) throw error;
      await page.waitForTimeout(500);
    }
  }
}

async function look(page, name, width, scheme) {
  await shoot(page, path.join(shots, `${name}-${width}-${scheme}.png`));
  const actual = await page.evaluate(() => document.documentElement.scrollWidth);
  if (actual > width) findings.push(`${name} is ${actual} wide in a window of ${width}`);
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  for (const { id, help, nodes } of violations) findings.push(`${name} (${width}, ${scheme}): ${id}: ${help}: ${nodes[0].html}`);
  looked += 1;
}

async function logIn(page, base, key) {
  await page.goto(`${base}/ui`);
  await page.fill("#key", key);
  await page.click("button.primary");
  await page.waitForURL(/\/ui\/overview/);
}

/** Looks at each page. */
async function tour(browser, base, [width, height], colorScheme) {
  // axe-core is added to the page, which the policy forbids.
  const page = await open(browser, base, { viewport: { width, height }, colorScheme, bypassCSP: true });
  const visit = async (name, place) => {
    await page.goto(place.startsWith("http") ? place : base + place);
    await look(page, name, width, colorScheme);
  };
  await visit("login", "/ui/keys");
  await page.fill("#key", "sk-nobody-has-this-key");
  await page.click("button.primary");
  await look(page, "login-error", width, colorScheme);
  await logIn(page, base, MASTER_KEY);
  await visit("overview", "/ui/overview");
  for (const [range, by] of [["24h", "provider"], ["90d", "team"], ["12mo", "key"]]) await visit(`overview-${range}`, `/ui/overview?range=${range}&by=${by}`);
  await page.click("#spend summary");
  await look(page, "overview-table", width, colorScheme);
  await visit("requests", "/ui/requests");
  await page.click("td.time a");
  await page.waitForURL(/\/ui\/requests\/./);
  await look(page, "request", width, colorScheme);
  await visit("requests-failed", "/ui/requests?status=failure");
  await visit("requests-none", "/ui/requests?error=zzz");
  await visit("requests-wrong", "/ui/requests?cost=much");
  await visit("keys", "/ui/keys?sort=spend&order=desc");
  await page.click("td.name a");
  const key = page.url();
  await look(page, "key", width, colorScheme);
  for (const action of ["edit", "rotate", "block", "delete"]) await visit(action, `${key}/${action}`);
  await visit("keys-none", "/ui/keys?search=zzz");
  await visit("users", "/ui/users");
  await visit("user", `/ui/users/${encodeURIComponent(PEOPLE[1])}`);
  await visit("user-edit", `/ui/users/${encodeURIComponent(PEOPLE[1])}/edit`);
  await visit("teams", "/ui/teams?sort=budget&order=desc");
  await visit("team", `/ui/teams/${TEAMS[0]}`);
  await visit("team-edit", `/ui/teams/${TEAMS[0]}/edit`);
  await visit("team-delete", `/ui/teams/${TEAMS[0]}/delete`);
  await visit("member-new", `/ui/teams/${TEAMS[0]}/members/new`);
  await visit("budgets", "/ui/budgets");
  await visit("budget", "/ui/budgets/free-tier");
  await visit("models", "/ui/models");
  await visit("model", "/ui/models/gpt-4o-mini-eu");
  await visit("model-new", "/ui/models/new");
  await visit("playground", "/ui/playground?model=demo");
  await page.fill("#prompt", "Say hello in three languages.");
  await page.click("button:has-text('Show')");
  await look(page, "playground-code", width, colorScheme);
  await visit("setup", "/ui/setup");
  await visit("audit", "/ui/audit");
  await page.click("td.time a");
  await look(page, "audit-entry", width, colorScheme);
  await visit("missing", "/ui/nothing");
  await visit("new", "/ui/keys/new");
  await page.fill("#key_alias", `demo-${colorScheme}-${width}`);
  await page.fill("#max_budget", "much");
  await page.click(".buttons .primary");
  await look(page, "new-error", width, colorScheme);
  await page.fill("#max_budget", "25");
  await page.click(".buttons .primary");
  await look(page, "fresh", width, colorScheme);
  await page.context().close();
}

/** From a figure of the overview to a request. */
async function follow(page, shows) {
  await page.click(".ranges a:has-text('90 days')");
  await page.click(".ranges a:has-text('By team')");
  await page.click("table.ranked td.name a");
  assert(/\/ui\/requests\?.*team=/.test(page.url()), page.url());
  await page.click("td.time a");
  await shows("How the cost is computed");
}

/** What an administrator does with a key. The policy of the pages is in force. */
async function tasks(browser, base, javaScriptEnabled) {
  const page = await open(browser, base, { javaScriptEnabled, viewport: { width: 1280, height: 800 } });
  const alias = `task-${javaScriptEnabled}`;
  const shows = async (text) => assert((await page.content()).includes(text), `${text} is not on ${page.url()}`);
  await logIn(page, base, MASTER_KEY);
  await follow(page, shows);
  await page.goto(`${base}/ui/keys`);
  await page.click("text=Create key");
  await page.fill("#key_alias", alias);
  await page.fill("#rpm_limit", "60");
  await page.click("button:has-text('Create key')");
  const key = await page.textContent("#fresh");
  const info = () => fetch(`${base}/key/info`, { headers: { authorization: `Bearer ${key}` } });
  assert.equal((await info()).status, 200);
  await page.goto(`${base}/ui/keys`);
  await page.fill("[name=search]", alias.toUpperCase().slice(0, 8));
  if (javaScriptEnabled) await page.waitForFunction(() => /^1 key$/.test(document.querySelector(".total").textContent));
  else await page.click("button:has-text('Search')");
  await page.click(`td.name a:has-text("${alias}")`);
  await page.click(".actions a:has-text('Block')");
  await page.click("button:has-text('Block key')");
  await shows("The key is blocked.");
  assert.equal((await info()).status, 401);
  await page.click("button:has-text('Unblock')");
  assert.equal((await info()).status, 200);
  await page.click(".actions a:has-text('Edit')");
  await page.fill("#max_budget", "7.5");
  await page.click("button:has-text('Save changes')");
  await shows("$7.50");
  await page.click(".actions a:has-text('Delete')");
  await page.click("button:has-text('Delete key')");
  await shows("The key is deleted.");
  assert.equal((await info()).status, 401);
  await page.goto(`${base}/ui/teams/new`);
  await page.fill("#team_alias", `Team ${alias}`);
  await page.fill("#max_budget", "50");
  await page.click("button:has-text('Create team')");
  await shows("The team is created.");
  await page.click("text=Add member");
  await page.fill("#user_id", `member-${alias}`);
  await page.selectOption("#role", "admin");
  await page.click("button:has-text('Add member')");
  await shows(`member-${alias}`);
  await page.goto(`${base}/ui/audit`);
  await page.click("td.time a");
  await shows("Team member");
  await page.goto(`${base}/ui/playground?model=demo`);
  await page.fill("#key", "sk-nobody-has-this-key");
  await page.fill("#prompt", "Hello?");
  await page.click("button:has-text('Send')");
  // There is no gateway here, but the key service at its place.
  if (javaScriptEnabled) await page.waitForFunction(() => document.getElementById("failure").textContent.includes("answers with 404"));
  else await shows("--gateway");
  await page.goto(`${base}/ui/keys`);
  await page.click("button:has-text('Log out')");
  await page.goto(`${base}/ui/keys`);
  assert(page.url().includes("/ui/login"));
  await page.context().close();
}

async function main() {
  fs.mkdirSync(shots, { recursive: true });
  const { base, internal, stop } = await start();
  try {
    const keys = await fill((place, body) => call(base, place, body));
    await use(keys, (batch) => call(internal, "/internal/sync", { batch }, "internal"));
    await fillAccounts((place, body) => call(base, place, body), { teams: TEAMS, people: PEOPLE });
    const args = ["--disable-gpu", "--disable-dev-shm-usage", ...(process.getuid() === 0 ? ["--no-sandbox"] : [])];
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
    for (const javaScriptEnabled of [true, false]) await tasks(browser, base, javaScriptEnabled);
    for (const scheme of ["light", "dark"]) for (const size of WIDTHS) await tour(browser, base, size, scheme);
    await browser.close();
  } finally {
    stop();
  }
  assert.deepEqual([...new Set(findings)], []);
  console.log(`the console works with and without JavaScript; ${looked} screenshots in ${shots}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
