// Files through the browser: what is taken, what is told of the rest, and that nothing of a bad one is taken.

import { open as openFile, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { dialog, expect, open, press, test } from "./panel";
import { api, register } from "./scene";
import { customerOf } from "./setting";

test.describe.configure({ timeout: 150_000 });

/** Opens the import of a page, and chooses a file with this text. */
async function choose(page: Page, path: string, text: string): Promise<void> {
  await open(page, path);
  await page.getByRole("main").getByRole("button", { name: "Import", exact: true }).click();
  await again(page, text);
}

async function again(page: Page, text: string): Promise<void> {
  await page.locator("input[type=file]").setInputFiles({ name: "list.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
}

const look = (page: Page) => dialog(page).getByRole("button", { name: "Show what would change" }).click();

const all = async (path: string, customer: number) => (await api<{ items: Record<string, unknown>[] }>("GET", `/${path}?customer=${customer}`)).items;

test("SIP users: made with passwords that open, or not at all", async ({ as }) => {
  const of = await customerOf("Import Users", [], { registration: "local", call_limit: 5 });
  const page = await as("platform");
  await choose(page, of.path("/sip-users"), "username,password,channels\n901,generate,2\n902,Correct-Horse-902,1\n");
  await look(page);
  await expect(dialog(page).getByText("4 changes from 2 lines"), "two users, two passwords").toBeVisible();
  expect(await all("sip-users", of.id), "looking changes nothing").toEqual([]);
  await dialog(page).getByRole("button", { name: "Make 4 changes" }).click();
  await expect(page.getByText("This is shown now and never again")).toBeVisible();
  const secret = await dialog(page).getByRole("textbox", { name: /901/ }).inputValue();
  await press(page, "I have it");
  await expect(page.getByRole("button", { name: "902", exact: true })).toBeVisible();
  const status = async (User: string, Secret: string) => (await register({ Source: "imported-" + User, User, Domain: of.domain, Secret })).status;
  await expect.poll(() => status("901", secret)).toBe(200);
  expect(await status("902", "Correct-Horse-902")).toBe(200);
  expect(await status("902", "Wrong-Horse-902")).not.toBe(200);

  await choose(page, of.path("/sip-users"), "username,password,channels\n903,generate,1\n904,short,1\n<b>905</b>,generate,1\n906,generate,9\n");
  await look(page);
  const told = dialog(page).getByRole("alert");
  await expect(told).toContainText("line 3");
  await expect(told).toContainText("line 4");
  await dialog(page).getByRole("checkbox", { name: "Take the good lines, leave out the others" }).check();
  await look(page);
  await expect(dialog(page).getByText("2 changes from 4 lines")).toBeVisible();
  await expect(dialog(page).getByText(/line 5: .*No channel capacity/)).toBeVisible();
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  expect((await all("sip-users", of.id)).map((u) => u.username)).toEqual(["901", "902"]);
});

test("DIDs lead to users; a column that is none, and a user who is not there, are told", async ({ as }) => {
  const of = await customerOf("Import Numbers", [], { registration: "local", country_code: "39" });
  const user = await api<{ id: number }>("POST", "/sip-users", { customer_id: of.id, username: "911", generate_password: true });
  const page = await as("platform");
  await choose(page, of.path("/numbers"), "number,sip_user,switch\n390409991001,911,\n390409991002,912,\n");
  await look(page);
  await expect(dialog(page).getByRole("alert")).toContainText("line 3");
  await expect(dialog(page).getByRole("alert")).toContainText("912");
  await again(page, "number,sip_user,colour\n390409991001,911,red\n");
  await look(page);
  await expect(dialog(page).getByRole("alert")).toContainText("colour");
  await again(page, "number,sip_user\n390409991001,911\n");
  await look(page);
  await press(page, "Make 1 change");
  await expect(page.getByRole("button", { name: "390409991001", exact: true })).toBeVisible();
  expect(await all("dids", of.id)).toMatchObject([{ number: "390409991001", sip_user_id: user.id }]);
  await choose(page, of.path("/numbers"), "number,sip_user\n390409991001,911\n");
  await look(page);
  await expect(dialog(page).getByText("0 changes from 1 lines"), "once more it changes nothing").toBeVisible();
});

test("block list: a bare list blocks calls, comes out as it went in, and a formula is no prefix", async ({ as }) => {
  const of = await customerOf("Import Prefixes", ["east"], { country_code: "39" });
  const page = await as("platform");
  await choose(page, of.path("/blocklist"), "0501\n0502\n\n");
  await look(page);
  await press(page, "Make 2 changes");
  await expect.poll(() => of.calls({ number: "0501234567" })).toBe(403);
  await expect.poll(() => of.calls({ number: "0512345678" })).toBe("east");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export", exact: true }).click();
  const file = await (await download).path();
  const text = await readFile(file, "utf8");
  expect(text.trim().split(/\r?\n/)).toEqual(["prefix,domain,mode", "0501,,enforce", "0502,,enforce"]);
  await choose(page, of.path("/blocklist"), text);
  await look(page);
  await expect(dialog(page).getByText("0 changes from 2 lines")).toBeVisible();
  await again(page, `prefix,domain\n=1+1,\n<img src=x onerror=window.hit=1>,\n`);
  await look(page);
  await expect(dialog(page).getByRole("alert")).toContainText("line 2");
  await expect(dialog(page).getByRole("alert")).toContainText("line 3");
  expect(await page.locator("img[src=x]").count()).toBe(0);
  expect((await all("blocklist", of.id)).length).toBe(2);
});

test("a file that is too large is refused with its size, and one of many lines is taken", async ({ as }) => {
  const of = await customerOf("Import Much");
  const page = await as("platform");
  const path = join(tmpdir(), `tollgate-too-large-${process.pid}.csv`);
  const file = await openFile(path, "w");
  await file.truncate(101_000_000);
  await file.close();
  await open(page, of.path("/blocklist"));
  await page.getByRole("main").getByRole("button", { name: "Import", exact: true }).click();
  await page.locator("input[type=file]").setInputFiles(path);
  await expect(dialog(page).getByRole("alert")).toContainText("100 MB");
  await expect(dialog(page).getByRole("button", { name: "Show what would change" })).toBeDisabled();
  await rm(path);
  // More than the text field shows: it is sent as it is.
  await again(page, "prefix,domain\n" + Array.from({ length: 60_000 }, (_, i) => `0088${String(i).padStart(9, "0")},\n`).join(""));
  await expect(dialog(page).getByText(/list.csv .* is sent as it is/)).toBeVisible();
  await look(page);
  await expect(dialog(page).getByText("60000 changes from 60000 lines")).toBeVisible({ timeout: 30_000 });
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  expect(await all("blocklist", of.id)).toEqual([]);
});

test("firewall rules go out as CSV and YAML, and come in again, all or none", async ({ as }) => {
  const of = await customerOf("Import Rules", ["east"]);
  const rule = { customer_id: of.id, header: "user-agent", match: "regex", action: "drop", mode: "enforce" };
  await api("POST", "/firewall-rules", { ...rule, name: "=scanners", value: ".*friendly-scanner.*", priority: 1 });
  await expect.poll(() => of.calls({ Agent: "friendly-scanner" })).toBe(0);
  const page = await as("platform");
  await open(page, of.path("/firewall"));
  const out = async (form: "CSV" | "YAML") => {
    await page.getByRole("button", { name: "Export", exact: true }).click();
    await dialog(page).locator("label").filter({ hasText: form }).click();
    const text = await dialog(page).getByRole("textbox").inputValue();
    await dialog(page).getByRole("button", { name: "Close" }).click();
    return text;
  };
  const into = async (form: "CSV" | "YAML", text: string) => {
    await page.getByRole("button", { name: "Import", exact: true }).click();
    await dialog(page).locator("label").filter({ hasText: form }).click();
    await dialog(page).getByRole("textbox").fill(text);
    await look(page);
  };
  const csv = await out("CSV");
  expect(csv, "no spreadsheet computes it").toContain("'=scanners");
  const yaml = await out("YAML");
  await into("YAML", yaml);
  await expect(dialog(page).getByText("0 changes")).toBeVisible();
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  await into("CSV", csv.replace("=scanners", "=others").replace("friendly-scanner", "sipvicious") + "bad,user-agent,(,regex,9,drop,enforce\r\n");
  await expect(dialog(page).getByText(/line 3/)).toBeVisible();
  await dialog(page).getByRole("textbox").fill(csv.replace("=scanners", "=others").replace("friendly-scanner", "sipvicious"));
  await look(page);
  await dialog(page).getByRole("button", { name: /^Make \d+ changes?$/ }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect.poll(() => of.calls({ Agent: "sipvicious" })).toBe(0);
  expect(await of.calls({ Agent: "friendly-scanner" })).toBe("east");
});
