// A call's ladder as files, and the simulator: what is told must be what was on the wire, and what the wire then does.

import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { dialog, expect, open, test } from "./panel";
import { api, place } from "./scene";
import { type Made, customerOf } from "./setting";

interface Decision {
  id: number;
  sentence: string;
  source: string;
  refused: boolean;
}

/** The latest decisions about a customer's requests, as soon as there are so many. */
async function decisionsOf(of: Made, count: number): Promise<Decision[]> {
  const read = async () => (await api<{ items: Decision[] }>("GET", `/decisions?customer=${of.id}&limit=20`)).items;
  await expect.poll(async () => (await read()).length).toBeGreaterThanOrEqual(count);
  return read();
}

/** Chooses from the export menu of a call, and gives the file. */
async function exported(page: Page, what: "Ladder as text" | "Ladder as SVG" | "Messages as pcap"): Promise<{ name: string; bytes: Buffer }> {
  await page.getByRole("button", { name: "Export", exact: true }).click();
  const download = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: what }).click();
  const file = await download;
  return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
}

/** The UDP payloads of a pcap of IPv4 without link headers (LINKTYPE_RAW), or of Ethernet. */
function payloadsOf(pcap: Buffer): string[] {
  const link = pcap.readUInt32LE(20);
  const found: string[] = [];
  for (let at = 24; at < pcap.length; ) {
    const length = pcap.readUInt32LE(at + 8);
    const packet = pcap.subarray(at + 16, at + 16 + length).subarray(link === 1 ? 14 : 0);
    const header = ((packet[0] ?? 0) & 15) * 4;
    found.push(packet.subarray(header + 8).toString("latin1"));
    at += 16 + length;
  }
  return found;
}

test("a call's ladder as text, SVG and pcap: both legs, byte for byte, and hostile values as text", async ({ as }) => {
  const of = await customerOf("Exported", ["west"], { country_code: "39" });
  const evil = `<script>window.hit=1</script>&"']]>`;
  await expect.poll(() => of.calls({ Agent: evil })).toBe("west");
  const refusedWith = `"<b>${evil.replace(/["\\]/g, "")}</b>" <sip:0401112233@${of.domain}>`;
  expect((await place({ Source: "Exported", URI: `sip:%3Cimg%20src=x%3E@${of.domain}`, From: refusedWith, Agent: evil, Silence: true })).status).toBeGreaterThan(0);
  const call = (await decisionsOf(of, 2)).find((d) => !d.refused)!;
  const { messages } = await api<{ messages: { text: string; remote: string }[] }>("GET", `/traces/${call.id}`);
  const [invite, sent] = messages.filter((m) => m.text.startsWith("INVITE ")).map((m) => m.text);
  const legs = [...new Set(messages.map((m) => m.remote))];
  expect(legs, "the caller and the PBX").toHaveLength(2);

  const page = await as("platform");
  await open(page, `/call/${call.id}`);
  const text = await exported(page, "Ladder as text");
  expect(text.name).toMatch(/\.txt$/);
  for (const part of [...legs, "INVITE", "200 OK", "BYE"]) expect(text.bytes.toString()).toContain(part);

  const svg = await exported(page, "Ladder as SVG");
  expect(svg.name).toMatch(/\.svg$/);
  const seen = await page.evaluate((source) => {
    const doc = new DOMParser().parseFromString(source, "image/svg+xml");
    return { root: doc.documentElement.nodeName, wrong: doc.querySelectorAll("parsererror").length, active: doc.querySelectorAll("script, img, foreignObject, [onclick], [onload], [href]").length, text: doc.documentElement.textContent };
  }, svg.bytes.toString());
  expect(seen).toMatchObject({ root: "svg", wrong: 0, active: 0 });
  for (const leg of legs) expect(seen.text).toContain(leg);

  const pcap = await exported(page, "Messages as pcap");
  expect([0xa1b2c3d4, 0xa1b23c4d]).toContain(pcap.bytes.readUInt32LE(0));
  const payloads = payloadsOf(pcap.bytes);
  expect(payloads, "as it came").toContain(invite);
  expect(payloads, "as it went on").toContain(sent);
  expect(invite).toContain(`User-Agent: ${evil}`);

  // A request whose every name is hostile: the drawing holds it, and parses.
  const hostile = (await decisionsOf(of, 2)).find((d) => d.id !== call.id)!;
  await open(page, `/call/${hostile.id}`);
  const drawn = (await exported(page, "Ladder as SVG")).bytes.toString();
  const held = await page.evaluate((source) => {
    const doc = new DOMParser().parseFromString(source, "image/svg+xml");
    return { wrong: doc.querySelectorAll("parsererror").length, active: doc.querySelectorAll("script, img, b").length };
  }, drawn);
  expect(held).toEqual({ wrong: 0, active: 0 });
});

test("the simulator says of typed values and of a recorded request what the wire then does", async ({ as }) => {
  const of = await customerOf("Simulated", ["west"], { country_code: "39" });
  await expect.poll(() => of.calls({ number: "0899111222" })).toBe("west");
  const [went] = await decisionsOf(of, 1);
  const page = await as("platform");
  await open(page, of.path("/simulator"));
  const main = page.getByRole("main");
  const type = async () => {
    await main.getByRole("textbox", { name: /^From/ }).fill(`sip:0401112233@${of.domain}`);
    await main.getByRole("textbox", { name: /^To/ }).fill(`sip:0899111222@${of.domain}`);
    await main.getByRole("textbox", { name: /^Comes from/ }).fill(went!.source);
    await main.getByRole("textbox", { name: /^More headers/ }).fill("User-Agent: scanner");
    await main.getByRole("button", { name: "Try", exact: true }).click();
  };
  await type();
  await expect(main.getByText("It would go to west")).toBeVisible();

  await api("POST", "/blocklist", { customer_id: of.id, prefix: "0899" });
  await expect.poll(() => of.calls({ number: "0899111222" })).toBe(403);
  const refusal = (await decisionsOf(of, 2)).find((d) => d.refused)!;
  expect(refusal.sentence).toBeTruthy();
  await type();
  await expect(main.getByText("It would be refused with 403")).toBeVisible();
  await expect(main.getByText(refusal.sentence).first(), "typed").toBeVisible();

  // The recorded one went on when it came; today's rules refuse it, in the same words.
  await page.getByRole("button", { name: "Take a recorded one" }).click();
  const row = dialog(page).getByRole("row").filter({ hasText: "went on" }).first();
  await expect(row).toContainText(`sip:0899111222@${of.domain}`);
  await row.getByRole("button").click();
  await expect(main.getByText("The recorded request itself, as it came, under today's rules.")).toBeVisible();
  await expect(main.getByText("It would be refused with 403")).toBeVisible();
  await expect(main.getByText(refusal.sentence).first(), "recorded").toBeVisible();
  await expect(page).toHaveURL(/decision=/);
  await page.reload(); // a link shows what its sender saw
  await expect(main.getByText("It would be refused with 403")).toBeVisible();

  // Nothing of this was counted.
  const hits = (await api<{ items: { hits: number }[] }>("GET", `/blocklist?customer=${of.id}`)).items[0]?.hits;
  expect(hits).toBe(1);
});
