// The screenshots of docs/images: IMAGES names the folder to write to; else there is nothing to do.

import { expect, open, test } from "./panel";
import { api, place, scene, send } from "./scene";

const folder = process.env.IMAGES;

test("screenshots", async ({ as }) => {
  if (!folder) return;
  test.setTimeout(120_000);
  for (const [i, number] of ["0401112233", "0245678901", "0659871234"].entries()) await place({ Source: `caller${i}`, URI: `sip:${number}@calm.example`, Agent: "snomD735/10.1.175.16", From: `"Anna Verdi" <sip:04098765${i}@calm.example>` });
  await send({ Source: "scanner", Method: "OPTIONS", URI: "sip:100@192.0.2.1", Agent: "friendly-scanner", Silence: true });
  await api("POST", "/bans", { address: "203.0.113.0/28", reason: "scans from this range", for: "24h" });
  await api("POST", "/bans", { address: "198.51.100.23", reason: "guessed passwords at the customer's PBX", for: "2h", customer_id: scene.calm });
  const cdrs = await api<{ items: { id: string }[] }>("GET", `/cdrs?newest=true&customer=${scene.calm}&limit=1`);
  const page = await as("platform");
  for (const [name, path] of Object.entries({ overview: "/overview", calls: "/calls", ladder: `/call/${cdrs.items[0]?.id}`, routing: `/routing?customer=${scene.calm}`, bans: "/bans" })) {
    await open(page, path);
    await expect(page.locator("main")).not.toContainText("Loading");
    await page.waitForTimeout(1500); // charts draw themselves
    await page.screenshot({ path: `${folder}/${name}.png` });
  }
});
