// Which span of time a list shows: the last so long, or from one time to another; in the address as ?since= and ?until=.

import { Group, Select, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useUrl } from "~/url";

const spans = ["15m", "1h", "6h", "24h", "168h", "720h", "all"];
const custom = "custom";

/** What the API is asked with. fallback is the span where the address has none. */
export function useRange(fallback = "24h"): { since?: string; until?: string } {
  const [{ since = fallback, until }] = useUrl();
  return { since: since === "all" ? undefined : since, until };
}

export function RangeFilter({ fallback = "24h" }: { fallback?: string }) {
  const { t } = useTranslation();
  const [{ since = fallback, until }, set] = useUrl();
  const chosen = spans.includes(since) && !until ? since : custom;
  const choose = (value: string | null) => {
    if (value === custom) set({ since: new Date(Date.now() - 3600_000).toISOString(), until: new Date().toISOString() }, { replace: true });
    else set({ since: value === fallback ? undefined : (value ?? undefined), until: undefined }, { replace: true });
  };
  const at = (name: "since" | "until") => (
    <TextInput type="datetime-local" step={1} w={205} aria-label={t(`calls.range_${name}`)} value={localOf(name === "since" ? since : until)}
      onChange={(e) => set({ [name]: e.currentTarget.value ? new Date(e.currentTarget.value).toISOString() : undefined }, { replace: true })} />
  );
  return (
    <Group gap="xs">
      <Select w={165} aria-label={t("calls.range")} value={chosen} onChange={choose} allowDeselect={false}
        data={[...spans, custom].map((value) => ({ value, label: t(`calls.range_${value}`) }))} />
      {chosen === custom && (
        <>
          {at("since")}
          {at("until")}
        </>
      )}
    </Group>
  );
}

/** A time as an input of the browser's own writes it, in the browser's zone. */
export function localOf(text: string | undefined): string {
  const date = new Date(text ?? "");
  if (Number.isNaN(date.getTime())) return "";
  const two = (n: number) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
