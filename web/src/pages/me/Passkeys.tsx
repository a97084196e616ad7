import { Alert, Button, Card, Group, Modal, PasswordInput, Stack, Table, Text, TextInput, VisuallyHidden } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { call } from "~/api/client";
import { addPasskey, hasPasskeys, wasCancelled } from "~/api/passkey";
import { asProblem } from "~/api/problem";
import { Failed, Waiting } from "~/frame/States";
import { Confirm } from "~/ui/confirm";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";

interface Passkey {
  id: number;
  name: string;
  host: string;
  added: string;
  used?: string;
}

/** One's own passkeys: add with a name, list, delete. */
export function Passkeys() {
  const { t } = useTranslation();
  const [adding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState<Passkey>();
  const list = useQuery({ queryKey: ["noun", "me/passkeys"], queryFn: async () => (await call<{ items: Passkey[] }>("GET", "/me/passkeys")).body.items });
  const remove = async (id: number) => {
    await call("DELETE", `/me/passkeys/${id}`);
    await refresh("me/passkeys");
  };
  if (list.isPending) return <Waiting />;
  if (list.isError) return <Failed error={list.error} reset={() => void list.refetch()} />;
  return (
    <Stack gap="md" maw={860}>
      <Text size="sm" c="dimmed">{t("me.passkeys_text")}</Text>
      {hasPasskeys() ? (
        <Group><Button onClick={() => setAdding(true)}>{t("me.passkey_add")}</Button></Group>
      ) : (
        <Alert color="yellow">{t("me.passkeys_not_here")}</Alert>
      )}
      {list.data.length > 0 && (
        <Card withBorder padding={0}>
          <Table fz="sm" horizontalSpacing="md">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("setup.name")}</Table.Th>
                <Table.Th>{t("me.passkey_host")}</Table.Th>
                <Table.Th>{t("me.passkey_added")}</Table.Th>
                <Table.Th>{t("me.used")}</Table.Th>
                <Table.Th><VisuallyHidden>{t("ui.actions")}</VisuallyHidden></Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {list.data.map((p) => (
                <Table.Tr key={p.id}>
                  <Table.Td><WireText>{p.name}</WireText></Table.Td>
                  <Table.Td><WireText>{p.host}</WireText></Table.Td>
                  <Table.Td><When at={p.added} full /></Table.Td>
                  <Table.Td>{p.used ? <When at={p.used} /> : t("me.passkey_unused")}</Table.Td>
                  <Table.Td ta="right">
                    <Button size="compact-xs" variant="default" onClick={() => setLeaving(p)} aria-label={t("me.passkey_delete", { name: p.name })}>{t("ui.delete")}</Button>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Card>
      )}
      {adding && <Add onClose={() => setAdding(false)} />}
      {leaving && (
        <Confirm title={t("me.passkey_delete", { name: leaving.name })} button={t("ui.delete")} onConfirm={() => remove(leaving.id)} onClose={() => setLeaving(undefined)}>
          <Text size="sm">{t("me.passkey_delete_text")}</Text>
        </Confirm>
      )}
    </Stack>
  );
}

function Add({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const add = useMutation({
    mutationFn: () => addPasskey(name.trim(), password),
    onSuccess: async () => (await refresh("me/passkeys"), onClose()),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    add.mutate();
  };
  const problem = add.error && !(add.error instanceof DOMException) ? asProblem(add.error) : undefined;
  return (
    <Modal opened onClose={onClose} title={t("me.passkey_add")} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          {add.error instanceof DOMException && <Alert color="red" role="alert">{t(wasCancelled(add.error) ? "me.passkey_cancelled" : "me.passkey_refused")}</Alert>}
          {problem && !problem.at("name") && !problem.at("password") && <Alert color="red" role="alert">{problem.message}</Alert>}
          <TextInput label={t("setup.name")} description={t("me.passkey_name_help")} value={name} maxLength={64} data-autofocus error={problem?.at("name")} onChange={(e) => setName(e.currentTarget.value)} />
          <PasswordInput label={t("session.password")} autoComplete="current-password" value={password} error={problem?.at("password")} onChange={(e) => setPassword(e.currentTarget.value)}
            visibilityToggleButtonProps={{ "aria-label": t("session.show_password"), tabIndex: 0, "aria-hidden": false }} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>{t("ui.cancel")}</Button>
            <Button type="submit" loading={add.isPending} disabled={!name.trim() || !password}>{t("me.passkey_add")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
