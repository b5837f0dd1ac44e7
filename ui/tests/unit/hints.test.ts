/** What texts of the UI tell people to do is there: commands, keys of the configuration, the script for pages. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const texts = readdirSync(join(root, "ui/src"), { recursive: true, encoding: "utf8" })
  .filter((path) => /\.(ts|svelte)$/.test(path) && !path.endsWith("schema.d.ts"))
  .map((path) => ({ path, text: read(`ui/src/${path}`) }));

/** All that an expression finds in texts, with where. */
function found(expression: RegExp): { at: string; what: string[] }[] {
  return texts.flatMap(({ path, text }) => [...text.matchAll(expression)].map((match) => ({ at: `${path}: ${match[0]}`, what: match.slice(1) })));
}

/** The names of an enum's variants as words of a command line. */
function variants(path: string, name: string): string[] {
  const text = read(path).split(`pub enum ${name} {`)[1]!.split("\n}")[0]!;
  return [...text.matchAll(/^ {4}([A-Z][A-Za-z]*)/gm)].map((match) => match[1]!.replace(/(?<=.)[A-Z]/g, "-$&").toLowerCase());
}

const COMMANDS = variants("crates/cli/src/args.rs", "Command");
const BELOW: Record<string, string[]> = { agents: variants("crates/cli/src/agents/args.rs", "AgentsCommand"), setup: variants("crates/cli/src/args.rs", "Setup") };

it("commands that are named are commands of the program", () => {
  expect(COMMANDS).toContain("import");
  const all = found(/\barachne (?:([a-z][a-z-]*)(?: ([a-z][a-z-]+))?)(?=[ <.,;:`"])/g);
  expect(all.length).toBeGreaterThan(5);
  for (const { at, what: [command, below] } of all) {
    expect(COMMANDS, at).toContain(command);
    if (command! in BELOW) expect(BELOW[command!], at).toContain(below);
  }
});

it("keys that are named are keys of the configuration", () => {
  const documented = read("docs/configuration.md");
  const all = found(/\bagent\.collect\.(\w+)/g);
  expect(all.length).toBeGreaterThan(2);
  for (const { at, what: [key] } of all) expect(documented.includes(`\`agent.collect.${key}\``) || documented.includes(`\`.${key}\``), at).toBe(true);
});

it("the script for pages is where the server has it", () => {
  const all = found(/[\w…/]*\/(\w+\.js)\b(?=\\?")/g).filter(({ at }) => at.includes("script") || at.includes("/rum") || at.includes("beacon"));
  expect(all.length).toBeGreaterThan(0);
  const routes = read("docs/openapi.json");
  for (const { at, what: [file] } of all) expect(routes, at).toContain(`"/${file}"`);
});
