// How a destination does: by a word, a sign and a colour.

import { Badge, Group, Text, Tooltip } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconCircleOff, IconCircleX, IconHelpCircle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { When } from "~/look/When";

type Destination = Schemas["Destination"];

const looks = {
  up: { color: "green", icon: IconCircleCheck },
  down: { color: "red", icon: IconCircleX },
  unknown: { color: "gray", icon: IconHelpCircle },
  off: { color: "gray", icon: IconHelpCircle },
  disabled: { color: "gray", icon: IconCircleOff },
} as const;

/** Its state now; with details the round trip, or since when it is down and what was answered. */
export function StateBadge({ destination: d, details = false }: { destination: Destination; details?: boolean }) {
  const { t } = useTranslation();
  const status = d.disabled ? "disabled" : d.state.status;
  const { color, icon: Icon } = looks[status];
  return (
    <Group gap={6} wrap="nowrap">
      <Badge color={color} leftSection={<Icon size={13} />}>{t(`destinations.state.${status}`)}</Badge>
      {details && status === "up" && d.state.rtt_ms > 0 && <Text size="sm" c="dimmed">{d.state.rtt_ms.toFixed(d.state.rtt_ms < 10 ? 1 : 0)} ms</Text>}
      {details && status === "down" && d.state.since && (
        <Text size="sm" c="dimmed" component="div">
          <When at={d.state.since} /> {d.state.last_code ? `(${d.state.last_code})` : ""}
        </Text>
      )}
      {d.clash && (
        <Tooltip label={t("destinations.clash", { count: d.clash.count, customers: d.clash.customers.join(", ") })}>
          <IconAlertTriangle size={16} color="var(--mantine-color-orange-light-color)" role="img" aria-label={t("destinations.clash", { count: d.clash.count, customers: d.clash.customers.join(", ") })} />
        </Tooltip>
      )}
      {d.registration && <Badge color={d.registration.registered ? "green" : "red"}>{t(d.registration.registered ? "destinations.registered" : "destinations.not_registered")}</Badge>}
    </Group>
  );
}

/** Where it leads: host, port and transport, or the switch that has them. */
export function addressOf(d: Destination): string {
  if (!d.host) return "";
  const host = d.host.includes(":") ? `[${d.host}]` : d.host;
  return `${host}${d.port ? ":" + d.port : ""} ${d.protocol || "udp"}`;
}
