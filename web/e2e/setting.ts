// What a test makes for itself: a customer with PBXs, a person who logs in, the code that an authenticator shows.

import { createHmac } from "node:crypto";
import type { Browser, BrowserContext, Page } from "@playwright/test";
import { expect, settled } from "./panel";
import { api, place, scene } from "./scene";

type PBX = keyof typeof scene.pbx;

export interface Made {
  id: number;
  domain: string;
  /** An address of the panel with this customer chosen. */
  path: (to: string) => string;
  /** Which PBX takes a call, or how it is refused: 0 is silence. */
  calls: (wish?: { Agent?: string; Source?: string; number?: string; domain?: string }) => Promise<string | number>;
}

/** A customer of its own: everything that it is called begins with name. */
export async function customerOf(name: string, pbxs: PBX[] = [], fields: object = {}): Promise<Made> {
  const { id } = await api<{ id: number }>("POST", "/customers", { name, company_id: scene.company, keepalive: false, ...fields });
  const domain = `${name.toLowerCase().replace(/[^a-z0-9]/g, "")}.example`;
  await api("POST", "/domains", { name: domain, customer_id: id });
  for (const [i, pbx] of pbxs.entries()) await api("POST", "/destinations", { customer_id: id, name: pbx, host: scene.pbx[pbx].host, port: scene.pbx[pbx].port, protocol: "udp", group: 1, priority: i + 1 });
  return {
    id,
    domain,
    path: (to) => `${to}${to.includes("?") ? "&" : "?"}customer=${id}`,
    calls: async ({ number = "0501234567", domain: to = domain, ...wish } = {}) => {
      const o = await place({ Source: name, URI: `sip:${number}@${to}`, Silence: true, ...wish });
      return o.status === 200 ? (Object.keys(o.took).join() || "nobody") : o.status;
    },
  };
}

/** A user of the platform's, who may do all; gives the address to log in with. */
export async function person(name: string, fields: object = {}): Promise<string> {
  const email = `${name}@panel.example`;
  await api("POST", "/users", { email, name, role: "platform", access: "admin", password: scene.password, ...fields });
  return email;
}

/** Another browser, with nobody in it. */
export function stranger(browser: Browser): Promise<BrowserContext> {
  return browser.newContext({ baseURL: scene.url, locale: "en-GB", viewport: { width: 1280, height: 800 } });
}

/** Types name and password, and sends them. */
export async function tryToEnter(page: Page, email: string, password = scene.password): Promise<void> {
  if (!page.url().startsWith(scene.url)) await page.goto("/");
  await page.getByLabel("E-mail").fill(email);
  await page.locator("input[type=password]").fill(password);
  await sendLogIn(page);
}

/** Presses the button of the log-in, and waits for the answer. */
export async function sendLogIn(page: Page): Promise<number> {
  const answer = page.waitForResponse((r) => r.url().endsWith("/api/v1/session") && r.request().method() === "POST");
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  return (await answer).status();
}

export async function isIn(page: Page): Promise<void> {
  await page.getByRole("navigation").waitFor();
  await settled(page);
}

/** What an authenticator shows at a time, by RFC 6238: half a minute later is early enough to be taken. */
export function codeOf(secret: string, at = Date.now()): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const bits = [...secret.replace(/[\s=]/g, "").toUpperCase()].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const hash = createHmac("sha1", key).update(counter).digest();
  const from = (hash.at(-1) ?? 0) & 15;
  return String((hash.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** Nothing that was typed or sent has become markup. */
export async function onlyText(page: Page, where: string): Promise<void> {
  expect(await page.evaluate(() => (window as unknown as { hit?: number }).hit), where + " runs it").toBeUndefined();
  expect(await page.locator("img[src=x], main script, main b.planted").count(), where + " has made it markup").toBe(0);
}
