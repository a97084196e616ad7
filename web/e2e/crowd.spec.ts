// A thousand live calls, streamed to a page that still answers: what a key, a wheel and a click take is counted in
// frames, and how long the page was busy at a stretch is printed.

import type { Page } from "@playwright/test";
import { expect, open, settled, test } from "./panel";
import { api, gather, scene, thin } from "./scene";

const many = 1000;
const domain = "crowd.example";
const patience = 60_000; // ms until all calls are up and shown, on a busy machine

/** Does something for all of the crowd, some at a time: other tests want the wire, too. */
async function inParts(act: (count: number) => Promise<unknown>, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 100) await act(Math.min(left, 100));
}

/** Watches the page's frames from now on; busy() tells how it did. */
async function watch(page: Page): Promise<void> {
  await page.evaluate(() => {
    const seen = { frames: 0, gap: 0, tasks: [] as number[] };
    let last = performance.now();
    const frame = (now: number) => {
      seen.frames++;
      seen.gap = Math.max(seen.gap, now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    new PerformanceObserver((list) => seen.tasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: "longtask" });
    Object.assign(window, { seen });
  });
}

async function busy(page: Page, what: string): Promise<void> {
  const told = await page.evaluate(() => {
    const { seen } = window as unknown as { seen: { frames: number; gap: number; tasks: number[] } };
    const text = `${seen.frames} frames, the longest ${Math.round(seen.gap)} ms; ${seen.tasks.length} tasks over 50 ms, the longest ${Math.round(Math.max(0, ...seen.tasks))} ms`;
    Object.assign(seen, { frames: 0, gap: 0, tasks: [] });
    return text;
  });
  console.log(`${what}: ${told}`);
}

/** Does something to the page, and counts its frames until what is wanted is there. */
async function frames(page: Page, act: () => Promise<unknown>, wanted: string): Promise<number> {
  const count = page.evaluate((text) => new Promise<number>((resolve) => {
    let n = 0;
    const frame = () => (document.querySelector("main")?.textContent?.includes(text) ? resolve(n) : (n++, requestAnimationFrame(frame)));
    requestAnimationFrame(frame);
  }), wanted);
  await act();
  return count;
}

test("a thousand live calls", async ({ as }) => {
  test.setTimeout(150_000);
  const company = (await api<{ items: { id: number }[] }>("GET", "/companies?q=Black+Box")).items[0]?.id;
  const customer = (await api<{ id: number }>("POST", "/customers", { company_id: company, name: "Crowd", keepalive: false, trace: false })).id;
  await api("POST", "/domains", { customer_id: customer, name: domain });
  await api("POST", "/destinations", { customer_id: customer, name: "crowd-pbx", host: scene.pbx.crowd.host, port: scene.pbx.crowd.port });
  const page = await as("platform");
  await open(page, `/calls?customer=${customer}`);
  await expect(page.getByText("No call is up")).toBeVisible();
  await watch(page);

  const all = inParts((count) => gather("crowd", domain, count), many);
  await expect(page.getByText("calls are up")).toBeVisible({ timeout: patience });
  // They stream in while somebody types.
  const filter = page.getByRole("searchbox", { name: /^Number, address/ });
  await filter.fill("c0007@");
  await expect(page.getByRole("row").filter({ hasText: "c0007" })).toBeVisible();
  await filter.fill("");
  await all;
  await expect(page.getByText(`${many} calls are up`)).toBeVisible({ timeout: patience });
  await busy(page, `${many} calls that come`);

  // Only what is in sight is in the page, and all of it can be reached.
  const rows = page.locator("tbody tr[aria-rowindex]");
  expect(await rows.count()).toBeLessThan(80);
  await expect(page.locator("table.tg-table")).toHaveAttribute("aria-rowcount", String(many + 1));
  const table = page.getByRole("region", { name: "Live calls" });
  const scrolled = await frames(page, () => table.evaluate((box) => (box.scrollTop = box.scrollHeight)), "c0001");
  await busy(page, "to the last row");
  const narrowed = await frames(page, () => filter.fill("c0500@"), `1 of ${many}`);
  await expect(rows).toHaveCount(1);
  await expect(rows.first()).toContainText("c0500");
  await busy(page, "a filter");
  console.log(`frames: ${scrolled} to the last row, ${narrowed} until the filter has narrowed the list`);
  expect(scrolled, "frames to the last row").toBeLessThan(30);
  expect(narrowed, "frames to the filter's one call").toBeLessThan(120); // it waits 250 ms for the next key

  // One is opened, and the way back leads to the same list.
  await rows.first().getByRole("link").first().click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText(/^Call/);
  await settled(page);
  await page.goBack();
  await expect(filter).toHaveValue("c0500@");
  await expect(rows).toHaveCount(1);
  await filter.fill("");

  // What ends disappears by itself, whoever hung up.
  await thin(10);
  await expect(page.getByText(`${many - 10} calls are up`)).toBeVisible();
  await filter.fill("c0500@");
  await expect(rows).toHaveCount(1);
  await rows.first().getByRole("checkbox").check();
  await page.getByRole("button", { name: "Hang up 1 call" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Hang up 1 call" }).click();
  await expect(page.getByText(/Nothing matches/)).toBeVisible();
  await filter.fill("");
  await expect(page.getByText(`${many - 11} calls are up`)).toBeVisible();
  await inParts(thin, many);
  await expect(page.getByText("No call is up")).toBeVisible({ timeout: patience });
  await busy(page, "all gone");
});
