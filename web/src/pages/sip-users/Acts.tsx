// What is done to a SIP user: a new password, a message to the phone, how the phone is set up.

import { ActionIcon, Alert, Badge, Button, Group, Modal, Stack, Table, Text, TextInput, Textarea, Tooltip } from "@mantine/core";
import { IconInfoSquareRounded, IconKey, IconMessage } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Schemas, call } from "~/api/client";
import { asProblem, sentence } from "~/api/problem";
import { useMay } from "~/session/SessionProvider";
import { Confirm } from "~/ui/confirm";
import { CopyOnce } from "~/ui/CopyOnce";
import { HowToSetUp } from "~/ui/HowToSetUp";
import { WireText } from "~/ui/WireText";

interface User {
  id: number;
  username: string;
}

export function UserActs({ user }: { user: User }) {
  const { t } = useTranslation();
  const { write } = useMay();
  const [act, setAct] = useState<"password" | "message" | "setup">();
  const close = () => setAct(undefined);
  const name = user.username;
  return (
    <>
      <Act label={t("ui.set_up", { name })} icon={<IconInfoSquareRounded size={17} />} onClick={() => setAct("setup")} />
      {write && <Act label={t("sip-users.message_to", { name })} icon={<IconMessage size={17} />} onClick={() => setAct("message")} />}
      {write && <Act label={t("sip-users.reset_of", { name })} icon={<IconKey size={17} />} onClick={() => setAct("password")} />}
      {act === "setup" && <HowToSetUp path="sip-users" id={user.id} name={name} onClose={close} />}
      {act === "message" && <Message user={user} onClose={close} />}
      {act === "password" && <NewPassword user={user} onClose={close} />}
    </>
  );
}

function Act({ label, icon, onClick }: { label: string; icon: ReactNode; onClick: () => void }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" aria-label={label} onClick={onClick}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}

/** Makes a password, which the phone needs from then on; it is shown once. */
function NewPassword({ user, onClose }: { user: User; onClose: () => void }) {
  const { t } = useTranslation();
  const [made, setMade] = useState<string>();
  const title = t("sip-users.reset_of", { name: user.username });
  if (made) return <CopyOnce title={title} secrets={[{ label: t("sip-users.field.password"), value: made }]} onClose={onClose} />;
  const make = async () => {
    const { body } = await call<Schemas["PasswordOutputBody"]>("POST", `/sip-users/${user.id}/password`, { body: {} });
    setMade(body.password ?? "");
  };
  return (
    <Confirm title={title} button={t("sip-users.reset")} onConfirm={make} onClose={onClose} stays>
      {t("sip-users.reset_text")}
    </Confirm>
  );
}

const mostBytes = 800; // the API's

function Message({ user, onClose }: { user: User; onClose: () => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const [from, setFrom] = useState("");
  const send = useMutation({
    mutationFn: async () => (await call<Schemas["MessageOutputBody"]>("POST", `/sip-users/${user.id}/messages`, { body: { text, ...(from ? { from } : {}) } })).body,
  });
  const left = mostBytes - new TextEncoder().encode(text).length;
  const problem = send.error ? asProblem(send.error) : undefined;
  return (
    <Modal opened onClose={onClose} size="lg" title={t("sip-users.message_to", { name: user.username })} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <Stack gap="sm">
        <Textarea label={t("sip-users.text")} rows={4} value={text} onChange={(e) => setText(e.currentTarget.value)} error={left < 0 ? t("sip-users.too_long") : undefined} description={t("sip-users.bytes_left", { left })} data-autofocus />
        <TextInput label={t("sip-users.from")} placeholder="messages" value={from} onChange={(e) => setFrom(e.currentTarget.value)} maw={260} />
        {problem && <Alert color="red" py="xs">{problem.faults[0] ? sentence(problem.faults[0]) : problem.message}</Alert>}
        {send.data && <Delivery result={send.data} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{t("ui.close")}</Button>
          <Button loading={send.isPending} disabled={!text.trim() || left < 0} onClick={() => send.mutate()}>{t("sip-users.send")}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** What became of it at each of the user's phones. */
function Delivery({ result }: { result: Schemas["MessageOutputBody"] }) {
  const { t } = useTranslation();
  const phones = result.phones ?? [];
  return (
    <Alert color={result.delivered ? "green" : "yellow"} py="xs" role="status" title={t(result.delivered ? "sip-users.delivered" : phones.length ? "sip-users.not_delivered" : "sip-users.no_phone")}>
      {phones.length > 0 && (
        <Table fz="sm" verticalSpacing={3}>
          <Table.Tbody>
            {phones.map((p, i) => (
              <Table.Tr key={i}>
                <Table.Td><WireText tip>{p.contact}</WireText></Table.Td>
                <Table.Td><WireText>{p.source}</WireText></Table.Td>
                <Table.Td ta="right">{p.status}</Table.Td>
                <Table.Td w={110}><Badge color={p.delivered ? "green" : "red"}>{t(p.delivered ? "sip-users.taken" : "sip-users.refused")}</Badge></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {phones.length === 0 && <Text size="sm">{t("sip-users.no_phone_text")}</Text>}
    </Alert>
  );
}
