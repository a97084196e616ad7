// Sources whose requests nobody could be found for: scanners, and phones and trunks whose set-up names us
// wrongly. "This is mine" makes what was missing.

import { ActionIcon, Badge, Button, Group, Text, Tooltip } from "@mantine/core";
import { IconBan, IconUserCheck } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useList } from "~/api/nouns";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { useMay } from "~/session/SessionProvider";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { TextFilter } from "~/ui/ResourcePage";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { useUrlText } from "~/url";
import { BanDialog } from "../bans/BanDialog";
import { MineDialog } from "./MineDialog";
import { hostOf } from "./source";

type Stranger = Schemas["Stranger"];

export default function Strangers() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const { write } = useMay();
  const [q] = useUrlText("q");
  const list = useList<Stranger>("strangers", { q, customer }, { every: 10_000 });
  const rows = list.data ?? [];
  const [act, setAct] = useState<{ kind: "mine" | "ban"; stranger: Stranger }>();
  const columns = useColumns();
  const close = () => setAct(undefined);
  return (
    <Page title={t("strangers.title")} note={t("strangers.note")}>
      <Group mb="sm" gap="sm">
        <TextFilter label={t("strangers.filter")} />
        <Text size="sm" c="dimmed" role="status">
          {list.data && t("ui.rows", { count: rows.length, more: list.hasNextPage ? "+" : "" })}
        </Text>
      </Group>
      {list.isError ? (
        <Failed error={list.error} reset={() => void list.refetch()} />
      ) : (
        <DataTable label={t("strangers.title")} rows={rows} columns={columns} keyOf={(s) => s.transport + s.source + s.first} more={list.hasNextPage} onEnd={() => !list.isFetchingNextPage && void list.fetchNextPage()}
          actions={write ? (s) => <RowActs stranger={s} onAct={(kind) => setAct({ kind, stranger: s })} /> : undefined}
          empty={list.isPending ? <Waiting /> : <Empty title={q ? t("ui.nothing_matches", { q }) : t("strangers.empty")} text={q ? undefined : t("strangers.empty_text")} />} />
      )}
      {act?.kind === "mine" && <MineDialog stranger={act.stranger} onClose={close} />}
      {act?.kind === "ban" && <BanDialog address={hostOf(act.stranger.source)} onClose={close} />}
    </Page>
  );
}

function useColumns(): Column<Stranger>[] {
  return useMemo(
    () => [
      { label: "strangers.source", render: (s) => <Source stranger={s} /> },
      { label: "strangers.asked", render: (s) => <Cut>{s.request_line}</Cut> },
      { label: "strangers.mean", render: (s) => <Mean domain={s.did_you_mean} /> },
      { label: "strangers.agent", render: (s) => <Cut>{s.user_agent}</Cut> },
      { label: "strangers.count", right: true, narrow: true, render: (s) => s.count.toLocaleString() },
      { label: "strangers.last", narrow: true, render: (s) => <When at={s.last} /> },
    ],
    [],
  );
}

/** Text of any length in a column that leaves room for the others. */
function Cut({ children }: { children: string | undefined }) {
  return (
    <div style={{ maxWidth: "15rem", overflow: "hidden", textOverflow: "ellipsis" }}>
      <WireText tip>{children}</WireText>
    </div>
  );
}

function Source({ stranger: s }: { stranger: Stranger }) {
  const { t } = useTranslation();
  return (
    <Group gap={6} wrap="nowrap">
      <WireText>{s.source}</WireText>
      <Text span size="xs" c="dimmed">{s.transport}</Text>
      {s.banned && <Badge color="red">{t("strangers.banned")}</Badge>}
    </Group>
  );
}

function Mean({ domain }: { domain: string | undefined }) {
  const { t } = useTranslation();
  if (!domain) return null;
  return (
    <>
      {t("strangers.did_you_mean")} <WireText>{domain}</WireText>
    </>
  );
}

function RowActs({ stranger, onAct }: { stranger: Stranger; onAct: (kind: "mine" | "ban") => void }) {
  const { t } = useTranslation();
  const ban = t("strangers.ban_of", { source: stranger.source });
  return (
    <Group gap={6} justify="flex-end" wrap="nowrap">
      <Button size="compact-xs" variant="default" leftSection={<IconUserCheck size={14} />} aria-label={t("strangers.mine_of", { source: stranger.source })} onClick={() => onAct("mine")}>
        {t("strangers.mine")}
      </Button>
      <Tooltip label={ban}>
        <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" aria-label={ban} disabled={stranger.banned} onClick={() => onAct("ban")}>
          <IconBan size={16} />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}
