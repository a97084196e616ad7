// The page of one noun: its list, how to add, change and delete, one or many. The filter, and what is being
// edited, are in the address.

import { ActionIcon, Button, Group, Menu, Text, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconDots, IconEdit, IconFilter, IconPlus, IconTrash } from "@tabler/icons-react";
import { useCallback, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Noun, useList } from "~/api/nouns";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { useMay } from "~/session/SessionProvider";
import { useUrl, useUrlText } from "~/url";
import { BulkEdit, DeleteMany } from "./Bulk";
import { type Column, DataTable } from "./DataTable";
import { Empty } from "./Empty";
import { Page } from "./Page";
import { ResourceEditor } from "./ResourceEditor";
import type { Resource } from "./resource";

export function ResourcePage<T extends Noun>({ resource }: { resource: Resource<T> }) {
  const { t } = useTranslation();
  const { ns } = resource;
  return (
    <Page title={t(`${ns}.title`)} actions={resource.pageActions}>
      {resource.above}
      <ResourceList resource={resource} />
    </Page>
  );
}

/** The list of a noun with all its acts, without a page around it: for tabs. */
export function ResourceList<T extends Noun>({ resource, height }: { resource: Resource<T>; height?: string }) {
  const { t } = useTranslation();
  const { ns, path } = resource;
  const customer = useCustomer();
  const may = useMay();
  const mayChange = resource.mayChange ?? may.write;
  const [url, setUrl] = useUrl();
  const q = url.q ?? "";
  const list = useList<T>(path, { q, ...(resource.perCustomer === false ? {} : { customer }), ...resource.query }, { every: resource.every && resource.every * 1000 });
  const rows = list.data ?? [];
  const [selected, setSelected] = useState<Set<string | number>>(new Set());
  const [act, setAct] = useState<"delete" | "edit" | T>();
  useEffect(() => setSelected(new Set()), [customer, q]);

  const edit = useCallback((id: number | "new" | undefined) => setUrl({ edit: id === undefined ? undefined : String(id) }), [setUrl]);
  const chosen = rows.filter((row) => selected.has(row.id));
  const columns = useColumns(resource, edit);
  const canAdd = (resource.mayAdd ?? mayChange) && !!resource.Fields;
  const canDelete = resource.mayDelete ?? mayChange;
  const selects = canDelete || (mayChange && !!resource.BulkFields) || !!resource.bulkActs;
  const add = canAdd && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => edit("new")}>
      {t(`${ns}.add`)}
    </Button>
  );
  const empty = list.isPending ? <Waiting /> : q || resource.narrowed ? <Empty title={t("ui.nothing_matches", { q: q || resource.narrowed })} /> : <Empty title={t(`${ns}.empty`)} text={t(`${ns}.empty_text`)}>{add}</Empty>;
  return (
    <>
      <Group mb="sm" gap="sm">
        <TextFilter label={t(`${ns}.filter`)} />
        {resource.filters}
        <Text size="sm" c="dimmed" role="status">
          {selected.size ? t("ui.selected", { count: selected.size }) : list.data && t("ui.rows", { count: rows.length, more: list.hasNextPage ? "+" : "" })}
        </Text>
        <Group gap="xs" ml="auto">
          {selected.size > 0 && resource.bulkActs?.(chosen)}
          {selected.size > 0 && mayChange && resource.BulkFields && (
            <Button variant="default" leftSection={<IconEdit size={15} />} onClick={() => setAct("edit")}>
              {t("ui.edit_many", { count: selected.size })}
            </Button>
          )}
          {selected.size > 0 && canDelete && (
            <Button variant="default" c="var(--mantine-color-error)" leftSection={<IconTrash size={15} />} onClick={() => setAct("delete")}>
              {t("ui.delete_many", { count: selected.size })}
            </Button>
          )}
          {add}
        </Group>
      </Group>
      {list.isError ? (
        <Failed error={list.error} reset={() => void list.refetch()} />
      ) : (
        <DataTable label={t(`${ns}.title`)} rows={rows} columns={columns} keyOf={(row) => row.id} empty={empty} height={height}
          selected={selects ? selected : undefined} onSelect={selects ? setSelected : undefined}
          more={list.hasNextPage} onEnd={() => !list.isFetchingNextPage && void list.fetchNextPage()}
          actions={(row) => <RowMenu resource={resource} row={row} mayChange={mayChange} mayDelete={canDelete} onEdit={() => edit(row.id)} onDelete={() => setAct(row)} />} />
      )}
      {resource.Fields && url.edit && <ResourceEditor key={url.edit} resource={resource} id={url.edit} readOnly={url.edit === "new" ? !canAdd : !mayChange} onClose={() => edit(undefined)} />}
      {act === "edit" && <BulkEdit resource={resource} rows={chosen} onClose={() => setAct(undefined)} />}
      {act !== undefined && act !== "edit" && (
        <DeleteMany resource={resource} rows={act === "delete" ? chosen : [act]} onClose={() => setAct(undefined)} onDone={() => setSelected(new Set())} />
      )}
    </>
  );
}

/** The first column opens the row. */
function useColumns<T extends Noun>(resource: Resource<T>, edit: (id: number) => void): Column<T>[] {
  const { columns, Fields, fixed } = resource;
  return useMemo(() => {
    const [first, ...rest] = columns;
    if (!first || !Fields || fixed) return columns;
    const opens: Column<T> = {
      ...first,
      render: (row) => (
        <button type="button" className="tg-link" onClick={() => edit(row.id)}>
          {first.render(row)}
        </button>
      ),
    };
    return [opens, ...rest];
  }, [columns, Fields, fixed, edit]);
}

interface RowProps<T extends Noun> {
  resource: Resource<T>;
  row: T;
  mayChange: boolean;
  mayDelete: boolean;
  onEdit: () => void;
  onDelete: () => void;
}

function RowMenu<T extends Noun>({ resource, row, mayChange, mayDelete, onEdit, onDelete }: RowProps<T>) {
  const { t } = useTranslation();
  const locked = resource.locked?.(row) ?? false;
  const name = resource.nameOf(row);
  const changes = mayChange && !locked;
  return (
    <Group gap={4} justify="flex-end" wrap="nowrap">
      {resource.rowActions?.(row)}
      {(resource.Fields || (mayDelete && !locked)) && (
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" aria-label={t("ui.actions_of", { name })}>
              <IconDots size={16} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {resource.Fields && !resource.fixed && (
              <Menu.Item leftSection={<IconEdit size={15} />} onClick={onEdit}>
                {t(changes ? "ui.edit" : "ui.look")}
              </Menu.Item>
            )}
            {mayDelete && !locked && (
              <Menu.Item leftSection={<IconTrash size={15} />} c="var(--mantine-color-error)" onClick={onDelete}>
                {t("ui.delete")}
              </Menu.Item>
            )}
          </Menu.Dropdown>
        </Menu>
      )}
    </Group>
  );
}

/** The text filter of a list, in the address as ?q=. */
export function TextFilter({ label }: { label: string }) {
  const [q, setQ] = useUrlText("q");
  const [text, setText] = useState(q);
  const later = useDebouncedCallback((value: string) => setQ(value || undefined), 250);
  useEffect(() => setText(q), [q]);
  return (
    <TextInput type="search" size="sm" w={260} value={text} placeholder={label} aria-label={label} leftSection={<IconFilter size={15} />}
      onChange={(e) => (setText(e.currentTarget.value), later(e.currentTarget.value))} />
  );
}
