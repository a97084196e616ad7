// The panel in a browser, against a node that test/panel starts: go test ./test/panel.

import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "@playwright/test";
import { scene } from "./scene";

export default defineConfig({
  testDir: ".",
  outputDir: join(tmpdir(), "tollgate-panel-" + process.pid),
  reporter: [["line"], ["json", { outputFile: process.env.REPORT }]],
  workers: 2,
  fullyParallel: true,
  timeout: 150_000,
  expect: { timeout: 30_000 },
  forbidOnly: true,
  use: {
    baseURL: scene.url,
    locale: "en-GB",
    timezoneId: "Europe/Rome",
    viewport: { width: 1280, height: 800 },
    actionTimeout: 30_000,
    // Root has no sandbox in a container.
    launchOptions: { executablePath: process.env.CHROMIUM, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] },
  },
});
