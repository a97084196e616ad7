// Markup, and what would break out of an attribute or a template, in each field of each form: refused in words,
// or kept and shown as the text that it is, on every page that shows it, in both languages.

import type { Page } from "@playwright/test";
import { dialog, expect, open, test } from "./panel";
import { api, scene } from "./scene";
import { type Made, customerOf, onlyText } from "./setting";

const evil = `<img src=x onerror="window.hit=1">`;
const worse = `'"><b class=planted>{{constructor}}</b>${"${7*7}"}<script>window.hit=1</script>\u202e`;

/** Types it into each field of the open form that takes a text, sends it, and looks at what is told. */
async function fillAll(page: Page, text: string, where: string): Promise<void> {
  const fields = dialog(page).locator("input[type=text]:not([readonly]):not([role=combobox]), input:not([type]):not([role=combobox]), input[type=password], textarea:not([readonly])");
  for (let i = 0; i < (await fields.count()); i++) {
    const field = fields.nth(i);
    if (!(await field.isEditable()) || (await field.getAttribute("inputmode"))) continue; // numbers take no text
    await field.fill(text);
  }
  await onlyText(page, where + ", typed");
  const before = dialog(page);
  await before.locator("button[type=submit]").last().click();
  await expect(page.getByRole("alert").filter({ visible: true }).or(page.locator("[data-error=true]").first()).first(), where + " says what is wrong").toBeVisible();
  await onlyText(page, where + ", refused");
}

/** Where each noun's form is. */
const forms = (of: Made) => [
  "/companies?edit=new", "/users?edit=new", "/keys?edit=new", "/sip-profiles?edit=new", "/customers?edit=new",
  ...["/domains?edit=new", "/switches?edit=new", "/sip-users?edit=new", "/firewall?edit=new", "/numbers?edit=new", "/numbers?tab=clis&edit=new", "/blocklist?edit=new", "/whitelist?edit=new",
    "/destinations?edit=new", "/routing?rule=new", "/routing?group=new", "/routing?destination=new"].map(of.path),
];

test("hostile texts in each field of each form are refused in words, or kept as text", async ({ as }) => {
  test.setTimeout(150_000);
  const of = await customerOf("Hostile Forms", [], { destination_groups_enabled: true });
  const page = await as("platform");
  for (const form of forms(of)) {
    await open(page, form);
    await dialog(page).locator("button[type=submit]").last().waitFor();
    // The longest that no field takes: whatever is told of it names no more than the field.
    await fillAll(page, worse + "x".repeat(300), form);
  }
});

/** Everything that a person may name, named so. */
async function named(of: Made, mark: string): Promise<string[]> {
  const mine = { customer_id: of.id };
  const name = `${mark} ${evil}`;
  const also = `${mark} '"><b class=planted>{{7*7}}</b>`;
  const made: [string, object][] = [
    ["companies", { name }],
    ["users", { email: `${mark.toLowerCase()}@panel.example`, name: also, role: "platform", access: "read-only" }],
    ["api-keys", { name, role: "platform", access: "read-only" }],
    ["sip-profiles", { name, company_id: scene.company }],
    ["destination-groups", { ...mine, number: 2, name }],
    ["destinations", { ...mine, name, host: "192.0.2.61", port: 5060, protocol: "udp", group: 1, priority: 1 }],
    ["firewall-rules", { ...mine, name, header: "user-agent", match: "word", value: also, priority: 1, action: "drop", mode: "monitor" }],
    ["routing-rules", { ...mine, name: also, header: "user-agent", match: "word", value: evil, group: 2, priority: 1 }],
    ["switches", { ...mine, name, direction: "egress", addresses: [mark === "Evilen" ? "192.0.2.62" : "192.0.2.64"], manufacturer: also }],
    ["clis", { ...mine, match: "regex", value: evil.replace("(", "") }],
    ["bans", { ...mine, address: "192.0.2.63", reason: also, for: "1h" }],
  ];
  const refused: string[] = [];
  for (const [path, body] of made) await api("POST", `/${path}`, body).catch((e: unknown) => refused.push(String(e)));
  return refused;
}

for (const language of ["en", "it"] as const)
  test(`hostile names are text wherever they are shown, ${language}`, async ({ as }) => {
    test.setTimeout(150_000);
    const mark = `Evil${language}`;
    const of = await customerOf(`${mark} ${evil}`, [], { destination_groups_enabled: true });
    const refused = await named(of, mark);
    for (const told of refused) expect(told, "refused for its form, not broken by it").toMatch(/: 422 /);
    expect(refused.length).toBeLessThan(5);
    const page = await as("platform", { language });
    const some = ["/companies", "/users", "/keys", "/sip-profiles", "/customers", "/limits", "/transparent", "/audit?q=" + mark, "/find?q=" + encodeURIComponent(evil), "/overview", "/health", "/simulator",
      ...["/domains", "/destinations", "/routing", "/firewall", "/firewall?view=list", "/switches", "/sip-users", "/numbers?tab=clis", "/bans", "/whitelist", "/calls", "/cdrs", "/simulator", "/tools?tool=cidr"].map(of.path)];
    let shown = 0;
    for (const path of some) {
      await open(page, path);
      await onlyText(page, `${language} ${path}`);
      shown += (await page.getByText("<img src=x").count()) + (await page.getByText("<b class=planted>").count());
    }
    expect(shown, "they are shown at all").toBeGreaterThan(20);
    await open(page, `/audit?q=${mark}`);
    await page.getByRole("row").filter({ hasText: "switch" }).first().locator("button.tg-link").click();
    await expect(dialog(page).getByText("<img src=x").first()).toBeVisible();
    await onlyText(page, "an entry of the audit log");
    await open(page, of.path("/switches"));
    await page.getByRole("main").getByRole("row").locator("button.tg-link").first().click();
    await expect(dialog(page).getByText("<img src=x").first()).toBeVisible();
    await onlyText(page, "the drawer");
  });
