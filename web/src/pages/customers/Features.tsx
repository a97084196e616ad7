// What is on for a customer, at a glance: a sign that is lit or not, each with its name.

import { Group, Tooltip } from "@mantine/core";
import { IconArrowsExchange, IconArrowsShuffle, IconEyeOff, IconHeartbeat, IconMasksTheater, IconRoute, IconShieldHalf, IconWaveSine } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";

type Customer = Schemas["Customer"];

const features = [
  { key: "customers.field.topology_hiding", icon: IconMasksTheater, on: (c: Customer) => c.topology_hiding },
  { key: "customers.field.rtp_bridging", icon: IconWaveSine, on: (c: Customer) => c.rtp_bridging },
  { key: "customers.field.transcoding.enabled", icon: IconArrowsExchange, on: (c: Customer) => c.transcoding.enabled },
  { key: "customers.field.keepalive", icon: IconHeartbeat, on: (c: Customer) => c.keepalive },
  { key: "customers.field.destination_groups_enabled", icon: IconRoute, on: (c: Customer) => c.destination_groups_enabled },
  { key: "customers.balancing", icon: IconArrowsShuffle, on: (c: Customer) => c.destination_mode === "load_balancing" },
  { key: "customers.antifraud_on", icon: IconShieldHalf, on: (c: Customer) => c.antifraud.invite + c.antifraud.register + c.antifraud.options > 0 },
  { key: "customers.field.transparent", icon: IconEyeOff, on: (c: Customer) => c.transparent, loud: true },
];

export function Features({ customer }: { customer: Customer }) {
  const { t } = useTranslation();
  return (
    <Group gap={6} wrap="nowrap">
      {features.map(({ key, icon: Icon, on, loud }) => {
        const lit = on(customer);
        const text = t(lit ? "customers.is_on" : "customers.is_off", { what: t(key) });
        return (
          <Tooltip key={key} label={text}>
            <span role="img" aria-label={text} style={{ display: "inline-flex", color: lit ? (loud ? "var(--mantine-color-orange-light-color)" : "var(--mantine-color-anchor)") : "var(--tg-line)" }}>
              <Icon size={17} stroke={lit ? 1.9 : 1.4} />
            </span>
          </Tooltip>
        );
      })}
    </Group>
  );
}
