// What an attacker sends or does is shown as text, or refused.

import { request } from "@playwright/test";
import { expect, open, settled, test } from "./panel";
import { api, place, register, scene, send } from "./scene";

// In order: whoever guesses passwords comes last, since all come from one address.
test.describe.configure({ mode: "default" });

const script = `<img src=x onerror="window.hit=1">`;
const agent = `${script}<script>window.hit=1</script>`;

test("hostile values from the wire are text on every page that shows them", async ({ as }) => {
  await place({ Source: "evil", URI: "sip:0409999999@calm.example", Agent: agent, From: `"${script.replaceAll('"', "'")}" <sip:evil@evil.example>` });
  await send({ Source: "stranger", Method: "OPTIONS", URI: "sip:100@calm.exampel", Agent: agent, Silence: true });
  await register({ Source: "evil-phone", User: "1001", Domain: "calm.example", Agent: agent });
  await api("POST", "/bans", { address: "192.0.2.77", reason: agent, for: "1h" });
  const page = await as("platform");
  const decisions = await api<{ items: { id: string; user_agent: string }[] }>("GET", "/decisions?limit=100");
  const mine = decisions.items.find((d) => d.user_agent === agent);
  expect(mine, "the decision keeps it as it was").toBeTruthy();
  for (const path of ["/decisions", "/cdrs", "/strangers", "/bans", "/registrations", "/audit", "/find?q=evil", `/call/${mine?.id}`, "/overview", "/calls"]) {
    await open(page, path);
    expect(await page.evaluate(() => (window as unknown as { hit?: number }).hit), path).toBeUndefined();
    expect(await page.locator("main img[src=x], main script").count(), path).toBe(0);
  }
  await open(page, "/strangers");
  await expect(page.getByText("<img src=x").first()).toBeVisible();
  await open(page, "/bans");
  await expect(page.getByText("<img src=x").first()).toBeVisible();
});

test("hostile values of forms are text", async ({ as }) => {
  const made = await api<{ id: number }>("POST", "/customers", { name: `Evil ${script}`, company_id: (await api<{ items: { id: number }[] }>("GET", "/companies")).items[0]?.id });
  const page = await as("platform");
  for (const path of ["/customers", `/bans?customer=${made.id}`, `/routing?customer=${made.id}`, "/audit", "/limits", `/customers?q=${encodeURIComponent(script)}`]) {
    await open(page, path);
    expect(await page.evaluate(() => (window as unknown as { hit?: number }).hit), path).toBeUndefined();
    expect(await page.locator("img[src=x]").count(), path).toBe(0);
  }
  await expect(page.getByRole("button", { name: `Evil ${script}`, exact: true })).toBeVisible();
  await api("DELETE", `/customers/${made.id}`);
});

test("the policy for content, and headers", async ({ page }) => {
  const answer = await page.goto("/");
  const headers = answer?.headers() ?? {};
  expect(headers["content-security-policy"]).toContain("default-src 'none'");
  expect(headers["content-security-policy"]).not.toContain("unsafe-eval");
  expect(headers["content-security-policy"]).toMatch(/script-src 'self'(;|$)/);
  expect(headers["x-content-type-options"]).toBe("nosniff");
  await page.evaluate(() => {
    const s = document.createElement("script");
    s.textContent = "window.hit = 1";
    document.body.append(s);
  });
  expect(await page.evaluate(() => (window as unknown as { hit?: number }).hit), "an inline script runs").toBeUndefined();
});

test("another site's forms do nothing, with the cookie of who is logged in", async ({ as }) => {
  const page = await as("platform");
  await open(page, "/bans");
  const wish = { data: { address: "192.0.2.88", for: "1h" } };
  const others: Record<string, string>[] = [{ Origin: "https://evil.example" }, { Origin: "null" }, { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" }];
  for (const headers of others) {
    const crossed = await page.request.post("/api/v1/bans", { ...wish, headers });
    expect(crossed.status(), JSON.stringify(headers)).toBe(403);
  }
  const own = await page.request.post("/api/v1/bans", { ...wish, headers: { Origin: scene.url, "Sec-Fetch-Site": "same-origin" } });
  expect(own.status(), await own.text()).toBe(201);
});

test("the session's cookie is out of reach, and another session has another one", async ({ browser }) => {
  const context = await browser.newContext({ baseURL: scene.url });
  await context.addCookies([{ name: "tollgate_session", value: "planted", url: scene.url }]);
  const page = await context.newPage();
  await page.goto("/");
  await page.getByLabel("E-mail").fill("idle@panel.example");
  await page.locator("input[type=password]").fill(scene.password);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await page.getByRole("navigation").waitFor();
  await settled(page);
  const cookie = (await context.cookies()).find((c) => c.name === "tollgate_session");
  expect(cookie?.value).not.toBe("planted");
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
  expect(await page.evaluate(() => document.cookie)).not.toContain("tollgate_session");
  await context.close();
});

test("a session that ends asks for the password over the page, and what was typed stays", async ({ browser }) => {
  const context = await browser.newContext({ baseURL: scene.url, locale: "en-GB" });
  const page = await context.newPage();
  await page.goto("/#/customers");
  await page.getByLabel("E-mail").fill("idle@panel.example");
  await page.locator("input[type=password]").fill(scene.password);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await page.getByRole("navigation").waitFor();
  await settled(page);
  await open(page, "/bans");
  await page.getByRole("button", { name: "Ban an address" }).first().click();
  const drawn = page.getByRole("dialog").first();
  await drawn.getByRole("textbox", { name: /^Address/ }).fill("192.0.2.99");
  // The session ends on the server, as it does after ten idle minutes.
  await context.clearCookies();
  await drawn.getByRole("button", { name: "Ban", exact: true }).click();
  await expect(page.getByText("Your session has ended")).toBeVisible();
  await page.getByRole("dialog").last().locator("input[type=password]").fill(scene.password);
  await page.getByRole("dialog").last().getByRole("button", { name: "Log in", exact: true }).click();
  await expect(page.getByText("192.0.2.99").first()).toBeVisible();
  const bans = await api<{ items: { address: string }[] }>("GET", "/bans?q=192.0.2.99");
  expect(bans.items).toHaveLength(1);
  await context.close();
});

test("whoever guesses passwords is slowed down, and says when to try again", async ({ browser }) => {
  const context = await browser.newContext({ baseURL: scene.url, locale: "en-GB" });
  const page = await context.newPage();
  await page.goto("/");
  await page.getByLabel("E-mail").fill("throttled@panel.example");
  const slowed = page.getByText(/Too many tries/);
  for (let i = 0; i < 12 && !(await slowed.isVisible()); i++) {
    await page.locator("input[type=password]").fill("wrong password " + i);
    const answer = page.waitForResponse((r) => r.url().endsWith("/api/v1/session") && r.request().method() === "POST");
    await page.getByRole("button", { name: "Log in", exact: true }).click();
    await answer;
    await expect(page.getByRole("alert")).toBeVisible();
  }
  await expect(slowed).toBeVisible();
  await context.close();
});

test("a customer sees nothing of others", async () => {
  const piero = await request.newContext({ baseURL: scene.url });
  await piero.post("/api/v1/session", { data: { email: "customer@panel.example", password: scene.password } });
  for (const path of [`/customers/${scene.calm}`, `/bans?customer=${scene.calm}`, `/antifraud?customer=${scene.calm}`, `/requests?customer=${scene.calm}`, `/cdrs?customer=${scene.calm}`]) {
    const answer = await piero.get("/api/v1" + path);
    const text = await answer.text();
    expect([404, 200], path).toContain(answer.status());
    expect(text, path).not.toContain("Calm");
  }
  await piero.dispose();
});
