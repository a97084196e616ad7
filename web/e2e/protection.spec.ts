// Strangers, antifraud and bans as a person meets them.

import { choose, dialog, expect, fill, open, press, test } from "./panel";
import { api, place, register, scene, send } from "./scene";
import { customerOf } from "./setting";

test("a stranger is somebody's", async ({ as }) => {
  const { source } = await send({ Source: "new-trunk", Method: "OPTIONS", URI: "sip:100@10.0.0.1", Silence: true });
  const page = await as("platform");
  await open(page, "/strangers");
  await page.getByRole("row").filter({ hasText: source }).getByRole("button", { name: /is mine/ }).click();
  await expect(dialog(page).getByText(/IP authentication entry/)).toBeVisible();
  await choose(page, "Customer", "Calm");
  await fill(page, { "Name of the entry": "the new trunk" });
  await press(page, "This is mine");
  const made = await api<{ items: { name: string; addresses: string[]; direction: string }[] }>("GET", `/switches?customer=${scene.calm}`);
  expect(made.items.find((s) => s.name === "the new trunk")).toMatchObject({ direction: "egress" });
  await expect.poll(async () => (await place({ Source: "new-trunk", URI: "sip:0401234567@10.0.0.1", Silence: true })).status).toBe(200);
});

test("a domain that is nearly ours is named", async ({ as }) => {
  const { source } = await send({ Source: "typo", Method: "OPTIONS", URI: "sip:100@clam.example", Silence: true });
  const page = await as("platform");
  await open(page, `/strangers?q=${source}`);
  await expect(page.getByRole("row").filter({ hasText: source })).toContainText("calm.example");
});

test("an antifraud key that is shut is opened again", async ({ as }) => {
  for (let i = 0; i < 4; i++) await register({ Source: "many", User: "77001", Domain: "calm.example" });
  const page = await as("platform");
  await open(page, `/antifraud?customer=${scene.calm}`);
  await expect(page.getByRole("cell", { name: "REGISTER" }).first()).toBeVisible();
  const thresholds = await api<{ items: { method: string; triggered: number; keys: { shut_until?: string }[] }[] }>("GET", `/antifraud?customer=${scene.calm}`);
  const registers = thresholds.items.find((r) => r.method === "register");
  expect(registers?.triggered).toBeGreaterThan(0);
  if (registers?.keys.some((k) => k.shut_until)) {
    await page.getByRole("button", { name: /Open .* again/ }).first().click();
    await press(page, "Open again");
    await expect(page.getByText("0 keys are shut")).toBeVisible();
  } else {
    await open(page, `/bans?customer=${scene.calm}`);
    await page.getByRole("button", { name: /^Unban / }).first().click();
    await press(page, "Unban 1");
  }
});

test("many bans are lifted at once, with their count", async ({ as }) => {
  for (const n of [1, 2, 3]) await api("POST", "/bans", { address: `198.51.100.${n}`, reason: "a batch", for: "1h" });
  const page = await as("platform");
  await open(page, "/bans?q=a batch");
  await page.getByRole("checkbox", { name: "Select all rows" }).check();
  await page.getByRole("button", { name: "Unban 3" }).click();
  await expect(dialog(page).getByText("198.51.100.2")).toBeVisible();
  await press(page, "Unban 3");
  await expect(page.getByText(/Nothing matches/)).toBeVisible();
});

test("a ban that cannot be says why at its field", async ({ as }) => {
  const page = await as("platform");
  await open(page, "/bans");
  await page.getByRole("button", { name: "Ban an address" }).first().click();
  await fill(page, { "Address or range": "not an address" });
  await dialog(page).getByRole("button", { name: "Ban", exact: true }).click();
  await expect(dialog(page).getByText(/is not an address or a range/)).toBeVisible();
});

test("who reads only has nothing to press", async ({ as }) => {
  const page = await as("reader");
  await open(page, "/bans");
  await expect(page.getByRole("button", { name: "Ban an address" })).toHaveCount(0);
  await open(page, "/strangers");
  await expect(page.getByRole("button", { name: /is mine/ })).toHaveCount(0);
  const refused = await page.request.post("/api/v1/bans", { data: { address: "192.0.2.1" } });
  expect(refused.status()).toBe(403);
});

test("a blocked prefix says what it would have refused, counts first, and then refuses", async ({ as }) => {
  const of = await customerOf("Counted Prefixes", ["east"], { country_code: "39" });
  for (const number of ["0701234567", "0701234568", "0512345678"]) expect(await of.calls({ number })).toBe("east");
  const page = await as("platform");
  await open(page, of.path("/blocklist"));
  await page.getByRole("button", { name: "Add a prefix" }).first().click();
  await fill(page, { Prefix: "070" });
  await expect(dialog(page).getByText("It would have dropped 2 of 3 requests, 0 of registered phones.")).toBeVisible();
  await choose(page, "Mode", /Monitor/);
  await press(page, "Add a prefix");
  expect(await of.calls({ number: "0701234569" }), "an entry that only counts").toBe("east");
  const row = page.getByRole("row").filter({ hasText: "070" });
  await expect(row).toContainText("monitor");
  await expect.poll(async () => (await api<{ items: { hits: number }[] }>("GET", `/blocklist?customer=${of.id}`)).items[0]?.hits).toBe(1);
  await page.getByRole("button", { name: /^070/ }).click();
  await choose(page, "Mode", /Enforce/);
  await press(page, "Save");
  await expect.poll(() => of.calls({ number: "0701234569" })).toBe(403);
});
