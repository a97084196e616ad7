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
  const enter = () => context.post("/api/v1/session", { data: { email: `${who}@panel.example`, password: scene.password } });
  let answer = await enter();
  // Another test guesses passwords from the same address, and slows all down that come from there.
  for (let i = 0; i < 5 && answer.status() === 429; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1000 * Number(answer.headers()["retry-after"] ?? 1)));
    answer = await enter();
  }
  expect(answer.status(), await answer.text()).toBe(200);
  const state = await context.storageState();
  await context.dispose();
  return state;
}

/** Goes to a page of the panel and waits until it stands. */
export async function open(page: Page, path: string): Promise<void> {
  if (!page.url().startsWith(scene.url)) await page.goto("/#" + path);
  else {
    // The head of the page that goes is marked, so that it is not taken for the one that comes.
    await page.evaluate((hash) => {
      if (location.hash.split("?")[0] !== hash.split("?")[0]) document.querySelector("h1")?.setAttribute("data-gone", "");
      location.hash = hash;
    }, "#" + path);
    await page.locator("h1:not([data-gone])").first().waitFor();
  }
  await settled(page, path);
}

/** Waits until nothing of the page is loading any more. */
export async function settled(page: Page, where = ""): Promise<void> {
  await expect(page.locator("h1").first(), where).toBeVisible();
  await expect(page.locator("[role=status]:is([aria-label=Loading], [aria-label=Caricamento])").filter({ visible: true }), where + " goes on loading").toHaveCount(0);
}

/** Nothing that axe finds, in the page or in a part of it: WCAG 2.2 A and AA. */
export async function accessible(page: Page, where: string, part?: string): Promise<void> {
  const axe = new AxeBuilder({ page });
  if (part) axe.include(part);
  const found = await axe.withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
  const told = found.violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => `${n.html.slice(0, 140)} ${n.failureSummary?.split("\n")[1] ?? ""}`).slice(0, 3).join(" | ")}`);
  expect.soft(told, where).toEqual([]);
}

/** The dialog or drawer that stands open. */
export function dialog(page: Page) {
  return page.getByRole("dialog").last();
}

/** Types into the fields of the open form, by their labels. */
export async function fill(page: Page, values: Record<string, string | number>): Promise<void> {
  for (const [label, value] of Object.entries(values)) await field(page, label).fill(String(value));
}

export function field(page: Page, label: string) {
  return dialog(page).getByRole("textbox", { name: new RegExp("^" + label) }).or(dialog(page).getByRole("combobox", { name: new RegExp("^" + label) })).first();
}

/** Chooses from a menu of the open form. */
export async function choose(page: Page, label: string, option: string | RegExp): Promise<void> {
  await field(page, label).click();
  await page.getByRole("option", { name: option }).click();
}

/** Presses a button of the open dialog, and waits until that is gone: what was asked is done. */
export async function press(page: Page, name: string | RegExp): Promise<void> {
  const open = dialog(page);
  const count = await page.getByRole("dialog").count();
  await open.getByRole("button", { name }).last().click();
  await expect(page.getByRole("dialog"), `after ${name}`).toHaveCount(count - 1);
}
