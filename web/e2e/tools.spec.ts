// The tools by themselves, and what the other side is told to type: nothing but the node's own values.

import type { Page } from "@playwright/test";
import { accessible, dialog, expect, open, test } from "./panel";
import { api, scene } from "./scene";
import { customerOf } from "./setting";

const main = (page: Page) => page.getByRole("main");

test("a rewriting, step by step, as traffic is rewritten", async ({ as }) => {
  const of = await customerOf("Tool Rewrites", ["east"], { country_code: "39" });
  const page = await as("platform");
  await open(page, of.path("/tools?tool=rewrite"));
  await main(page).getByRole("textbox", { name: "Tech prefix" }).fill("9#");
  await main(page).getByRole("button", { name: "Add a rewriting" }).click();
  await main(page).getByRole("textbox", { name: "Now" }).fill("040");
  await main(page).getByRole("textbox", { name: "Becomes" }).fill("39040");
  await main(page).getByRole("textbox", { name: "Number called" }).fill("9#0401234567");
  await main(page).getByRole("textbox", { name: /^Number calling/ }).fill("0401112233");
  const steps = main(page).getByRole("table").filter({ hasText: "Before" }).getByRole("row");
  await expect(steps.filter({ hasText: "9#0401234567" })).toContainText("0401234567");
  await expect(steps.filter({ hasText: /^\d.*0401234567390401234567/ })).toHaveCount(1);
  await expect(main(page).getByText("Number called: 390401234567")).toBeVisible();
  const { destination } = await api<{ destination: string }>("POST", "/tools/rewrite", { customer_id: of.id, tech_prefix: "9#", rewrite: [{ what: "destination", match: "prefix", current: "040", new: "39040" }], destination: "9#0401234567" });
  expect(destination).toBe("390401234567");
});

test("a regex from examples, which the rule then has", async ({ as }) => {
  const page = await as("platform");
  await open(page, "/tools?tool=rewrite");
  await main(page).getByRole("button", { name: "Add a rewriting" }).click();
  await main(page).getByRole("button", { name: "Regex from examples" }).click();
  const box = dialog(page);
  await box.getByRole("textbox", { name: "Numbers that it shall match" }).fill("0401111111\n0402222222\n");
  await box.getByRole("textbox", { name: "Numbers that it shall not match" }).fill("0501111111\n");
  const regex = await box.locator("code").first().innerText();
  await box.getByRole("textbox", { name: "Numbers that it shall not match" }).fill("0401111111\n");
  await expect(box.getByRole("alert")).toContainText("both an example and a counter-example");
  await box.getByRole("textbox", { name: "Numbers that it shall not match" }).fill("0501111111\n");
  await expect(box.locator("code").first()).toHaveText(regex);
  const { results } = await api<{ results: { matches: boolean }[] }>("POST", "/tools/regex", { value: regex, match: "regex", strings: ["0401111111", "0402222222", "0501111111"] });
  expect(results.map((r) => r.matches)).toEqual([true, true, false]);
  await box.getByRole("button", { name: "Use", exact: true }).first().click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(main(page).getByRole("textbox", { name: "Now" })).toHaveValue(regex);
});

test("a regex on samples of recent traffic, and what is wrong with one", async ({ as }) => {
  const of = await customerOf("Tool Samples", ["east"]);
  for (const Agent of ["Snom D735/10", "Yealink T46", "Snom D785/10"]) expect(await of.calls({ Agent })).toBe("east");
  await expect.poll(async () => (await api<{ items: unknown[] }>("GET", `/decisions?customer=${of.id}`)).items.length).toBe(3);
  const page = await as("platform");
  await open(page, of.path("/tools?tool=regex"));
  await main(page).getByRole("textbox", { name: "Value" }).fill("Snom D7[38]5.*");
  await main(page).getByRole("button", { name: "Add samples" }).click();
  await expect(main(page).getByText("2 of 3 match")).toBeVisible();
  await expect(main(page).locator("mark").filter({ hasText: "Snom D785/10" })).toBeVisible();
  await expect(main(page).locator("mark").filter({ hasText: "Yealink" })).toHaveCount(0);
  await main(page).getByRole("textbox", { name: "Value" }).fill("Snom (D7");
  await expect(main(page).getByText("Here:")).toBeVisible();
});

for (const look of [{ language: "en", theme: "light" }, { language: "it", theme: "dark" }] as const)
  test(`a range: what it holds, who has some of it, and whether an address gets in, ${look.language}`, async ({ as }) => {
    const net = look.language === "en" ? "203.0.113.16" : "203.0.113.48";
    const words = look.language === "en"
      ? { range: "Address or range", bits: "28 bits fixed, 4 free", taken: "Who has some of it already", in: "It would get in", out: "It would not get in", free: "Nobody has any of it yet." }
      : { range: "Indirizzo o intervallo", bits: "28 bit fissi, 4 liberi", taken: "Chi ne ha già una parte", in: "Entrerebbe", out: "Non entrerebbe", free: "Nessuno ne ha ancora una parte." };
    const of = await customerOf(`Ranges ${look.language}`, ["east"]);
    const at = net.replace(/\d+$/, (last) => String(Number(last) + 4));
    await api("POST", "/switches", { customer_id: of.id, name: `the trunk ${look.language}`, direction: "egress", addresses: [at] });
    const page = await as("platform", look);
    await open(page, "/tools?tool=cidr");
    const range = main(page).getByRole("textbox", { name: words.range });
    await range.fill(`${net}/28`);
    await expect(main(page).getByText(words.bits)).toBeVisible();
    for (const part of [net, net.replace(/\d+$/, (last) => String(Number(last) + 15)), "255.255.255.240", "16"]) await expect(main(page).getByText(part, { exact: true }).first()).toBeVisible();
    await expect(main(page).getByText(words.taken)).toBeVisible();
    await expect(main(page).getByRole("row").filter({ hasText: `the trunk ${look.language}` })).toContainText(at);
    await accessible(page, `a range ${look.language}`, "main");

    // As whom: the node's own words, once its configuration has the entry.
    await expect.poll(async () => (await api<{ admission: { known: boolean } }>("POST", "/tools/cidr", { cidr: at })).admission.known).toBe(true);
    await range.fill(at);
    const told = main(page).getByRole("alert").filter({ hasText: words.in });
    await expect(told).toBeVisible();
    await expect(told).toContainText(`Ranges ${look.language}`);
    await range.fill("203.0.113.99");
    await expect(main(page).getByRole("alert").filter({ hasText: words.out })).toBeVisible();
    await expect(main(page).getByText(words.free)).toBeVisible();
    await expect(page).toHaveURL(/cidr=203\.0\.113\.99/);
    await range.fill("203.0.113.0/33");
    await expect(main(page).getByRole("alert")).toBeVisible();
  });

interface Setup {
  items: { key: string; value: string }[];
  examples: { for: string; text: string }[];
}

test("how to set up the other side: a phone, a switch and a destination, with the node's own values", async ({ as }) => {
  const of = await customerOf("Other Side", ["east"], { registration: "local", country_code: "39" });
  const user = await api<{ id: number }>("POST", "/sip-users", { customer_id: of.id, username: "701", generate_password: true });
  const egress = await api<{ id: number }>("POST", "/switches", { customer_id: of.id, name: "trunk in", direction: "egress", addresses: ["192.0.2.71"], tech_prefix: "71" });
  const ingress = await api<{ id: number }>("POST", "/switches", { customer_id: of.id, name: "trunk out", direction: "ingress", host: "192.0.2.72", username: "we-are-72", password: "Correct-Horse-72" });
  const east = (await api<{ items: { id: number }[] }>("GET", `/destinations?customer=${of.id}`)).items[0]!;
  const { listeners } = await api<{ listeners: { url: string }[] }>("GET", "/node");
  const door = listeners.find((l) => l.url.startsWith("udp://"))!.url.replace("udp://", "");
  const page = await as("platform");
  const look = async (path: string, noun: string, id: number, name: string, wanted: string[]) => {
    await open(page, of.path(path));
    await page.getByRole("button", { name: `How to set up the other side: ${name}` }).click();
    const { items, examples } = await api<Setup>("GET", `/${noun}/${id}/setup`);
    for (const { value } of items) await expect(dialog(page).getByText(value, { exact: true }).first(), `${name}: ${value}`).toBeVisible();
    for (const example of examples) await expect(dialog(page).getByText(example.text.trim().split("\n")[0] ?? "", { exact: false }).first()).toBeVisible();
    for (const value of wanted) expect(await dialog(page).innerText(), name).toContain(value);
    expect(await dialog(page).innerText(), "no secret").not.toContain("Correct-Horse");
    await dialog(page).getByRole("button", { name: /^Copy: / }).first().click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(items[0]!.value);
    await accessible(page, `set up ${name}`, "[role=dialog]");
    await dialog(page).getByRole("button", { name: "Close" }).click();
  };
  await look("/sip-users", "sip-users", user.id, "701", [of.domain, door, "701"]);
  await look("/switches", "switches", egress.id, "trunk in", ["192.0.2.71", door, "71"]);
  await look("/switches", "switches", ingress.id, "trunk out", ["we-are-72", "Calls come from", "They authenticate as"]);
  await look("/destinations", "destinations", east.id, "east", [of.domain, door, "Requests come from, and calls out go to"]);
  expect(scene.url).toContain("127.0.0.1");
});
