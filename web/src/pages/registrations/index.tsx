// Phones that have registered through us, and our own registrations at switches.

import { Badge, Button, Group, Tabs, Text, Tooltip } from "@mantine/core";
import { IconPlugConnectedX } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { useAll, useList } from "~/api/nouns";
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
import { hrefOf, useUrl } from "~/url";
import { Registration } from "../switches/Registration";

type Binding = Schemas["Binding"];
type Switch = Schemas["Switch"];

const every = 10_000; // ms
const height = "calc(100dvh - 240px)";

export default function Registrations() {
  const { t } = useTranslation();
  const [{ part = "phones" }, set] = useUrl();
  return (
    <Page title={t("registrations.title")}>
      <Tabs value={part} onChange={(v) => set({ part: v === "phones" ? undefined : (v ?? undefined), q: undefined })} keepMounted={false}>
        <Tabs.List mb="sm">
          <Tabs.Tab value="phones">{t("registrations.phones")}</Tabs.Tab>
          <Tabs.Tab value="ours">{t("registrations.ours")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="phones"><Phones /></Tabs.Panel>
        <Tabs.Panel value="ours"><Ours /></Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function Phones() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const { write } = useMay();
  const [{ q }] = useUrl();
  const list = useList<Binding>("bindings", { customer, q }, { every });
  const rows = list.data ?? [];
  const [selected, setSelected] = useState<Set<string | number>>(new Set());
  const [ending, setEnding] = useState<Binding[]>();
  const chosen = rows.filter((b) => selected.has(b.id));
  const columns = useMemo<Column<Binding>[]>(
    () => [
      { label: "registrations.aor", render: (b) => <WireText>{b.aor}</WireText> },
      { label: "calls.customer", hidden: customer !== undefined, render: (b) => <CustomerName id={b.customer_id} name={b.customer} /> },
      { label: "registrations.state", narrow: true, render: (b) => <Reach of={b} /> },
      { label: "registrations.source", render: (b) => <Group gap={6} wrap="nowrap"><WireText>{`${b.source} ${b.transport}`}</WireText>{b.nat && <Nat />}</Group> },
      { label: "registrations.contact", render: (b) => <WireText tip>{b.contact}</WireText> },
      { label: "registrations.user_agent", render: (b) => <WireText tip>{b.user_agent}</WireText> },
      { label: "registrations.since", narrow: true, render: (b) => <When at={b.since} /> },
      { label: "registrations.expires", narrow: true, right: true, render: (b) => <Duration until={b.expires} /> },
    ],
    [customer],
  );
  const empty = list.isPending ? <Waiting /> : q ? <Empty title={t("ui.nothing_matches", { q })} /> : (
    <Empty title={t("registrations.none")} text={t("registrations.none_text")}>
      <a className="tg-link" href={hrefOf("/sip-users")}>{t("menu.sip_users")}</a>
    </Empty>
  );
  return (
    <>
      <Group mb="sm" gap="sm">
        <TextFilter label={t("registrations.filter")} />
        <Text size="sm" c="dimmed" role="status">{list.data && t("ui.rows", { count: rows.length, more: list.hasNextPage ? "+" : "" })}</Text>
        {chosen.length > 0 && (
          <Button ml="auto" variant="default" c="var(--mantine-color-error)" leftSection={<IconPlugConnectedX size={15} />} onClick={() => setEnding(chosen)}>
            {t("registrations.end", { count: chosen.length })}
          </Button>
        )}
      </Group>
      {list.isError ? (
        <Failed error={list.error} reset={() => void list.refetch()} />
      ) : (
        <DataTable label={t("registrations.phones")} rows={rows} columns={columns} keyOf={(b) => b.id} empty={empty} height={height} more={list.hasNextPage} onEnd={() => !list.isFetchingNextPage && void list.fetchNextPage()}
          selected={write ? selected : undefined} onSelect={write ? setSelected : undefined} />
      )}
      {ending && <End bindings={ending} onClose={() => setEnding(undefined)} onDone={() => setSelected(new Set())} />}
    </>
  );
}

const typedFrom = 10; // from how many on the count has to be typed

function End({ bindings, onClose, onDone }: { bindings: Binding[]; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation();
  const count = bindings.length;
  const run = async () => {
    try {
      for (const b of bindings) await call("DELETE", `/bindings/${encodeURIComponent(b.id)}`);
    } finally {
      await refresh("bindings");
    }
    void say(t("registrations.ended", { count }));
    onDone();
  };
  return (
    <Confirm title={t("registrations.end_title", { count })} button={t("registrations.end", { count })} type={count >= typedFrom ? String(count) : undefined} onConfirm={run} onClose={onClose}>
      {t("registrations.end_text")}
    </Confirm>
  );
}

function Reach({ of: b }: { of: Binding }) {
  const { t } = useTranslation();
  if (!b.reachable) return <Badge color="red">{t("registrations.unreachable")}</Badge>;
  if (b.missed > 0) return <Badge color="yellow">{t("registrations.missed", { count: b.missed })}</Badge>;
  return <Badge color="green">{t("registrations.reachable")}</Badge>;
}

function Nat() {
  const { t } = useTranslation();
  return <Tooltip label={t("registrations.nat")}><Badge color="gray" tabIndex={0}>NAT</Badge></Tooltip>;
}

/** Where we register, as a phone would: switches that have an account of ours, called by a destination or not. */
function Ours() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const list = useAll<Switch>("switches", { customer }, { every });
  const rows = useMemo(() => (list.data ?? []).filter((s) => s.register || s.registration), [list.data]);
  const columns = useMemo<Column<Switch>[]>(
    () => [
      { label: "registrations.switch", render: (s) => <a className="tg-link" href={hrefOf("/switches", { edit: String(s.id) })}>{s.name}</a> },
      { label: "calls.customer", hidden: customer !== undefined, render: (s) => <CustomerName id={s.customer_id} /> },
      { label: "registrations.address", render: (s) => <WireText>{`${s.host}${s.port ? `:${s.port}` : ""} ${s.protocol}`}</WireText> },
      { label: "registrations.state", render: (s) => <Registration of={s} /> },
      { label: "registrations.failures", narrow: true, right: true, render: (s) => s.registration?.failures_in_row || "" },
      { label: "registrations.until", narrow: true, render: (s) => <When at={s.registration?.until} /> },
      { label: "registrations.next", narrow: true, render: (s) => <When at={s.registration?.next_attempt} /> },
    ],
    [customer],
  );
  if (list.isError) return <Failed error={list.error} reset={() => void list.refetch()} />;
  const empty = list.isPending ? <Waiting /> : (
    <Empty title={t("registrations.ours_none")} text={t("registrations.ours_none_text")}>
      <a className="tg-link" href={hrefOf("/switches")}>{t("menu.switches")}</a>
    </Empty>
  );
  return <DataTable label={t("registrations.ours")} rows={rows} columns={columns} keyOf={(s) => s.id} empty={empty} height={height} />;
}
