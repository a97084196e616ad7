// The headers that are changed in requests: their list in both forms, tried before and after it is saved; and
// how our registration at a switch is shown, which the same form asks for.

import type { Page } from "@playwright/test";
import { accessible, dialog, expect, open, press, settled, test } from "./panel";
import { api, scene } from "./scene";
import { customerOf } from "./setting";

interface Edit {
  action: string;
  name: string;
  value?: string;
}

interface Item {
  id: number;
  headers: Edit[];
}

const list = (page: Page, label = "Headers") => dialog(page).getByRole("table", { name: label, exact: true });
const rowOf = (page: Page, i: number) => list(page).locator("tbody").getByRole("row").nth(i);
const result = (page: Page, label = "Headers as they go on") => page.getByRole("region", { name: label });
const steps = (page: Page) => page.getByRole("table", { name: "Steps" }).getByRole("row");

/** Adds an edit at the end of the open form's list. */
async function add(page: Page, { action, name, value }: Edit): Promise<void> {
  const count = await list(page).locator("tbody").getByRole("row").count();
  await dialog(page).getByRole("button", { name: "Add a change of headers" }).click();
  const row = rowOf(page, count);
  await row.getByRole("combobox", { name: "What is done" }).click();
  await page.getByRole("option", { name: action, exact: true }).click();
  await row.getByRole("textbox", { name: "Header" }).fill(name);
  if (value === undefined) await expect(row.getByRole("textbox", { name: "Value" })).toHaveCount(0);
  else await row.getByRole("textbox", { name: "Value" }).fill(value);
}

/** What the open form's list holds, as it is shown. */
const shown = (page: Page) =>
  list(page).locator("tbody").getByRole("row").evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll("input:not([type=hidden])")].map((input) => (input as HTMLInputElement).value).join(" ")));

test("a switch's headers: three changes, one moved, tried, saved, and there again", async ({ as }) => {
  const of = await customerOf("Head Lines");
  const { id } = await api<Item>("POST", "/switches", { customer_id: of.id, name: "head lines trunk", direction: "egress", addresses: ["192.0.2.81"] });
  const page = await as("platform");
  await open(page, of.path(`/switches?edit=${id}`));
  await add(page, { action: "Remove", name: "X-Account" });
  await add(page, { action: "Replace", name: "user-agent", value: "Gate <b>1</b>" });
  await add(page, { action: "Add", name: "X-Account", value: "alfa" });
  await dialog(page).getByRole("button", { name: "Try it on a request" }).click();
  await expect(result(page)).toContainText("X-Account: alfa");
  await expect(result(page)).toContainText("user-agent: Gate <b>1</b>");
  await expect(result(page)).not.toContainText("X-Account: 1000");
  await expect(steps(page)).toHaveText([/^1Remove X-Accountchanges it$/, /^2Replace user-agent: Gate <b>1<\/b>changes it$/, /^3Add X-Account: alfachanges it$/]);

  // What is added first is removed, too: the order counts.
  await rowOf(page, 2).getByRole("button", { name: "Up" }).click();
  await rowOf(page, 1).getByRole("button", { name: "Up" }).click();
  expect(await shown(page)).toEqual(["Add X-Account alfa", "Remove X-Account", "Replace user-agent Gate <b>1</b>"]);
  await expect(result(page)).not.toContainText("X-Account");
  await dialog(page).getByRole("textbox", { name: "Headers of a request" }).fill("Subject: other\n");
  await expect(result(page)).toHaveText("Subject: other");
  await expect(steps(page).last()).toContainText("no change");
  await accessible(page, "a switch's headers", "[role=dialog]");

  await press(page, "Save");
  const saved: Edit[] = [{ action: "add", name: "X-Account", value: "alfa" }, { action: "remove", name: "X-Account" }, { action: "replace", name: "user-agent", value: "Gate <b>1</b>" }];
  expect((await api<Item>("GET", `/switches/${id}`)).headers).toEqual(saved);
  await page.reload();
  await open(page, of.path(`/switches?edit=${id}`));
  await expect(rowOf(page, 2)).toBeVisible();
  expect(await shown(page)).toEqual(["Add X-Account alfa", "Remove X-Account", "Replace user-agent Gate <b>1</b>"]);
  await dialog(page).getByRole("button", { name: "Take out change 2" }).click();
  await press(page, "Save");
  expect((await api<Item>("GET", `/switches/${id}`)).headers).toEqual([saved[0], saved[2]]);
});

test("what is wrong with a header is said at its row, and goes with it", async ({ as }) => {
  const of = await customerOf("Wrong Heads");
  const { id } = await api<Item>("POST", "/switches", { customer_id: of.id, name: "wrong heads trunk", direction: "egress", addresses: ["192.0.2.82"] });
  const page = await as("platform");
  await open(page, of.path(`/switches?edit=${id}`));
  await add(page, { action: "Add", name: "X-Good", value: "1" });
  await add(page, { action: "Add", name: "Via", value: "SIP/2.0/UDP 192.0.2.1" });
  await dialog(page).getByRole("button", { name: "Try it on a request" }).click();
  await expect(dialog(page).getByRole("alert").filter({ hasText: 'headers[1].name: "Via" cannot be changed' })).toBeVisible();
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await expect(rowOf(page, 1)).toContainText('"Via" cannot be changed: calls depend on it; another header');
  await expect(rowOf(page, 0)).not.toContainText("cannot be changed");
  await rowOf(page, 1).getByRole("button", { name: "Up" }).click();
  await expect(rowOf(page, 0)).toContainText('"Via" cannot be changed');
  await expect(rowOf(page, 1)).not.toContainText("cannot be changed");
  expect((await api<Item>("GET", `/switches/${id}`)).headers).toEqual([]);
  await rowOf(page, 0).getByRole("textbox", { name: "Header" }).fill("X-Via");
  await expect(rowOf(page, 0)).not.toContainText("cannot be changed");
  await press(page, "Save");
  expect((await api<Item>("GET", `/switches/${id}`)).headers.map((h) => h.name)).toEqual(["X-Via", "X-Good"]);
});

test("a destination's headers come after those of the switch that it is, also before it is there", async ({ as }) => {
  const of = await customerOf("Head Ways");
  await api("POST", "/switches", { customer_id: of.id, name: "head ways trunk", direction: "ingress", host: "192.0.2.83", headers: [{ action: "replace", name: "User-Agent", value: "the trunk" }, { action: "add", name: "X-Way", value: "trunk" }] });
  const page = await as("platform");
  await open(page, of.path("/destinations?edit=new"));
  await dialog(page).getByRole("textbox", { name: "Name" }).fill("head ways");
  await dialog(page).getByRole("radiogroup", { name: "Where" }).getByText("A switch").click();
  await dialog(page).getByRole("combobox", { name: "Switch" }).click();
  await page.getByRole("option", { name: "head ways trunk" }).click();
  await add(page, { action: "Remove", name: "x-way" });
  await dialog(page).getByRole("button", { name: "Try it on a request" }).click();
  await expect(steps(page)).toHaveText([/^1Replace User-Agent: the trunkchanges it$/, /^2Add X-Way: trunkchanges it$/, /^3Remove x-waychanges it$/]);
  await expect(result(page)).toContainText("User-Agent: the trunk");
  await expect(result(page)).not.toContainText("X-Way");
  await press(page, "Add a destination");
  const [made] = (await api<{ items: Item[] }>("GET", `/destinations?customer=${of.id}`)).items;
  expect(made?.headers).toEqual([{ action: "remove", name: "x-way" }]);
  await page.reload();
  await open(page, of.path(`/destinations?edit=${made?.id}`));
  await expect(rowOf(page, 0)).toBeVisible();
  expect(await shown(page)).toEqual(["Remove x-way"]);

  // One with a value again; a name that may not be is told here, too.
  await rowOf(page, 0).getByRole("combobox", { name: "What is done" }).click();
  await page.getByRole("option", { name: "Replace", exact: true }).click();
  await rowOf(page, 0).getByRole("textbox", { name: "Value" }).fill("destination");
  await rowOf(page, 0).getByRole("textbox", { name: "Header" }).fill("Contact");
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await expect(rowOf(page, 0)).toContainText('"Contact" cannot be changed');
  await rowOf(page, 0).getByRole("textbox", { name: "Header" }).fill("X-Way");
  await press(page, "Save");
  expect((await api<Item>("GET", `/destinations/${made?.id}`)).headers).toEqual([{ action: "replace", name: "X-Way", value: "destination" }]);
});

test("the tools try the list that a switch or a destination has saved; its address keeps which", async ({ as }) => {
  const of = await customerOf("Head Tools");
  const trunk = await api<Item>("POST", "/switches", { customer_id: of.id, name: "head tools trunk", direction: "ingress", host: "192.0.2.84", headers: [{ action: "add", name: "X-Way", value: "trunk" }] });
  const to = await api<Item>("POST", "/destinations", { customer_id: of.id, name: "head tools way", switch_id: trunk.id, headers: [{ action: "replace", name: "X-Way", value: "way" }, { action: "remove", name: "X-None" }] });
  const page = await as("platform", { language: "it", theme: "dark" });
  await open(page, of.path("/tools?tool=headers"));
  const main = page.getByRole("main");
  const became = result(page, "Header come proseguono");
  const rows = page.getByRole("table", { name: "Passi" }).getByRole("row");
  await expect(main.getByText("Scegline uno salvato")).toBeVisible();
  await main.getByRole("combobox", { name: "Switch" }).click();
  await page.getByRole("option", { name: "head tools trunk" }).click();
  await expect(became).toContainText("X-Way: trunk");
  await expect(rows).toHaveCount(1);
  await main.getByRole("radiogroup", { name: "Di chi è l'elenco" }).getByText("Destinazione").click();
  await main.getByRole("combobox", { name: "Destinazione" }).click();
  await page.getByRole("option", { name: "head tools way" }).click();
  await main.getByRole("textbox", { name: "Header di una richiesta" }).fill("INVITE sip:1@x SIP/2.0\nSubject: mine\n");
  await expect(became).toHaveText(/^Subject: mine\s+X-Way: way\s*$/);
  await expect(rows).toHaveText([/^1Aggiungi X-Way: trunklo cambia$/, /^2Sostituisci X-Way: waylo cambia$/, /^3Togli X-Nonenessun cambio$/]);
  await accessible(page, "the tools' headers", "main");
  await expect(page).toHaveURL(new RegExp(`of=destination.*id=${to.id}|id=${to.id}.*of=destination`));
  await page.reload();
  await settled(page);
  await expect(became).toContainText("X-Way: way");
  await main.getByRole("textbox", { name: "Header di una richiesta" }).fill("no header line");
  await expect(main.getByRole("alert")).toContainText("request: non sono righe di intestazione");
  await expect(became).toHaveCount(0);
});

test("who may only read sees a list and tries it, and cannot change it", async ({ as }) => {
  const of = await customerOf("Head Reader");
  const { id } = await api<Item>("POST", "/switches", { customer_id: of.id, name: "head reader trunk", direction: "egress", addresses: ["192.0.2.85"], headers: [{ action: "add", name: "X-Read", value: "only" }] });
  const page = await as("reader");
  await open(page, of.path(`/switches?edit=${id}`));
  await expect(rowOf(page, 0)).toBeVisible();
  expect(await shown(page)).toEqual(["Add X-Read only"]);
  for (const name of ["Value", "Header"]) await expect(rowOf(page, 0).getByRole("textbox", { name })).not.toBeEditable();
  await expect(list(page).getByRole("button")).toHaveCount(0);
  await expect(dialog(page).getByRole("button", { name: "Add a change of headers" })).toHaveCount(0);
  await dialog(page).getByRole("button", { name: "Try it on a request" }).click();
  await expect(result(page)).toContainText("X-Read: only");
});

test("our registration at a switch: it stands, or there is no answer; in the list and in the form", async ({ as }) => {
  const of = await customerOf("Head Office");
  const at = async (name: string, place: object) =>
    (await api<Item>("POST", "/switches", { customer_id: of.id, name, direction: "ingress", username: "we", password: "Correct-Horse-86", register: true, ...place })).id;
  const stands = await at("office that answers", { ...scene.pbx.east, protocol: "udp" });
  const fails = await at("office that is shut", { host: scene.pbx.east.host, port: 1, protocol: "tcp" });
  await api("POST", "/switches", { customer_id: of.id, name: "office of others", direction: "egress", addresses: ["192.0.2.86"] });
  const registered = async (id: number) => (await api<{ registration: { registered: boolean } | null }>("GET", `/switches/${id}`)).registration?.registered;
  await expect.poll(() => registered(stands)).toBe(true);
  await expect.poll(() => registered(fails)).toBe(false);
  const page = await as("platform");
  await open(page, of.path("/switches"));
  const row = (name: string) => page.getByRole("row").filter({ hasText: name });
  await expect(row("office that answers")).toContainText("registered");
  await expect(row("office that answers")).not.toContainText("not registered");
  await expect(row("office that is shut")).toContainText(/not registered\s*no answer/);
  await expect(row("office of others")).not.toContainText("registered");
  await page.getByRole("button", { name: "office that answers" }).first().click();
  await expect(dialog(page).getByText(/^until \d/)).toBeVisible();
  await expect(dialog(page).getByText("no answer")).toHaveCount(0);
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "office that is shut" }).first().click();
  await expect(dialog(page).getByText("no answer")).toBeVisible();
  await expect(dialog(page).getByText(/^tried again \d/)).toBeVisible();
  await accessible(page, "our registration at a switch");
  await open(page, of.path("/registrations?part=ours"));
  await expect(row("office that answers")).toContainText("registered");
  await expect(row("office that is shut")).toContainText(/not registered\s*no answer/);
  await expect(page.getByRole("row").filter({ hasText: "office of others" })).toHaveCount(0);
});
