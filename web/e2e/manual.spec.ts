// A user of other session border controllers sets up what their manuals have as examples, in the browser;
// each is proved by calls.

import type { Page } from "@playwright/test";
import { choose, dialog, expect, fill, open, press, test } from "./panel";
import { type Outcome, answers, api, place, scene } from "./scene";

const domain = "sipflare.mariorossi.it";
let customer = 0;

const path = (to: string) => `${to}?customer=${customer}`;

/** Some calls, and which PBX took how many. */
async function calls(count: number, wish: { URI?: string; Agent?: string; Source?: string } = {}): Promise<{ status: number[]; took: Outcome["took"] }> {
  const status: number[] = [];
  const took: Outcome["took"] = {};
  for (let i = 0; i < count; i++) {
    const o = await place({ Source: "mario", URI: `sip:0501234567@${domain}`, Silence: true, ...wish });
    status.push(o.status);
    for (const [name, n] of Object.entries(o.took)) took[name] = (took[name] ?? 0) + n;
  }
  return { status, took };
}

/** A rule is in force once the node has taken it over. */
async function soon(expected: number, wish: { URI?: string; Agent?: string; Source?: string } = {}): Promise<void> {
  await expect.poll(async () => (await calls(1, wish)).status[0], { timeout: 30_000 }).toBe(expected);
}

async function add(page: Page, to: string, button: string, fields: () => Promise<void>): Promise<void> {
  await open(page, path(to));
  await page.getByRole("button", { name: button }).first().click();
  await fields();
  await press(page, button);
}

test.describe.configure({ mode: "serial" });

test("a customer, his domain and his PBXs", async ({ as }) => {
  const page = await as("platform");
  await open(page, "/customers");
  await page.getByRole("button", { name: "Add a customer" }).click();
  await fill(page, { Name: "MarioRossi" });
  await choose(page, "Company", "Black Box");
  await choose(page, "Destination mode", /Load balancing/);
  await dialog(page).getByRole("switch", { name: "Keepalive" }).uncheck({ force: true });
  await press(page, "Add a customer");
  await expect(page.getByRole("button", { name: "MarioRossi", exact: true })).toBeVisible();
  const found = await api<{ items: { id: number; name: string }[] }>("GET", "/customers?q=MarioRossi");
  customer = found.items[0]?.id ?? 0;
  await add(page, "/domains", "Add a domain", () => fill(page, { Domain: domain }));
  for (const [i, name] of (["pbx1", "pbx2"] as const).entries())
    await add(page, "/destinations", "Add a destination", () =>
      fill(page, { Name: `${name}.mariorossi.it`, "Address or host": scene.pbx[name].host, Port: scene.pbx[name].port, Priority: i + 1 }));
  await soon(200);
});

test("load balancing, then priority", async ({ as }) => {
  const balanced = await calls(14);
  expect(balanced.status.every((s) => s === 200)).toBe(true);
  expect(Math.min(balanced.took.pbx1 ?? 0, balanced.took.pbx2 ?? 0), JSON.stringify(balanced.took)).toBeGreaterThan(0);
  const page = await as("platform");
  await open(page, path("/routing"));
  await page.locator("label").filter({ hasText: /^Priority$/ }).click();
  await expect.poll(async () => (await api<{ destination_mode: string }>("GET", `/customers/${customer}`)).destination_mode).toBe("priority");
  await expect.poll(async () => Object.keys((await calls(4)).took).join()).toBe("pbx1");
  await answers("pbx1", 503);
  const failedOver = await calls(1);
  expect(failedOver.status).toEqual([200]);
  expect(failedOver.took.pbx2).toBe(1);
  await answers("pbx1", 200);
});

test("a firewall that lets some phones in only", async ({ as }) => {
  const page = await as("platform");
  const rule = (name: string, value: string, priority: number, action: string) =>
    add(page, "/firewall", "Add a rule", async () => {
      await fill(page, { Name: name });
      await choose(page, "Header", "User-Agent");
      await fill(page, { Value: value, Priority: priority });
      await choose(page, "Action", action);
      await choose(page, "Mode", /Enforce/);
    });
  await rule("Yealink", ".*Yealink.*", 10, "Accept");
  await rule("all others", ".*", 20, "Drop");
  await soon(0, { Agent: "Grandstream GXP2170" });
  expect((await calls(2, { Agent: "Yealink SIP-T46U 108.86" })).status).toEqual([200, 200]);
  await expect(page.getByRole("button", { name: "all others", exact: true })).toBeVisible();
  await open(page, path("/firewall") + "&view=list");
  await page.getByRole("checkbox", { name: "Select all rows" }).check();
  await page.getByRole("button", { name: "Delete 2" }).click();
  await press(page, "Delete 2");
  await soon(200, { Agent: "Grandstream GXP2170" });
});

test("a block list of 040", async ({ as }) => {
  const page = await as("platform");
  await add(page, "/blocklist", "Add a prefix", () => fill(page, { Prefix: "040" }));
  await soon(403, { URI: `sip:0401234567@${domain}` });
  expect((await calls(1)).status).toEqual([200]);
});

test("transparent mode", async ({ as }) => {
  const page = await as("platform");
  const blocked = { URI: `sip:0401234567@${domain}` };
  await open(page, path("/customers"));
  await page.getByRole("button", { name: "Transparent mode", exact: true }).click();
  await expect(dialog(page).getByText("30 minutes")).toBeVisible();
  await press(page, "Switch on");
  await expect(page.getByText(/Transparent mode is on for MarioRossi/)).toBeVisible();
  await soon(200, blocked);
  await open(page, "/transparent");
  await page.getByRole("button", { name: "Switch off for MarioRossi" }).click();
  await press(page, /Switch off for 1/);
  await soon(403, blocked);
});

test("Cisco phones move to the new PBX first", async ({ as }) => {
  const page = await as("platform");
  await open(page, path("/routing"));
  await page.getByRole("switch", { name: /group/i }).click({ force: true });
  await expect.poll(async () => (await api<{ destination_groups_enabled: boolean }>("GET", `/customers/${customer}`)).destination_groups_enabled).toBe(true);
  await page.getByRole("button", { name: "Add a group" }).click();
  await fill(page, { Name: "new PBX" });
  await press(page, "Add a group");
  await add(page, "/destinations", "Add a destination", async () => {
    await fill(page, { Name: "new", "Address or host": scene.pbx.pbx2.host, Port: scene.pbx.pbx2.port });
    await dialog(page).locator("label").filter({ hasText: /^2 new PBX$/ }).click();
  });
  await open(page, path("/routing"));
  await page.getByRole("button", { name: "Add a rule" }).click();
  await fill(page, { Name: "Cisco", Value: ".*Cisco.*" });
  await dialog(page).locator("label").filter({ hasText: /^2 new PBX$/ }).click();
  await press(page, "Add a rule");
  await expect.poll(async () => (await calls(1, { Agent: "Cisco/SPA504G" })).took.pbx2 ?? 0, { timeout: 30_000 }).toBe(1);
  expect((await calls(2, { Agent: "snomD735" })).took).toEqual({ pbx1: 2 });
});

test("an address is banned, unbanned and whitelisted", async ({ as }) => {
  const page = await as("platform");
  const { source } = await place({ Source: "banned", URI: `sip:0501234567@${domain}` });
  const ban = async () => {
    await open(page, path("/bans"));
    await page.getByRole("button", { name: "Ban an address" }).first().click();
    await fill(page, { "Address or range": source, Reason: "too many tries" });
    await press(page, "Ban");
    await expect(page.getByRole("cell", { name: "too many tries" })).toBeVisible();
    await soon(0, { Source: "banned" });
  };
  await ban();
  await page.getByRole("button", { name: `Unban ${source}` }).click();
  await press(page, "Unban 1");
  await soon(200, { Source: "banned" });
  await ban();
  await page.getByRole("button", { name: `Whitelist ${source}` }).click();
  await press(page, "Add to whitelist");
  await soon(200, { Source: "banned" });
  await open(page, path("/whitelist"));
  await expect(page.getByRole("button", { name: `${source}/32`, exact: true })).toBeVisible();
  const still = await api<{ address: string }>("POST", "/bans", { address: source, customer_id: customer, for: "1h" }).catch((e: unknown) => String(e));
  expect((await calls(1, { Source: "banned" })).status, JSON.stringify(still)).toEqual([200]);
});
