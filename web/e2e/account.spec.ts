// One's own account: the second factor, sessions that end or are ended, one-time links and keys.

import { dialog, expect, fill, open, press, test } from "./panel";
import { api, scene } from "./scene";
import { codeOf, isIn, person, sendLogIn, stranger, tryToEnter } from "./setting";

test("a second factor: set up, asked for, replaced by a recovery code once, and not to be guessed", async ({ browser }) => {
  test.setTimeout(150_000); // five log-ins
  const email = await person("tommaso");
  const first = await stranger(browser);
  const page = await first.newPage();
  await tryToEnter(page, email);
  await isIn(page);
  await open(page, "/me?part=totp");
  await page.getByRole("button", { name: "Switch on the second factor" }).click();
  await expect(dialog(page).getByRole("img", { name: /QR code/ })).toBeVisible();
  const secret = await dialog(page).getByLabel("Or type this secret").inputValue();
  await fill(page, { Code: "000000" });
  await dialog(page).getByRole("button", { name: "Confirm" }).click();
  await expect(dialog(page).getByText(/is not right; the code/)).toBeVisible();
  await fill(page, { Code: codeOf(secret) });
  await dialog(page).getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByText("This is shown now and never again")).toBeVisible();
  const recovery = (await dialog(page).getByRole("textbox", { name: "Recovery codes" }).inputValue()).split(" ");
  expect(recovery).toHaveLength(10);
  await press(page, "I have it");
  await expect(page.getByText("10 recovery codes are left.")).toBeVisible();

  // The code that has confirmed counts once; the next one is taken half a minute early.
  const second = await (await stranger(browser)).newPage();
  await tryToEnter(second, email);
  await second.getByLabel("Code").fill(codeOf(secret, Date.now() + 30_000));
  await sendLogIn(second);
  await isIn(second);

  const third = await (await stranger(browser)).newPage();
  await tryToEnter(third, email);
  await third.getByLabel("Code").fill(recovery[0] ?? "");
  await sendLogIn(third);
  await isIn(third);
  await open(third, "/me?part=totp");
  await expect(third.getByText("9 recovery codes are left.")).toBeVisible();

  const guesser = await (await stranger(browser)).newPage();
  await tryToEnter(guesser, email);
  await guesser.getByLabel("Code").fill(recovery[0] ?? "");
  expect(await sendLogIn(guesser), "the same recovery code again").toBe(401);
  await expect(guesser.getByRole("alert")).toHaveText("E-mail, password or code is wrong.");
  const slowed = guesser.getByText(/Too many tries/);
  for (let i = 0; i < 8 && !(await slowed.isVisible()); i++) {
    await guesser.getByLabel("Code").fill(String(100_000 + i));
    expect([401, 429]).toContain(await sendLogIn(guesser));
    await expect(guesser.getByRole("alert")).toBeVisible();
  }
  await expect(slowed, "whoever knows the password and guesses the code is slowed").toBeVisible();
  for (const p of [page, second, third, guesser]) await p.context().close();
});

test("the second factor is switched off with the password", async ({ browser }) => {
  const email = await person("tullia");
  const page = await (await stranger(browser)).newPage();
  await tryToEnter(page, email);
  await isIn(page);
  const begun = (await (await page.request.post("/api/v1/me/totp")).json()) as { secret: string };
  expect((await page.request.post("/api/v1/me/totp/confirm", { data: { code: codeOf(begun.secret) } })).status()).toBe(200);
  await open(page, "/me?part=totp");
  await page.getByRole("button", { name: "Switch off the second factor" }).click();
  const off = dialog(page).getByRole("button", { name: "Switch off the second factor" });
  await dialog(page).locator("input[type=password]").fill("not it");
  await off.click();
  await expect(dialog(page).getByText(/is not your password/)).toBeVisible();
  await dialog(page).locator("input[type=password]").fill(scene.password);
  await off.click();
  await expect(page.getByRole("button", { name: "Switch on the second factor" })).toBeVisible();
  const again = await (await stranger(browser)).newPage();
  await tryToEnter(again, email);
  await isIn(again);
  for (const p of [page, again]) await p.context().close();
});

test("a session that is ended from another browser asks for the password, and nothing typed is lost", async ({ browser }) => {
  const email = await person("rita");
  const [here, there] = [await (await stranger(browser)).newPage(), await (await stranger(browser)).newPage()];
  for (const page of [here, there]) {
    await tryToEnter(page, email);
    await isIn(page);
  }
  await open(there, "/companies");
  await there.getByRole("button", { name: "Add a company" }).first().click();
  await fill(there, { Name: "Typed before it ended" });
  await open(here, "/me?part=sessions");
  await expect(here.getByText("this one")).toBeVisible();
  await here.getByRole("button", { name: "End" }).click();
  await expect(here.getByRole("button", { name: "End" })).toHaveCount(0);
  await dialog(there).getByRole("button", { name: "Add a company" }).click();
  await expect(there.getByText("Your session has ended")).toBeVisible();
  const asked = there.getByRole("dialog").filter({ hasText: "Your session has ended" });
  await expect(asked.getByLabel("E-mail")).toHaveValue(email);
  await asked.locator("input[type=password]").fill(scene.password);
  await asked.getByRole("button", { name: "Log in", exact: true }).click();
  await expect(there.getByRole("button", { name: "Typed before it ended", exact: true })).toBeVisible();
  const made = await api<{ items: { id: number }[] }>("GET", "/companies?q=Typed before it ended");
  expect(made.items).toHaveLength(1);
  await api("DELETE", `/companies/${made.items[0]?.id}`);
  for (const page of [here, there]) await page.context().close();
});

test("before an idle session ends there is a warning; staying keeps it, and what was typed", async ({ browser }) => {
  const email = await person("walter");
  const page = await (await stranger(browser)).newPage();
  await tryToEnter(page, email);
  await isIn(page);
  await open(page, "/companies");
  await page.getByRole("button", { name: "Add a company" }).first().click();
  await fill(page, { Name: "Half typed" });
  // Nine idle minutes in a moment: what the node says to what is only polled is that many seconds old. Acts go through.
  let renewed = 0;
  await page.route("**/api/v1/**", async (route) => {
    if (route.request().headers()["x-tollgate-action"] === "1") {
      renewed++;
      return route.continue();
    }
    const response = await route.fetch();
    return route.fulfill({ response, headers: { ...response.headers(), "x-tollgate-session-seconds": "45" } });
  });
  const warning = page.getByRole("dialog").filter({ hasText: "Your session is about to end" });
  // The page looks at its session each half minute, and when one comes back to it.
  await expect(async () => {
    await page.evaluate(() => window.dispatchEvent(new Event("visibilitychange")));
    await expect(warning).toBeVisible({ timeout: 1000 });
  }).toPass({ timeout: 30_000 });
  await expect(warning).toContainText("What you have typed stays.");
  const before = renewed;
  await warning.getByRole("button", { name: "Stay logged in" }).click();
  await expect(warning).toHaveCount(0);
  expect(renewed, "staying is an act").toBeGreaterThan(before);
  await expect(dialog(page).getByRole("textbox", { name: /^Name/ })).toHaveValue("Half typed");
  await page.context().close();
});

test("a new password of one's own ends the other sessions", async ({ browser }) => {
  const email = await person("nadia");
  const [here, there] = [await (await stranger(browser)).newPage(), await (await stranger(browser)).newPage()];
  for (const page of [here, there]) {
    await tryToEnter(page, email);
    await isIn(page);
  }
  await open(here, "/me?part=password");
  const change = async (old: string, next: string) => {
    await here.getByLabel("Present password").fill(old);
    await here.getByLabel("New password").fill(next);
    await here.getByLabel("The same password again").fill(next);
    await here.getByRole("main").getByRole("button", { name: /password/i }).last().click();
  };
  await change("not it", "Another-Horse-2");
  await expect(here.getByText(/is not your password/)).toBeVisible();
  await change(scene.password, "Another-Horse-2");
  await expect(here.getByText(/your other sessions have ended/)).toBeVisible();
  expect((await there.request.get("/api/v1/session")).status()).toBe(401);
  expect((await here.request.get("/api/v1/session")).status()).toBe(200);
  const again = await (await stranger(browser)).newPage();
  await tryToEnter(again, email, "Another-Horse-2");
  await isIn(again);
  for (const page of [here, there, again]) await page.context().close();
});

test("a user is invited by a one-time link, which works once", async ({ as, browser }) => {
  const page = await as("platform");
  await open(page, "/users");
  await page.getByRole("button", { name: "Add a user" }).first().click();
  await fill(page, { "E-mail": "invited@panel.example", Name: "Ines" });
  await dialog(page).getByRole("combobox", { name: /^Role/ }).click();
  await page.getByRole("option", { name: "Platform" }).click();
  await press(page, "Add a user");
  await page.getByRole("button", { name: "One-time link for invited@panel.example" }).click();
  await dialog(page).getByRole("button", { name: "Make the link" }).click();
  const link = await dialog(page).getByRole("textbox", { name: "One-time link" }).inputValue();
  await press(page, "I have it");
  const guest = await (await stranger(browser)).newPage();
  const use = async () => {
    await guest.goto(link);
    await guest.locator("input[type=password]").first().fill("Invited-Horse-1");
    await guest.locator("input[type=password]").last().fill("Invited-Horse-1");
    await guest.getByRole("button", { name: "Set the password and log in" }).click();
  };
  await use();
  await isIn(guest);
  await guest.context().clearCookies();
  await guest.goto("about:blank");
  await use();
  await expect(guest.getByRole("alert")).toBeVisible();
  expect((await guest.request.get("/api/v1/session")).status()).toBe(401);
  await guest.context().close();
});

test("an API key is shown once, does what it may, and no more once it is deleted", async ({ as }) => {
  const page = await as("platform");
  await open(page, "/keys");
  await page.getByRole("button", { name: "Make a key" }).first().click();
  await fill(page, { Name: "for a script" });
  await dialog(page).getByRole("button", { name: "Make a key" }).click();
  await expect(page.getByText("This is shown now and never again")).toBeVisible();
  const key = await dialog(page).getByRole("textbox", { name: "for a script" }).inputValue();
  await press(page, "I have it");
  const asks = (method: string, path: string) => fetch(`${scene.url}/api/v1${path}`, { method, headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" }, body: method === "GET" ? undefined : "{}" });
  expect((await asks("GET", "/customers")).status).toBe(200);
  expect((await asks("POST", "/bans")).status, "read-only is the default").toBeGreaterThanOrEqual(400);
  await open(page, "/keys");
  expect(await page.content(), "the list holds the whole key").not.toContain(key);
  await page.getByRole("button", { name: "Actions for for a script" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await press(page, "Delete 1");
  expect((await asks("GET", "/customers")).status).toBe(401);
});
