/** Hostile texts that a real agent captured: sent past it on a cable of its own, shown by the server that it delivers to. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { browsing, open } from "./browser.ts";
import { HOSTILE, isOnlyText, pwned } from "./hostile.ts";
import { ended, program, type Served, serve } from "./server.ts";

browsing();

/** Sends frames of captures; built with the tests of the workspace. */
const TESTKIT = join(dirname(program()), "testkit");

/** Why nothing can be captured here. */
const why = HOSTILE.length === 0 ? "the hostile corpus is not there (ARACHNE_SHARED)"
  : process.getuid?.() !== 0 ? "a network of its own needs root"
  : existsSync(TESTKIT) ? undefined : `${TESTKIT} is missing: run \`cargo build --package arachne-testkit\``;

let own: Served;
let agent: ChildProcess;

beforeAll(async () => {
  if (why !== undefined) return;
  own = await serve();
  const added = execFileSync(program(), ["agents", "add", "web-1", "--data", own.data]).toString();
  const key = join(own.data, "web-1.key");
  writeFileSync(key, /ara_\w+/.exec(added)![0]);
  // The server is reached by its socket, which is in no network.
  const words = ["--server", `unix:${own.data}/socket`, "--key-file", key, "--spool", join(own.data, "web-1"), "--interface", "near"];
  const cable = "ip link add near type veth peer name far && ip link set near up && ip link set far up";
  agent = spawn("unshare", ["--net", "sh", "-c", `${cable} && exec "$@"`, "sh", program(), "agent", ...words], { stdio: "ignore" });
  const whole = { interfaces: ["near"], filter: "tcp port 80", save: { packets: "whole" } };
  await put("/api/v1/agents/web-1/config", whole);
  await until("the agent captures", async () => {
    const { status } = (await ask("/api/v1/agents/web-1")) as { status?: { state: string; config: { applied: number } } };
    return status?.state === "capturing" && status.config.applied === 2;
  });
  execFileSync("nsenter", ["--target", String(agent.pid), "--net", TESTKIT, "send", "far", ...HOSTILE]);
  await until("all of it is there", async () => (await exchanges()).length === HOSTILE.length);
});
afterAll(async () => {
  if (agent !== undefined) await ended(agent);
  await own?.stop();
});

async function ask(path: string): Promise<unknown> {
  return (await fetch(own.url + path)).json();
}

async function put(path: string, body: object): Promise<void> {
  const headers = { "Content-Type": "application/json", "If-Match": "*" };
  const answer = await fetch(own.url + path, { method: "PUT", headers, body: JSON.stringify(body) });
  expect(answer.ok, await answer.text()).toBe(true);
}

async function exchanges(): Promise<string[]> {
  const { rows } = (await ask("/api/v1/exchanges?twins=true&columns=id")) as { rows: [string][] };
  return rows.map(([id]) => id);
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await isSo()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`waited in vain: ${what}`);
}

for (const at of HOSTILE.length === 0 ? [0] : HOSTILE.keys()) {
  test(`hostile texts that were captured live are only text, in every view (${at})`, async (context) => {
    if (why !== undefined) return context.skip(why);
    await isOnlyText(own.url, (await exchanges())[at]!);
  });
}

test("neither lists nor the pages of agents run what was captured live", async (context) => {
  if (why !== undefined) return context.skip(why);
  for (const view of ["/explore/http", "/explore/tcp", "/explore/packets", "/explore/http?grp=service", "/agents", "/agents/web-1"]) {
    const page = await open(view, { url: own.url });
    expect(await pwned(page), view).toEqual([]);
    await page.context().close();
  }
});
