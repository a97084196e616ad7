// Destructive acts ask first, and say how many things they hit.

import { Alert, Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { asProblem } from "~/api/problem";

interface Props {
  title: string;
  children?: ReactNode;
  /** The button's words, such as "Delete 12 domains". */
  button: string;
  /** Where much is hit: this has to be typed first. */
  type?: string;
  /** Nothing is destroyed. */
  mild?: boolean;
  /** It stays open when it is done: the caller closes it. */
  stays?: boolean;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}

export function Confirm({ title, children, button, type, mild, stays, onConfirm, onClose }: Props) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const run = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      if (!stays) onClose();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <Stack gap="md">
        {children && (
          <Text size="sm" component="div">
            {children}
          </Text>
        )}
        {type !== undefined && <TextInput label={t("ui.type_to_confirm", { text: type })} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} autoComplete="off" />}
        {error !== undefined && <Alert color="red">{asProblem(error).message}</Alert>}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {t("ui.cancel")}
          </Button>
          <Button color={mild ? undefined : "red"} loading={busy} disabled={type !== undefined && typed !== type} onClick={() => void run()}>
            {button}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
