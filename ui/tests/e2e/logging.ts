/** A server whose agent reads a log of ours: lines are written by the test, counted and kept by the real programs. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { ended, program, type Served, serve } from "./server.ts";

export interface Logging {
  url: string;
  /** Writes lines with the time of now in front. */
  write: (...lines: string[]) => void;
  /** What a question of the API answers. */
  post: (path: string, body: object) => Promise<unknown>;
  stop: () => Promise<void>;
}

/** The metric that the rule makes of every line. */
export const METRIC = "shop.lines";

/** Starts both, and waits until the agent follows the log. */
export async function logging(): Promise<Logging> {
  const own: Served = await serve();
  const added = execFileSync(program(), ["agents", "add", "web-1", "--data", own.data]).toString();
  const key = join(own.data, "web-1.key");
  const file = join(own.data, "shop.log");
  writeFileSync(key, /ara_\w+/.exec(added)![0]);
  writeFileSync(file, "");
  const rule = { name: "lines", expression: "(?P<level>INFO|WARN|ERROR)", source: "regex", metrics: [{ name: METRIC, labels: [{ name: "level", value: "=level" }] }] };
  const config = { capture: false, collect: { nginx: false, tcp: false, logs: [{ file, service: "shop", rule }] } };
  const put = await fetch(`${own.url}/api/v1/agents/web-1/config`, { method: "PUT", headers: { "Content-Type": "application/json", "If-Match": "*" }, body: JSON.stringify(config) });
  expect(put.ok, await put.text()).toBe(true);
  const agent: ChildProcess = spawn(program(), ["agent", "--server", `unix:${own.data}/socket`, "--key-file", key, "--spool", join(own.data, "web-1")], { stdio: "ignore" });
  const post = async (path: string, body: object) =>
    (await fetch(own.url + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).json();
  await until("the agent follows the log", async () => {
    const answer = (await post("/api/v1/series", { metric: "log.files", aggregate: "max" })) as { series: { total: number | null }[] };
    return (answer.series[0]?.total ?? 0) > 0;
  });
  const write = (...lines: string[]) => appendFileSync(file, lines.map((line) => `${new Date().toISOString()} ${line}\n`).join(""));
  const stop = async () => {
    await ended(agent);
    await own.stop();
  };
  return { url: own.url, write, post, stop };
}

/** Waits until something is so, for a minute. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await isSo()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`waited in vain: ${what}`);
}
