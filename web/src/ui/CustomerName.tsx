import { useQuery } from "@tanstack/react-query";
import { call } from "~/api/client";
import { useUrlText } from "~/url";

interface Named {
  id: number;
  name: string;
}

// The ids that lists on the page show are asked for together, one frame later.
const wanted = new Map<number, { resolve: (name: string) => void; reject: (error: unknown) => void }[]>();
let timer: ReturnType<typeof setTimeout> | undefined;

function ask(id: number): Promise<string> {
  return new Promise((resolve, reject) => {
    wanted.set(id, [...(wanted.get(id) ?? []), { resolve, reject }]);
    timer ??= setTimeout(() => void answer(), 30);
  });
}

async function answer(): Promise<void> {
  timer = undefined;
  const batch = new Map(wanted);
  wanted.clear();
  // Few: each by itself. Many: the list holds most of them.
  const names = new Map<number, string>();
  try {
    if (batch.size > 6) {
      const page = await call<{ items: Named[] }>("GET", "/customers", { query: { limit: 1000 } });
      for (const c of page.body.items) names.set(c.id, c.name);
    }
    for (const id of batch.keys()) if (!names.has(id)) names.set(id, (await call<Named>("GET", `/customers/${id}`)).body.name);
  } catch {
    // one that went meanwhile: its number is shown
  }
  for (const [id, waiting] of batch) for (const w of waiting) w.resolve(names.get(id) ?? `#${id}`);
}

/** A customer's name by its id; a click makes it the filter of all pages. */
export function CustomerName({ id, name }: { id: number; name?: string }) {
  const [, choose] = useUrlText("customer");
  const query = useQuery({ queryKey: ["noun", "customers", "name", id], queryFn: () => ask(id), staleTime: 60_000, enabled: !name && id > 0 });
  const shown = name ?? query.data;
  if (!shown) return null;
  return (
    <button type="button" className="tg-link" style={{ fontWeight: 400 }} onClick={() => choose(String(id))}>
      {shown}
    </button>
  );
}
