/** Starts the real program on the recorded scene, once for all tests, and stops it. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the server answers. */
    url: string;
    /** The program, for other commands. */
    program: string;
    /** The folder of the store. */
    data: string;
  }
}

const ROOT = resolve(import.meta.dirname, "../../..");

export default async function setup(project: TestProject): Promise<() => void> {
  const program = process.env["ARACHNE_BIN"] ?? join(ROOT, "target/debug/arachne");
  if (!existsSync(program)) throw new Error(`${program} is missing: run \`cargo build\` first, or \`cargo xtask ui\``);
  const scene = process.env["ARACHNE_CAPTURE"] ?? join(ROOT, "fixtures/scene.pcapng.zst");
  const data = mkdtempSync(join(tmpdir(), "arachne-e2e-"));
  execFileSync(program, ["import", "--full-packets", "--data", data, scene], { stdio: ["ignore", "ignore", "inherit"] });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = spawn(program, ["serve", "--data", data, "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "inherit"] });
  await answering(url);
  project.provide("url", url);
  project.provide("program", program);
  project.provide("data", data);
  return () => {
    server.kill("SIGTERM");
    rmSync(data, { recursive: true, force: true });
  };
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
