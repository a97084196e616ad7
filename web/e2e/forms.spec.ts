// What a form offers beside its fields: a tester, a look at the last day's requests; and acts on phones and bans.

import { choose, dialog, expect, field, fill, open, press, test } from "./panel";
import { api, place, register, send, textsOf } from "./scene";
import { customerOf } from "./setting";

test("a regex is tried from its form on recent traffic, and taken over; what it would have dropped is said before", async ({ as }) => {
  const of = await customerOf("Tried First", ["west"]);
  await expect.poll(() => of.calls({ Agent: "snomD735" })).toBe("west");
  for (const n of [1, 2, 3]) expect(await of.calls({ Agent: `Grandstream GXP${n}` })).toBe("west");
  const page = await as("platform");
  await open(page, of.path("/firewall"));
  await page.getByRole("button", { name: "Add a rule" }).first().click();
  await fill(page, { Name: "no Grandstream", Value: "Grand(stream" });
  await dialog(page).getByRole("button", { name: "Check your regex" }).click();
  const value = () => dialog(page).getByRole("textbox", { name: "Value" });
  await expect(dialog(page).getByText("Here:")).toBeVisible();
  await value().fill(".*Grandstream.*");
  await dialog(page).getByRole("textbox", { name: /Texts to try/ }).fill("Yealink <b>T46</b>\n");
  await expect(dialog(page).getByText("0 of 1 matches")).toBeVisible();
  await dialog(page).getByRole("button", { name: "Add samples" }).click();
  await expect(dialog(page).getByText("3 of 5 match")).toBeVisible();
  await expect(dialog(page).locator("mark").filter({ hasText: "Grandstream GXP2" })).toBeVisible();
  await press(page, "Take it over");
  await expect(field(page, "Value")).toHaveValue(".*Grandstream.*");
  // The form follows what is typed: what the rule would have done is said before it is saved.
  await expect(dialog(page).getByRole("status").filter({ hasText: /It would have dropped 3 of \d+ requests, 0 of registered phones/ })).toBeVisible();
  await dialog(page).getByRole("button", { name: "3 samples" }).click();
  await expect(dialog(page).getByRole("cell", { name: "Grandstream GXP3" })).toBeVisible();
  await choose(page, "Mode", /Enforce/);
  await press(page, "Add a rule");
  await expect.poll(() => of.calls({ Agent: "Grandstream GXP1" })).toBe(0);
  expect(await of.calls({ Agent: "snomD735" })).toBe("west");
});

test("what is wrong with a form is Italian where the panel is", async ({ as }) => {
  const of = await customerOf("Sbagliato", []);
  const page = await as("platform", { language: "it" });
  await open(page, of.path("/destinations"));
  await page.getByRole("button", { name: "Aggiungi una destinazione" }).first().click();
  await fill(page, { Nome: "ovest", "Indirizzo o host": "a b" });
  await dialog(page).getByRole("button", { name: "Aggiungi una destinazione" }).last().click();
  await expect(dialog(page).getByText(`"a b" contiene " ", che in un nome di host non c'è; un indirizzo, o un nome come pbx.example.com`)).toBeVisible();
});

test("a text goes to a phone, and who has none is told so", async ({ as }) => {
  const of = await customerOf("Texted", [], { registration: "local" });
  const secret = "Correct-Horse-951";
  for (const username of ["951", "952"]) await api("POST", "/sip-users", { customer_id: of.id, username, password: secret });
  await expect.poll(async () => (await register({ Source: "texted", User: "951", Domain: of.domain, Secret: secret })).status).toBe(200);
  const page = await as("platform");
  await open(page, of.path("/sip-users"));
  await page.getByRole("button", { name: "Send a message to 951" }).click();
  await fill(page, { Text: "Lunch at <b>1</b>? È pronto\nAnna" });
  await dialog(page).getByRole("button", { name: "Send", exact: true }).click();
  await expect(dialog(page).getByText("Delivered")).toBeVisible();
  expect(await textsOf("texted")).toEqual(["Lunch at <b>1</b>? È pronto\nAnna"]);
  await fill(page, { Text: "x".repeat(801) });
  await expect(dialog(page).getByRole("button", { name: "Send", exact: true })).toBeDisabled();
  await dialog(page).getByRole("button", { name: "Close" }).last().click();
  await page.getByRole("button", { name: "Send a message to 952" }).click();
  await fill(page, { Text: "Anybody there?" });
  await dialog(page).getByRole("button", { name: "Send", exact: true }).click();
  await expect(dialog(page).getByText("No phone is registered")).toBeVisible();
  expect(await textsOf("texted")).toEqual([]);
});

test("a phone's new password is copied, shown once, and ends the old one", async ({ as }) => {
  const of = await customerOf("New Secrets", [], { registration: "local" });
  await api("POST", "/sip-users", { customer_id: of.id, username: "961", password: "Correct-Horse-961" });
  const status = async (Secret: string) => (await register({ Source: "phone-961", User: "961", Domain: of.domain, Secret })).status;
  await expect.poll(() => status("Correct-Horse-961")).toBe(200);
  const page = await as("platform");
  await open(page, of.path("/sip-users"));
  await page.getByRole("button", { name: "New password for 961" }).click();
  await dialog(page).getByRole("button", { name: "Make a new password" }).click();
  await expect(page.getByText("This is shown now and never again")).toBeVisible();
  const shown = await dialog(page).getByRole("textbox", { name: "Password" }).inputValue();
  await dialog(page).getByRole("button", { name: "Copy", exact: true }).click();
  await expect(dialog(page).getByRole("button", { name: "Copied" })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(shown);
  await press(page, "I have it");
  expect(await page.content(), "it is still in the page").not.toContain(shown);
  await expect.poll(() => status(shown)).toBe(200);
  expect(await status("Correct-Horse-961")).not.toBe(200);
});

test("where a phone's media comes from is its user's own, or as the profile says", async ({ as }) => {
  const of = await customerOf("Own Sources", [], { registration: "local" });
  const { id } = await api<{ id: number }>("POST", "/sip-users", { customer_id: of.id, username: "971", password: "Correct-Horse-971" });
  const page = await as("platform");
  for (const [shown, option, kept] of [["as the profile says", /Strict/, "strict"], ["Strict: only as SDP says", "as the profile says", null]] as const) {
    await open(page, `/sip-users?edit=${id}`);
    await expect(field(page, "Where media goes")).toHaveValue(shown);
    await choose(page, "Where media goes", option);
    await press(page, "Save");
    expect((await api<{ latching: string | null }>("GET", `/sip-users/${id}`)).latching).toBe(kept);
  }
});

test("some are unbanned together, one is whitelisted: calls of both get through, a ban holds neither the second time", async ({ as }) => {
  const of = await customerOf("Forgiven", ["west"]);
  const names = ["forgiven-a", "forgiven-b"];
  const addresses = new Map<string, string>();
  for (const Source of names) {
    await expect.poll(() => of.calls({ Source })).toBe("west");
    addresses.set(Source, (await send({ Source, Method: "OPTIONS", URI: `sip:${of.domain}`, Silence: true })).source);
  }
  for (const address of addresses.values()) await api("POST", "/bans", { address, customer_id: of.id, reason: "a batch of two", for: "1h" });
  for (const Source of names) await expect.poll(() => of.calls({ Source })).toBe(0);
  const page = await as("platform");
  await open(page, of.path("/bans"));
  await page.getByRole("checkbox", { name: "Select all rows" }).check();
  await page.getByRole("button", { name: "Unban 2" }).click();
  await press(page, "Unban 2");
  for (const Source of names) await expect.poll(() => of.calls({ Source })).toBe("west");
  await open(page, of.path("/whitelist"));
  await page.getByRole("button", { name: "Add to whitelist" }).first().click();
  await fill(page, { "Address or range": addresses.get("forgiven-a") ?? "" });
  await press(page, "Add to whitelist");
  for (const address of addresses.values()) await api("POST", "/bans", { address, customer_id: of.id, reason: "again", for: "1h" }).catch(() => undefined);
  await expect.poll(() => of.calls({ Source: "forgiven-b" })).toBe(0);
  expect(await of.calls({ Source: "forgiven-a" })).toBe("west");
  expect((await place({ Source: "forgiven-a", URI: `sip:0501234567@${of.domain}`, Silence: true })).status).toBe(200);
});
