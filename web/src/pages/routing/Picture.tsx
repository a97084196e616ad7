// The picture itself. Lines join a rule with its group where there is room for both side by side; the group's number
// stands at each rule, too.

import { ActionIcon, Badge, Button, Group, Paper, Stack, Text, Tooltip } from "@mantine/core";
import { IconAlertTriangle, IconArrowRight, IconPencil, IconPlus } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { Failed } from "~/frame/States";
import { useMay } from "~/session/SessionProvider";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { useUrl } from "~/url";
import { DestinationActs, SwitchName, groupText } from "../destinations/resource";
import { StateBadge, addressOf } from "../destinations/State";
import { Condition } from "../firewall/Condition";
import { InOrder } from "../firewall/InOrder";
import { useLines } from "./lines";

export type Rule = Schemas["RoutingRule"] & { never?: Schemas["Never"] };
export type Routed = Omit<Schemas["Routed"], "rules"> & { rules: Rule[] };

const rest = "else"; // what no rule matches

export function Picture({ routed }: { routed: Routed }) {
  const { t } = useTranslation();
  const frame = useRef<HTMLDivElement>(null);
  const { lines, redraw } = useLines(frame, routed);
  const [lit, setLit] = useState<string>();
  const off = !routed.destination_groups_enabled;
  const dead = new Set(routed.rules.filter((r) => r.never).map((r) => String(r.id)));
  const light = { onMouseOver: litOf(setLit), onMouseLeave: () => setLit(undefined), onFocus: litOf(setLit), onBlur: () => setLit(undefined) };
  return (
    <div ref={frame} className="tg-routing" {...light} onTransitionEnd={redraw}>
      <svg className="tg-routing-lines" aria-hidden>
        {lines.map(({ rule, d }) => (
          <path key={rule} d={d} fill="none" stroke={lit === rule ? "var(--mantine-color-anchor)" : "var(--mantine-color-dimmed)"} strokeWidth={lit === rule ? 2.25 : 1.25}
            strokeDasharray={dead.has(rule) ? "3 4" : undefined} opacity={dead.has(rule) ? 0.55 : lit && lit !== rule ? 0.3 : 0.8} />
        ))}
      </svg>
      <section aria-label={t("routing.rules")}>
        <Text size="sm" fw={600} mb={6}>{t("routing.rules")}</Text>
        <Rules routed={routed} />
        <Paper withBorder px="sm" py={8} data-rule={rest} data-to="1" style={{ borderStyle: "dashed" }}>
          <Group justify="space-between" wrap="nowrap">
            <Text size="sm">{t(off ? "routing.all_calls" : routed.rules.length ? "routing.else" : "routing.all_calls")}</Text>
            <ToGroup number={1} />
          </Group>
        </Paper>
      </section>
      <section aria-label={t("routing.groups")}>
        <Text size="sm" fw={600} mb={6}>{t("routing.groups")}</Text>
        <Stack gap="sm">
          {routed.groups.map((g) => <GroupBox key={g.id} routed={routed} group={g} />)}
        </Stack>
      </section>
    </div>
  );
}

/** Which rule the pointer or the keyboard is on. */
function litOf(setLit: (rule: string | undefined) => void) {
  return (event: { target: EventTarget }) => setLit((event.target as Element).closest<HTMLElement>("[data-rule]")?.dataset.rule);
}

function Rules({ routed }: { routed: Routed }) {
  const { t } = useTranslation();
  const { write } = useMay();
  const order = useMutation({
    mutationFn: (ids: number[]) => call("PUT", "/routing-rules/order", { body: { customer_id: routed.customer_id, ids } }),
    onSettled: () => refresh("routing", "routing-rules"),
  });
  return (
    <>
      {order.isError && <Failed error={order.error} />}
      <InOrder label={t("routing.rules")} items={routed.rules} onOrder={write ? order.mutateAsync : undefined}>
        {(rule, place, grip) => <RuleBox rule={rule} place={place} grip={grip} />}
      </InOrder>
    </>
  );
}

function RuleBox({ rule, place, grip }: { rule: Rule; place: number; grip: React.ReactNode }) {
  const { t } = useTranslation();
  const [, setUrl] = useUrl();
  return (
    <Paper withBorder px="sm" py={7} mb={6} data-rule={rule.id} data-to={rule.group}>
      <Group gap="xs" wrap="nowrap">
        {grip}
        <Text size="sm" c="dimmed" w={18} ta="right">{place}</Text>
        <div style={{ flex: 1, minWidth: 0 }}>
          <button type="button" className="tg-link" onClick={() => setUrl({ rule: String(rule.id) })}>
            <WireText>{rule.name}</WireText>
          </button>
          <Text size="sm" truncate component="div"><Condition rule={rule} /></Text>
          {rule.never && (
            <Group gap={4} wrap="nowrap" mt={2} c="var(--mantine-color-orange-light-color)">
              <IconAlertTriangle size={14} style={{ flex: "none" }} />
              <Text size="xs">
                <strong>{t("routing.never")}</strong> {rule.never.sentence} {rule.never.by && <WireText>{rule.never.by}</WireText>}
              </Text>
            </Group>
          )}
        </div>
        <Stack gap={0} align="flex-end">
          <Text size="sm" c={rule.hits ? undefined : "dimmed"}>{t("firewall.hits_of", { count: rule.hits })}</Text>
          {rule.last_hit && <Text size="xs" c="dimmed" component="div"><When at={rule.last_hit} /></Text>}
        </Stack>
        <ToGroup number={rule.group} />
      </Group>
    </Paper>
  );
}

function ToGroup({ number }: { number: number }) {
  const { t } = useTranslation();
  return (
    <Badge color="petrol" leftSection={<IconArrowRight size={12} />} aria-label={t("routing.to_group", { number })}>
      {number}
    </Badge>
  );
}

function GroupBox({ routed, group }: { routed: Routed; group: Routed["groups"][number] }) {
  const { t } = useTranslation();
  const { write } = useMay();
  const [, setUrl] = useUrl();
  const balanced = routed.destination_mode === "load_balancing";
  const usable = group.destinations.filter((d) => !d.disabled).length;
  const order = useMutation({
    mutationFn: (ids: number[]) => call("PUT", "/destinations/order", { body: { customer_id: routed.customer_id, ids } }),
    onSettled: () => refresh("routing", "destinations"),
  });
  const unused = !routed.destination_groups_enabled && group.number !== 1;
  return (
    <Paper withBorder data-group={group.number} style={{ opacity: unused ? 0.75 : 1 }}>
      <Group px="sm" h={40} justify="space-between" wrap="nowrap" style={{ borderBottom: "1px solid var(--tg-line)" }}>
        <Group gap="xs" wrap="nowrap" miw={0}>
          <Text size="sm" fw={600} truncate>{t("routing.group", { name: groupText(group.number, group.name) })}</Text>
          {write && (
            <Tooltip label={t("routing.edit_group", { number: group.number })}>
              <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" aria-label={t("routing.edit_group", { number: group.number })} onClick={() => setUrl({ group: String(group.id) })}>
                <IconPencil size={14} />
              </ActionIcon>
            </Tooltip>
          )}
        </Group>
        <Text size="xs" c="dimmed">{unused ? t("routing.unused") : balanced && usable > 1 ? t("routing.shared", { count: usable }) : t("routing.rules_to", { count: group.rules })}</Text>
      </Group>
      {order.isError && <Failed error={order.error} />}
      <InOrder label={t("routing.group", { name: groupText(group.number, group.name) })} items={group.destinations} onOrder={write && !balanced ? order.mutateAsync : undefined}>
        {(d, place, grip) => (
          <Group gap="xs" px="sm" py={6} wrap="nowrap" style={{ borderBottom: "1px solid var(--tg-line)" }}>
            {grip}
            {!balanced && <Text size="sm" c="dimmed" w={16} ta="right">{place}</Text>}
            <div style={{ flex: 1, minWidth: 0 }}>
              <button type="button" className="tg-link" onClick={() => setUrl({ destination: String(d.id) })}>
                <WireText>{d.name}</WireText>
              </button>
              <Text size="xs" c="dimmed" truncate component="div">{d.switch_id ? <SwitchName id={d.switch_id} /> : <WireText>{addressOf(d)}</WireText>}</Text>
            </div>
            <StateBadge destination={d} details />
            <Group gap={2} wrap="nowrap"><DestinationActs destination={d} /></Group>
          </Group>
        )}
      </InOrder>
      <Group px="sm" py={5} justify="space-between">
        {group.destinations.length === 0 ? <Text size="sm" c="var(--mantine-color-orange-light-color)">{t("routing.empty_group")}</Text> : <span />}
        {write && (
          <Button size="compact-xs" variant="subtle" leftSection={<IconPlus size={13} />} onClick={() => setUrl({ destination: "new", into: String(group.number) })}>
            {t("destinations.add")}
          </Button>
        )}
      </Group>
    </Paper>
  );
}
