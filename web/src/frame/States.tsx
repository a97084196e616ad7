// What a page shows while it is not there, cannot be shown, or does not exist.

import { Alert, Anchor, Button, Center, Group, Loader, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { asProblem } from "~/api/problem";

export function Waiting() {
  const { t } = useTranslation();
  return (
    <Center mih={160} role="status" aria-label={t("ui.loading")}>
      <Loader size="sm" />
    </Center>
  );
}

/** A fault, with how to try again. */
export function Failed({ error, reset }: { error: unknown; reset?: () => void }) {
  const { t } = useTranslation();
  const problem = asProblem(error);
  return (
    <Alert color="red" variant="light" title={t(problem.status === 0 ? "ui.no_answer" : "ui.failed")} m="md" role="alert">
      <Text size="sm">{problem.message}</Text>
      {reset && (
        <Group mt="sm">
          <Button size="xs" variant="default" onClick={reset}>
            {t("ui.again")}
          </Button>
        </Group>
      )}
    </Alert>
  );
}

export function NotFound() {
  const { t } = useTranslation();
  return (
    <Center mih={240} component="main">
      <Stack align="center" gap="xs">
        <Title order={1}>{t("ui.not_found")}</Title>
        <Text c="dimmed">{t("ui.not_found_text")}</Text>
        <Anchor href="#/">{t("ui.to_start")}</Anchor>
      </Stack>
    </Center>
  );
}
