// One noun in a drawer: read with its ETag, saved only where nobody else has changed it meanwhile.

import { Alert, Button, Divider, Drawer, Group, List, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Answer, type ItemOf, call } from "~/api/client";
import { type Noun, type Page, useItem } from "~/api/nouns";
import { type Problem, asProblem } from "~/api/problem";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { CopyOnce } from "./CopyOnce";
import { Form } from "./Form";
import { say } from "./notice";
import { Ago, When } from "~/look/When";
import { type Draft, changesOf, differences, same } from "./draft";
import type { Resource } from "./resource";

interface Props<T extends Noun> {
  resource: Resource<T>;
  id: string; // "new" for one that is not there yet
  readOnly: boolean;
  onClose: () => void;
}

export function ResourceEditor<T extends Noun>({ resource, id, readOnly, onClose }: Props<T>) {
  const { t } = useTranslation();
  const creating = id === "new";
  const item = useItem<T>(resource.path, creating ? undefined : id);
  const [secrets, setSecrets] = useState<{ label: string; value: string }[]>();
  const [dirty, setDirty] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const title = creating ? t(`${resource.ns}.add`) : item.data ? resource.nameOf(item.data.body) : t(`${resource.ns}.one`);
  if (secrets) return <CopyOnce title={title} secrets={secrets} onClose={onClose} />;
  return (
    <Drawer opened onClose={() => (dirty ? setLeaving(true) : onClose())} title={<Text fw={600}>{title}</Text>} size={resource.size ?? "lg"} closeButtonProps={{ "aria-label": t("ui.close") }}>
      {leaving && (
        <Alert color="yellow" mb="md" role="alert">
          <Text size="sm">{t("ui.unsaved")}</Text>
          <Group mt="xs" gap="xs">
            <Button size="xs" color="red" onClick={onClose}>{t("ui.discard")}</Button>
            <Button size="xs" variant="default" onClick={() => setLeaving(false)}>{t("ui.keep_typing")}</Button>
          </Group>
        </Alert>
      )}
      {item.isError ? (
        <Failed error={item.error} reset={() => void item.refetch()} />
      ) : creating || item.data ? (
        <Editor key={creating ? "new" : "loaded"} resource={resource} read={item.data} readOnly={readOnly || (!!item.data && (resource.locked?.(item.data.body) ?? false))}
          onDirty={setDirty} onClose={onClose} onSecrets={setSecrets} reread={async () => (await item.refetch()).data} />
      ) : (
        <Waiting />
      )}
    </Drawer>
  );
}

interface EditorProps<T extends Noun> {
  resource: Resource<T>;
  read: Answer<T> | undefined;
  readOnly: boolean;
  onDirty: (dirty: boolean) => void;
  onClose: () => void;
  onSecrets: (secrets: { label: string; value: string }[]) => void;
  reread: () => Promise<Answer<T> | undefined>;
}

function Editor<T extends Noun>({ resource, read, readOnly, onDirty, onClose, onSecrets, reread }: EditorProps<T>) {
  const { t } = useTranslation();
  const customer = useCustomer();
  // What the draft is based on stays the same while the item is read anew behind it.
  const [base, setBase] = useState(read);
  const [start] = useState<Draft>(() => (read ? {} : (resource.fresh?.(customer) ?? (resource.perCustomer === false ? {} : { customer_id: customer ?? 0 }))));
  const before: Draft = base ? (base.body as unknown as Draft) : start;
  const [draft, setDraft] = useState<Draft>(before);
  const defaults = useDefaults(resource, !read);
  const creating = !base;
  useEffect(() => {
    if (creating && defaults) setDraft((typed) => ({ ...defaults, ...typed }));
  }, [creating, defaults]);
  const dirty = Object.keys(creating ? draft : changesOf(before, draft)).length > 0 && !same(before, draft) && !(creating && same({ ...defaults, ...start }, draft));
  useEffect(() => onDirty(dirty), [dirty, onDirty]);

  const save = useMutation<Answer<T>, Error, { over?: boolean }>({
    mutationFn: ({ over }) =>
      creating
        ? call<T>("POST", `/${resource.path}`, { body: draft })
        : call<T>("PATCH", `/${resource.path}/${base.body.id}`, { body: changesOf(before, draft), etag: over ? undefined : base.etag }),
    onSuccess: async (saved) => {
      await refresh(resource.path, "audit", "limits");
      const secrets = resource.secretOf?.(saved.body);
      void say(t("ui.saved", { name: resource.nameOf(saved.body) }));
      if (secrets?.length) onSecrets(secrets);
      else onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    save.mutate({});
  };
  const problem = save.error ? asProblem(save.error) : undefined;
  const startOver = useCallback(async () => {
    const now = await reread();
    if (!now) return;
    setBase(now);
    setDraft(now.body as unknown as Draft);
    save.reset();
  }, [reread, save]);
  const Fields = resource.Fields as NonNullable<typeof resource.Fields>;
  const Beside = resource.Beside;
  return (
    <form onSubmit={submit} noValidate>
      {problem?.changed && base && (
        <Changed resource={resource} mine={draft} base={base} problem={problem} onTheirs={() => void startOver()} onMine={() => save.mutate({ over: true })} />
      )}
      <Form ns={resource.ns} draft={draft} onChange={setDraft} problem={problem?.changed ? undefined : problem} readOnly={readOnly}>
        <Fields creating={creating} readOnly={readOnly} />
      </Form>
      {base && Beside && (
        <>
          <Divider my="md" />
          <Beside item={base.body} />
        </>
      )}
      <Group justify="space-between" mt="lg" pt="sm" pb="md" style={{ position: "sticky", bottom: 0, background: "var(--mantine-color-body)", borderTop: "1px solid var(--tg-line)", zIndex: 3 }}>
        <Text size="xs" c="dimmed">
          {base?.body.updated_at && (
            <>
              {t("ui.changed_last")} <When at={base.body.updated_at} full />
            </>
          )}
        </Text>
        <Group gap="xs">
          <Button variant="default" onClick={onClose}>
            {t(readOnly ? "ui.close" : "ui.cancel")}
          </Button>
          {!readOnly && (
            <Button type="submit" loading={save.isPending} disabled={!creating && !dirty}>
              {t(creating ? `${resource.ns}.add` : "ui.save")}
            </Button>
          )}
        </Group>
      </Group>
    </form>
  );
}

/** Somebody else has changed it: who, when, what, and whose version is to stand. */
function Changed<T extends Noun>({ resource, mine, base, problem, onTheirs, onMine }: { resource: Resource<T>; mine: Draft; base: Answer<T>; problem: Problem; onTheirs: () => void; onMine: () => void }) {
  const { t } = useTranslation();
  const theirs = useQuery({
    queryKey: ["changed", resource.path, base.body.id, problem],
    queryFn: async () => (await call<T>("GET", `/${resource.path}/${base.body.id}`)).body as unknown as Draft,
  });
  const who = useQuery({
    queryKey: ["changed-by", resource.path, base.body.id, problem],
    queryFn: async () =>
      (await call<Page<ItemOf<"/api/v1/audit">>>("GET", "/audit", { query: { q: resource.nameOf(base.body), limit: 50 } })).body.items.find((e) => e.noun_id === base.body.id),
  });
  const meta = ["version", "updated_at", "use", "state", "registration", "clash"]; // what nobody has changed by hand
  const fields = theirs.data ? differences(base.body as unknown as Draft, theirs.data).filter((f) => !meta.includes(f.split(".")[0] as string)) : [];
  const clash = fields.filter((f) => f in changesOf(base.body as unknown as Draft, mine));
  return (
    <Alert color="yellow" mb="md" role="alert" title={t("ui.changed_title")}>
      <Text size="sm">{who.data ? t("ui.changed_by", { who: who.data.who }) : problem.message} {who.data && <Ago at={who.data.at} />}</Text>
      {fields.length > 0 && (
        <List size="sm" mt={4}>
          {fields.map((f) => (
            <List.Item key={f}>
              {f}
              {clash.includes(f) && ` (${t("ui.changed_both")})`}
            </List.Item>
          ))}
        </List>
      )}
      <Group mt="sm" gap="xs">
        <Button size="xs" variant="default" onClick={onTheirs}>
          {t("ui.take_theirs")}
        </Button>
        <Button size="xs" color="orange" onClick={onMine}>
          {t("ui.save_mine")}
        </Button>
      </Group>
    </Alert>
  );
}

/** The API's defaults of a new one, out of its own description. */
function useDefaults<T extends Noun>(resource: Resource<T>, wanted: boolean): Draft | undefined {
  const description = useQuery({
    queryKey: ["openapi"],
    staleTime: Infinity,
    enabled: wanted,
    queryFn: async () => (await (await fetch("/api/openapi.json")).json()) as Description,
  });
  const [defaults, setDefaults] = useState<Draft>();
  useEffect(() => {
    const body = description.data?.paths[`/api/v1/${resource.path}`]?.post?.requestBody?.content["application/json"]?.schema;
    if (description.data && body) setDefaults(defaultsOf(body, description.data));
  }, [description.data, resource.path]);
  return defaults;
}

interface Shape {
  $ref?: string;
  type?: string | string[];
  default?: unknown;
  readOnly?: boolean;
  properties?: Record<string, Shape>;
}

interface Description {
  paths: Record<string, { post?: { requestBody?: { content: Record<string, { schema: Shape }> } } }>;
  components: { schemas: Record<string, Shape> };
}

function defaultsOf(shape: Shape, description: Description): Draft {
  const real = shape.$ref ? description.components.schemas[shape.$ref.split("/").pop() ?? ""] : shape;
  const out: Draft = {};
  for (const [name, property] of Object.entries(real?.properties ?? {})) {
    if (property.readOnly || name === "version" || name.endsWith("_id")) continue;
    if (property.default !== undefined) out[name] = property.default;
    else if (property.properties) {
      const inner = defaultsOf(property, description);
      if (Object.keys(inner).length) out[name] = inner;
    }
  }
  return out;
}
