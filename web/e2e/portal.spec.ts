// What a customer's own user does: phones within the channels, moving them, asking for more, why a call
// was refused; and the company's answer.

import { choose, dialog, expect, fill, open, press, test } from "./panel";
import { api, place, register, scene } from "./scene";

test.describe.configure({ mode: "serial" });

let secret = "";

test("phones within the channels of the account", async ({ as }) => {
  const page = await as("customer");
  await open(page, "/phones");
  for (const [name, channels] of [["1001", 1], ["1002", 2]] as const) {
    await page.getByRole("button", { name: "Add a SIP user" }).first().click();
    await fill(page, { Name: name, Channels: channels });
    await dialog(page).getByRole("button", { name: "Add a SIP user" }).click();
    await expect(page.getByText("This is shown now and never again")).toBeVisible();
    secret = await dialog(page).getByRole("textbox", { name }).inputValue();
    expect(secret.length).toBeGreaterThan(11);
    await press(page, "I have it");
  }
  await page.getByRole("button", { name: "Add a SIP user" }).first().click();
  await fill(page, { Name: "1003", Channels: 1 });
  await dialog(page).getByRole("button", { name: "Add a SIP user" }).click();
  await expect(dialog(page).getByText("No channel capacity available for your account.")).toBeVisible();
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  // The password that was shown once is the phone's.
  expect((await register({ Source: "phone-1002", User: "1002", Domain: "portal.example", Secret: secret })).status).toBe(200);
  expect((await register({ Source: "phone-1002", User: "1002", Domain: "portal.example", Secret: "guessed" })).status).not.toBe(200);
  await open(page, "/account");
  await expect(page.getByRole("progressbar", { name: "Channels given to phones: 3 / 3" })).toBeVisible();
});

test("channels move from one phone to another", async ({ as }) => {
  const page = await as("customer");
  await open(page, "/phones");
  await page.getByRole("button", { name: "Move channels of 1002" }).click();
  await choose(page, "To", "1001");
  await press(page, "Move");
  const users = await api<{ items: { username: string; channels: number }[] }>("GET", `/sip-users?customer=${scene.portal}`);
  expect(Object.fromEntries(users.items.map((u) => [u.username, u.channels]))).toMatchObject({ "1001": 2, "1002": 1 });
  await page.getByRole("button", { name: "Move channels of 1002" }).click();
  await expect(dialog(page).getByText(/has one channel/)).toBeVisible();
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
});

test("a new password, shown once", async ({ as }) => {
  const page = await as("customer");
  await open(page, "/phones");
  await page.getByRole("button", { name: /password.*1001|1001.*password/i }).click();
  await dialog(page).getByRole("button", { name: /password/i }).last().click();
  await expect(page.getByText("This is shown now and never again")).toBeVisible();
  const made = await dialog(page).getByRole("textbox").first().inputValue();
  await press(page, "I have it");
  expect((await register({ Source: "phone-1001", User: "1001", Domain: "portal.example", Secret: made })).status).toBe(200);
});

test("why a call was refused, in plain words", async ({ as }) => {
  const refused = await place({ Source: "outside", URI: "sip:8991234567@portal.example", From: "sip:0471234@elsewhere.example" });
  expect(refused.status).toBe(403);
  const decided = await api<{ items: { ref: string; sentence: string }[] }>("GET", `/decisions?customer=${scene.portal}&reason=blocklist&limit=1`);
  const { ref, sentence } = decided.items[0] ?? { ref: "none", sentence: "none" };
  const page = await as("customer");
  await open(page, "/my-calls");
  const row = page.getByRole("row").filter({ hasText: ref });
  await expect(row).toBeVisible();
  await expect(row).toContainText(sentence);
  await open(page, "/account");
  await expect(page.getByRole("row").filter({ hasText: ref })).toContainText(sentence);
});

test("more channels are asked for and granted", async ({ as }) => {
  const piero = await as("customer");
  await open(piero, "/account");
  await piero.getByRole("button", { name: "Ask for more channels" }).click();
  await fill(piero, { "Channels in all": 9, "What for": "a <b>second</b> office" });
  await press(piero, "Send");
  await expect(piero.getByText("9 channels")).toBeVisible();
  const carlo = await as("company");
  await open(carlo, "/requests");
  await expect(carlo.getByText("a <b>second</b> office")).toBeVisible();
  await carlo.getByRole("button", { name: "Grant Portal more channels" }).click();
  await press(carlo, "Grant");
  await expect(carlo.getByText("Nobody asks for anything")).toBeVisible();
  expect((await api<{ call_limit: number }>("GET", `/customers/${scene.portal}`)).call_limit).toBe(9);
});
