import { Alert, Anchor, Button, Center, Group, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "~/api/client";
import { asProblem } from "~/api/problem";
import { logIn } from "~/api/session";
import { Logo } from "~/look/Logo";
import { LanguageMenu, ThemeMenu } from "~/look/Preferences";
import { useSessionState } from "~/session/SessionProvider";
import { useGo, useParam } from "~/url";

/** A one-time link: the platform's first administrator, an invitation, or a forgotten password. */
export default function SetUp() {
  const { t } = useTranslation();
  const token = useParam("token");
  const go = useGo();
  const { entered } = useSessionState();
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const use = useMutation({
    mutationFn: async () => {
      const given = { ...(email ? { email } : {}), ...(name ? { name } : {}) };
      const { body } = await call<{ email: string }>("POST", "/setup", { body: { token, password, ...given } });
      return logIn(body.email, password);
    },
    onSuccess: (session) => {
      entered(session);
      go("/");
    },
  });
  const problem = use.error ? asProblem(use.error) : undefined;
  const differs = again !== "" && again !== password;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (password === again) use.mutate();
  };
  const eye = { "aria-label": t("session.show_password"), tabIndex: 0, "aria-hidden": false } as const;
  return (
    <Center mih="100vh" bg="var(--tg-ground)" p="md">
      <Stack w="100%" maw={420} gap="lg">
        <Group justify="center" gap="sm">
          <Logo size={36} />
          <Title order={1} fz={24}>Tollgate</Title>
        </Group>
        <Paper component="main" withBorder p="xl" radius="md">
          <form onSubmit={submit}>
            <Stack gap="sm">
              <Title order={2}>{t("setup.title")}</Title>
              <Text size="sm" c="dimmed">{t("setup.text")}</Text>
              {problem && (problem.faults.length === 0 || problem.at("token")) && <Alert color="red" role="alert">{problem.message}</Alert>}
              <TextInput label={t("session.email")} description={t("setup.email_help")} type="email" autoComplete="username" value={email} error={problem?.at("email")}
                onChange={(e) => setEmail(e.currentTarget.value)} />
              <TextInput label={t("setup.name")} autoComplete="name" value={name} error={problem?.at("name")} onChange={(e) => setName(e.currentTarget.value)} />
              <PasswordInput label={t("session.password")} description={t("setup.password_help")} required minLength={10} autoComplete="new-password" value={password}
                error={problem?.at("password")} onChange={(e) => setPassword(e.currentTarget.value)} visibilityToggleButtonProps={eye} />
              <PasswordInput label={t("setup.again")} required autoComplete="new-password" value={again} error={differs ? t("setup.differs") : undefined}
                onChange={(e) => setAgain(e.currentTarget.value)} visibilityToggleButtonProps={eye} />
              <Button type="submit" mt="xs" loading={use.isPending} disabled={password === "" || password !== again}>{t("setup.go")}</Button>
              <Anchor href="#/" size="sm">{t("setup.have_login")}</Anchor>
            </Stack>
          </form>
        </Paper>
        <Group justify="center" gap="xs">
          <LanguageMenu />
          <ThemeMenu />
        </Group>
      </Stack>
    </Center>
  );
}
