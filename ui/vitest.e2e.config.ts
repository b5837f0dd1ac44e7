import { defineConfig } from "vitest/config";

// The real program, the recorded scene, a real browser: `npm run e2e`, as `cargo xtask ui` does it.
export default defineConfig({
  test: {
    include: ["tests/e2e/**/*.test.ts"],
    globalSetup: ["tests/e2e/server.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
