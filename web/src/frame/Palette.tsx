// Cmd-K: every page, and what the search box of the API finds.

import { useDebouncedValue } from "@mantine/hooks";
import "@mantine/spotlight/styles.css";
import { Spotlight, type SpotlightActionGroupData } from "@mantine/spotlight";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "~/api/client";
import { type Found, placeOf } from "~/api/find";
import { menuOf } from "~/pages";
import { useSession } from "~/session/SessionProvider";
import { useGo } from "~/url";

export default function Palette() {
  const { t } = useTranslation();
  const { role } = useSession();
  const go = useGo();
  const [text, setText] = useState("");
  const [q] = useDebouncedValue(text.trim(), 250);
  const found = useQuery({
    queryKey: ["find", q],
    queryFn: async ({ signal }) => (await call<{ items: Found[] }>("GET", "/find", { query: { q }, signal })).body.items,
    enabled: q.length > 1,
    retry: false,
  });
  const hits = q.length > 1 && found.data ? found.data : [];
  const groups: SpotlightActionGroupData[] = menuOf(role).map((section) => ({
    group: t(section.label),
    actions: section.pages.map(({ path, label, icon: Icon }) => ({
      id: path, label: t(label), leftSection: Icon && <Icon size={18} stroke={1.6} />, onClick: () => go(path),
    })),
  }));
  if (hits.length)
    groups.unshift({
      group: t("frame.found"),
      actions: hits.map((hit, i) => ({
        // The text that was typed is a keyword, so that the palette's own filter keeps what the API found.
        id: `found-${i}`, label: hit.label, description: [t(`kind.${hit.kind.replace("-", "_")}`, { defaultValue: hit.kind }), hit.customer].filter(Boolean).join(", "), keywords: [text],
        onClick: () => go(...placeOf(hit)),
      })),
    });
  return (
    <Spotlight actions={groups} query={text} onQueryChange={setText} shortcut={["mod + K", "/"]} scrollable maxHeight={440} highlightQuery
      attributes={{ content: { "aria-label": t("frame.find") } }}
      nothingFound={t("frame.nothing_found")} searchProps={{ leftSection: <IconSearch size={18} />, placeholder: t("frame.find_what"), "aria-label": t("frame.find_what") }} />
  );
}
