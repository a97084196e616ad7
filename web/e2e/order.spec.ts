// Rules and destinations put in order, by drag and by keyboard; many rows changed at once; two people at one
// row. Calls prove what came of it.

import type { Locator, Page } from "@playwright/test";
import { choose, dialog, expect, field, fill, open, press, settled, test } from "./panel";
import { api, scene } from "./scene";
import { type Made, customerOf, isIn, person, stranger, tryToEnter } from "./setting";

type Item = Record<string, unknown> & { id: number; name: string; priority: number };

/** Drags a row by its handle to the place of another one. */
async function drag(page: Page, from: string, to: string): Promise<void> {
  const grip = (name: string) => page.getByRole("button", { name: `Move ${name}`, exact: true });
  const [a, b] = [await grip(from).boundingBox(), await grip(to).boundingBox()];
  if (!a || !b) throw new Error(`no handle of ${from} or ${to}`);
  const middle = (box: typeof a): [number, number] => [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(...middle(a));
  await page.mouse.down();
  await page.mouse.move(middle(a)[0], middle(a)[1] + 8 * Math.sign(b.y - a.y), { steps: 3 });
  await page.mouse.move(middle(b)[0], middle(b)[1] + 4 * Math.sign(b.y - a.y), { steps: 10 });
  await page.mouse.up();
}

/**
 * The same with the keyboard: space, an arrow, space. What is said of it meanwhile is for those who do not see it.
 * An arrow that comes before the page listens for it is lost, so whoever hears nothing begins again; only the last space changes anything.
 */
async function moveByKeys(page: Page, name: string, arrow: "ArrowUp" | "ArrowDown"): Promise<void> {
  const told = page.getByRole("status").or(page.locator("[aria-live=assertive]"));
  const over = (place: number) => expect(told.filter({ hasText: `${name} is over place ${place} of 2` })).toHaveCount(1, { timeout: 3000 });
  const [from, to] = arrow === "ArrowUp" ? [2, 1] : [1, 2];
  await expect(async () => {
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: `Move ${name}`, exact: true }).focus();
    await page.keyboard.press("Space");
    await over(from);
    await page.keyboard.press(arrow);
    await over(to);
  }).toPass({ timeout: 30_000 });
  await page.keyboard.press("Space");
  await expect(told.filter({ hasText: `${name} is put down` })).toHaveCount(1);
}

const namesIn = (list: Locator) => list.getByRole("listitem").evaluateAll((all) => all.map((li) => li.querySelector(".tg-link")?.textContent ?? ""));

async function rule(of: Made, fields: object): Promise<Item> {
  return api<Item>("POST", "/firewall-rules", { customer_id: of.id, header: "user-agent", match: "regex", mode: "enforce", ...fields });
}

test("firewall rules are dragged into another order, and put back by keyboard", async ({ as }) => {
  const of = await customerOf("Ordered Wall", ["east"]);
  await rule(of, { name: "let Yealink in", value: ".*Yealink.*", priority: 10, action: "accept" });
  await rule(of, { name: "nobody else", value: ".*", priority: 20, action: "drop" });
  const yealink = () => of.calls({ Agent: "Yealink SIP-T46U" });
  await expect.poll(yealink).toBe("east");
  const page = await as("platform");
  await open(page, of.path("/firewall"));
  const list = page.getByRole("list", { name: "Firewall" });
  await drag(page, "nobody else", "let Yealink in");
  await expect.poll(() => namesIn(list)).toEqual(["nobody else", "let Yealink in"]);
  await expect.poll(yealink).toBe(0);
  await moveByKeys(page, "let Yealink in", "ArrowUp");
  await expect.poll(() => namesIn(list)).toEqual(["let Yealink in", "nobody else"]);
  await expect.poll(yealink).toBe("east");
  expect(await of.calls({ Agent: "snom" })).toBe(0);
});

test("routing rules and destinations are put in order in the picture", async ({ as }) => {
  const of = await customerOf("Ordered Routes", ["east", "west"], { destination_mode: "priority", destination_groups_enabled: true });
  await api("POST", "/destination-groups", { customer_id: of.id, number: 2, name: "second" });
  await api("POST", "/destinations", { customer_id: of.id, name: "west too", host: scene.pbx.west.host, port: scene.pbx.west.port, protocol: "udp", group: 2, priority: 1 });
  const route = (fields: object) => api("POST", "/routing-rules", { customer_id: of.id, header: "user-agent", match: "regex", ...fields });
  await route({ name: "all phones", value: ".*", group: 1, priority: 10 });
  await route({ name: "Cisco", value: ".*Cisco.*", group: 2, priority: 20 });
  const cisco = () => of.calls({ Agent: "Cisco/SPA504G" });
  await expect.poll(cisco).toBe("east");
  const page = await as("platform");
  await open(page, of.path("/routing"));
  await expect(page.getByText("Never matches.")).toBeVisible();
  await drag(page, "Cisco", "all phones");
  await expect.poll(cisco).toBe("west");
  await expect(page.getByText("Never matches.")).toHaveCount(0);
  await moveByKeys(page, "all phones", "ArrowUp");
  await expect.poll(cisco).toBe("east");
  // The second destination of the first group becomes its first.
  await moveByKeys(page, "west", "ArrowUp");
  await expect.poll(() => of.calls()).toBe("west");
});

test("many rules are put into force at once, and none where one cannot be", async ({ as }) => {
  const of = await customerOf("Bulk Rules", ["east"]);
  for (const n of [1, 2, 3]) await rule(of, { name: `phone ${n}`, value: `.*Phone${n}.*`, priority: n, action: "drop", mode: "monitor" });
  await expect.poll(() => of.calls({ Agent: "Phone3" })).toBe("east");
  const page = await as("platform");
  await open(page, of.path("/firewall?view=list"));
  await page.getByRole("checkbox", { name: "Select all rows" }).check();
  await page.getByRole("button", { name: "Edit 3" }).click();
  await choose(page, "Mode", /Enforce/);
  await expect(dialog(page).getByRole("button", { name: "Save" })).toBeDisabled();
  await dialog(page).getByRole("checkbox", { name: "Change mode of 3 rows" }).check();
  await press(page, "Save");
  await expect.poll(() => of.calls({ Agent: "Phone3" })).toBe(0);
  const modes = await api<{ items: { mode: string; value: string }[] }>("GET", `/firewall-rules?customer=${of.id}`);
  expect(modes.items.map((r) => r.mode)).toEqual(["enforce", "enforce", "enforce"]);
  expect(new Set(modes.items.map((r) => r.value)).size, "only what was touched is changed").toBe(3);
});

test("channels of many phones: more than the account has are given to none", async ({ as }) => {
  const of = await customerOf("Bulk Phones", [], { call_limit: 6 });
  for (const n of [1, 2, 3]) await api("POST", "/sip-users", { customer_id: of.id, username: `80${n}`, channels: 1, generate_password: true });
  const page = await as("platform");
  await open(page, of.path("/sip-users"));
  await page.getByRole("checkbox", { name: "Select all rows" }).check();
  await page.getByRole("button", { name: "Edit 3" }).click();
  const give = async (channels: number) => {
    await fill(page, { Channels: channels });
    const sure = dialog(page).getByRole("checkbox", { name: /^Change channels/ });
    if (!(await sure.isChecked())) await sure.check();
    await dialog(page).getByRole("button", { name: "Save" }).click();
  };
  const has = async () => (await api<{ items: { channels: number }[] }>("GET", `/sip-users?customer=${of.id}`)).items.map((u) => u.channels);
  await give(3);
  await expect(dialog(page).getByText(/No channel capacity available/).first()).toBeVisible();
  expect(await has()).toEqual([1, 1, 1]);
  await give(2);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect(await has()).toEqual([2, 2, 2]);
});

test("ten or more are deleted only when their number was typed", async ({ as }) => {
  const of = await customerOf("Bulk Numbers");
  for (let n = 10; n < 22; n++) await api("POST", "/blocklist", { customer_id: of.id, prefix: `0088${n}` });
  const page = await as("platform");
  await open(page, of.path("/blocklist"));
  await page.getByRole("checkbox", { name: "Select all rows" }).check();
  await page.getByRole("button", { name: "Delete 12" }).click();
  const go = dialog(page).getByRole("button", { name: "Delete 12" });
  await expect(go).toBeDisabled();
  await dialog(page).getByRole("textbox", { name: "Type 12 to confirm" }).fill("12");
  await press(page, "Delete 12");
  await expect(page.getByText("No blocked prefixes yet")).toBeVisible();
  expect((await api<{ items: unknown[] }>("GET", `/blocklist?customer=${of.id}`)).items).toEqual([]);
});

test("two people change one rule: the second is told who was first, and chooses", async ({ as, browser }) => {
  const of = await customerOf("Two Hands");
  const made = await rule(of, { name: "shared", value: "one", priority: 1, action: "drop", mode: "monitor" });
  const email = await person("anna");
  const anna = await (await stranger(browser)).newPage();
  await tryToEnter(anna, email);
  await isIn(anna);
  const page = await as("platform");
  const edit = async (who: Page, value: string) => {
    await open(who, of.path(`/firewall?edit=${made.id}`));
    await fill(who, { Value: value });
  };
  const saveOf = (who: Page) => dialog(who).getByRole("button", { name: "Save", exact: true });
  const value = async () => (await api<Item>("GET", `/firewall-rules/${made.id}`)).value;
  await edit(page, "mine");
  await edit(anna, "Anna's");
  await saveOf(anna).click();
  await expect(anna.getByRole("dialog")).toHaveCount(0);
  await saveOf(page).click();
  const told = dialog(page).getByRole("alert").filter({ hasText: "Somebody else has changed it meanwhile" });
  await expect(told).toContainText(new RegExp(`Changed by ${email} \\d+ s ago`));
  await expect(told).toContainText("value (you too)");
  expect(await value()).toBe("Anna's");
  await told.getByRole("button", { name: "Take that version" }).click();
  await expect(field(page, "Value")).toHaveValue("Anna's");
  await fill(page, { Value: "mine after all" });
  await api("PATCH", `/firewall-rules/${made.id}`, { value: "a script's" });
  await saveOf(page).click();
  await told.getByRole("button", { name: "Save mine over it" }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect(await value()).toBe("mine after all");
  await anna.context().close();
  await settled(page);
});
