// Every kind of change is taken back from the audit log; one is proved by calls.

import words from "../src/i18n/en/audit.json" with { type: "json" };
import type { Page } from "@playwright/test";
import { dialog, expect, open, press, test } from "./panel";
import { api, scene } from "./scene";
import { type Made, customerOf } from "./setting";

interface Kind {
  noun: keyof typeof words.noun; // as the API's audit log calls it
  path: string;
  /** What finds it in the audit log, where that is not its name. */
  called?: string;
  made: object;
  /** What is changed, and taken back. */
  patch: Record<string, unknown>;
  /** What a deleted one comes back without. */
  missing?: RegExp;
  /** It comes back with a new password, shown once. */
  password?: boolean;
  /** What is deleted stays deleted. */
  final?: boolean;
}

type Item = Record<string, unknown> & { id: number };

function kinds(of: Made, sw: number): Kind[] {
  const mine = { customer_id: of.id };
  return [
    { noun: "company", path: "companies", made: { name: "undo company" }, patch: { channels: 5 }, missing: /its users, keys and profiles/ },
    { noun: "user", path: "users", made: { email: "undo@panel.example", role: "platform", access: "operator" }, patch: { access: "read-only" }, missing: /password: make a link/ },
    { noun: "customer", path: "customers", made: { name: "undo customer", company_id: scene.company }, patch: { call_limit: 7 }, missing: /all that the customer owned/ },
    { noun: "domain", path: "domains", made: { ...mine, name: "undo.example" }, patch: { name: "undone.undo.example" } },
    { noun: "destination-group", path: "destination-groups", called: "7", made: { ...mine, number: 7, name: "undo group" }, patch: { name: "undo group b" } },
    { noun: "destination", path: "destinations", made: { ...mine, name: "undo-pbx", host: "192.0.2.9", port: 5060, protocol: "udp", group: 1, priority: 9 }, patch: { priority: 3 } },
    { noun: "routing-rule", path: "routing-rules", made: { ...mine, name: "undo route", header: "user-agent", match: "word", value: "x", group: 1, priority: 9 }, patch: { value: "y" } },
    { noun: "firewall-rule", path: "firewall-rules", made: { ...mine, name: "undo wall", header: "user-agent", match: "word", value: "x", priority: 9, action: "drop", mode: "enforce" }, patch: { mode: "monitor" } },
    { noun: "blocklist", path: "blocklist", made: { ...mine, prefix: "0099881" }, patch: { domain: of.domain } },
    { noun: "whitelist", path: "whitelist", called: "192.0.2.240", made: { ...mine, cidr: "192.0.2.240/32" }, patch: { cidr: "192.0.2.240/29" } },
    { noun: "switch", path: "switches", made: { ...mine, name: "undo switch", direction: "egress", addresses: ["192.0.2.51"] }, patch: { channels: 3 } },
    { noun: "cli", path: "clis", made: { ...mine, match: "exact", value: "0099882" }, patch: { match: "regex" } },
    { noun: "did", path: "dids", made: { ...mine, number: "390409990001", switch_id: sw }, patch: { number: "3904099900010" } },
    { noun: "sip-user", path: "sip-users", made: { ...mine, username: "7701", generate_password: true }, patch: { channels: 2 }, password: true },
    { noun: "sip-profile", path: "sip-profiles", made: { company_id: scene.company, name: "undo profile" }, patch: { channels: 3 } },
    { noun: "api-key", path: "api-keys", made: { name: "undo key", role: "platform", access: "read-only" }, patch: { access: "operator" }, final: true },
  ];
}

const read = (k: Kind, id: number) => api<Item>("GET", `/${k.path}/${id}`);

const rowsOf = (page: Page, action: string, k: Kind) =>
  page.getByRole("row").filter({ has: page.getByText(action, { exact: true }) }).filter({ has: page.getByRole("button", { name: new RegExp(`^${words.noun[k.noun]} `) }) });

/** Takes back the latest entry of an act on a noun, and closes what is told then. */
async function undo(page: Page, action: string, k: Kind): Promise<void> {
  await rowsOf(page, action, k).first().getByRole("button", { name: /^Undo/ }).click();
  await dialog(page).getByRole("button", { name: "Undo", exact: true }).click();
  if (action === "delete" && k.password) await press(page, "I have it");
  if (action === "delete" && k.missing) {
    await expect(dialog(page).getByText(k.missing)).toBeVisible();
    await dialog(page).getByRole("button", { name: "Close" }).last().click();
  }
  await expect(page.getByRole("dialog")).toHaveCount(0);
}

async function takenBack(page: Page, k: Kind): Promise<void> {
  const made = await api<Item>("POST", `/${k.path}`, k.made);
  const first = await read(k, made.id);
  const field = Object.keys(k.patch)[0] ?? "";
  await api("PATCH", `/${k.path}/${made.id}`, k.patch);
  const name = String((k.made as Record<string, unknown>).name ?? Object.values(k.made).find((v) => typeof v === "string" && v !== "exact"));
  const log = `/audit?q=${encodeURIComponent(k.called ?? name)}`;
  await open(page, log);
  await undo(page, "update", k);
  expect((await read(k, made.id))[field], `${k.noun}: ${field} is back`).toEqual(first[field]);
  await api("DELETE", `/${k.path}/${made.id}`);
  await expect(rowsOf(page, "delete", k)).toHaveCount(1);
  if (k.final) {
    await expect(rowsOf(page, "delete", k).getByRole("button", { name: /^Undo/ })).toHaveCount(0);
    return;
  }
  await undo(page, "delete", k);
  const again = (await api<{ items: Item[] }>("GET", `/${k.path}?q=${encodeURIComponent(name)}`)).items[0];
  expect(again?.id, `${k.noun}: a new one`).not.toBe(made.id);
  expect(again?.[field], k.noun).toEqual(first[field]);
  await undo(page, "create", k);
  expect((await api<{ items: Item[] }>("GET", `/${k.path}?q=${encodeURIComponent(name)}`)).items, `${k.noun} is gone again`).toEqual([]);
}

for (const half of [0, 1])
  test(`changes, deletions and creations of each kind are taken back, part ${half + 1}`, async ({ as }) => {
    test.setTimeout(150_000);
    const of = await customerOf(`Undo${half}`, [], { destination_groups_enabled: true });
    const sw = await api<Item>("POST", "/switches", { customer_id: of.id, name: "behind the DID", direction: "ingress", host: "192.0.2.52" });
    const page = await as("platform");
    for (const k of kinds(of, sw.id).filter((_, i) => i % 2 === half)) await test.step(k.noun, () => takenBack(page, k));
  });

test("what is taken back is so on the wire, and what was changed since is not", async ({ as }) => {
  const of = await customerOf("UndoneOnWire", ["east"]);
  await expect.poll(() => of.calls()).toBe("east");
  const rule = await api<Item>("POST", "/firewall-rules", { customer_id: of.id, name: "shut", header: "user-agent", match: "regex", value: ".*", priority: 1, action: "drop", mode: "enforce" });
  await expect.poll(() => of.calls()).toBe(0);
  const page = await as("platform");
  await open(page, of.path("/audit"));
  const row = (action: string) => page.getByRole("row").filter({ hasText: action }).filter({ hasText: words.noun["firewall-rule"] }).first();
  await row("create").getByRole("button", { name: /^Undo/ }).click();
  await press(page, "Undo");
  await expect.poll(() => of.calls()).toBe("east");
  // Somebody has changed it in between: it stays as he wants it, and the person is told.
  const other = await api<Item>("POST", "/firewall-rules", { customer_id: of.id, name: "later", header: "user-agent", match: "word", value: "x", priority: 1, action: "drop", mode: "monitor" });
  await api("PATCH", `/firewall-rules/${other.id}`, { value: "y" });
  await expect(row("update")).toBeVisible();
  await row("create").getByRole("button", { name: /^Undo/ }).click();
  await dialog(page).getByRole("button", { name: "Undo", exact: true }).click();
  await expect(dialog(page).getByText(/was changed by key scene/)).toBeVisible();
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  expect((await api<Item>("GET", `/firewall-rules/${other.id}`)).value).toBe("y");
  expect(rule.id).not.toBe(other.id);
});
