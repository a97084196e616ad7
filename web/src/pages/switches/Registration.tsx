// How our registration at a switch does.

import { Badge, Group, Text } from "@mantine/core";
import { IconCircleCheck, IconCircleX, IconHelpCircle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { When } from "~/look/When";

type Switch = Partial<Pick<Schemas["Switch"], "register" | "registration">>;

const looks = {
  registered: { color: "green", icon: IconCircleCheck, text: "registrations.registered" },
  unregistered: { color: "red", icon: IconCircleX, text: "registrations.unregistered" },
} as const;

/** Its state now and what went wrong; with details until when it holds, and when it is tried again. Nothing where we do not register. */
export function Registration({ of, details = false }: { of: Switch; details?: boolean }) {
  const { t } = useTranslation();
  const r = of.registration;
  // Its first answer is still to come.
  if (!r) return of.register ? <Badge color="gray" leftSection={<IconHelpCircle size={13} />}>{t("switches.not_asked")}</Badge> : null;
  const { color, icon: Icon, text } = r.registered ? looks.registered : looks.unregistered;
  // One that stands may fail to be refreshed: then both are told.
  const failing = !!r.failures_in_row;
  return (
    <Group gap={6} wrap="nowrap">
      <Badge color={color} leftSection={<Icon size={13} />}>{t(text)}</Badge>
      {details && r.registered && <Text size="sm" c="dimmed" component="div">{t("switches.registered_until")} <When at={r.until} /></Text>}
      {failing && <Text size="sm" c="dimmed">{r.last_code ? t("switches.refused", { code: r.last_code }) : t("switches.no_answer")}</Text>}
      {details && failing && <Text size="sm" c="dimmed" component="div">{t("switches.again")} <When at={r.next_attempt} /></Text>}
    </Group>
  );
}
