import { Button, Modal, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { LogInForm } from "./LogInForm";
import { useSessionState } from "./SessionProvider";

/** The session has ended: the password again, over the page, which stays as it is. */
export default function LogInDialog({ email }: { email: string }) {
  const { t } = useTranslation();
  const { leave } = useSessionState();
  return (
    <Modal opened onClose={() => undefined} withCloseButton={false} closeOnEscape={false} closeOnClickOutside={false} title={t("session.ended")} zIndex={1000}>
      <Text size="sm" c="dimmed" mb="md">
        {t("session.ended_text")}
      </Text>
      <LogInForm email={email} />
      <Button variant="subtle" fullWidth mt="xs" onClick={() => void leave()}>
        {t("session.other_user")}
      </Button>
    </Modal>
  );
}
