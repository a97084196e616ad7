// Who changed what, when and from where, before and after; and how to take it back.

import { ActionIcon, Alert, Badge, Button, Drawer, Group, Modal, Stack, Table, Text, Tooltip } from "@mantine/core";
import { IconArrowBackUp } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import { cache } from "~/api/cache";
import { type ItemOf, call } from "~/api/client";
import { useItem, useList } from "~/api/nouns";
import { asProblem } from "~/api/problem";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { useMay } from "~/session/SessionProvider";
import { CopyOnce } from "~/ui/CopyOnce";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { TextFilter } from "~/ui/ResourcePage";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { Confirm } from "~/ui/confirm";
import { useUrlText } from "~/url";
import { type Change, changesBetween } from "./changes";

type Entry = ItemOf<"/api/v1/audit">;

/** What kind of thing an entry is about, in the page's language. */
const nounOf = (t: TFunction, entry: Entry) => t(`audit.noun.${entry.noun}`, { defaultValue: entry.noun });

const colors: Record<string, string> = { create: "green", update: "petrol", delete: "red" };

export default function Audit() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const { write } = useMay();
  const [q] = useUrlText("q");
  const [show, setShow] = useUrlText("show");
  const list = useList<Entry>("audit", { q, customer });
  const [undoing, setUndoing] = useState<Entry>();
  const rows = list.data ?? [];
  const columns: Column<Entry>[] = [
    { label: "audit.at", narrow: true, render: (e) => <When at={e.at} /> },
    { label: "audit.who", render: (e) => <WireText>{e.who}</WireText> },
    { label: "audit.action", narrow: true, render: (e) => <Badge color={colors[e.action] ?? "gray"}>{t(`audit.act.${e.action}`, { defaultValue: e.action })}</Badge> },
    {
      label: "audit.what",
      render: (e) => (
        <button type="button" className="tg-link" onClick={() => setShow(String(e.id))}>
          {nounOf(t, e)} <WireText>{e.name}</WireText>
        </button>
      ),
    },
    { label: "audit.fields", render: (e) => <Fields entry={e} /> },
    { label: "audit.from", narrow: true, render: (e) => <WireText>{`${e.via}${e.from ? " " + e.from : ""}`}</WireText> },
  ];
  const undoButton = (entry: Entry) =>
    write && entry.undoable ? (
      <Tooltip label={t("audit.undo")}>
        <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" aria-label={t("audit.undo_of", { what: `${nounOf(t, entry)} ${entry.name}` })} onClick={() => setUndoing(entry)}>
          <IconArrowBackUp size={16} />
        </ActionIcon>
      </Tooltip>
    ) : null;
  return (
    <Page title={t("menu.audit")}>
      <Group mb="sm">
        <TextFilter label={t("audit.filter")} />
      </Group>
      {list.isError ? (
        <Failed error={list.error} reset={() => void list.refetch()} />
      ) : (
        <DataTable label={t("menu.audit")} rows={rows} columns={columns} keyOf={(e) => e.id} actions={undoButton} more={list.hasNextPage}
          onEnd={() => !list.isFetchingNextPage && void list.fetchNextPage()}
          empty={list.isPending ? <Waiting /> : <Empty title={q ? t("ui.nothing_matches", { q }) : t("audit.empty")} />} />
      )}
      {show && <Shown id={show} known={rows.find((e) => String(e.id) === show)} onClose={() => setShow(undefined)} onUndo={setUndoing} undoable={(e) => undoButton(e) !== null} />}
      {undoing && <Undo entry={undoing} onClose={() => setUndoing(undefined)} />}
    </Page>
  );
}

/** The names of what changed. */
function Fields({ entry }: { entry: Entry }) {
  if (entry.action !== "update") return null;
  const changes = changesBetween(entry.before, entry.after);
  return <Text span size="sm" c="dimmed">{changes.map((c) => c.field).join(", ")}</Text>;
}

interface ShownProps {
  id: string;
  known: Entry | undefined;
  onClose: () => void;
  onUndo: (entry: Entry) => void;
  undoable: (entry: Entry) => boolean;
}

function Shown({ id, known, onClose, onUndo, undoable }: ShownProps) {
  const { t } = useTranslation();
  const read = useItem<Entry>("audit", known ? undefined : id);
  const entry = known ?? read.data?.body;
  return (
    <Drawer opened onClose={onClose} size="xl" closeButtonProps={{ "aria-label": t("ui.close") }} title={<Text fw={600}>{entry ? `${t(`audit.act.${entry.action}`, { defaultValue: entry.action })}: ${nounOf(t, entry)} ${entry.name}` : t("menu.audit")}</Text>}>
      {read.isError && <Failed error={read.error} />}
      {entry && (
        <Stack>
          <Text size="sm">
            <When at={entry.at} full />, <WireText>{entry.who}</WireText> ({entry.who_kind}), {entry.via} <WireText>{entry.from}</WireText>
          </Text>
          <Before entry={entry} />
          {undoable(entry) && (
            <Group>
              <Button variant="default" leftSection={<IconArrowBackUp size={16} />} onClick={() => onUndo(entry)}>
                {t("audit.undo")}
              </Button>
            </Group>
          )}
        </Stack>
      )}
    </Drawer>
  );
}

function Before({ entry }: { entry: Entry }) {
  const { t } = useTranslation();
  const changes = changesBetween(entry.before, entry.after);
  if (changes.length === 0) return <Text c="dimmed" size="sm">{t("audit.no_fields")}</Text>;
  const cell = (change: Change, side: "before" | "after") => <WireText block>{change[side]}</WireText>;
  return (
    <Table fz="sm" verticalSpacing={4} layout="fixed">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("audit.field")}</Table.Th>
          <Table.Th>{t("audit.before")}</Table.Th>
          <Table.Th>{t("audit.after")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {changes.map((change) => (
          <Table.Tr key={change.field}>
            <Table.Td>{change.field}</Table.Td>
            <Table.Td>{cell(change, "before")}</Table.Td>
            <Table.Td>{cell(change, "after")}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

interface Undone {
  name: string;
  password?: string;
  missing?: string;
}

function Undo({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const { t } = useTranslation();
  const [done, setDone] = useState<Undone>();
  const undo = useMutation({
    mutationFn: async () => (await call<Undone>("POST", `/audit/${entry.id}/undo`, { body: {} })).body,
    onSuccess: () => cache.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "session" }),
  });
  if (done?.password) return <CopyOnce title={done.name} secrets={[{ label: t("session.password"), value: done.password }]} onClose={onClose} />;
  if (done) return <Missing undone={done} onClose={onClose} />;
  const run = async () => {
    const undone = await undo.mutateAsync();
    if (undone.password || undone.missing) setDone(undone);
    else onClose();
  };
  return (
    <Confirm title={t("audit.undo_of", { what: `${nounOf(t, entry)} ${entry.name}` })} button={t("audit.undo")} onConfirm={run} onClose={onClose} stays>
      {t(`audit.undo_${entry.action}`)}
      {undo.isError && asProblem(undo.error).faults.length > 1 && asProblem(undo.error).faults.map((f) => <div key={f.message}>{f.message}</div>)}
    </Confirm>
  );
}

/** It is back, but not all of it. */
function Missing({ undone, onClose }: { undone: Undone; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal opened onClose={onClose} title={<WireText>{undone.name}</WireText>} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <Alert color="yellow" role="status" title={t("audit.missing")}>{undone.missing}</Alert>
      <Group justify="flex-end" mt="md">
        <Button onClick={onClose}>{t("ui.close")}</Button>
      </Group>
    </Modal>
  );
}
