// "What would happen to this call": a request that is typed, or one that came, taken through the steps of the real gate.

import { Alert, Autocomplete, Badge, Box, Button, Group, Modal, Select, SimpleGrid, Stack, Table, Text, TextInput, Textarea, Timeline } from "@mantine/core";
import { IconCheck, IconHistory, IconPlayerPlay, IconX } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Schemas, call } from "~/api/client";
import { useItems } from "~/api/nouns";
import { asProblem, sentence } from "~/api/problem";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { CustomerName } from "~/ui/CustomerName";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { hrefOf, useUrl } from "~/url";
import { type Typed, typedOf } from "./recorded";

type Explanation = Schemas["Explanation"];

const methods = ["INVITE", "REGISTER", "OPTIONS", "MESSAGE", "SUBSCRIBE"];
const nothing: Typed = { method: "INVITE", from: "", to: "", source: "", transport: "udp", headers: "" };
const mono = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };

export default function Simulator() {
  const { t } = useTranslation();
  const [url, setUrl] = useUrl();
  const [typed, setTyped] = useState<Typed>(() => ({ ...nothing, ...Object.fromEntries(Object.keys(nothing).flatMap((k) => (url[k] ? [[k, url[k]]] : []))) }));
  const [choosing, setChoosing] = useState(false);
  const [recorded, setRecorded] = useState(false);
  const run = useMutation({
    mutationFn: async (what: Typed | string) =>
      (await call<Explanation>("POST", "/tools/explain", { body: typeof what === "string" ? { decision: what } : { ...what, headers: what.headers.split("\n").map((l) => l.trim()).filter(Boolean) } })).body,
    onMutate: (what) => setRecorded(typeof what === "string"),
  });
  const { mutate } = run;
  const start = (what: Typed) => {
    setUrl({ ...what, decision: undefined }, { replace: true });
    mutate(what);
  };
  useRecorded(url.decision, (what, id) => {
    setTyped(what);
    mutate(id, { onError: () => mutate(what) }); // of one that was not kept, what is known of it
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    start(typed);
  };
  const problem = run.error ? asProblem(run.error) : undefined;
  const field = (name: keyof Typed) => ({ value: typed[name], error: problem?.at(name), onChange: (e: { currentTarget: { value: string } }) => setTyped({ ...typed, [name]: e.currentTarget.value }), styles: mono, spellCheck: false, autoComplete: "off" });
  return (
    <Page title={t("simulator.title")} note={t("simulator.note")}>
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg" maw={1500}>
        <Box component="form" onSubmit={submit} p="md" style={{ border: "1px solid var(--tg-line)", borderRadius: "var(--mantine-radius-sm)", background: "var(--mantine-color-body)", alignSelf: "start" }}>
          <Stack gap="sm">
            <Group justify="space-between">
              <Text fw={600}>{t("simulator.request")}</Text>
              <Button size="xs" variant="default" leftSection={<IconHistory size={15} />} onClick={() => setChoosing(true)}>{t("simulator.recorded")}</Button>
            </Group>
            <Group gap="sm" grow>
              <Autocomplete label={t("simulator.method")} data={methods} filter={({ options }) => options} value={typed.method} error={problem?.at("method")} onChange={(method) => setTyped({ ...typed, method: method.toUpperCase() })} styles={mono} />
              <Select label={t("simulator.transport")} data={["udp", "tcp", "tls"]} allowDeselect={false} value={typed.transport} error={problem?.at("transport")} onChange={(v) => setTyped({ ...typed, transport: v ?? "udp" })} />
            </Group>
            <TextInput label={t("simulator.from")} withAsterisk placeholder="sip:0401112233@acme.example" {...field("from")} />
            <TextInput label={t("simulator.to")} withAsterisk placeholder="sip:390401234567@acme.example" {...field("to")} />
            <TextInput label={t("simulator.source")} withAsterisk placeholder="198.51.100.1:5060" {...field("source")} />
            <Textarea label={t("simulator.headers")} description={t("simulator.headers_help")} rows={3} placeholder="User-Agent: Yealink SIP-T42S" {...field("headers")} />
            {problem && problem.besides(Object.keys(nothing)).length + (problem.faults.length ? 0 : 1) > 0 && <Alert color="red" py="xs">{problem.faults[0] ? problem.faults.map(sentence).join(". ") : problem.message}</Alert>}
            <Group justify="flex-end">
              <Button type="submit" loading={run.isPending} leftSection={<IconPlayerPlay size={15} />}>{t("simulator.run")}</Button>
            </Group>
          </Stack>
        </Box>
        <Box aria-live="polite">{run.data && !problem ? <Told explanation={run.data} recorded={recorded} /> : !problem && <Empty title={t("simulator.empty")} text={t("simulator.empty_text")} />}</Box>
      </SimpleGrid>
      {choosing && <Choose onClose={() => setChoosing(false)} onChoose={(id) => (setChoosing(false), setUrl({ decision: id }))} />}
    </Page>
  );
}

/** Fills in the request of the address's ?decision=, with the headers that its trace holds. */
function useRecorded(id: string | undefined, onRead: (typed: Typed, id: string) => void): void {
  const read = useQuery({
    queryKey: ["noun", "decisions", "recorded", id],
    enabled: !!id,
    staleTime: Infinity,
    placeholderData: undefined,
    queryFn: async ({ signal }) => {
      const { body } = await call<Schemas["Decision"]>("GET", `/decisions/${id}`, { signal });
      const trace = await call<Schemas["Traced"]>("GET", `/traces/${id}`, { signal }).catch(() => undefined); // it need not be kept
      return typedOf(body, trace?.body.messages?.find((m) => m.received)?.text);
    },
  });
  useEffect(() => {
    if (!id || !read.data) return;
    onRead(read.data, id);
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [id, read.data]);
}

function Choose({ onChoose, onClose }: { onChoose: (id: string) => void; onClose: () => void }) {
  const { t } = useTranslation();
  const customer = useCustomer();
  const [q, setQ] = useState("");
  const list = useItems<Schemas["Decision"]>("decisions", { customer, q, limit: 50 });
  return (
    <Modal opened onClose={onClose} size="xl" title={t("simulator.recorded")} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <TextInput mb="sm" type="search" value={q} onChange={(e) => setQ(e.currentTarget.value)} placeholder={t("simulator.find")} aria-label={t("simulator.find")} data-autofocus />
      {list.isPending && <Waiting />}
      {list.isError && <Failed error={list.error} />}
      {list.data?.length === 0 && <Empty title={t("ui.nothing")} />}
      <Table fz="sm" verticalSpacing={4} highlightOnHover>
        <Table.Tbody>
          {list.data?.map((d) => (
            <Table.Tr key={d.id}>
              <Table.Td><When at={d.at} /></Table.Td>
              <Table.Td>
                <button type="button" className="tg-link" onClick={() => onChoose(String(d.id))}><WireText>{d.method}</WireText> <WireText>{d.uri}</WireText></button>
              </Table.Td>
              <Table.Td><WireText>{d.source}</WireText></Table.Td>
              <Table.Td><Badge color={d.refused ? "red" : "green"}>{d.refused ? t("simulator.was_refused", { status: d.status }) : t("simulator.went_on")}</Badge></Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}

const refused = (v: Schemas["Verdict"]): boolean => v.status !== 0;

function Told({ explanation: e, recorded }: { explanation: Explanation; recorded: boolean }) {
  const { t } = useTranslation();
  const stopped = refused(e.verdict);
  const steps = e.steps ?? [];
  const candidates = e.candidates ?? [];
  const first = candidates.find((c) => c.tried === 1);
  return (
    <Stack gap="md">
      {recorded && <Text size="sm" c="dimmed">{t("simulator.as_recorded")}</Text>}
      <Alert color={stopped ? "red" : "green"} icon={stopped ? <IconX size={18} /> : <IconCheck size={18} />} py="sm"
        title={stopped ? (e.verdict.status < 0 ? t("simulator.silence") : t("simulator.stopped", { status: e.verdict.status })) : first ? t("simulator.passes_to", { name: first.name }) : t("simulator.passes")}>
        {e.sentence && <Text size="sm" mb={6}>{e.sentence}</Text>}
        <Group gap="xs">
          {e.customer_id ? <CustomerName id={e.customer_id} name={e.customer} /> : <Text size="sm">{t("simulator.stranger")}</Text>}
          {e.direction && <Badge color="gray">{t(`simulator.direction_${e.direction}`)}</Badge>}
          {e.emergency && <Badge color="orange">{t("simulator.emergency")}</Badge>}
          {stopped && <Badge color="gray">{e.verdict.reason}</Badge>}
          <RuleOf verdict={e.verdict} />
        </Group>
      </Alert>
      <Timeline active={steps.length} bulletSize={20} lineWidth={2}>
        {steps.map((step, i) => {
          const no = refused(step.verdict);
          return (
            <Timeline.Item key={i} color={no ? "red" : "petrol"} bullet={no ? <IconX size={13} /> : <IconCheck size={13} />}
              title={<Group gap="xs"><Text size="sm" fw={600}>{t([`simulator.step_${step.name}`, "simulator.step_any"], { name: step.name })}</Text>{no && <Badge color="red">{step.verdict.status < 0 ? t("simulator.silence") : step.verdict.status}</Badge>}</Group>}>
              <Text size="sm" style={{ overflowWrap: "anywhere" }}>{step.text}</Text>
            </Timeline.Item>
          );
        })}
      </Timeline>
      {e.would && e.would.length > 0 && (
        <Alert color="yellow" py="xs" title={t("simulator.would")}>
          {e.would.map((w, i) => <Text key={i} size="sm">{w.sentence} {w.rule_name && <WireText>{w.rule_name}</WireText>}</Text>)}
        </Alert>
      )}
      {candidates.length > 0 && <Candidates list={candidates} />}
    </Stack>
  );
}

function RuleOf({ verdict }: { verdict: Schemas["Verdict"] }) {
  if (!verdict.rule || !verdict.rule_name) return null;
  const to = verdict.reason.startsWith("firewall") ? "/firewall" : verdict.reason.startsWith("blocklist") ? "/blocklist" : undefined;
  return to ? <a className="tg-link" href={hrefOf(to, { edit: String(verdict.rule) })}><WireText>{verdict.rule_name}</WireText></a> : <WireText>{verdict.rule_name}</WireText>;
}

function Candidates({ list }: { list: Schemas["Explained"][] }) {
  const { t } = useTranslation();
  return (
    <Table fz="sm" verticalSpacing={5} withTableBorder captionSide="top">
      <Table.Caption ta="left" mt={0} fw={600} c="var(--mantine-color-text)">{t("simulator.candidates")}</Table.Caption>
      <Table.Tbody>
        {list.map((c) => (
          <Table.Tr key={c.id}>
            <Table.Td w={36} ta="right">{c.tried || ""}</Table.Td>
            <Table.Td fw={c.tried === 1 ? 600 : 400}><WireText>{c.name}</WireText></Table.Td>
            <Table.Td><WireText>{c.address}</WireText> {c.protocol}</Table.Td>
            <Table.Td c={c.tried ? undefined : "dimmed"}>{c.text}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
