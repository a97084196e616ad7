import { Alert, Badge, Button, Card, Group, Image, Modal, PasswordInput, Stack, Table, Tabs, Text, TextInput, VisuallyHidden } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { cache, refresh } from "~/api/cache";
import { call } from "~/api/client";
import { asProblem } from "~/api/problem";
import { Failed, Waiting } from "~/frame/States";
import { CopyOnce } from "~/ui/CopyOnce";
import { Page } from "~/ui/Page";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { say } from "~/ui/notice";
import { useUrlText } from "~/url";
import { Passkeys } from "./Passkeys";

interface Me {
  id: number;
  email: string;
  name: string;
  role: string;
  access: string;
  totp: boolean;
  recovery_codes_left: number;
}

/** Own details, password, second factor, passkeys, sessions. */
export default function Own() {
  const { t } = useTranslation();
  const [part, setPart] = useUrlText("part");
  const me = useQuery({ queryKey: ["me"], queryFn: async () => (await call<Me>("GET", "/me")).body });
  if (me.isPending) return <Waiting />;
  if (me.isError) return <Failed error={me.error} reset={() => void me.refetch()} />;
  return (
    <Page title={t("menu.me")} note={me.data.email}>
      <Tabs value={part || "details"} onChange={(value) => setPart(value === "details" ? undefined : (value ?? undefined))}>
        <Tabs.List mb="md">
          <Tabs.Tab value="details">{t("me.details")}</Tabs.Tab>
          <Tabs.Tab value="password">{t("session.password")}</Tabs.Tab>
          <Tabs.Tab value="totp">{t("me.totp")}</Tabs.Tab>
          <Tabs.Tab value="passkeys">{t("me.passkeys")}</Tabs.Tab>
          <Tabs.Tab value="sessions">{t("me.sessions")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="details"><Details me={me.data} /></Tabs.Panel>
        <Tabs.Panel value="password"><Password email={me.data.email} /></Tabs.Panel>
        <Tabs.Panel value="totp"><SecondFactor me={me.data} /></Tabs.Panel>
        <Tabs.Panel value="passkeys"><Passkeys /></Tabs.Panel>
        <Tabs.Panel value="sessions"><Sessions /></Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function Box({ children, onSubmit }: { children: ReactNode; onSubmit?: () => void }) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit?.();
  };
  return (
    <Card withBorder maw={460} p="lg">
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">{children}</Stack>
      </form>
    </Card>
  );
}

function Details({ me }: { me: Me }) {
  const { t } = useTranslation();
  const [name, setName] = useState(me.name);
  const save = useMutation({
    mutationFn: () => call("PATCH", "/me", { body: { name } }),
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: ["me"] });
      await cache.invalidateQueries({ queryKey: ["session"] });
      void say(t("ui.saved", { name: t("menu.me") }));
    },
  });
  const problem = save.error ? asProblem(save.error) : undefined;
  return (
    <Box onSubmit={() => save.mutate()}>
      <TextInput label={t("session.email")} value={me.email} readOnly description={t("me.email_help")} />
      <TextInput label={t("setup.name")} value={name} error={problem?.at("name") ?? problem?.message} onChange={(e) => setName(e.currentTarget.value)} autoComplete="name" />
      <Text size="sm" c="dimmed">
        {t(`frame.role_${me.role}`)}, {t(`frame.access_${me.access.replace("-", "_")}`)}
      </Text>
      <Group justify="flex-end">
        <Button type="submit" loading={save.isPending} disabled={name === me.name}>{t("ui.save")}</Button>
      </Group>
    </Box>
  );
}

function Password({ email }: { email: string }) {
  const { t } = useTranslation();
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const save = useMutation({
    mutationFn: () => call("PUT", "/me/password", { body: { old, new: next } }),
    onSuccess: async () => {
      setOld("");
      setNext("");
      setAgain("");
      await refresh("me/sessions");
      void say(t("me.password_changed"));
    },
  });
  const problem = save.error ? asProblem(save.error) : undefined;
  const eye = { "aria-label": t("session.show_password"), tabIndex: 0, "aria-hidden": false } as const;
  return (
    <Box onSubmit={() => save.mutate()}>
      <Text size="sm" c="dimmed">{t("me.password_text")}</Text>
      {problem && problem.faults.length === 0 && <Alert color="red" role="alert">{problem.message}</Alert>}
      <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />
      <PasswordInput label={t("me.old")} autoComplete="current-password" value={old} error={problem?.at("old")} onChange={(e) => setOld(e.currentTarget.value)} visibilityToggleButtonProps={eye} />
      <PasswordInput label={t("me.new")} description={t("setup.password_help")} autoComplete="new-password" value={next} error={problem?.at("new")} onChange={(e) => setNext(e.currentTarget.value)} visibilityToggleButtonProps={eye} />
      <PasswordInput label={t("setup.again")} autoComplete="new-password" value={again} error={again && again !== next ? t("setup.differs") : undefined} onChange={(e) => setAgain(e.currentTarget.value)} visibilityToggleButtonProps={eye} />
      <Group justify="flex-end">
        <Button type="submit" loading={save.isPending} disabled={!old || !next || next !== again}>{t("frame.password")}</Button>
      </Group>
    </Box>
  );
}

interface Enrolment {
  secret: string;
  uri: string;
  qr: string;
}

function SecondFactor({ me }: { me: Me }) {
  const { t } = useTranslation();
  const [codes, setCodes] = useState<string[]>();
  const [removing, setRemoving] = useState(false);
  const begin = useMutation({ mutationFn: async () => (await call<Enrolment>("POST", "/me/totp")).body });
  const reread = () => cache.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === "me" || queryKey[0] === "session" });
  return (
    <Box>
      <Group justify="space-between">
        <Text fw={600}>{t("me.totp")}</Text>
        <Badge color={me.totp ? "green" : "gray"}>{t(me.totp ? "me.on" : "me.off")}</Badge>
      </Group>
      <Text size="sm" c="dimmed">{t("me.totp_text")}</Text>
      {me.totp && <Text size="sm">{t("me.recovery_left", { count: me.recovery_codes_left })}</Text>}
      {begin.isError && <Alert color="red">{asProblem(begin.error).message}</Alert>}
      <Group>
        {me.totp ? (
          <Button variant="default" c="var(--mantine-color-error)" onClick={() => setRemoving(true)}>{t("me.totp_off")}</Button>
        ) : (
          <Button loading={begin.isPending} onClick={() => begin.mutate()}>{t("me.totp_on")}</Button>
        )}
      </Group>
      {begin.data && <Enrol enrolment={begin.data} onClose={() => begin.reset()} onDone={(got) => (begin.reset(), setCodes(got), void reread())} />}
      {codes && <CopyOnce title={t("me.recovery")} secrets={[{ label: t("me.recovery"), value: codes.join(" ") }]} onClose={() => setCodes(undefined)} />}
      {removing && <Remove onClose={() => setRemoving(false)} onDone={() => (setRemoving(false), void reread())} />}
    </Box>
  );
}

function Enrol({ enrolment, onClose, onDone }: { enrolment: Enrolment; onClose: () => void; onDone: (codes: string[]) => void }) {
  const { t } = useTranslation();
  const [code, setCode] = useState("");
  const confirm = useMutation({
    mutationFn: async () => (await call<{ recovery_codes: string[] }>("POST", "/me/totp/confirm", { body: { code: code.replace(/\s/g, "") } })).body.recovery_codes,
    onSuccess: onDone,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    confirm.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={t("me.totp_on")} closeButtonProps={{ "aria-label": t("ui.close") }} closeOnClickOutside={false}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text size="sm">{t("me.scan")}</Text>
          <Image src={enrolment.qr} alt={t("me.qr")} w={200} h={200} mx="auto" fit="contain" style={{ imageRendering: "pixelated", background: "#fff", padding: 8 }} />
          <TextInput label={t("me.secret")} value={enrolment.secret} readOnly styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }} onFocus={(e) => e.currentTarget.select()} />
          <TextInput label={t("session.code")} value={code} inputMode="numeric" autoComplete="one-time-code" data-autofocus error={confirm.error ? asProblem(confirm.error).message : undefined}
            onChange={(e) => setCode(e.currentTarget.value)} />
          <Button type="submit" loading={confirm.isPending} disabled={code.length < 6}>{t("me.confirm")}</Button>
        </Stack>
      </form>
    </Modal>
  );
}

function Remove({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation();
  const [password, setPassword] = useState("");
  const remove = useMutation({ mutationFn: () => call("POST", "/me/totp/disable", { body: { password } }), onSuccess: onDone });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    remove.mutate();
  };
  const problem = remove.error ? asProblem(remove.error) : undefined;
  return (
    <Modal opened onClose={onClose} title={t("me.totp_off")} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <PasswordInput label={t("session.password")} autoComplete="current-password" value={password} data-autofocus error={problem?.at("password") ?? problem?.message} onChange={(e) => setPassword(e.currentTarget.value)} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>{t("ui.cancel")}</Button>
            <Button type="submit" color="red" loading={remove.isPending} disabled={!password}>{t("me.totp_off")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

interface OwnSession {
  id: number;
  current: boolean;
  began: string;
  used: string;
  from: string;
  agent: string;
}

function Sessions() {
  const { t } = useTranslation();
  const list = useQuery({ queryKey: ["noun", "me/sessions"], queryFn: async () => (await call<{ items: OwnSession[] }>("GET", "/me/sessions")).body.items });
  const end = useMutation({ mutationFn: (id: number) => call("DELETE", `/me/sessions/${id}`), onSuccess: () => refresh("me/sessions") });
  if (list.isPending) return <Waiting />;
  if (list.isError) return <Failed error={list.error} reset={() => void list.refetch()} />;
  return (
    <Card withBorder padding={0}>
      <Table fz="sm" horizontalSpacing="md">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("me.from")}</Table.Th>
            <Table.Th>{t("me.browser")}</Table.Th>
            <Table.Th>{t("me.began")}</Table.Th>
            <Table.Th>{t("me.used")}</Table.Th>
            <Table.Th><VisuallyHidden>{t("ui.actions")}</VisuallyHidden></Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {list.data.map((s) => (
            <Table.Tr key={s.id}>
              <Table.Td><WireText>{s.from}</WireText></Table.Td>
              <Table.Td style={{ whiteSpace: "normal", overflowWrap: "anywhere" }}><WireText block>{s.agent}</WireText></Table.Td>
              <Table.Td><When at={s.began} full /></Table.Td>
              <Table.Td><When at={s.used} /></Table.Td>
              <Table.Td ta="right">
                {s.current ? <Badge color="petrol">{t("me.this_one")}</Badge> : (
                  <Button size="compact-xs" variant="default" loading={end.isPending && end.variables === s.id} onClick={() => end.mutate(s.id)}>{t("me.end")}</Button>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Card>
  );
}
