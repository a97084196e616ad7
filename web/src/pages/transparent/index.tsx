// Where transparent mode is on now, by whom and until when: nothing that protects is forgotten to be off.

import { Badge, Button, Group, List, Text } from "@mantine/core";
import { IconEye } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { readAll } from "~/api/nouns";
import { Failed, Waiting } from "~/frame/States";
import { useMay } from "~/session/SessionProvider";
import { CustomerName } from "~/ui/CustomerName";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { Duration, When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { Confirm } from "~/ui/confirm";
import { say } from "~/ui/notice";
import { type Row, rowsOf } from "./rows";

export default function Transparent() {
  const { t } = useTranslation();
  const { write } = useMay();
  const read = useQuery({ queryKey: ["noun", "customers", "transparent"], queryFn: ({ signal }) => readRows(signal), refetchInterval: 15_000 });
  const rows = read.data ?? [];
  const [selected, setSelected] = useState<Set<string | number>>(new Set());
  const [off, setOff] = useState<Row[]>();
  const chosen = rows.filter((r) => selected.has(r.key) && r.customer !== undefined);
  const columns: Column<Row>[] = [
    { label: "transparent_list.whose", render: (r) => (r.customer !== undefined ? <CustomerName id={r.customer} name={r.name} /> : <All row={r} />) },
    { label: "transparent_list.until", narrow: true, render: (r) => (r.until ? <When at={r.until} /> : <Endless />) },
    { label: "transparent_list.left", right: true, narrow: true, render: (r) => r.until && <Duration until={r.until} /> },
  ];
  return (
    <Page title={t("transparent_list.title")} note={t("transparent_list.note")}>
      {chosen.length > 0 && (
        <Group mb="sm" justify="flex-end">
          <Button variant="default" leftSection={<IconEye size={15} />} onClick={() => setOff(chosen)}>{t("transparent_list.off", { count: chosen.length })}</Button>
        </Group>
      )}
      {read.isError ? (
        <Failed error={read.error} reset={() => void read.refetch()} />
      ) : (
        <DataTable label={t("transparent_list.title")} rows={rows} columns={columns} keyOf={(r) => r.key} selected={write ? selected : undefined} onSelect={write ? setSelected : undefined}
          actions={write ? (r) => r.customer !== undefined && <Button size="compact-xs" variant="default" aria-label={t("transparent_list.off_of", { name: r.name })} onClick={() => setOff([r])}>{t("transparent.off")}</Button> : undefined}
          empty={read.isPending ? <Waiting /> : <Empty title={t("transparent_list.empty")} text={t("transparent_list.empty_text")} />} />
      )}
      {off && <SwitchOff rows={off} onClose={() => setOff(undefined)} onDone={() => setSelected(new Set())} />}
    </Page>
  );
}

function All({ row }: { row: Row }) {
  const { t } = useTranslation();
  return (
    <Group gap={8} wrap="nowrap">
      <WireText>{row.name}</WireText>
      <Badge color="orange">{t("transparent_list.all_of_user")}</Badge>
    </Group>
  );
}

function Endless() {
  const { t } = useTranslation();
  return <Text span size="sm" c="dimmed">{t("transparent.for_ever")}</Text>;
}

function SwitchOff({ rows, onClose, onDone }: { rows: Row[]; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation();
  const run = async () => {
    try {
      for (const row of rows) await call("POST", "/transparent", { body: { on: false, customer_id: row.customer } });
    } finally {
      await refresh("customers", "users", "audit");
    }
    void say(t("ui.changed_many", { count: rows.length }));
    onDone();
  };
  return (
    <Confirm title={t("transparent_list.off", { count: rows.length })} button={t("transparent_list.off", { count: rows.length })} mild onConfirm={run} onClose={onClose}>
      {t("transparent_list.off_text")}
      <List size="sm" mt="xs">
        {rows.slice(0, 8).map((r) => (
          <List.Item key={r.key}>{r.name}</List.Item>
        ))}
        {rows.length > 8 && <List.Item>{t("ui.and_more", { count: rows.length - 8 })}</List.Item>}
      </List>
    </Confirm>
  );
}

async function readRows(signal: AbortSignal): Promise<Row[]> {
  const [customers, users] = await Promise.all([readAll<Schemas["Customer"]>("customers", { transparent: true }, signal), readAll<Schemas["User"]>("users", { transparent: true }, signal)]);
  return rowsOf(customers, users);
}
