import { svelte } from "@sveltejs/vite-plugin-svelte";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";

// Components and the canvas kernel in a real browser: `npm run component`.
export default defineConfig({
  plugins: [svelte()],
  test: {
    include: ["tests/component/**/*.test.ts"],
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
          args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync", "--disable-quic"],
        },
      }),
      instances: [{ browser: "chromium" }],
    },
  },
});
