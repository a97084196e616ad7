// One call, live or over, or one refused request: the ladder with our decision, its media, its record, and the
// last good call to the same number beside it.

import { ActionIcon, Alert, Badge, Box, Button, Group, Menu, Paper, Stack, Table, Tabs, Text, Tooltip } from "@mantine/core";
import { IconArrowsDiff, IconChevronDown, IconDownload, IconPhoneOff, IconX } from "@tabler/icons-react";
import { Navigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Schemas, address } from "~/api/client";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { useMay } from "~/session/SessionProvider";
import { Fact, Facts, PartyText, VerdictBadge } from "~/ui/CallBits";
import { Copy } from "~/ui/CopyOnce";
import { CustomerName } from "~/ui/CustomerName";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { Duration, When, spanText } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { type Verdict, verdictOf } from "~/ui/party";
import { useParam, useUrl } from "~/url";
import { HangUp } from "../calls/HangUp";
import { Beside } from "./Beside";
import { Decision } from "./Decision";
import { LadderView, svgFile } from "./LadderView";
import { Media } from "./Media";
import { useCDR, useLive, useTrace } from "./queries";

/** The address has the call's id, or what the list of records knows it by. */
export default function CallPage() {
  const id = useParam("id");
  return /^\d{1,19}$/.test(id) ? <OfRecord seq={id} /> : <OfCall id={id} />;
}

function OfRecord({ seq }: { seq: string }) {
  const cdr = useCDR(seq, true);
  if (cdr.isPending) return <Waiting />;
  if (cdr.isError) return <Gone />;
  return <Navigate to="/call/$id" params={{ id: cdr.data.id } as never} search={((old: object) => ({ ...old, seq })) as never} replace />;
}

function Gone() {
  const { t } = useTranslation();
  return (
    <Page title={t("call.title")}>
      <Empty title={t("call.gone")} text={t("call.gone_text")} />
    </Page>
  );
}

function OfCall({ id }: { id: string }) {
  const [{ part = "ladder", seq }] = useUrl();
  const trace = useTrace(id);
  const going = trace.data ? !trace.data.decision.ended && !trace.data.decision.refused : trace.isError;
  const cdr = useCDR(seq || id, trace.isError || (!!trace.data && !going && trace.data.decision.method === "INVITE"));
  const live = useLive(id, going);
  const known = trace.data?.decision ?? cdr.data ?? live;
  if (!known) {
    if (trace.isPending || (cdr.isPending && cdr.fetchStatus !== "idle")) return <Waiting />;
    return <Gone />;
  }
  return <Shown key={id} id={id} part={part} trace={trace.data} traceError={trace.error} cdr={cdr.data} live={live} />;
}

/** What a decision, a record and a live call have, the one or the other. */
type Known = Partial<Omit<Schemas["CDR"], "answered">> & Partial<Omit<Schemas["Decision"], "answered">> & { answered?: string | boolean };

interface Props {
  id: string;
  part: string;
  trace?: Schemas["Traced"];
  traceError: Error | null;
  cdr?: Schemas["CDR"];
  live?: Schemas["Summary"];
}

function Shown({ id, part, trace, traceError, cdr, live }: Props) {
  const { t } = useTranslation();
  const [{ beside }, set] = useUrl();
  const { write } = useMay();
  const [hanging, setHanging] = useState(false);
  const svg = useRef<SVGSVGElement>(null);
  const d = trace?.decision;
  const it = (d ?? cdr ?? live) as Known & { from: string; to: string };
  const verdict: Verdict = d ? verdictOf(d) : cdr ? verdictOf(cdr) : live?.answered ? "answered" : "on";
  const media = live?.media ?? cdr?.media;
  const over = !live;
  return (
    <Page
      title={it.ref ? t("call.named", { ref: it.ref }) : t("call.title")}
      note={<Group gap={8}><PartyText text={it.from} />→<PartyText text={it.to} /><VerdictBadge verdict={verdict} status={it.status} />{(live?.one_way || cdr?.one_way) && <Badge color="red">{t("calls.one_way")}</Badge>}{live && <Badge color="green" variant="outline">{t("call.live")}</Badge>}</Group>}
      actions={
        <>
          {live && write && (
            <Button variant="default" c="var(--mantine-color-error)" leftSection={<IconPhoneOff size={15} />} onClick={() => setHanging(true)}>
              {t("calls.hang_up", { count: 1 })}
            </Button>
          )}
          {cdr && (
            <Button variant={beside ? "light" : "default"} leftSection={<IconArrowsDiff size={15} />} aria-pressed={!!beside} onClick={() => set({ beside: beside ? undefined : "1", part: undefined })}>
              {t("call.beside")}
            </Button>
          )}
          {trace && <Export id={id} name={it.ref ?? id} hasMessages={trace.messages.length > 0} svg={() => (svg.current ? svgFile(svg.current) : "")} onLadder={part === "ladder"} />}
        </>
      }
    >
      <Paper withBorder p="sm" mb="sm">
        <Head d={d} cdr={cdr} live={live} />
      </Paper>
      {beside && cdr && <Beside cdr={cdr} />}
      <Tabs value={part} onChange={(v) => set({ part: v === "ladder" ? undefined : (v ?? undefined) }, { replace: true })} keepMounted={false}>
        <Tabs.List mb="sm">
          <Tabs.Tab value="ladder">{t("call.ladder")}</Tabs.Tab>
          <Tabs.Tab value="media">{t("call.media")}</Tabs.Tab>
          {cdr && <Tabs.Tab value="record">{t("call.record")}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="ladder">
          {trace ? <LadderPart trace={trace} svg={svg} /> : traceError ? <NoTrace error={traceError} /> : <Waiting />}
        </Tabs.Panel>
        <Tabs.Panel value="media">
          <Media media={media} over={over} />
        </Tabs.Panel>
        <Tabs.Panel value="record">{cdr && <Record cdr={cdr} />}</Tabs.Panel>
      </Tabs>
      {hanging && <HangUp ids={[id]} onClose={() => setHanging(false)} />}
    </Page>
  );
}

function NoTrace({ error }: { error: Error }) {
  const { t } = useTranslation();
  if ((error as { status?: number }).status !== 404) return <Failed error={error} />;
  return <Empty title={t("call.no_trace")} text={t("call.no_trace_text")} />;
}

/** Who, when, where from, where to. */
function Head({ d, cdr, live }: { d?: Schemas["Decision"]; cdr?: Schemas["CDR"]; live?: Schemas["Summary"] }) {
  const { t } = useTranslation();
  const customer = useCustomer();
  const it = { ...live, ...cdr, ...d } as Known;
  const started = d?.at ?? cdr?.started ?? live?.started;
  const running = live?.answered;
  return (
    <Stack gap="xs">
      <Facts>
        {customer === undefined && <Fact label={t("calls.customer")}>{it.customer_id ? <CustomerName id={it.customer_id} name={it.customer} /> : t("calls.stranger")}</Fact>}
        <Fact label={t("calls.started")}><When at={started} full /></Fact>
        {it.setup_seconds !== undefined && <Fact label={t("call.setup")}>{it.setup_seconds < 1 ? `${(it.setup_seconds * 1000).toFixed(1)} ms` : `${it.setup_seconds.toFixed(2)} s`}</Fact>}
        <Fact label={t("calls.duration")}>{running ? <Duration since={running} /> : it.answered ? spanText(it.duration_seconds ?? 0) : ""}</Fact>
        {it.ended_by && <Fact label={t("call.ended_by")}>{t(`call.by_${it.ended_by}`)}</Fact>}
        <Fact label={t("calls.source")}><WireText>{[it.source, d?.transport ?? cdr?.source_transport].filter(Boolean).join(" ")}</WireText></Fact>
        {(it.destination || it.target) && (
          <Fact label={t("calls.destination")}>
            {it.destination && <>{it.destination} </>}
            <WireText>{[it.target, it.target_transport].filter(Boolean).join(" ")}</WireText>
          </Fact>
        )}
        {it.uri && <Fact label={t("call.called")}><WireText>{it.uri}</WireText></Fact>}
        {d?.user_agent && <Fact label="User-Agent"><WireText>{d.user_agent}</WireText></Fact>}
      </Facts>
      <Group gap="lg">
        {[it.call_id, it.far_call_id !== it.call_id ? it.far_call_id : undefined].filter(Boolean).map((text, i) => (
          <Group key={i} gap={4} wrap="nowrap">
            <Text size="xs" c="dimmed">{t(i ? "call.far_call_id" : "call.call_id")}</Text>
            <Text size="xs"><WireText>{text}</WireText></Text>
            <Copy text={text ?? ""} label={`${t("ui.copy")}: Call-ID`} />
          </Group>
        ))}
        {it.hidden && <Badge color="gray">{t("call.hidden")}</Badge>}
      </Group>
    </Stack>
  );
}

/** The ladder, and beside it the decision or the message that is open. */
function LadderPart({ trace, svg }: { trace: Schemas["Traced"]; svg: React.RefObject<SVGSVGElement | null> }) {
  const { t } = useTranslation();
  const [{ message }, set] = useUrl();
  const index = message === undefined ? undefined : Number(message);
  const open = index === undefined ? undefined : trace.messages[index];
  const select = (i: number | undefined) => set({ message: i === undefined || i === index ? undefined : String(i) }, { replace: true });
  const missing = trace.decision.messages - trace.messages.length;
  return (
    <Group align="start" gap="sm" wrap="wrap">
      <Paper withBorder p="xs" style={{ overflow: "auto", maxWidth: "100%" }} tabIndex={0} role="region" aria-label={t("call.ladder")}>
        <LadderView traced={trace} selected={index} onSelect={(i) => select(i)} svg={svg} />
        {trace.messages.length === 0 && <Alert color="gray" m="xs">{t("call.no_messages")}</Alert>}
        {trace.messages.length > 0 && missing > 0 && <Text size="xs" c="dimmed" p="xs">{t("call.more_messages", { count: missing })}</Text>}
      </Paper>
      <Box flex="1 1 380px" miw={320} style={{ position: "sticky", top: 60 }}>
        {open ? <Raw message={open} onClose={() => select(undefined)} /> : <Decision decision={trace.decision} />}
      </Box>
    </Group>
  );
}

function Raw({ message, onClose }: { message: Schemas["TracedMessage"]; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Paper withBorder p="sm">
      <Group justify="space-between" mb={6} wrap="nowrap">
        <Text size="xs" c="dimmed" aria-live="polite">
          {t(message.received ? "call.received" : "call.sent")} <When at={message.at} /> · <WireText>{`${message.remote} ${message.transport}`}</WireText>
        </Text>
        <Group gap={2} wrap="nowrap">
          <Copy text={message.text} />
          <Tooltip label={t("ui.close")}>
            <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" onClick={onClose} aria-label={t("ui.close")}>
              <IconX size={15} />
            </ActionIcon>
          </Tooltip>
        </Group>
      </Group>
      <Box mah="calc(100dvh - 200px)" style={{ overflow: "auto" }} fz={12} tabIndex={0} role="region" aria-label={t("call.message")}>
        <WireText block>{message.text}</WireText>
      </Box>
    </Paper>
  );
}

function Record({ cdr }: { cdr: Schemas["CDR"] }) {
  const { t } = useTranslation();
  const rows = Object.entries(cdr).filter(([name]) => name !== "media" && name !== "$schema");
  return (
    <Paper withBorder p="sm">
      <Table fz="sm" verticalSpacing={4} aria-label={t("call.record")}>
        <Table.Tbody>
          {rows.map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Th w={190} fw={400} c="dimmed"><code>{name}</code></Table.Th>
              <Table.Td><WireText>{typeof value === "object" ? JSON.stringify(value) : String(value)}</WireText></Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Paper>
  );
}

interface ExportProps {
  id: string;
  name: string;
  hasMessages: boolean;
  svg: () => string;
  onLadder: boolean;
}

function Export({ id, name, hasMessages, svg, onLadder }: ExportProps) {
  const { t } = useTranslation();
  const at = `/traces/${encodeURIComponent(id)}`;
  const saveSVG = () => save(new Blob([svg()], { type: "image/svg+xml" }), `${name}.svg`);
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={15} />} rightSection={<IconChevronDown size={14} />}>
          {t("calls.export")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href={address(`${at}/ladder`)} download={`${name}.txt`}>{t("call.as_text")}</Menu.Item>
        <Menu.Item disabled={!onLadder} onClick={saveSVG}>{t("call.as_svg")}</Menu.Item>
        <Menu.Item component="a" href={address(`${at}/pcap`)} download={`${name}.pcap`} disabled={!hasMessages}>{t("call.as_pcap")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
