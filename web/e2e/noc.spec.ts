// The NOC's walk: a customer cannot call at three in the morning; the wall board; the keyboard alone; a telephone.

import type { Page } from "@playwright/test";
import { dialog, expect, fill, open, press, settled, test } from "./panel";
import { api, place, scene } from "./scene";

/** A customer of his own, with a PBX that answers. */
async function newCustomer(name: string, domain: string): Promise<number> {
  const company = (await api<{ items: { id: number }[] }>("GET", "/companies?q=Black+Box")).items[0]?.id;
  const { id } = await api<{ id: number }>("POST", "/customers", { company_id: company, name, keepalive: false });
  await api("POST", "/domains", { customer_id: id, name: domain });
  await api("POST", "/destinations", { customer_id: id, name: `${name}-pbx`, host: scene.pbx.crowd.host, port: scene.pbx.crowd.port });
  return id;
}

/** Opens the box that finds everything, and types into it once it has the focus. The box is loaded after the page. */
async function find(page: Page, text: string): Promise<void> {
  await expect(async () => {
    await page.keyboard.press("Control+k");
    await expect(dialog(page).locator("input")).toBeFocused({ timeout: 2000 });
  }).toPass();
  await page.keyboard.type(text);
}

test("a customer cannot call: number, refusal, rule, fix, proof", async ({ as }) => {
  const number = "0899555111";
  const uri = `sip:${number}@night.example`;
  const id = await newCustomer("Night", "night.example");
  await expect.poll(async () => (await place({ Source: "night", URI: uri })).status).toBe(200);
  await api("POST", "/blocklist", { customer_id: id, prefix: "0899" });
  await expect.poll(async () => (await place({ Source: "night", URI: uri })).status).toBe(403);

  // He says the number. The box finds it from any page.
  const page = await as("platform");
  await open(page, "/overview");
  await find(page, number);
  await page.getByRole("button", { name: /Decision, Night/ }).first().click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText(/^Call/);
  await expect(page.getByRole("alert").filter({ hasText: "The number is on the customer's block list." })).toBeVisible();

  // What was other about the last call that worked is named.
  await page.getByRole("button", { name: "Last good call" }).click();
  await expect(page.getByText(/^What differs: .*status/i)).toBeVisible();

  // The rule is one click away, and its row is behind it.
  await page.getByRole("link", { name: /0899/ }).first().click();
  await expect(dialog(page).getByRole("textbox", { name: /^Prefix/ })).toHaveValue("0899");
  await expect(page).toHaveURL(new RegExp(`customer=${id}`)); // with its customer around it
  await press(page, "Cancel");
  await page.getByRole("button", { name: "Actions for 0899" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await press(page, /^Delete/);
  await expect.poll(async () => (await place({ Source: "night", URI: uri })).status).toBe(200);

  // And the page of calls says so, once the record is there: within a second of the end.
  await expect.poll(async () => (await api<{ items: { status: number }[] }>("GET", `/cdrs?customer=${id}&limit=50`)).items.filter((c) => c.status === 200).length).toBe(2);
  await open(page, `/cdrs?customer=${id}`);
  await expect(page.getByRole("row").filter({ hasText: number }).first()).toContainText("Answered");
});

test("a wall board: made, opened by anybody who has the link, taken back", async ({ as, browser }) => {
  const page = await as("platform");
  await open(page, "/overview");
  await page.getByRole("button", { name: "Wall board" }).click();
  await fill(page, { Name: "room seven" });
  await dialog(page).getByRole("button", { name: "Make a link" }).click();
  const link = await dialog(page).getByRole("textbox", { name: "Link" }).inputValue();
  await press(page, "I have it");

  const context = await browser.newContext({ baseURL: scene.url, viewport: { width: 1920, height: 1080 } });
  const wall = await context.newPage();
  await wall.goto(link);
  await expect(wall.getByRole("heading", { name: "Calls now", exact: true })).toBeVisible();
  await expect(wall.locator("nav, main a")).toHaveCount(0); // it leads nowhere
  // It reads what it shows, and nothing else.
  const key = link.split("/wall/")[1] ?? "";
  for (const [method, path, status] of [["GET", "/overview", 200], ["GET", "/customers", 403], ["GET", "/cdrs", 403], ["POST", "/bans", 403]] as const) {
    const answer = await context.request.fetch("/api/v1" + path, { method, headers: { Authorization: `Bearer ${key}` }, ...(method === "POST" ? { data: { address: "192.0.2.1" } } : {}) });
    expect(answer.status(), `${method} ${path}`).toBe(status);
  }
  await open(page, "/keys?q=room seven");
  await page.getByRole("button", { name: /^Actions/ }).first().click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await press(page, /^Delete/);
  await expect(wall.getByText("This link is not valid any more. Ask for a new one.")).toBeVisible({ timeout: 30_000 });
  await context.close();
});

test("the list of customers: use from its own request, and who is transparent", async ({ as }) => {
  const id = await newCustomer("Glass", "glass.example");
  await api("PATCH", `/customers/${id}`, { call_limit: 7 });
  const page = await as("platform");
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await open(page, "/customers?q=Glass");
  await expect(page.getByRole("row").filter({ hasText: "Glass" })).toContainText("0 / 7");
  expect(asked.filter((path) => path.endsWith("/limits"))).toEqual([]);
  await open(page, "/customers?q=Glass&transparent=1");
  await expect(page.getByText(/Nothing matches/)).toBeVisible();
  await api("POST", "/transparent", { customer_id: id, on: true, for: "5m" });
  await expect(page.getByRole("row").filter({ hasText: "Glass" })).toBeVisible({ timeout: 30_000 }); // the list reads itself anew
  await api("POST", "/transparent", { customer_id: id, on: false });
  await page.getByRole("switch", { name: "Transparent mode is on" }).uncheck({ force: true });
  await expect(page.getByRole("row").filter({ hasText: "Glass" })).toBeVisible();
  await expect(page).not.toHaveURL(/transparent=/);
});

/** Presses Tab until what has the focus is named so. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const at = document.activeElement as HTMLElement | null;
      return at?.getAttribute("aria-label") || (at as HTMLInputElement | null)?.labels?.[0]?.textContent || at?.textContent || "";
    });
    if (name.test(focused.trim())) return;
  }
  throw new Error(`Tab never comes to ${name}`);
}

test("menu, palette and a form by keyboard alone", async ({ as }) => {
  const page = await as("platform");
  await page.setViewportSize({ width: 1280, height: 480 }); // the menu is longer than that
  await open(page, "/overview");
  await tabTo(page, /^Banned IPs$/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Banned IPs" })).toBeVisible();
  await settled(page);
  await tabTo(page, /^Ban an address$/);
  await page.keyboard.press("Enter");
  await expect(dialog(page)).toBeVisible();
  const address = dialog(page).getByRole("textbox", { name: /^Address or range/ });
  await expect(address).toBeFocused();
  await page.keyboard.type("198.51.100.77");
  await tabTo(page, /^Reason/);
  await page.keyboard.type("by keyboard");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("cell", { name: "by keyboard" })).toBeVisible();
  await expect(page.getByRole("dialog")).toHaveCount(0);

  await find(page, "audit");
  await expect(dialog(page).getByText(/^Audit/).first()).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: /Audit/ })).toBeVisible();
  // What is open is in sight in the menu.
  await expect(page.locator("nav a[data-status=active]")).toBeInViewport();
  await expect(page.getByRole("dialog")).toHaveCount(0); // what has the focus in a box that closes keeps the key to itself
  await page.keyboard.press("Control+k");
  await expect(dialog(page).locator("input")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("every page on a telephone", async ({ as }) => {
  test.setTimeout(150_000);
  const page = await as("platform");
  await page.setViewportSize({ width: 390, height: 780 });
  await open(page, "/overview");
  const menu = page.getByRole("button", { name: "Menu" });
  await menu.click();
  const paths = await page.locator("nav a").evaluateAll((all) => all.map((a) => (a.getAttribute("href") ?? "").replace(/^\/?#|\?.*$/g, "")));
  expect(paths.length).toBeGreaterThan(20);
  await page.locator("nav a", { hasText: "Live calls" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Live calls" })).toBeVisible();
  await expect(page.locator("nav a", { hasText: "Live calls" })).not.toBeInViewport(); // it has closed
  const wide: string[] = [];
  for (const path of [...paths, `/routing?customer=${scene.calm}`]) {
    await open(page, path);
    await expect(page.getByRole("heading", { name: "No such page" }), path).toHaveCount(0);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    if (width > 390) wide.push(`${path}: ${width}`);
  }
  expect(wide, "pages that scroll sideways").toEqual([]);
});
