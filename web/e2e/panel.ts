// A browser with somebody logged in, and what every test wants of a page.

import AxeBuilder from "@axe-core/playwright";
import { type Page, test as base, expect, request } from "@playwright/test";
import { scene } from "./scene";

export { expect };

export type Who = "platform" | "company" | "reader" | "customer";

interface Look {
  language?: "en" | "it";
  theme?: "light" | "dark";
}

type Cookies = Awaited<ReturnType<Awaited<ReturnType<typeof request.newContext>>["storageState"]>>;

export const test = base.extend<{ as: (who: Who, look?: Look) => Promise<Page> }, { sessions: Map<Who, Cookies> }>({
  sessions: [async ({}, use) => use(new Map()), { scope: "worker" }],
  // Opens a page as somebody. What the page says on its console counts: nothing may go wrong there.
  as: async ({ browser, sessions }, use) => {
    const faults: string[] = [];
    const pages: Page[] = [];
    await use(async (who, { language = "en", theme = "light" } = {}) => {
      if (!sessions.has(who)) sessions.set(who, await logIn(who));
      const context = await browser.newContext({ storageState: sessions.get(who), baseURL: scene.url, colorScheme: theme, viewport: { width: 1280, height: 800 }, timezoneId: "Europe/Rome" });
      await context.grantPermissions(["clipboard-read", "clipboard-write"]);
      await context.addInitScript((wanted) => {
        localStorage.setItem("tollgate-language", wanted.language);
        localStorage.setItem("mantine-color-scheme-value", wanted.theme);
      }, { language, theme });
      const page = await context.newPage();
      listen(page, faults);
      pages.push(page);
      return page;
    });
    for (const page of pages) await page.context().close();
    expect(faults, "on the console").toEqual([]);
  },
});

function listen(page: Page, faults: string[]): void {
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("dialog", (dialog) => (faults.push("a dialog: " + dialog.message()), void dialog.dismiss()));
  page.on("console", (message) => {
    // What an act is refused with is the test's matter, and a browser says it, too.
    if (message.type() === "error" && !/status of (401|403|404|409|412|422|429)/.test(message.text())) faults.push(message.text());
  });
}

async function logIn(who: Who): Promise<Cookies> {
  const context = await request.newContext({ baseURL: scene.url });
  const answer = await context.post("/api/v1/session", { data: { email: `${who}@panel.example`, password: scene.password } });
  expect(answer.status(), await answer.text()).toBe(200);
  const state = await context.storageState();
  await context.dispose();
  return state;
}

/** Goes to a page of the panel and waits until it stands. */
export async function open(page: Page, path: string): Promise<void> {
  if (page.url().startsWith(scene.url)) await page.evaluate((hash) => void (location.hash = hash), "#" + path);
  else await page.goto("/#" + path);
  await settled(page);
}

/** Waits until nothing of the page is loading any more. */
export async function settled(page: Page): Promise<void> {
  await expect(page.locator("main h1, [role=main] h1, h1").first()).toBeVisible();
  await expect(page.locator("[role=status][aria-label=Loading], [role=status][aria-label=Caricamento]")).toHaveCount(0);
}

/** Nothing that axe finds: WCAG 2.2 A and AA. */
export async function accessible(page: Page, where: string): Promise<void> {
  const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
  const told = found.violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => `${n.html.slice(0, 140)} ${n.failureSummary?.split("\n")[1] ?? ""}`).slice(0, 3).join(" | ")}`);
  expect.soft(told, where).toEqual([]);
}
