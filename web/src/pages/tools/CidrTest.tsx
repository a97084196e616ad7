// A range of addresses, looked at: what it holds, who has some of it already, and whether an address would get in.

import { Alert, Badge, Collapse, Group, SimpleGrid, Stack, Table, Text, TextInput, UnstyledButton } from "@mantine/core";
import { IconChevronRight } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { asProblem, sentence } from "~/api/problem";
import { CustomerName } from "~/ui/CustomerName";
import { WireText } from "~/ui/WireText";
import { hrefOf } from "~/url";
import { nibblesOf } from "./cidr";
import { useTry } from "./try";

type Answer = Schemas["CidrAnswer"];

const mono = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };

/** given: the range of a form; without it one can type. */
export function CidrTest({ given, start = "", onChange }: { given?: string; start?: string; onChange?: (cidr: string) => void }) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState(start);
  const [more, setMore] = useState(false);
  const [ask, setAsk] = useState({ from: "", to: "" });
  const cidr = (given ?? typed).trim();
  const tried = useTry<Answer>("cidr", cidr ? { cidr, ...(ask.from ? { from: ask.from } : {}), ...(ask.to ? { to: ask.to } : {}) } : undefined);
  const problem = tried.error ? asProblem(tried.error) : undefined;
  const data = cidr && !problem ? tried.data : undefined;
  const single = data ? data.range.first === data.range.last : false;
  return (
    <Stack gap="sm">
      {given === undefined && (
        <TextInput label={t("tools.range")} placeholder="198.51.100.0/28" value={typed} onChange={(e) => (setTyped(e.currentTarget.value), onChange?.(e.currentTarget.value))} styles={mono} maw={420} autoComplete="off" />
      )}
      {problem && <Alert color="red" py="xs">{problem.faults[0] ? sentence(problem.faults[0]) : problem.message}</Alert>}
      {data && <Range range={data.range} />}
      {data && <Overlaps overlaps={data.overlaps} more={data.more} />}
      {data?.admission && <Admitted admission={data.admission} />}
      {single && (
        <div>
          <UnstyledButton className="tg-link" onClick={() => setMore((v) => !v)} aria-expanded={more}>
            <Group gap={4}>
              <IconChevronRight size={14} style={{ transform: more ? "rotate(90deg)" : undefined }} />
              <Text size="sm">{t("tools.told_apart")}</Text>
            </Group>
          </UnstyledButton>
          <Collapse expanded={more}>
            <SimpleGrid cols={{ base: 1, sm: 2 }} pt="xs">
              <TextInput label={t("tools.cidr_to")} placeholder="sip:390401234567@acme.example" value={ask.to} onChange={(e) => setAsk({ ...ask, to: e.currentTarget.value })} styles={mono} />
              <TextInput label={t("tools.cidr_from")} placeholder="sip:390401112233@198.51.100.1" value={ask.from} onChange={(e) => setAsk({ ...ask, from: e.currentTarget.value })} styles={mono} />
            </SimpleGrid>
          </Collapse>
        </div>
      )}
    </Stack>
  );
}

function Range({ range }: { range: Schemas["AddressRange"] }) {
  const { t, i18n } = useTranslation();
  const rows: [string, string][] = [
    [t("tools.range_first"), range.first],
    [t("tools.range_last"), range.last],
    ...(range.netmask ? ([[t("tools.range_mask"), range.netmask]] as [string, string][]) : []),
    [t("tools.range_size"), range.size < 1e15 ? range.size.toLocaleString(i18n.language) : `2^${Math.log2(range.size)}`],
  ];
  return (
    <Stack gap={8} p="sm" style={{ border: "1px solid var(--tg-line)", borderRadius: "var(--mantine-radius-sm)" }}>
      <Group gap="lg" align="baseline">
        {rows.map(([label, value]) => (
          <div key={label}>
            <Text size="xs" c="dimmed">{label}</Text>
            <Text size="sm" ff="monospace" fw={500}>{value}</Text>
          </div>
        ))}
      </Group>
      <Bits range={range} />
    </Stack>
  );
}

/** The bits that are fixed and those that are free: one square a bit of IPv4, one for four of IPv6. */
function Bits({ range }: { range: Schemas["AddressRange"] }) {
  const { t } = useTranslation();
  const total = range.version === 4 ? 32 : 128;
  const text = t("tools.bits", { fixed: range.bits, free: total - range.bits });
  return (
    <div>
      <svg role="img" aria-label={text} viewBox="0 0 360 16" style={{ width: "100%", maxWidth: 520, display: "block" }}>
        {nibblesOf(range.version, range.bits).map((filled, i) => {
          const x = i * 11 + Math.floor(i / (range.version === 4 ? 8 : 4)) * (range.version === 4 ? 3 : 1);
          return (
            <g key={i}>
              <rect x={x + 0.5} y={1.5} width={9} height={12} rx={1.5} fill="none" stroke="var(--mantine-color-dimmed)" strokeWidth={0.75} />
              {filled > 0 && <rect x={x + 0.5} y={1.5} width={9 * filled} height={12} rx={1.5} fill="var(--mantine-color-anchor)" />}
            </g>
          );
        })}
      </svg>
      <Text size="xs" c="dimmed">{text}</Text>
    </div>
  );
}

function Overlaps({ overlaps, more }: { overlaps: Schemas["Overlap"][]; more?: boolean }) {
  const { t } = useTranslation();
  if (overlaps.length === 0) return <Text size="sm">{t("tools.no_overlap")}</Text>;
  return (
    <Table fz="sm" verticalSpacing={4} withTableBorder captionSide="top">
      <Table.Caption ta="left" mt={0} fw={600} c="var(--mantine-color-text)">{t("tools.overlaps")}</Table.Caption>
      <Table.Tbody>
        {overlaps.map((o) => (
          <Table.Tr key={o.kind + o.id}>
            <Table.Td w={110}><Badge color={o.kind === "ban" ? "red" : "petrol"}>{t(`tools.overlap_${o.kind}`)}</Badge></Table.Td>
            <Table.Td>
              {o.kind === "switch" ? <a className="tg-link" href={hrefOf("/switches", { edit: o.id, customer: o.customer_id ? String(o.customer_id) : undefined })}>{o.name}</a> : null}
            </Table.Td>
            <Table.Td>{o.customer_id ? <CustomerName id={o.customer_id} name={o.customer} /> : null}</Table.Td>
            <Table.Td>{o.addresses.map((a) => <div key={a}><WireText>{a}</WireText></div>)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
      {more && <Table.Tfoot><Table.Tr><Table.Td colSpan={4} c="dimmed">{t("tools.more_overlaps")}</Table.Td></Table.Tr></Table.Tfoot>}
    </Table>
  );
}

function Admitted({ admission }: { admission: Schemas["Admission"] }) {
  const { t } = useTranslation();
  const ok = admission.known && !admission.banned;
  return (
    <Alert color={ok ? "green" : "yellow"} py="xs" title={t(ok ? "tools.gets_in" : "tools.gets_not_in")}>
      <Text size="sm">{admission.text}</Text>
    </Alert>
  );
}

