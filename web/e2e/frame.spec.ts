// The frame around every page: menu, customer filter, filters in the address, banners, footer, the API calls behind a page.

import type { Page } from "@playwright/test";
import { accessible, dialog, expect, open, settled, test } from "./panel";
import { answers, api, deafTo, scene } from "./scene";
import { customerOf, isIn, person, stranger, tryToEnter } from "./setting";

const hrefs = (page: Page) => page.locator("nav a").evaluateAll((all) => all.map((a) => (a.getAttribute("href") ?? "").replace(/^.*#|\?.*$/g, "")));

test("the menu: set-up in the order in which a call meets it, in both languages", async ({ as }) => {
  // As internal/gate takes a request through its steps: whose it is, firewall, authentication's numbers, block list, route.
  const order = ["/customers", "/domains", "/switches", "/sip-users", "/sip-profiles", "/firewall", "/numbers", "/blocklist", "/routing", "/destinations", "/simulator", "/tools"];
  for (const [language, sections] of [["en", ["Now", "Find", "Customers", "Protection", "Platform"]], ["it", ["Adesso", "Cerca", "Clienti", "Protezione", "Piattaforma"]]] as const) {
    const page = await as("platform", { language });
    await open(page, "/overview");
    const paths = await hrefs(page);
    expect(paths.filter((path) => order.includes(path))).toEqual(order);
    expect(paths.slice(0, 4)).toEqual(["/overview", "/calls", "/registrations", "/health"]);
    const heads = await page.locator("nav [role=group]").evaluateAll((all) => all.map((g) => document.getElementById(g.getAttribute("aria-labelledby") ?? "")?.textContent));
    expect(heads).toEqual(sections);
  }
});

/** What a background really is, behind how many colours a name may have. */
async function hueOf(page: Page): Promise<"yellow" | "green" | "other"> {
  const colour = await page.locator("header .mantine-Badge-root").first().evaluate((el) => {
    const canvas = document.createElement("canvas").getContext("2d")!;
    canvas.fillStyle = "#fff";
    canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = getComputedStyle(el).backgroundColor;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  });
  const [r = 0, g = 0, b = 0] = colour;
  if (g > r && g > b) return "green";
  return r >= g && g > b ? "yellow" : "other";
}

for (const look of [{ language: "en", theme: "light" }, { language: "it", theme: "dark" }] as const)
  test(`the customer filter: yellow for nobody, green for one, and it stays, ${look.language} ${look.theme}`, async ({ as }) => {
    const of = await customerOf(`Sticky ${look.language}`, ["east"]);
    const words = look.language === "en" ? { none: "No customer selected", filter: "Customer filter", find: "Find a customer", off: "Show all customers" } : { none: "Nessun cliente selezionato", filter: "Filtro cliente", find: "Cerca un cliente", off: "Mostra tutti i clienti" };
    const page = await as("platform", look);
    await open(page, "/overview");
    const filter = page.locator("header").getByRole("button", { name: new RegExp(`^${words.filter}: `) });
    await expect(filter).toHaveAccessibleName(`${words.filter}: ${words.none}`);
    expect(await hueOf(page)).toBe("yellow");
    await filter.click();
    await page.getByPlaceholder(words.find).fill(`Sticky ${look.language}`);
    await page.getByRole("option", { name: `Sticky ${look.language}`, exact: true }).click();
    await expect(filter).toHaveAccessibleName(`${words.filter}: Sticky ${look.language}`);
    expect(await hueOf(page)).toBe("green");
    await accessible(page, "the header with a customer", "header");
    for (const path of ["/calls", "/cdrs", "/domains", "/firewall", "/routing", "/bans", "/audit"]) { // one of each section
      await page.locator(`nav a[href*="#${path}"]`).first().click();
      await settled(page, path);
      await expect(page, path).toHaveURL(new RegExp(`#${path}\\?.*customer=${of.id}`));
      await expect(filter, path).toHaveAccessibleName(`${words.filter}: Sticky ${look.language}`);
    }
    await open(page, of.path("/destinations"));
    await page.reload();
    await expect(filter).toHaveAccessibleName(`${words.filter}: Sticky ${look.language}`);
    await expect(page.getByRole("main").getByText("east", { exact: true }).first()).toBeVisible();
    await page.locator("header").getByRole("button", { name: words.off }).click();
    await expect(filter).toHaveAccessibleName(`${words.filter}: ${words.none}`);
    await expect(page).not.toHaveURL(/customer=/);
    expect(await hueOf(page)).toBe("yellow");
  });

test("a text filter that is typed is in the address, and survives a reload", async ({ as }) => {
  const of = await customerOf("Typed Filter");
  for (const prefix of ["0881", "0882", "0991"]) await api("POST", "/blocklist", { customer_id: of.id, prefix });
  const page = await as("platform");
  await open(page, of.path("/blocklist"));
  const rows = page.getByRole("main").getByRole("row");
  await expect(rows).toHaveCount(4);
  const filter = page.getByRole("main").getByRole("searchbox").first();
  await filter.fill("088");
  await expect(rows).toHaveCount(3);
  await expect(page).toHaveURL(/[?&]q=088(&|$)/);
  await expect(page).toHaveURL(new RegExp(`customer=${of.id}`));
  await page.reload();
  await expect(filter).toHaveValue("088");
  await expect(rows).toHaveCount(3);
  await filter.fill("");
  await expect(rows).toHaveCount(4);
  await expect(page).not.toHaveURL(/[?&]q=/);
});

test("the API call behind each page: what it shows answers", async ({ as }) => {
  test.setTimeout(150_000);
  const page = await as("platform");
  await open(page, "/overview");
  const paths = [...(await hrefs(page)), "/me", `/routing?customer=${scene.calm}`];
  expect(paths.length).toBeGreaterThan(25);
  const silent = ["/find", "/simulator", "/tools"]; // they ask nothing before somebody types
  for (const path of paths) {
    await open(page, path);
    await page.getByRole("main").getByRole("button", { name: "API calls behind this page" }).click();
    const codes = page.getByRole("dialog").locator("code");
    const none = page.getByRole("dialog").getByText("Nothing asked yet: ");
    await expect((silent.includes(path) ? codes.or(none) : codes).first(), path).toBeVisible();
    const lines = await codes.allInnerTexts();
    for (const line of lines) {
      const [, method = "GET", address = ""] = /^curl (?:-X (\w+) )?-H "Authorization: Bearer \$KEY" '(.*)'$/.exec(line) ?? [];
      expect(address, `${path}: ${line}`).toContain(scene.url + "/api/v1/");
      if (method !== "GET") continue; // what it tells is asked, not done again
      expect((await page.request.get(address)).status(), `${path}: with the session: ${address}`).toBe(200);
      expect((await fetch(address, { headers: { Authorization: `Bearer ${scene.key}` } })).status, `${path}: as the shell would: ${address}`).toBe(address.includes("/api/v1/me") ? 403 : 200); // a key is no person
    }
    await expect(page.getByRole("dialog").locator(":focus"), path).toHaveCount(1);
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog"), path).toHaveCount(0);
  }
});

test("the footer: contacts, help, and out", async ({ browser }) => {
  const email = await person("footer");
  const page = await (await stranger(browser)).newPage();
  await tryToEnter(page, email);
  await isIn(page);
  const footer = page.locator("footer");
  await expect(footer.getByText("NOC Trieste, +39 040 9991234, <b>noc</b>@panel.example")).toBeVisible();
  await footer.getByRole("link", { name: "Help" }).click();
  await expect(page).toHaveURL(/#\/help/);
  await settled(page);
  expect((await page.request.get(scene.url + (await footer.getByRole("link", { name: "API" }).getAttribute("href")))).status()).toBe(200);
  await footer.getByRole("button", { name: "Log out" }).click();
  await expect(page.getByLabel("E-mail")).toBeVisible();
  expect((await page.request.get("/api/v1/customers")).status(), "the session is over").toBe(401);
  await page.context().close();
});

test("transparent mode for all wants their count typed, says that it is on, and ends by itself", async ({ browser }) => {
  const { id: company } = await api<{ id: number }>("POST", "/companies", { name: "Tall House" });
  const of = await customerOf("Tall House One", ["east"], { company_id: company, country_code: "39" });
  await customerOf("Tall House Two", [], { company_id: company });
  await api("POST", "/blocklist", { customer_id: of.id, prefix: "0899" });
  await expect.poll(() => of.calls({ number: "0899111222" })).toBe(403);
  const email = await person("glass", { role: "company", company_id: company });
  const page = await (await stranger(browser)).newPage();
  await tryToEnter(page, email);
  await isIn(page);
  await page.locator("header").getByRole("button", { name: "Transparent mode" }).click();
  await expect(dialog(page).getByRole("radio", { name: "All 2 customers that you manage" })).toBeChecked();
  await expect(dialog(page).getByRole("radio", { name: "30 minutes" })).toBeChecked();
  const on = dialog(page).getByRole("button", { name: "Switch on" });
  const count = dialog(page).getByRole("textbox", { name: "Type 2, the number of customers" });
  await expect(on).toBeDisabled();
  await count.fill("3");
  await expect(on).toBeDisabled();
  await count.fill("2");
  await on.click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  const banner = page.getByRole("status").filter({ hasText: "Transparent mode is on for all your customers" });
  await expect(banner).toContainText("It ends by itself at");
  await expect.poll(() => of.calls({ number: "0899111222" })).toBe("east");
  await accessible(page, "the banner", "main");

  await banner.getByRole("button", { name: "Switch off" }).click();
  await expect(banner).toHaveCount(0);
  await expect.poll(() => of.calls({ number: "0899111222" })).toBe(403);

  // Short enough to see its end, by the same operation.
  const again = await page.request.post("/api/v1/transparent", { data: { all: true, on: true, for: "6s" } });
  expect(again.status(), await again.text()).toBe(200);
  await expect.poll(() => of.calls({ number: "0899111222" })).toBe("east");
  await expect.poll(() => of.calls({ number: "0899111222" })).toBe(403);
  await page.reload();
  await isIn(page);
  await expect(banner).toHaveCount(0);
  await expect(page.locator("header").getByRole("button", { name: "Transparent mode" })).toHaveAttribute("aria-pressed", "false");
  await page.context().close();
});

test("a part that does not do well is named above every page, to staff, until it does", async ({ as }) => {
  const of = await customerOf("Unheard", ["east"]);
  await deafTo("Unheard");
  expect(await of.calls()).toBe("east");
  const page = await as("platform", { theme: "dark" });
  const banner = page.getByRole("status").filter({ hasText: "1 call record was not taken by the webhook's receiver." });
  await open(page, "/domains");
  await expect(banner).toBeVisible();
  await open(page, "/audit");
  await expect(banner).toBeVisible();
  await accessible(page, "with a banner");
  const portal = await as("customer");
  await open(portal, "/account");
  await expect(portal.getByText("the webhook's receiver")).toHaveCount(0);
  await deafTo("");
  expect(await api("POST", "/cdrs/dead-letters/retry")).toMatchObject({ records: 1 });
  await expect(banner).toHaveCount(0);
});

test("the node's page has the node's values, in both languages", async ({ as }) => {
  const node = await api<{ version: string; revision: number; listeners: { url: string }[]; bans: { way: string } }>("GET", "/node");
  for (const [language, serving, revision] of [["en", "serving", "Revision"], ["it", "in servizio", "Revisione"]] as const) {
    const page = await as("platform", { language });
    await open(page, "/node");
    const main = page.getByRole("main");
    await expect(main.getByText(node.version, { exact: true })).toBeVisible();
    await expect(main.getByText(serving, { exact: true })).toBeVisible();
    await expect(main.getByText(revision, { exact: true })).toBeVisible();
    await expect(main.getByText(node.bans.way, { exact: true }).first()).toBeVisible();
    for (const { url } of node.listeners) await expect(main.getByText(url, { exact: true })).toBeVisible();
  }
});

test("the routing picture shows a destination that stops, without a reload", async ({ as }) => {
  test.setTimeout(240_000); // three questions, 30 s apart, are not answered
  const of = await customerOf("Live Health", ["moody"], { keepalive: true });
  const state = async () => (await api<{ items: { state: { status: string } }[] }>("GET", `/destinations?customer=${of.id}`)).items[0]?.state.status;
  const page = await as("platform");
  await open(page, of.path("/routing"));
  const group = page.locator("[data-group='1']");
  await expect.poll(state, { timeout: 60_000 }).toBe("up");
  await expect(group.getByText("up", { exact: true })).toBeVisible();
  await page.evaluate(() => ((window as unknown as { same: boolean }).same = true));
  await answers("moody", 0);
  await expect.poll(state, { timeout: 150_000 }).toBe("down");
  await expect(group.getByText("down", { exact: true })).toBeVisible();
  expect(await page.evaluate(() => (window as unknown as { same?: boolean }).same), "the same document").toBe(true);
  await answers("moody", 200);
});
