import { Alert, Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Problem, asProblem } from "~/api/problem";
import { hasPasskeys, logInByPasskey, wasCancelled } from "~/api/passkey";
import { logIn } from "~/api/session";
import { useSessionState } from "./SessionProvider";

/** Name, password and, where the account has one, the second factor. */
export function LogInForm({ email: known }: { email?: string }) {
  const { t } = useTranslation();
  const { entered } = useSessionState();
  const [email, setEmail] = useState(known ?? "");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [wantsCode, setWantsCode] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [passkeyFailed, setPasskeyFailed] = useState(false);
  const [busy, setBusy] = useState(false);
  const codeInput = useRef<HTMLInputElement>(null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    setPasskeyFailed(false);
    try {
      entered(await logIn(email, password, code.replace(/\s/g, "") || undefined));
    } catch (error) {
      const wrong = asProblem(error);
      const asksCode = wrong.faults.some((f) => f.field === "code");
      if (asksCode && !wantsCode) {
        setWantsCode(true);
        setTimeout(() => codeInput.current?.focus());
      } else setProblem(wrong);
    } finally {
      setBusy(false);
    }
  };

  const byPasskey = async () => {
    setBusy(true);
    setProblem(undefined);
    setPasskeyFailed(false);
    try {
      entered(await logInByPasskey(known));
    } catch (error) {
      if (wasCancelled(error)) return;
      const wrong = asProblem(error);
      setPasskeyFailed(wrong.status === 401);
      setProblem(wrong);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack gap="sm">
        {problem && (
          <Alert color="red" variant="light" role="alert">
            {passkeyFailed ? t("session.wrong_passkey") : messageOf(problem, t)}
          </Alert>
        )}
        <TextInput label={t("session.email")} name="email" type="email" autoComplete="username" required value={email} readOnly={!!known}
          onChange={(e) => setEmail(e.currentTarget.value)} data-autofocus={known ? undefined : true} />
        <PasswordInput label={t("session.password")} name="password" autoComplete="current-password" required value={password}
          onChange={(e) => setPassword(e.currentTarget.value)} data-autofocus={known ? true : undefined}
          visibilityToggleButtonProps={{ "aria-label": t("session.show_password"), tabIndex: 0, "aria-hidden": false }} />
        {wantsCode && (
          <TextInput ref={codeInput} label={t("session.code")} description={t("session.code_help")} name="code" autoComplete="one-time-code"
            inputMode="numeric" value={code} onChange={(e) => setCode(e.currentTarget.value)} />
        )}
        <Button type="submit" loading={busy} mt="xs" fullWidth>
          {t("session.log_in")}
        </Button>
        {hasPasskeys() && (
          <Button variant="default" disabled={busy} fullWidth onClick={() => void byPasskey()}>
            {t("session.by_passkey")}
          </Button>
        )}
      </Stack>
    </form>
  );
}

function messageOf(problem: Problem, t: (key: string, values?: Record<string, unknown>) => string): string {
  if (problem.status === 401) return t("session.wrong");
  if (problem.status === 429) return t("session.wait", { count: problem.retryAfter || 1 });
  if (problem.status === 0) return t("ui.no_answer");
  return problem.message;
}
