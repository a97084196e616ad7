// Many routing rules, numbers and domains at once; that the node obeys is proved by calls.

import { dialog, expect, field, fill, open, press, test } from "./panel";
import { api, scene } from "./scene";
import { customerOf } from "./setting";

interface Items<T> {
  items: T[];
}

test("many routing rules lead elsewhere at once, and none where one cannot", async ({ as }) => {
  const of = await customerOf("Bulk Routing", ["east", "west"], { destination_groups_enabled: true, destination_mode: "priority" });
  await api("POST", "/destination-groups", { customer_id: of.id, number: 2, name: "new" });
  await api("POST", "/destinations", { customer_id: of.id, name: "new", host: scene.pbx.west.host, port: scene.pbx.west.port, protocol: "udp", group: 2, priority: 1 });
  for (const n of [1, 2, 3]) await api("POST", "/routing-rules", { customer_id: of.id, name: `model ${n}`, header: "user-agent", match: "regex", value: `.*Model${n}.*`, priority: n, group: 1 });
  expect(await of.calls({ Agent: "Model2" })).toBe("east");
  const page = await as("platform");
  await open(page, of.path("/routing"));
  await page.getByRole("radiogroup", { name: "How the rules are shown" }).getByText("As a list").click();
  await page.getByRole("checkbox", { name: "Select all rows" }).check();
  await page.getByRole("button", { name: "Edit 3" }).click();
  const give = async (group: number) => {
    await fill(page, { "Destination group": group });
    const sure = dialog(page).getByRole("checkbox", { name: "Change group of 3 rows" });
    if (!(await sure.isChecked())) await sure.check();
  };
  const groups = async () => (await api<Items<{ group: number; priority: number }>>("GET", `/routing-rules?customer=${of.id}`)).items.map((r) => [r.group, r.priority]);
  await give(7);
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await expect(dialog(page).getByRole("alert").first()).toBeVisible();
  expect(await groups(), "there is no group 7").toEqual([[1, 1], [1, 2], [1, 3]]);
  await give(2);
  await press(page, "Save");
  expect(await groups(), "only what was touched is changed").toEqual([[2, 1], [2, 2], [2, 3]]);
  expect(await of.calls({ Agent: "Model2" })).toBe("west");
  expect(await of.calls({ Agent: "Other" })).toBe("east");
});

test("many numbers lead to another switch at once", async ({ as }) => {
  const of = await customerOf("Bulk DIDs", ["east"], { country_code: "39" });
  const sw = async (name: string, pbx: "east" | "west") =>
    (await api<{ id: number }>("POST", "/switches", { customer_id: of.id, name, direction: "ingress", host: scene.pbx[pbx].host, port: scene.pbx[pbx].port, protocol: "udp", channels: 10 })).id;
  const old = await sw("old trunk", "east");
  const fresh = await sw("new trunk", "west");
  const user = await api<{ id: number }>("POST", "/sip-users", { customer_id: of.id, username: "801", channels: 1, generate_password: true });
  const numbers = ["390701234501", "390701234502", "390701234503"];
  for (const [i, number] of numbers.entries()) await api("POST", "/dids", { customer_id: of.id, number, ...(i === 2 ? { sip_user_id: user.id } : { switch_id: old }) });
  expect(await of.calls({ number: numbers[0] })).toBe("east");
  const page = await as("platform");
  await open(page, "/numbers?q=3907012345");
  const edit = async () => {
    await page.getByRole("checkbox", { name: "Select all rows" }).check();
    await page.getByRole("button", { name: "Edit 3" }).click();
  };
  await edit();
  await expect(dialog(page).getByText("Select a customer in the header first")).toBeVisible();
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  await open(page, of.path("/numbers"));
  await edit();
  await dialog(page).locator("label").filter({ hasText: /^Switch$/ }).click();
  await field(page, "Switch").click();
  await expect(page.getByRole("option")).toHaveText(["old trunk", "new trunk"]); // of others none
  await page.getByRole("option", { name: "new trunk" }).click();
  await dialog(page).getByRole("checkbox", { name: /of 3 rows$/ }).check();
  await press(page, "Save");
  const dids = (await api<Items<{ switch_id?: number; sip_user_id?: number }>>("GET", `/dids?customer=${of.id}`)).items;
  expect(dids.map((d) => [d.switch_id, d.sip_user_id || 0])).toEqual([[fresh, 0], [fresh, 0], [fresh, 0]]);
  for (const number of numbers) expect(await of.calls({ number })).toBe("west");
});

test("the DNS of many domains is asked again, and many are deleted with their count", async ({ as }) => {
  const of = await customerOf("Bulk Domains", ["east"]);
  const names = ["a.bulk.example", "b.bulk.example", "c.bulk.example"];
  const ids: number[] = [];
  for (const name of names) ids.push((await api<{ id: number }>("POST", "/domains", { customer_id: of.id, name })).id);
  expect(await of.calls({ domain: "b.bulk.example" })).toBe("east");
  const page = await as("platform");
  const asked: string[] = [];
  const dns = /\/domains\/(\d+)\/dns/;
  page.on("request", (r) => dns.test(r.url()) && asked.push(dns.exec(r.url())?.[1] ?? ""));
  await open(page, of.path("/domains?q=bulk.example"));
  await expect.poll(() => asked.length).toBe(3);
  asked.length = 0;
  for (const name of names.slice(0, 2)) await page.getByRole("row").filter({ hasText: name }).getByRole("checkbox", { name: "Select" }).check();
  await page.getByRole("button", { name: "Ask DNS of 2 again" }).click();
  await expect.poll(() => [...asked].sort()).toEqual(ids.slice(0, 2).map(String).sort());
  await page.getByRole("button", { name: "Delete 2" }).click();
  await expect(dialog(page).getByText("b.bulk.example")).toBeVisible();
  await press(page, "Delete 2");
  await expect(page.getByText("b.bulk.example")).toHaveCount(0);
  expect(await of.calls({ domain: "b.bulk.example" })).toBe(0);
  expect(await of.calls({ domain: "c.bulk.example" })).toBe("east");
});

test("the channels of more SIP users than a page of the API holds are summed", async ({ as }) => {
  const of = await customerOf("Many Phones", [], { call_limit: 2000 });
  const rows = Array.from({ length: 1005 }, (_, i) => `${10000 + i},generate,1`);
  const made = await fetch(`${scene.url}/api/v1/import/users?customer=${of.id}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${scene.key}`, "Content-Type": "text/csv" },
    body: ["username,password,channels", ...rows].join("\n"),
  });
  expect(made.status, await made.text()).toBeLessThan(300);
  const page = await as("platform");
  await open(page, of.path("/sip-users"));
  await expect(page.getByRole("progressbar", { name: /: 1005 \/ 2000$/ })).toBeVisible();
});

test("what the regex tester says is Italian where the panel is", async ({ as }) => {
  const page = await as("platform", { language: "it" });
  await open(page, "/tools");
  await page.getByRole("textbox", { name: "Valore", exact: true }).fill("(x");
  await expect(page.getByText("manca la ) di chiusura; chiudi il gruppo")).toBeVisible();
});
