// Calls that are up are hung up from the list, one and many: both parties get a BYE that says why.

import { dialog, expect, fill, open, press, test } from "./panel";
import { api, ended, place } from "./scene";
import { customerOf } from "./setting";

const hungUp = `SIP;cause=200;text="hung_up"`;

test("one call, then eleven, whose number has to be typed", async ({ as }) => {
  const of = await customerOf("Hung Up", ["east"]);
  const hold = async (count: number) => {
    for (let i = 0; i < count; i++) expect((await place({ Source: "talker", URI: `sip:05012345${10 + i}@${of.domain}`, Hold: true })).status).toBe(200);
  };
  const up = async () => (await api<{ items: unknown[] }>("GET", `/calls?customer=${of.id}`)).items.length;
  await hold(2);
  const page = await as("platform");
  await open(page, of.path("/calls"));
  await expect(page.getByText("2 calls are up")).toBeVisible();
  await page.getByRole("row").filter({ hasText: "0501234511" }).getByRole("checkbox").check();
  await page.getByRole("button", { name: "Hang up 1 call" }).click();
  await fill(page, { Reason: "asked for by <b>Anna</b>" });
  await press(page, "Hang up 1 call");
  expect(await ended("talker", "east", 1), "the caller's BYE and the PBX's").toEqual([hungUp, hungUp]);
  await expect(page.getByText("1 call is up")).toBeVisible();
  await expect(page.getByRole("row").filter({ hasText: "0501234510" })).toBeVisible();
  await hold(10);
  await expect(page.getByText("11 calls are up")).toBeVisible();
  await page.getByRole("checkbox", { name: "Select all rows" }).check();
  await page.getByRole("button", { name: "Hang up 11 calls" }).click();
  await expect(dialog(page).getByRole("button", { name: "Hang up 11 calls" })).toBeDisabled();
  await dialog(page).getByRole("textbox", { name: "Type 11 to confirm" }).fill("11");
  await press(page, "Hang up 11 calls");
  expect(await ended("talker", "east", 11)).toEqual(Array(22).fill(hungUp));
  await expect(page.getByText("No call is up")).toBeVisible();
  await expect.poll(up).toBe(0);
});
