// Passkeys, with an authenticator that Chromium plays.

import type { BrowserContext, Page } from "@playwright/test";
import { dialog, expect, fill, press, test } from "./panel";
import { scene } from "./scene";
import { isIn, person, stranger, tryToEnter } from "./setting";

/** The panel by a host name: over an address browsers have no passkeys. */
const here = scene.url.replace("127.0.0.1", "localhost");

/** Gives a page an authenticator that holds passkeys and verifies its user by itself. */
async function withAuthenticator(page: Page): Promise<void> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
}

async function enterByPasskey(page: Page): Promise<number> {
  const answer = page.waitForResponse((r) => r.url().endsWith("/api/v1/session/passkey"));
  await page.getByRole("button", { name: "Log in with a passkey" }).click();
  return (await answer).status();
}

/** Ends the session as a browser that lost it would find it, and shows the log-in. */
async function leave(page: Page, context: BrowserContext): Promise<void> {
  await context.clearCookies();
  await page.goto(here);
  await page.getByLabel("E-mail").waitFor();
}

test("a passkey: added, logs in, deleted, and then no more", async ({ browser }) => {
  const email = await person("pia");
  const context = await stranger(browser);
  const page = await context.newPage();
  await page.goto(here);
  await withAuthenticator(page);
  await page.getByLabel("E-mail").fill(email);
  await page.locator("input[type=password]").fill(scene.password);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await isIn(page);
  await page.goto(here + "/#/me?part=passkeys");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await fill(page, { Name: "Pia's phone" });
  await dialog(page).locator("input[type=password]").fill("not it");
  await dialog(page).getByRole("button", { name: "Add a passkey" }).click();
  await expect(dialog(page).getByText(/is not your password/)).toBeVisible();
  await dialog(page).locator("input[type=password]").fill(scene.password);
  await press(page, "Add a passkey");
  await expect(page.getByRole("row", { name: /Pia's phone.*localhost.*never/ })).toBeVisible();

  await leave(page, context);
  expect(await enterByPasskey(page)).toBe(200);
  await isIn(page);
  await page.goto(here + "/#/me?part=passkeys");
  await expect(page.getByRole("row", { name: /Pia's phone/ })).not.toContainText("never");
  await page.getByRole("button", { name: "Delete the passkey Pia's phone" }).click();
  await press(page, "Delete");
  await expect(page.getByRole("row", { name: /Pia's phone/ })).toHaveCount(0);

  await leave(page, context);
  expect(await enterByPasskey(page), "a passkey that was deleted").toBe(401);
  await expect(page.getByRole("alert")).toHaveText(/does not open this panel/);
  await context.close();
});

test("over an address the panel says why there are no passkeys", async ({ browser }) => {
  const email = await person("pino");
  const page = await (await stranger(browser)).newPage();
  await tryToEnter(page, email);
  await isIn(page);
  await page.goto("/#/me?part=passkeys");
  await expect(page.getByText(/Over an IP address they refuse/)).toBeVisible();
  await expect(page.getByRole("button", { name: "Add a passkey" })).toHaveCount(0);
  await page.context().close();
});
