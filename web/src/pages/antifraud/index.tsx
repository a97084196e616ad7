// Antifraud: the thresholds in use with what they have counted, and the keys that are shut now.

import { ActionIcon, Badge, Group, Text, Title, Tooltip } from "@mantine/core";
import { IconLockOpen } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { useList } from "~/api/nouns";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { useMay } from "~/session/SessionProvider";
import { CustomerName } from "~/ui/CustomerName";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { TextFilter } from "~/ui/ResourcePage";
import { Duration, When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { Confirm } from "~/ui/confirm";
import { say } from "~/ui/notice";
import { hrefOf, useUrlText } from "~/url";
import { type KeyRow, keysOf } from "./keys";

type Threshold = Schemas["Threshold"];

export default function Antifraud() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const { write } = useMay();
  const [q] = useUrlText("q");
  const list = useList<Threshold>("antifraud", { q, customer }, { every: 5_000 });
  const rows = useMemo(() => list.data ?? [], [list.data]);
  const keys = useMemo(() => keysOf(rows), [rows]);
  const [opening, setOpening] = useState<KeyRow>();
  const thresholds = useThresholdColumns(customer === undefined);
  const columns = useKeyColumns(customer === undefined);
  return (
    <Page title={t("fraud.title")} note={t("fraud.note")}>
      <Group mb="sm" gap="sm">
        <TextFilter label={t("fraud.filter")} />
        <Text size="sm" c="dimmed" role="status">
          {list.data && t("fraud.shut_count", { count: keys.filter((k) => k.shut_until).length })}
        </Text>
      </Group>
      {list.isError ? (
        <Failed error={list.error} reset={() => void list.refetch()} />
      ) : (
        <>
          <Title order={2} size="h4" mb={6}>{t("fraud.thresholds")}</Title>
          <DataTable label={t("fraud.thresholds")} rows={rows} columns={thresholds} keyOf={(r) => r.customer_id + r.method} more={list.hasNextPage} onEnd={() => !list.isFetchingNextPage && void list.fetchNextPage()}
            height="calc(50dvh - 110px)" empty={list.isPending ? <Waiting /> : <Empty title={q ? t("ui.nothing_matches", { q }) : t("fraud.empty")} text={q ? undefined : t("fraud.empty_text")} />} />
          {keys.length > 0 && (
            <>
              <Title order={2} size="h4" mt="md" mb={6}>{t("fraud.keys")}</Title>
              <DataTable label={t("fraud.keys")} rows={keys} columns={columns} keyOf={(k) => k.key} height="calc(50dvh - 110px)"
                actions={write ? (k) => k.shut_until && <Open row={k} onOpen={() => setOpening(k)} /> : undefined} />
            </>
          )}
        </>
      )}
      {opening && <OpenKeys row={opening} onClose={() => setOpening(undefined)} />}
    </Page>
  );
}

function useThresholdColumns(all: boolean): Column<Threshold>[] {
  return useMemo(
    () => [
      { label: "fraud.customer", hidden: !all, render: (r) => <CustomerName id={r.customer_id} name={r.customer} /> },
      { label: "fraud.method", narrow: true, render: (r) => <Method row={r} /> },
      { label: "fraud.threshold", right: true, narrow: true, render: (r) => r.threshold },
      { label: "fraud.mode", narrow: true, render: (r) => <Mode of={r.mode} /> },
      { label: "fraud.triggered", right: true, narrow: true, render: (r) => r.triggered.toLocaleString() },
      { label: "fraud.would", right: true, narrow: true, render: (r) => r.would.toLocaleString() },
      { label: "fraud.refused", right: true, narrow: true, render: (r) => r.refused.toLocaleString() },
      { label: "fraud.last", narrow: true, render: (r) => <When at={r.last_hit} /> },
      { label: "fraud.sample", render: (r) => r.last_sample && <WireText tip>{`${r.last_sample.source} ${r.last_sample.value}`}</WireText> },
    ],
    [all],
  );
}

/** The method, as a way to the customer's settings. */
function Method({ row }: { row: Threshold }) {
  return (
    <a className="tg-link" href={hrefOf("/customers", { edit: String(row.customer_id) })}>
      {row.method.toUpperCase()}
    </a>
  );
}

function Mode({ of }: { of: Threshold["mode"] }) {
  const { t } = useTranslation();
  return <Badge color={of === "enforce" ? "green" : "yellow"}>{t(`fraud.mode_${of}`)}</Badge>;
}

function useKeyColumns(all: boolean): Column<KeyRow>[] {
  return useMemo(
    () => [
      { label: "fraud.customer", hidden: !all, render: (k) => <CustomerName id={k.customer_id} name={k.customer} /> },
      { label: "fraud.method", narrow: true, render: (k) => k.method.toUpperCase() },
      { label: "fraud.from", render: (k) => <WireText>{k.from}</WireText> },
      { label: "fraud.to", render: (k) => <WireText>{k.to && k.to + "…"}</WireText> },
      { label: "fraud.count", right: true, narrow: true, render: (k) => `${k.count} / ${k.threshold}` },
      { label: "fraud.state", narrow: true, render: (k) => <Shut until={k.shut_until} /> },
    ],
    [all],
  );
}

function Shut({ until }: { until: string | undefined }) {
  const { t } = useTranslation();
  if (!until) return <Badge color="gray">{t("fraud.counting")}</Badge>;
  return (
    <Group gap={6} wrap="nowrap">
      <Badge color="red">{t("fraud.shut")}</Badge>
      <Text span size="sm"><Duration until={until} /></Text>
    </Group>
  );
}

function Open({ row, onOpen }: { row: KeyRow; onOpen: () => void }) {
  const { t } = useTranslation();
  const label = t("fraud.open_of", { from: row.from || "–", to: row.to || "–" });
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" aria-label={label} onClick={onOpen}>
        <IconLockOpen size={16} />
      </ActionIcon>
    </Tooltip>
  );
}

/** Opens a key that is shut before its time. */
function OpenKeys({ row, onClose }: { row: KeyRow; onClose: () => void }) {
  const { t } = useTranslation();
  const run = async () => {
    const { body } = await call<{ opened: number }>("POST", "/antifraud/open", { body: { customer_id: row.customer_id, method: row.method, from: row.from, to: row.to } });
    await refresh("antifraud", "audit");
    void say(t("fraud.opened", { count: body.opened }));
  };
  return (
    <Confirm title={t("fraud.open_of", { from: row.from || "–", to: row.to || "–" })} button={t("fraud.open")} mild onConfirm={run} onClose={onClose}>
      {t("fraud.open_text")}
    </Confirm>
  );
}
