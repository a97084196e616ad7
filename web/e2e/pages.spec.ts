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

// Who is looked at in which looks, and of what axe is asked: pages that others have too are judged once.
const rounds: { who: Who; judged: (path: string) => boolean; looks: readonly (typeof looks)[number][] }[] = [
  { who: "platform", judged: () => true, looks },
  { who: "customer", judged: (path) => ["/account", "/phones", "/my-calls"].includes(path), looks },
  { who: "company", judged: () => false, looks: [looks[0]] },
  { who: "reader", judged: () => false, looks: [looks[0]] },
];

const halves = 2; // so that two browsers share them

for (const { who, judged, looks: some } of rounds)
  for (const look of some)
    for (let half = 0; half < halves; half++)
      test(`all pages of ${who}, ${look.language} ${look.theme}, part ${half + 1}`, async ({ as }) => {
        test.setTimeout(150_000);
        const page = await as(who, look);
        const menu = [...new Set(await menuOf(page))];
        expect(menu.length).toBeGreaterThan(who === "customer" ? 8 : 20);
        const mine = [...menu, "/me", "/help"].filter((_, i) => i % halves === half);
        const titles = new Set<string>();
        for (const [i, path] of mine.entries()) {
          await open(page, path);
          titles.add(await page.title());
          await expect(page.locator("main [role=alert]"), path).toHaveCount(0);
          // The frame is the same around all: it is judged once.
          if (judged(path)) await accessible(page, `${who} ${look.language} ${look.theme} ${path}`, i === 0 ? undefined : "main");
        }
        expect(titles.size, [...titles].join(", ")).toBeGreaterThanOrEqual(mine.length - 1);
        expect(await page.locator("html").getAttribute("lang")).toBe(look.language);
      });

test("the first paint of the overview", async ({ as }) => {
  const page = await as("platform");
  await open(page, "/overview");
  await page.reload();
  await page.locator("h1").waitFor();
  const painted = () => page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
  await expect.poll(painted).toBeGreaterThan(0);
  const paint = await painted(); // printed, not judged: how busy the machine is decides, too
  const shown = await page.evaluate(() => performance.now());
  const bytes = await page.evaluate(() => (performance.getEntriesByType("resource") as PerformanceResourceTiming[]).filter((r) => r.name.includes("/assets/")).reduce((sum, r) => sum + r.encodedBodySize, 0));
  console.log(`first paint of the overview: ${Math.round(paint)} ms, its title after at most ${Math.round(shown)} ms; ${Math.round(bytes / 1000)} kB of files, compressed`);
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
