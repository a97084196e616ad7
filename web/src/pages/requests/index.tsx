// What customers ask their company for: more channels. Granting it sets their call limit.

import { ActionIcon, Button, Group, Text, Tooltip } from "@mantine/core";
import { IconCheck, IconX } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { useItem, useList } from "~/api/nouns";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { useMay } from "~/session/SessionProvider";
import { CustomerName } from "~/ui/CustomerName";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { Confirm } from "~/ui/confirm";
import { say } from "~/ui/notice";

type Wish = Schemas["ChannelRequest"];
type Act = "grant" | "decline";

export default function Requests() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const { write } = useMay();
  const list = useList<Wish>("requests", { customer }, { every: 30_000 });
  const rows = list.data ?? [];
  const [act, setAct] = useState<{ act: Act; wish: Wish }>();
  const columns = useColumns();
  const close = () => setAct(undefined);
  return (
    <Page title={t("requests.title")} note={t("requests.note")}>
      {list.isError ? (
        <Failed error={list.error} reset={() => void list.refetch()} />
      ) : (
        <DataTable label={t("requests.title")} rows={rows} columns={columns} keyOf={(r) => r.id} more={list.hasNextPage} onEnd={() => !list.isFetchingNextPage && void list.fetchNextPage()}
          actions={write ? (r) => <RowActs wish={r} onAct={(what) => setAct({ act: what, wish: r })} /> : undefined}
          empty={list.isPending ? <Waiting /> : <Empty title={t("requests.empty")} text={t("requests.empty_text")} />} />
      )}
      {act?.act === "grant" && <Grant wish={act.wish} onClose={close} />}
      {act?.act === "decline" && <Decline wish={act.wish} onClose={close} />}
    </Page>
  );
}

function useColumns(): Column<Wish>[] {
  return useMemo(
    () => [
      { label: "requests.customer", render: (r) => <CustomerName id={r.customer_id} name={r.customer} /> },
      { label: "requests.has", right: true, narrow: true, render: (r) => <Has customer={r.customer_id} /> },
      { label: "requests.wants", right: true, narrow: true, render: (r) => <strong>{r.channels}</strong> },
      { label: "requests.text", render: (r) => <WireText tip>{r.text}</WireText> },
      { label: "requests.who", render: (r) => <WireText>{r.who}</WireText> },
      { label: "requests.at", narrow: true, render: (r) => <When at={r.at} /> },
    ],
    [],
  );
}

function Has({ customer }: { customer: number }) {
  const { t } = useTranslation();
  const item = useItem<Schemas["Customer"]>("customers", customer);
  return <>{item.data && (item.data.body.call_limit || t("ui.unlimited"))}</>;
}

function RowActs({ wish, onAct }: { wish: Wish; onAct: (act: Act) => void }) {
  const { t } = useTranslation();
  const decline = t("requests.decline_of", { name: wish.customer });
  return (
    <Group gap={6} justify="flex-end" wrap="nowrap">
      <Button size="compact-xs" variant="default" leftSection={<IconCheck size={14} />} aria-label={t("requests.grant_of", { name: wish.customer })} onClick={() => onAct("grant")}>
        {t("requests.grant")}
      </Button>
      <Tooltip label={decline}>
        <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" aria-label={decline} onClick={() => onAct("decline")}>
          <IconX size={16} />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}

/** Sets the customer's call limit to what was asked for, and takes the request off the list. */
function Grant({ wish, onClose }: { wish: Wish; onClose: () => void }) {
  const { t } = useTranslation();
  const run = async () => {
    await call("PATCH", `/customers/${wish.customer_id}`, { body: { call_limit: wish.channels } });
    await call("DELETE", `/requests/${wish.id}`);
    await refresh("requests", "customers", "limits", "audit");
    void say(t("ui.saved", { name: wish.customer }));
  };
  return (
    <Confirm title={t("requests.grant_of", { name: wish.customer })} button={t("requests.grant")} mild onConfirm={run} onClose={onClose}>
      {t("requests.grant_text", { name: wish.customer })}
      <Text size="sm" mt="xs" component="div">
        <Has customer={wish.customer_id} /> → <strong>{wish.channels}</strong>
      </Text>
    </Confirm>
  );
}

function Decline({ wish, onClose }: { wish: Wish; onClose: () => void }) {
  const { t } = useTranslation();
  const run = async () => {
    await call("DELETE", `/requests/${wish.id}`);
    await refresh("requests", "audit");
  };
  return (
    <Confirm title={t("requests.decline_of", { name: wish.customer })} button={t("requests.decline")} onConfirm={run} onClose={onClose}>
      {t("requests.decline_text")}
    </Confirm>
  );
}
