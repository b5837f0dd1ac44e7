/** Starts the real program on the recorded scene, once for all tests, and stops it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the server answers. */
    url: string;
  }
}

const ROOT = resolve(import.meta.dirname, "../../..");

/** A program that serves a store of its own. */
export interface Served {
  url: string;
  data: string;
  stop: () => Promise<void>;
}

/** The program under test. */
export function program(): string {
  const path = process.env["ARACHNE_BIN"] ?? join(ROOT, "target/debug/arachne");
  if (!existsSync(path)) throw new Error(`${path} is missing: run \`cargo build\` first, or \`cargo xtask ui\``);
  return path;
}

/** Imports a capture as if it had just ended, and serves it; without one, an empty store. */
export async function serve(capture?: string): Promise<Served> {
  const data = mkdtempSync(join(tmpdir(), "arachne-e2e-"));
  if (capture !== undefined) {
    execFileSync(program(), ["import", "--full-packets", "--end-at", "now", "--data", data, capture], { stdio: ["ignore", "ignore", "inherit"] });
  }
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = spawn(program(), ["serve", "--data", data, "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "inherit"] });
  await answering(url);
  const stop = async () => {
    await ended(server);
    rmSync(data, { recursive: true, force: true });
  };
  return { url, data, stop };
}

/** Ends a program and waits for its end: until then it may write to its folder. */
export async function ended(running: ChildProcess): Promise<void> {
  if (running.exitCode !== null || running.signalCode !== null) return;
  const end = new Promise((done) => running.once("exit", done));
  running.kill("SIGTERM");
  await end;
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, stop } = await serve(process.env["ARACHNE_CAPTURE"] ?? join(ROOT, "fixtures/scene.pcapng.zst"));
  project.provide("url", url);
  return stop;
}

async function answering(url: string): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    const ready = await fetch(`${url}/readyz`).then((response) => response.ok, () => false);
    if (ready) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`${url} does not answer`);
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer().once("error", fail).listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (typeof address === "object" && address ? done(address.port) : fail(new Error("no port"))));
    });
  });
}
