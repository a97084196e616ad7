// How a customer's calls find their way, in one picture: rules lead to groups, groups to destinations.

import { Alert, Badge, Button, Group, SegmentedControl, Stack, Switch, Text } from "@mantine/core";
import { IconPlus, IconTestPipe } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { useItems } from "~/api/nouns";
import { asProblem } from "~/api/problem";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { useMay } from "~/session/SessionProvider";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { ResourceEditor } from "~/ui/ResourceEditor";
import { ResourceList } from "~/ui/ResourcePage";
import { hrefOf, useUrl, useUrlText } from "~/url";
import { destinations, groups } from "../destinations/resource";
import { Picture, type Routed } from "./Picture";
import { rules } from "./rules";

const every = 5_000; // ms: hits and health

export default function Routing() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const [url, setUrl] = useUrl();
  const list = url.view === "list";
  return (
    <Page title={t("routing.title")} note={t("routing.note")} actions={
      <Button variant="default" component="a" href={hrefOf("/simulator", { customer: customer ? String(customer) : undefined })} leftSection={<IconTestPipe size={15} />}>
        {t("routing.simulate")}
      </Button>
    }>
      <SegmentedControl size="sm" mb="sm" aria-label={t("routing.view")} value={list ? "list" : "picture"} onChange={(v) => setUrl({ view: v === "list" ? "list" : undefined, q: undefined, edit: undefined })}
        data={[{ value: "picture", label: t("routing.view_picture") }, { value: "list", label: t("routing.view_list") }]} />
      {list ? <ResourceList resource={rules} height="calc(100dvh - 240px)" /> : customer === undefined ? <ChooseCustomer /> : <Of key={customer} customer={customer} />}
    </Page>
  );
}

/** One picture is of one customer: which one? */
function ChooseCustomer() {
  const { t } = useTranslation();
  const [, choose] = useUrlText("customer");
  const some = useItems<Schemas["Customer"]>("customers", { limit: 24 });
  if (some.isPending) return <Waiting />;
  return (
    <Empty title={t("routing.whose")} text={t("routing.whose_text")}>
      <Group gap="xs" justify="center" mt="xs">
        {some.data?.map((c) => (
          <Button key={c.id} size="xs" variant="default" onClick={() => choose(String(c.id))}>{c.name}</Button>
        ))}
      </Group>
    </Empty>
  );
}

function Of({ customer }: { customer: number }) {
  const { t } = useTranslation();
  const { write } = useMay();
  const [url, setUrl] = useUrl();
  const routed = useQuery({
    queryKey: ["noun", "routing", customer],
    queryFn: async ({ signal }) => (await call<Routed>("GET", `/routing/${customer}`, { signal })).body,
    refetchInterval: every,
    structuralSharing: true,
  });
  const done = () => {
    setUrl({ rule: undefined, destination: undefined, group: undefined });
    void refresh("routing");
  };
  if (routed.isPending) return <Waiting />;
  if (routed.isError) return <Failed error={routed.error} reset={() => void routed.refetch()} />;
  return (
    <>
      <Settings routed={routed.data} />
      <Picture routed={routed.data} />
      {url.rule && <ResourceEditor key={"r" + url.rule} resource={rules} id={url.rule} readOnly={!write} onClose={done} />}
      {url.destination && <ResourceEditor key={"d" + url.destination} resource={{ ...destinations, fresh: () => ({ customer_id: customer, group: Number(url.into) || 1, protocol: "udp" }) }} id={url.destination} readOnly={!write} onClose={done} />}
      {url.group && <ResourceEditor key={"g" + url.group} resource={{ ...groups, fresh: () => ({ customer_id: customer, number: freeNumber(routed.data) }) }} id={url.group} readOnly={!write} onClose={done} />}
      {write && (
        <Group mt="md" gap="xs">
          <Button leftSection={<IconPlus size={16} />} onClick={() => setUrl({ rule: "new" })}>{t("rules.add")}</Button>
          {routed.data.groups.length < 9 && <Button variant="default" leftSection={<IconPlus size={16} />} onClick={() => setUrl({ group: "new" })}>{t("groups.add")}</Button>}
        </Group>
      )}
    </>
  );
}

function freeNumber(routed: Routed): number {
  const taken = new Set(routed.groups.map((g) => g.number));
  return Array.from({ length: 9 }, (_, i) => i + 1).find((n) => !taken.has(n)) ?? 9;
}

/** Groups on or off, and how the destinations of one group are chosen. */
function Settings({ routed }: { routed: Routed }) {
  const { t } = useTranslation();
  const { write } = useMay();
  const emergency = routed.emergency.numbers ?? [];
  const change = useMutation({
    mutationFn: (patch: object) => call("PATCH", `/customers/${routed.customer_id}`, { body: patch }),
    onSuccess: () => refresh("routing", "customers", "audit"),
  });
  return (
    <Stack gap="xs" mb="md">
      <Group gap="xs" style={{ columnGap: "var(--mantine-spacing-xl)" }}>
        <Switch label={t("routing.groups_on")} checked={routed.destination_groups_enabled} disabled={!write || change.isPending} onChange={(e) => change.mutate({ destination_groups_enabled: e.currentTarget.checked })} />
        <Group gap="xs">
          <Text size="sm">{t("routing.mode")}</Text>
          <SegmentedControl size="xs" aria-label={t("routing.mode")} value={routed.destination_mode} disabled={!write || change.isPending} onChange={(v) => change.mutate({ destination_mode: v })}
            data={[{ value: "priority", label: t("routing.mode_priority") }, { value: "load_balancing", label: t("routing.mode_balancing") }]} />
        </Group>
        {emergency.length > 0 && (
          <Group gap={6}>
            <Text size="sm" c="dimmed">{t("routing.emergency")}</Text>
            {emergency.map((n) => <Badge key={n} color="gray">{n}</Badge>)}
            <Text size="sm" c="dimmed">{t("routing.to_group", { number: routed.emergency.group })}</Text>
          </Group>
        )}
      </Group>
      {change.isError && <Alert color="red" py="xs">{asProblem(change.error).message}</Alert>}
      {!routed.destination_groups_enabled && routed.rules.length > 0 && <Alert color="yellow" py="xs">{t("routing.groups_off")}</Alert>}
    </Stack>
  );
}
