import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Packs each file once at build time, so that the server never compresses: `.br` and `.gz` beside it. */
function packed(): Plugin {
  let folder = "";
  return {
    name: "packed",
    apply: "build",
    configResolved: (config) => {
      folder = resolve(config.root, config.build.outDir);
    },
    writeBundle: () => {
      for (const name of readdirSync(folder, { recursive: true }) as string[]) {
        const path = join(folder, name);
        if (!statSync(path).isFile() || /\.(br|gz|png)$/.test(name)) continue;
        const bytes = readFileSync(path);
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
      }
    },
  };
}

const server = process.env["ARACHNE"] ?? "http://127.0.0.1:7117";

export default defineConfig({
  plugins: [svelte(), packed()],
  build: {
    outDir: process.env["UI_OUT"] ?? "dist",
    emptyOutDir: true,
    target: "es2022",
    // The CSP allows no data: script or style, and Trusted Types no polyfill that writes HTML.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // `npm run dev` shows the sources on a running `arachne serve`, which takes requests of its own origin only.
  server: { proxy: Object.fromEntries(["/api", "/metrics"].map((path) => [path, { target: server, changeOrigin: true, headers: { origin: server } }])) },
  worker: { format: "es" },
  test: {
    // No test is about time: properties take long on a busy machine.
    testTimeout: 60_000,
    include: ["tests/unit/**/*.test.ts"],
  },
});
