// Every page of each role's menu, in both languages and themes: it stands, its title is there, nothing is
// wrong on the console, and axe finds nothing.

import type { Page } from "@playwright/test";
import { type Who, accessible, expect, open, test } from "./panel";
import { scene } from "./scene";

const looks = [
  { language: "en", theme: "light" },
  { language: "it", theme: "dark" },
] as const;

async function menuOf(page: Page): Promise<string[]> {
  await open(page, "/me");
  const links = await page.locator("nav a").evaluateAll((all) => all.map((a) => a.getAttribute("href") ?? ""));
  return links.map((href) => (href.split("#")[1] ?? "").replace(/\?.*/, "")).filter((path) => path.startsWith("/"));
}

for (const who of ["platform", "company", "customer", "reader"] as Who[])
  for (const look of looks)
    test(`all pages of ${who}, ${look.language} ${look.theme}`, async ({ as }) => {
      test.setTimeout(110_000);
      if (who !== "platform" && who !== "customer" && look.theme === "dark") return; // what differs is seen in one look
      const page = await as(who, look);
      const menu = [...new Set(await menuOf(page))];
      expect(menu.length).toBeGreaterThan(who === "customer" ? 8 : 20);
      const titles = new Set<string>();
      for (const path of [...menu, "/me", "/help"]) {
        await open(page, path);
        titles.add(await page.title());
        await expect(page.locator("[role=alert]"), path).toHaveCount(0);
        await accessible(page, `${who} ${look.language} ${look.theme} ${path}`);
      }
      expect(titles.size, [...titles].join(", ")).toBeGreaterThanOrEqual(menu.length - 1);
      expect(await page.locator("html").getAttribute("lang")).toBe(look.language);
    });

test("the first paint of the overview", async ({ as }) => {
  const page = await as("platform");
  await open(page, "/overview");
  await page.reload();
  await page.locator("h1").waitFor();
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN);
  const shown = await page.evaluate(() => performance.now());
  const bytes = await page.evaluate(() => (performance.getEntriesByType("resource") as PerformanceResourceTiming[]).filter((r) => r.name.includes("/assets/")).reduce((sum, r) => sum + r.encodedBodySize, 0));
  console.log(`first paint of the overview: ${Math.round(paint)} ms, its title after at most ${Math.round(shown)} ms; ${Math.round(bytes / 1000)} kB of files, compressed`);
  expect(paint).toBeLessThan(1000);
});

test("a page for who is not logged in, and a narrow one", async ({ browser }) => {
  const context = await browser.newContext({ baseURL: scene.url, viewport: { width: 390, height: 800 } });
  const page = await context.newPage();
  await page.goto("/");
  await expect(page.getByLabel("E-mail")).toBeVisible();
  await accessible(page, "log-in");
  await page.getByLabel("E-mail").fill("reader@panel.example");
  await page.locator("input[type=password]").fill(scene.password);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await open(page, "/bans");
  expect(await page.evaluate(() => document.documentElement.scrollWidth), "scrolls sideways").toBeLessThanOrEqual(390);
  await context.close();
});
