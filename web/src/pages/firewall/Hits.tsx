// What a rule has matched.

import { Group, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";

interface Hit {
  hits: number;
  last_hit?: string;
  last_sample?: Schemas["Sample"];
}

export function HitCount({ hits }: { hits: number }) {
  const { i18n } = useTranslation();
  return <Text span size="sm" c={hits ? undefined : "dimmed"}>{hits.toLocaleString(i18n.language)}</Text>;
}

/** Below a rule's form: how often, when last, and what it was. */
export function HitsOf({ rule }: { rule: Hit }) {
  const { t } = useTranslation();
  return (
    <Stack gap={4}>
      <Text size="sm" fw={600}>{t("firewall.hits")}</Text>
      <Group gap="xs">
        <Text size="sm">{t("firewall.hits_of", { count: rule.hits })}</Text>
        {rule.last_hit && (
          <Text size="sm" c="dimmed">
            {t("firewall.last_hit")} <When at={rule.last_hit} />
          </Text>
        )}
      </Group>
      {rule.last_sample && (
        <Text size="sm" component="div" style={{ overflowWrap: "anywhere" }}>
          <Text span size="sm" c="dimmed">{t("firewall.last_sample")}: </Text>
          {rule.last_sample.method} <WireText>{rule.last_sample.source}</WireText> <WireText>{rule.last_sample.value || t("tools.empty_string")}</WireText>
        </Text>
      )}
    </Stack>
  );
}
