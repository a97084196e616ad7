// "How to set up the other side": of a phone, a switch or a destination, as the node says it.

import { Code, Group, Modal, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { type Schemas, call } from "~/api/client";
import { Failed, Waiting } from "~/frame/States";
import { Copy } from "./CopyOnce";
import { WireText } from "./WireText";


/** path is the noun's: "sip-users", "switches", "destinations". */
export function HowToSetUp({ path, id, name, onClose }: { path: string; id: number; name: string; onClose: () => void }) {
  const { t } = useTranslation();
  const setup = useQuery({ queryKey: ["noun", path, "setup", id], queryFn: async () => (await call<Schemas["Setup"]>("GET", `/${path}/${id}/setup`)).body });
  return (
    <Modal opened onClose={onClose} size="lg" title={t("ui.set_up", { name })} closeButtonProps={{ "aria-label": t("ui.close") }}>
      {setup.isPending && <Waiting />}
      {setup.isError && <Failed error={setup.error} reset={() => void setup.refetch()} />}
      <Stack gap={0}>
        {setup.data?.items.map(({ key, label: said, value }) => ({ key, value, label: t(`other-side.${key}`, { defaultValue: said }) })).map(({ key, label, value }) => (
          <Group key={key} py={6} gap="sm" wrap="nowrap" align="start" style={{ borderBottom: "1px solid var(--tg-line)" }}>
            <Text size="sm" c="dimmed" w={190} flex="none">
              {label}
            </Text>
            <Text size="sm" component="div" flex={1} style={{ overflowX: "auto" }}>
              <WireText block>{value}</WireText>
            </Text>
            <Copy text={value} label={`${t("ui.copy")}: ${label}`} />
          </Group>
        ))}
      </Stack>
      {setup.data?.examples.map((example) => (
        <Stack key={example.for} gap={4} mt="md">
          <Group justify="space-between">
            <Text size="sm" fw={600}>{example.for}</Text>
            <Copy text={example.text} label={`${t("ui.copy")}: ${example.for}`} />
          </Group>
          <Code block tabIndex={0}>
            <WireText block>{example.text}</WireText>
          </Code>
        </Stack>
      ))}
    </Modal>
  );
}
