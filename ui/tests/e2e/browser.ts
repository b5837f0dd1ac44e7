/** A browser whose pages fail a test when anything is said on the console, refused by the CSP, or fetched from elsewhere. */
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";

const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync", "--disable-quic",
  "--disable-component-update", "--force-color-profile=srgb",
];

/** How a page is opened. */
export interface Look {
  theme?: "light" | "dark";
  width?: number;
  height?: number;
  /** Another server than that of all tests. */
  url?: string;
}

let browser: Browser;
let complaints: string[] = [];
let expected: RegExp[] = [];

/** Sets a browser up for the tests of a file; call it once at its top. */
export function browsing(): void {
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: ARGUMENTS });
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    const said = complaints.filter((line) => !expected.some((pattern) => pattern.test(line)));
    complaints = [];
    expected = [];
    expect(said, "the console is silent and nothing is fetched from elsewhere").toEqual([]);
  });
}

/** What a page may complain about in this test alone. */
export function allow(pattern: RegExp): void {
  expected.push(pattern);
}

/** The browser itself, for what a page does not give. */
export function theBrowser(): Browser {
  return browser;
}

/** Opens an address of the program and waits until its questions are answered. */
export async function open(address: string, look: Look = {}): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: look.width ?? 1280, height: look.height ?? 800 }, colorScheme: look.theme ?? "light", acceptDownloads: true,
    timezoneId: "UTC", locale: "en-GB", reducedMotion: "reduce",
  });
  const home = look.url ?? inject("url");
  await context.route("**", (route) => {
    if (new URL(route.request().url()).origin === home) return route.continue();
    complaints.push(`foreign request: ${route.request().url()}`);
    return route.abort();
  });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(`${message.type()}: ${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
  await page.goto(home + address);
  await settled(page);
  return page;
}

/** Waits until no question has been on its way for a moment, and the page is drawn. */
export async function settled(page: Page): Promise<void> {
  await page.waitForSelector("[data-ready]", { timeout: 30_000 });
  await page.waitForFunction(() => {
    const state = globalThis as unknown as { quietSince?: number };
    const busy = document.querySelector("[data-busy]") !== null;
    if (busy) state.quietSince = undefined;
    else state.quietSince ??= performance.now();
    return state.quietSince !== undefined && performance.now() - state.quietSince > 120;
  }, undefined, { polling: 30, timeout: 30_000 });
}
