// Who is banned on this node, why, and for how long yet; to lift bans, one or many, and to ban by hand.

import { ActionIcon, Button, Group, List, Text, Tooltip } from "@mantine/core";
import { IconLockOpen, IconPlus, IconShieldCheck } from "@tabler/icons-react";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import type { Schemas } from "~/api/client";
import { useList } from "~/api/nouns";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { useMay, useSession } from "~/session/SessionProvider";
import { CustomerName } from "~/ui/CustomerName";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { TextFilter } from "~/ui/ResourcePage";
import { Duration, When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { Confirm } from "~/ui/confirm";
import { say } from "~/ui/notice";
import { useUrlText } from "~/url";
import { BanDialog } from "./BanDialog";
import { WhitelistDialog } from "./WhitelistDialog";
import { lift } from "./lift";

type Ban = Schemas["Banned"];

type Act = { kind: "ban" } | { kind: "lift"; bans: Ban[] } | { kind: "whitelist"; ban: Ban };

export default function Bans() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const { write } = useMay();
  const [q] = useUrlText("q");
  const list = useList<Ban>("bans", { q, customer }, { every: 10_000 });
  const rows = list.data ?? [];
  const [selected, setSelected] = useState<Set<string | number>>(new Set());
  const [act, setAct] = useState<Act>();
  useEffect(() => setSelected(new Set()), [customer, q]);
  const mayLift = useMayLift();
  const columns = useColumns(customer === undefined);
  const chosen = rows.filter((b) => selected.has(b.id) && mayLift(b));
  const close = () => setAct(undefined);
  const add = write && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setAct({ kind: "ban" })}>
      {t("bans.add")}
    </Button>
  );
  return (
    <Page title={t("bans.title")} note={t("bans.note")}>
      <Group mb="sm" gap="sm">
        <TextFilter label={t("bans.filter")} />
        <Text size="sm" c="dimmed" role="status">
          {selected.size ? t("ui.selected", { count: selected.size }) : list.data && t("ui.rows", { count: rows.length, more: list.hasNextPage ? "+" : "" })}
        </Text>
        <Group gap="xs" ml="auto">
          {chosen.length > 0 && (
            <Button variant="default" leftSection={<IconLockOpen size={15} />} onClick={() => setAct({ kind: "lift", bans: chosen })}>
              {t("bans.lift_many", { count: chosen.length })}
            </Button>
          )}
          {add}
        </Group>
      </Group>
      {list.isError ? (
        <Failed error={list.error} reset={() => void list.refetch()} />
      ) : (
        <DataTable label={t("bans.title")} rows={rows} columns={columns} keyOf={(b) => b.id} more={list.hasNextPage} onEnd={() => !list.isFetchingNextPage && void list.fetchNextPage()}
          selected={write ? selected : undefined} onSelect={write ? setSelected : undefined}
          actions={write ? (b) => mayLift(b) && <RowActs ban={b} onAct={setAct} /> : undefined}
          empty={list.isPending ? <Waiting /> : q ? <Empty title={t("ui.nothing_matches", { q })} /> : <Empty title={t("bans.empty")} text={t("bans.empty_text")}>{add}</Empty>} />
      )}
      {act?.kind === "ban" && <BanDialog onClose={close} />}
      {act?.kind === "lift" && <Lift bans={act.bans} onClose={close} onDone={() => setSelected(new Set())} />}
      {act?.kind === "whitelist" && <WhitelistDialog address={act.ban.address} customer={act.ban.customer_id} banId={act.ban.id} onClose={close} />}
    </Page>
  );
}

/** Who is not of the platform sees bans of everybody's traffic, and lifts those of his customers only. */
function useMayLift(): (ban: Ban) => boolean {
  const { role } = useSession();
  return (ban) => role === "platform" || ban.customer_id !== undefined;
}

function useColumns(all: boolean): Column<Ban>[] {
  return useMemo(
    () => [
      { label: "bans.field.address", render: (b) => <WireText>{b.address}</WireText> },
      { label: "bans.whose", hidden: !all, render: (b) => (b.customer_id ? <CustomerName id={b.customer_id} name={b.customer} /> : <Everybody />) },
      { label: "bans.field.reason", render: (b) => <Why ban={b} /> },
      { label: "bans.evidence", render: (b) => <WireText tip>{b.evidence}</WireText> },
      { label: "bans.since", narrow: true, render: (b) => <When at={b.since} /> },
      { label: "bans.left", right: true, narrow: true, render: (b) => <Tip at={b.until} /> },
      { label: "bans.hits", right: true, narrow: true, render: (b) => b.hits.toLocaleString() },
    ],
    [all],
  );
}

function Everybody() {
  const { t } = useTranslation();
  return <Text span size="sm" c="dimmed">{t("bans.everybody")}</Text>;
}

/** The reason, and how often it was banned for it: each time for longer. */
function Why({ ban }: { ban: Ban }) {
  const { t } = useTranslation();
  return (
    <span title={ban.sentence}>
      {ban.sentence}
      {(ban.times ?? 0) > 1 && <Text span size="sm" c="dimmed"> {t("bans.times", { count: ban.times ?? 0 })}</Text>}
    </span>
  );
}

function Tip({ at }: { at: string }) {
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      <Duration until={at} />
    </time>
  );
}

function RowActs({ ban, onAct }: { ban: Ban; onAct: (act: Act) => void }) {
  const { t } = useTranslation();
  const lift = t("bans.lift_of", { address: ban.address });
  const allow = t("bans.whitelist_of", { address: ban.address });
  return (
    <Group gap={4} justify="flex-end" wrap="nowrap">
      <Tooltip label={allow}>
        <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" aria-label={allow} onClick={() => onAct({ kind: "whitelist", ban })}>
          <IconShieldCheck size={16} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={lift}>
        <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" aria-label={lift} onClick={() => onAct({ kind: "lift", bans: [ban] })}>
          <IconLockOpen size={16} />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}

const mostNamed = 8;

function Lift({ bans, onClose, onDone }: { bans: Ban[]; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation();
  const one = bans.length === 1 ? bans[0] : undefined;
  const run = async () => {
    try {
      for (const ban of bans) await lift(ban.id);
    } finally {
      await refresh("bans", "strangers", "audit");
    }
    void say(t("bans.lifted", { count: bans.length }));
    onDone();
  };
  return (
    <Confirm title={one ? t("bans.lift_of", { address: one.address }) : t("bans.lift_many", { count: bans.length })} button={t("bans.lift_many", { count: bans.length })} mild onConfirm={run} onClose={onClose}>
      {t("bans.lift_text")}
      {!one && (
        <List size="sm" mt="xs">
          {bans.slice(0, mostNamed).map((b) => (
            <List.Item key={b.id}><WireText>{b.address}</WireText></List.Item>
          ))}
          {bans.length > mostNamed && <List.Item>{t("ui.and_more", { count: bans.length - mostNamed })}</List.Item>}
        </List>
      )}
    </Confirm>
  );
}
