// A user of other session border controllers sets up what their manuals have as examples, in the browser.
// SIPp proves each on the wire, as callers and as PBXs: by how it ends, by its statistics, and by who got what.

import type { Page } from "@playwright/test";
import { choose, dialog, expect, fill, open, press, test } from "./panel";
import { type Ran, type Run, api, scene, sipp } from "./scene";

const domain = "sipflare.mariorossi.it"; // the manual's
let customer = 0;

const path = (to: string) => `${to}?customer=${customer}`;

/** Calls by SIPp: unless a wish says otherwise, 5 that both PBXs would answer. */
const calls = (wish: Partial<Run> = {}): Promise<Ran> =>
  sipp({ Scenario: "answered", Source: "mario", Number: "0501234567", Domain: domain, Caller: "0409876543", Agent: "SIPp", Count: 5, Rate: 20, PBXs: ["pbx1", "pbx2"], ...wish });

/** Every call of a run went as its scenario says: answered, refused, met with silence. */
async function all(wish: Partial<Run> = {}): Promise<Ran> {
  const ran = await calls(wish);
  expect(ran, `${JSON.stringify(wish)}: ${JSON.stringify(ran)}`).toMatchObject({ exit: 0, successful: wish.Count ?? 5, failed: 0 });
  return ran;
}

const got = (ran: Ran, pbx: keyof typeof scene.sipp) => ran.pbxs[pbx]?.calls ?? 0;

async function add(page: Page, to: string, button: string, fields: () => Promise<void>): Promise<void> {
  await open(page, path(to));
  await page.getByRole("button", { name: button }).first().click();
  await fields();
  await press(page, button);
}

/** Changes the customer's own fields. */
async function change(page: Page, values: Record<string, string | number>): Promise<void> {
  await open(page, `/customers?edit=${customer}`);
  await fill(page, values);
  await press(page, "Save");
}

test.describe.configure({ mode: "serial" });

test("a customer, his domain and his PBXs", async ({ as }) => {
  const page = await as("platform");
  await open(page, "/customers?q=MarioRossi"); // other tests have many customers
  await page.getByRole("button", { name: "Add a customer" }).first().click();
  await fill(page, { Name: "MarioRossi" });
  await choose(page, "Company", "Black Box");
  await choose(page, "Destination mode", /Load balancing/);
  await dialog(page).getByRole("switch", { name: "Keepalive" }).uncheck({ force: true });
  await press(page, "Add a customer");
  await expect(page.getByRole("button", { name: "MarioRossi", exact: true })).toBeVisible();
  const found = await api<{ items: { id: number; name: string }[] }>("GET", "/customers?q=MarioRossi");
  customer = found.items[0]?.id ?? 0;
  await all({ Scenario: "silence", Count: 2 }); // his domain is nobody's yet
  for (const name of [domain, "uffici.mariorossi.it"]) await add(page, "/domains", "Add a domain", () => fill(page, { Domain: name }));
  for (const [i, name] of (["pbx1", "pbx2"] as const).entries())
    await add(page, "/destinations", "Add a destination", () =>
      fill(page, { Name: `${name}.mariorossi.it`, "Address or host": scene.sipp[name].host, Port: scene.sipp[name].port, Priority: i + 1 }));
  await all();
});

test("load balancing: both PBXs get about half of the calls", async () => {
  const ran = await all({ Count: 40, Rate: 40 });
  expect(ran.answers).toEqual({ 200: 40 });
  expect(got(ran, "pbx1") + got(ran, "pbx2")).toBe(40);
  expect(Math.min(got(ran, "pbx1"), got(ran, "pbx2")), "of 40; fewer than 8 are one chance in 10,000").toBeGreaterThanOrEqual(8);
  expect([ran.pbxs.pbx1?.exit, ran.pbxs.pbx2?.exit]).toEqual([0, 0]);
});

test("priority: the second PBX gets calls only while the first cannot be reached", async ({ as }) => {
  const page = await as("platform");
  await open(page, path("/routing"));
  await page.locator("label").filter({ hasText: /^Priority$/ }).click();
  await expect.poll(async () => (await api<{ destination_mode: string }>("GET", `/customers/${customer}`)).destination_mode).toBe("priority");
  const first = await all({ Count: 10 });
  expect(first.pbxs).toEqual({ pbx1: { exit: 0, calls: 10 }, pbx2: { exit: 0, calls: 0 } });
  const without = await all({ Count: 3, PBXs: ["pbx2"] });
  expect(without.pbxs).toEqual({ pbx2: { exit: 0, calls: 3 } });
  expect(got(await all({ Count: 3 }), "pbx1"), "it is back").toBe(3);
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
  expect((await all({ Scenario: "silence", Agent: "Grandstream GXP2170" })).pbxs.pbx1).toEqual({ exit: 0, calls: 0 });
  await all({ Agent: "Yealink SIP-T46U 108.86" });
  await expect(page.getByRole("button", { name: "all others", exact: true })).toBeVisible();
  await open(page, path("/firewall") + "&view=list");
  await page.getByRole("checkbox", { name: "Select all rows" }).check();
  await page.getByRole("button", { name: "Delete 2" }).click();
  await press(page, "Delete 2");
  await all({ Agent: "Grandstream GXP2170" });
});

test("a block list of 040, for those who use that domain", async ({ as }) => {
  const page = await as("platform");
  await add(page, "/blocklist", "Add a prefix", async () => {
    await fill(page, { Prefix: "040" });
    await choose(page, "For calls to", domain);
  });
  const refused = await all({ Scenario: "refused-403", Number: "0401234567" });
  expect([refused.answers, refused.pbxs.pbx1?.calls]).toEqual([{ 403: 5 }, 0]);
  await all({ Number: "0501234567" });
  await all({ Number: "0401234567", Domain: "uffici.mariorossi.it" });
});

test("transparent mode", async ({ as }) => {
  const page = await as("platform");
  await open(page, path("/customers"));
  await page.getByRole("button", { name: "Transparent mode", exact: true }).click();
  await expect(dialog(page).getByText("30 minutes")).toBeVisible();
  await press(page, "Switch on");
  await expect(page.getByText(/Transparent mode is on for MarioRossi/)).toBeVisible();
  await all({ Number: "0401234567" });
  await open(page, "/transparent");
  await page.getByRole("button", { name: "Switch off for MarioRossi" }).click();
  await press(page, /Switch off for 1/);
  await all({ Scenario: "refused-403", Number: "0401234567" });
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
    await fill(page, { Name: "new", "Address or host": scene.sipp.new.host, Port: scene.sipp.new.port });
    await dialog(page).locator("label").filter({ hasText: /^2 new PBX$/ }).click();
  });
  await open(page, path("/routing"));
  await page.getByRole("button", { name: "Add a rule" }).click();
  await fill(page, { Name: "Cisco", Value: ".*Cisco.*" });
  await dialog(page).locator("label").filter({ hasText: /^2 new PBX$/ }).click();
  await press(page, "Add a rule");
  const of = async (Agent: string) => (await all({ Agent, PBXs: ["pbx1", "new"] })).pbxs;
  expect(await of("Cisco/SPA504G")).toEqual({ new: { exit: 0, calls: 5 }, pbx1: { exit: 0, calls: 0 } });
  expect(await of("snomD735/10.1.46")).toEqual({ pbx1: { exit: 0, calls: 5 }, new: { exit: 0, calls: 0 } });
});

test("a call limit", async ({ as }) => {
  const page = await as("platform");
  const atOnce = { Scenario: "limited", Source: "limited" } as const;
  await change(page, { "Call limit": 3 });
  const limited = await all(atOnce);
  expect(limited.answers, "of 5 calls at once").toEqual({ 200: 3, 480: 2 });
  expect(got(limited, "pbx1")).toBe(3);
  expect((await all({ ...atOnce, Count: 3 })).answers, "the places are free again").toEqual({ 200: 3 });
  await open(page, `/customers?edit=${customer}`);
  await dialog(page).getByRole("checkbox", { name: "Unlimited" }).first().check();
  await press(page, "Save");
  expect((await all(atOnce)).answers).toEqual({ 200: 5 });
});

// The manual's example: customer + 0409876543 + 34012345, and a threshold of 10.
const fraud = { Scenario: "torn", Source: "fraud", Number: "3401234567", Caller: "0409876543", Count: 10 } as const;

test("antifraud: of 10 calls alike all are torn down, and their source is banned for 5 minutes until somebody lifts it", async ({ as }) => {
  const page = await as("platform");
  await all({ ...fraud, Scenario: "held" }); // they may, as long as there is no threshold
  await change(page, { "Calls at once": 10 });
  await all({ ...fraud, Scenario: "held", Count: 9 });
  const torn = await all(fraud);
  expect(torn.answers, "nine were up, the tenth was too many").toEqual({ 200: 9, 403: 1 });
  await all({ ...fraud, Scenario: "silence", Count: 2, Number: "0501234567", Caller: "050111" });
  await all({ Caller: "050222" }); // who calls from elsewhere notices nothing
  await open(page, path("/bans"));
  const row = page.getByRole("row").filter({ hasText: torn.source });
  await expect(row).toContainText(/4 min|5 min|4m|5m/);
  const italian = await as("platform", { language: "it" });
  await open(italian, path("/bans"));
  await expect(italian.getByRole("row").filter({ hasText: torn.source })).toContainText("È stata raggiunta la soglia antifrode del cliente");
  await page.getByRole("button", { name: `Unban ${torn.source}` }).click();
  await press(page, "Unban 1");
  await all({ Source: "fraud" });
});

test("who is whitelisted is not checked by antifraud, and what bans him is lifted", async ({ as }) => {
  const page = await as("platform");
  const { source } = await all(fraud);
  await all({ ...fraud, Scenario: "silence", Count: 2 });
  await open(page, path("/bans"));
  await page.getByRole("button", { name: `Whitelist ${source}` }).click();
  await press(page, "Add to whitelist");
  await open(page, path("/whitelist"));
  await expect(page.getByRole("button", { name: `${source}/32`, exact: true })).toBeVisible();
  expect((await all({ ...fraud, Scenario: "held", Count: 12 })).answers, "calls alike at once").toEqual({ 200: 12 });
});

test("an address that a person bans, and lets in again", async ({ as }) => {
  const page = await as("platform");
  const { source } = await all({ Source: "banned" });
  await open(page, path("/bans"));
  await page.getByRole("button", { name: "Ban an address" }).first().click();
  await fill(page, { "Address or range": source, Reason: "too many tries" });
  await press(page, "Ban");
  await expect(page.getByRole("cell", { name: "too many tries" })).toBeVisible();
  await all({ Scenario: "silence", Source: "banned", Count: 2 });
  await page.getByRole("button", { name: `Unban ${source}` }).click();
  await press(page, "Unban 1");
  await all({ Source: "banned" });
});
