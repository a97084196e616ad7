import { Anchor, Center, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { LanguageMenu, ThemeMenu } from "~/look/Preferences";
import { Logo } from "~/look/Logo";
import { LogInForm } from "./LogInForm";

export default function LogInPage() {
  const { t } = useTranslation();
  return (
    <Center mih="100vh" bg="var(--tg-ground)" p="md">
      <Stack w="100%" maw={380} gap="lg">
        <Group justify="center" gap="sm">
          <Logo size={36} />
          <Title order={1} fz={24}>
            Tollgate
          </Title>
        </Group>
        <Paper component="main" withBorder p="xl" radius="md">
          <Title order={2} mb="md">
            {t("session.log_in")}
          </Title>
          <LogInForm />
        </Paper>
        <Text size="sm" c="dimmed" ta="center">
          {t("session.first_time")}
        </Text>
        <Group justify="center" gap="xs">
          <LanguageMenu />
          <ThemeMenu />
          <Anchor href="/api/docs" size="sm">
            API
          </Anchor>
        </Group>
      </Stack>
    </Center>
  );
}
