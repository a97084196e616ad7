import { Anchor, Card, Kbd, List, SimpleGrid, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useSession } from "~/session/SessionProvider";
import { Page } from "~/ui/Page";

export default function Help() {
  const { t } = useTranslation();
  const { contacts, role } = useSession();
  return (
    <Page title={t("menu.help")}>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        {role !== "customer" && (
          <Card withBorder>
            <Text component="h2" fw={600} m={0} mb="xs">{t("help.order")}</Text>
            <List type="ordered" size="sm" spacing={4}>
              {(["customers", "domains", "switches", "sip_users", "firewall", "numbers", "blocklist", "routing", "destinations"] as const).map((step) => (
                <List.Item key={step}>{t(`help.step_${step}`)}</List.Item>
              ))}
            </List>
          </Card>
        )}
        <Card withBorder>
          <Text component="h2" fw={600} m={0} mb="xs">{t("help.keys")}</Text>
          <Stack gap={6}>
            <Text size="sm"><Kbd>Ctrl</Kbd> / <Kbd>⌘</Kbd> + <Kbd>K</Kbd> {t("help.key_find")}</Text>
            <Text size="sm"><Kbd>Esc</Kbd> {t("help.key_escape")}</Text>
            <Text size="sm"><Kbd>Tab</Kbd> {t("help.key_tab")}</Text>
          </Stack>
        </Card>
        <Card withBorder>
          <Text component="h2" fw={600} m={0} mb="xs">{t("help.contacts")}</Text>
          <Text size="sm">{contacts || t("frame.no_contacts")}</Text>
          <Anchor href="/api/openapi.json" size="sm" mt="xs" target="_blank" rel="noreferrer">{t("help.api")}</Anchor>
        </Card>
      </SimpleGrid>
    </Page>
  );
}
