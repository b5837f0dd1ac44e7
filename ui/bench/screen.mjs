// @ts-check
/**
 * `npm run bench:screen`: how long after its answer an exchange stands in the grid of a live page, from the wire through an agent, the
 * server and the browser. ARACHNE is the program (default ../target/release/arachne), SAMPLES how many exchanges. Needs root. Prints a line.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const SAMPLES = Number(process.env["SAMPLES"] ?? 60);
const PORT = 7199;
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync", "--disable-quic"];
const folder = mkdtempSync(join(tmpdir(), "arachne-screen-"));
const program = resolve(process.env["ARACHNE"] ?? join(import.meta.dirname, "../../target/release/arachne"));

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** The service that is watched. */
const service = createServer((request, response) => response.end(`answer to ${request.url}`));
await new Promise((done) => service.listen(0, "127.0.0.1", () => done(null)));
const address = service.address();
const port = typeof address === "object" && address ? address.port : 0;
writeFileSync(join(folder, "arachne.yml"), `storage:\n  path: ${join(folder, "data")}\nagent:\n  interfaces: [lo]\n  filter: tcp port ${port}\n`);
const server = spawn(program, ["serve", "--config", join(folder, "arachne.yml"), "--listen", `127.0.0.1:${PORT}`], { stdio: ["ignore", "ignore", "pipe"] });
const ended = new Promise((done) => server.once("exit", () => done(null)));
let said = "";
server.stderr.on("data", (text) => (said += text));
const browser = await chromium.launch({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: ARGUMENTS });
try {
  for (let turn = 0; !said.includes("AGENT-CAPTURE-001"); turn += 1) {
    if (turn > 300 || server.exitCode !== null) throw new Error(`the agent does not capture:\n${said}`);
    await pause(100);
  }
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await fetch(`http://127.0.0.1:${port}/first`);
  await page.goto(`http://127.0.0.1:${PORT}/explore/http?from=now-15m&to=now&live=1`);
  await page.getByText("/first").first().waitFor();
  /** @type {number[]} */
  const times = [];
  for (let number = 0; number < SAMPLES; number += 1) {
    // At any phase of what looks in turns.
    await pause(700 + ((number * 137) % 1000));
    await (await fetch(`http://127.0.0.1:${port}/seen/${number}/`)).text();
    const begin = performance.now();
    await page.waitForFunction((path) => [...document.querySelectorAll("[role=gridcell]")].some((cell) => cell.textContent?.includes(path)), `/seen/${number}/`, { polling: "raf", timeout: 30_000 });
    times.push(performance.now() - begin);
  }
  times.sort((a, b) => a - b);
  /** @param {number} share */
  const at = (share) => (/** @type {number} */ (times[Math.min(SAMPLES - 1, Math.ceil(share * SAMPLES) - 1)]) / 1000).toFixed(2);
  console.log(`**Packet to screen**: ${SAMPLES} exchanges stood in the grid of a live page ${at(0.5)} s (median), ${at(0.95)} s (95th percentile), ${at(1)} s (longest) after their answer; bar 2 s at the 95th percentile.`);
} finally {
  await browser.close();
  server.kill("SIGTERM");
  await ended;
  service.close();
  service.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}
