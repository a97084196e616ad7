// What is done to many at once: it says to how many, and does it to all or to none where the API can.

import { Alert, Button, Checkbox, Group, List, Modal, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { call } from "~/api/client";
import type { Noun } from "~/api/nouns";
import { asProblem } from "~/api/problem";
import { Form } from "./Form";
import { say } from "./notice";
import { Confirm } from "./confirm";
import { type Draft } from "./draft";
import type { Resource } from "./resource";

interface Props<T extends Noun> {
  resource: Resource<T>;
  rows: T[];
  onClose: () => void;
  onDone?: () => void;
}

const mostNamed = 8;
const typedFrom = 10; // from how many on the count has to be typed

export function DeleteMany<T extends Noun>({ resource, rows, onClose, onDone }: Props<T>) {
  const { t } = useTranslation();
  const free = rows.filter((row) => !resource.locked?.(row));
  const one = free.length === 1 ? free[0] : undefined;
  const run = async () => {
    try {
      await deleteAll(resource, free);
    } finally {
      await refresh(resource.path, "audit");
    }
    void say(t("ui.deleted", { count: free.length }));
    onDone?.();
  };
  return (
    <Confirm title={one ? t("ui.delete_named", { name: resource.nameOf(one) }) : t("ui.delete_many", { count: free.length })} button={t("ui.delete_many", { count: free.length })}
      type={free.length >= typedFrom ? String(free.length) : undefined} onConfirm={run} onClose={onClose}>
      <Text size="sm">{t(`${resource.ns}.delete_text`)}</Text>
      {!one && (
        <List size="sm" mt="xs">
          {free.slice(0, mostNamed).map((row) => (
            <List.Item key={row.id}>{resource.nameOf(row)}</List.Item>
          ))}
          {free.length > mostNamed && <List.Item>{t("ui.and_more", { count: free.length - mostNamed })}</List.Item>}
        </List>
      )}
    </Confirm>
  );
}

/** Gives many the same values; only what is typed here is changed. */
export function BulkEdit<T extends Noun>({ resource, rows, onClose, onDone }: Props<T>) {
  const { t } = useTranslation();
  const [draft, setTyped] = useState<Draft>({});
  const setDraft = useCallback((typed: Draft) => setTyped(Object.fromEntries(Object.entries(typed).filter(([, value]) => value !== undefined))), []);
  const [sure, setSure] = useState(false);
  const save = useMutation({
    mutationFn: () => patchMany(resource.path, rows, draft),
    onSuccess: async () => {
      await refresh(resource.path, "audit");
      void say(t("ui.changed_many", { count: rows.length }));
      onDone?.();
      onClose();
    },
  });
  const Fields = resource.BulkFields as NonNullable<typeof resource.BulkFields>;
  const problem = save.error ? asProblem(save.error) : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={t("ui.edit_many", { count: rows.length })} size="lg" closeButtonProps={{ "aria-label": t("ui.close") }}>
      <form onSubmit={submit} noValidate>
        <Stack gap="md">
          <Text size="sm" c="dimmed">
            {t("ui.bulk_note")}
          </Text>
          <Form ns={resource.ns} draft={draft} onChange={setDraft} problem={problem}>
            <Fields />
          </Form>
          {Object.keys(draft).length > 0 && (
            <Alert color="yellow" py="xs">
              <Checkbox checked={sure} onChange={(e) => setSure(e.currentTarget.checked)} label={t("ui.bulk_sure", { count: rows.length, fields: Object.keys(draft).join(", ") })} />
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("ui.cancel")}
            </Button>
            <Button type="submit" loading={save.isPending} disabled={!sure || Object.keys(draft).length === 0}>
              {t("ui.save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

const mostAtOnce = 1000; // the API's

/** All or none where they are no more than the API takes at once. */
async function patchMany(path: string, rows: Noun[], patch: Draft): Promise<void> {
  for (const ids of batches(rows)) await call("PATCH", `/${path}`, { body: { ids, patch } });
}

async function deleteAll<T extends Noun>({ path, oneByOne }: Resource<T>, rows: T[]): Promise<void> {
  if (oneByOne || rows.length === 1) for (const row of rows) await call("DELETE", `/${path}/${row.id}`);
  else for (const ids of batches(rows)) await call("POST", `/${path}/delete`, { body: { ids } });
}

function batches(rows: Noun[]): number[][] {
  const ids = rows.map((row) => row.id);
  return Array.from({ length: Math.ceil(ids.length / mostAtOnce) }, (_, i) => ids.slice(i * mostAtOnce, (i + 1) * mostAtOnce));
}
