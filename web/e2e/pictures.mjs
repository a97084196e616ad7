// Takes the pictures of docs/images: node pictures.mjs URL USER PASSWORD FOLDER. See scripts/pictures.

import { chromium } from "@playwright/test";

const [url, email, password, folder] = process.argv.slice(2);
const patience = 60_000; // ms until the demo's calls are there

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
try {
  const context = await browser.newContext({ baseURL: url, viewport: { width: 1280, height: 800 }, locale: "en-GB", timezoneId: "Europe/Rome" });
  await context.request.post("/api/v1/session", { data: { email, password } });
  const read = async (path) => (await context.request.get("/api/v1" + path)).json();
  const until = async (what, given) => {
    for (const end = Date.now() + patience; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 500))) {
      const value = await given();
      if (value) return value;
    }
    throw new Error("in vain: " + what);
  };
  await until("calls that are heard", async () => (await read("/calls")).items.filter((c) => c.media?.some((m) => m.mos?.average)).length >= 3);
  const customer = (await read("/customers?q=demo")).items[0].id;
  const answered = await until("a call that is over", async () => (await read("/cdrs?newest=true&limit=50")).items.find((c) => c.answered));
  await until("a refused call", async () => (await read("/decisions?refused=true&limit=1")).items[0]);

  const page = await context.newPage();
  const take = async (name, path, theme) => {
    await page.emulateMedia({ colorScheme: theme });
    await page.goto("/#" + path);
    await page.reload();
    await page.locator("h1").first().waitFor();
    await page.locator("[role=status][aria-label=Loading]").first().waitFor({ state: "detached" });
    await page.waitForTimeout(1500); // charts draw themselves
    await page.screenshot({ path: `${folder}/${name}.png` });
  };
  await take("overview", "/overview", "light");
  await take("overview-dark", "/overview", "dark");
  await take("calls", "/calls", "light");
  await take("ladder", `/call/${answered.id}`, "light");
  await take("routing", `/routing?customer=${customer}`, "light");
  await take("bans", "/bans", "light");
} finally {
  await browser.close();
}
