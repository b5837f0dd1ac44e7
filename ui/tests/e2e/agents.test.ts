/** Agents from the browser: one is added, told what to do, and its key revoked. What agents themselves do is tested with them. */
import { expect, test } from "vitest";
import { allow, browsing, open, settled } from "./browser.ts";

browsing();

test("an agent is added, its key shown once, configured and revoked", async () => {
  const page = await open("/explore/http");
  await page.getByRole("link", { name: "Agents", exact: true }).click();
  await page.getByText("No agent yet").waitFor();
  await page.getByRole("button", { name: "Add agent" }).first().click();
  await page.getByLabel("Name").fill("web-1");
  await page.keyboard.press("Enter");
  const command = page.getByRole("dialog").locator("pre");
  await command.waitFor();
  expect(await command.textContent()).toMatch(/ara_[0-9a-f]{72}[\s\S]*arachne-agent --server/);
  await page.getByRole("button", { name: "Done" }).click();
  const row = page.getByRole("row").filter({ hasText: "web-1" });
  await row.getByText("never seen").waitFor();

  await row.getByRole("link", { name: "web-1" }).click();
  expect(new URL(page.url()).pathname).toBe("/agents/web-1");
  const form = page.getByRole("region", { name: "Configuration" });
  const filter = form.getByLabel("Filter");
  // A mistake is refused by the server, in its words, and the draft stays.
  allow(/40[0-9]|422/);
  await filter.fill("tcp port eighty");
  await form.getByRole("button", { name: "Apply" }).click();
  expect(await form.getByRole("alert").textContent()).toMatch(/eighty|port/);
  expect(await filter.inputValue()).toBe("tcp port eighty");
  await filter.fill("tcp port 80");
  await form.getByRole("button", { name: "Apply" }).click();
  await page.getByText(/gets configuration \d+/).waitFor();
  await page.reload();
  await settled(page);
  expect(await page.getByRole("region", { name: "Configuration" }).getByLabel("Filter").inputValue()).toBe("tcp port 80");

  page.once("dialog", (dialog) => void dialog.accept());
  await page.getByRole("button", { name: "Revoke key" }).click();
  await page.getByRole("row").filter({ hasText: "web-1" }).getByText("revoked").waitFor();
});
