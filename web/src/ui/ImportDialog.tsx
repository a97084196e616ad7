// A CSV that becomes items of one customer: looked at first, then taken; nothing that is there is deleted.

import { Alert, Button, Checkbox, Code, FileButton, Group, List, Modal, Stack, Text, Textarea } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { asProblem, sentence } from "~/api/problem";
import { CopyOnce } from "./CopyOnce";
import { say } from "./notice";

export interface ImportKind {
  /** The API's preset. */
  preset: string;
  /** What is read anew afterwards. */
  path: string;
  columns: string;
  example: string;
  /** Puts a first line that names columns above a text that has none, and says how many lines that are. */
  headed?: (text: string) => { text: string; above: number };
}

const mono = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };
const mostTyped = 500_000; // bytes that a text field shows; a larger file is sent as it is
const mostBytes = 100_000_000; // the API's: what is larger would be cut off before it could say so

interface Props {
  kind: ImportKind;
  title: string;
  note: string;
  customer: number;
  onClose: () => void;
}

/** The button of a page, and the dialog behind it. */
export function ImportButton(props: Omit<Props, "onClose">) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button variant="default" leftSection={<IconUpload size={15} />} onClick={() => setOpen(true)}>{t("import.import")}</Button>
      {open && <ImportDialog {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

function ImportDialog({ kind, title, note, customer, onClose }: Props) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const [file, setFile] = useState<File>();
  const [skip, setSkip] = useState(false);
  const [looked, setLooked] = useState<Schemas["ImportResult"]>();
  const [made, setMade] = useState<{ label: string; value: string }[]>();
  const head = kind.headed?.(text) ?? { text, above: 0 };
  const tooLarge = file !== undefined && file.size > mostBytes;
  const send = useMutation({
    mutationFn: async (dry: boolean) =>
      (await call<Schemas["ImportResult"]>("POST", `/import/${kind.preset}`, { query: { customer, dry_run: dry, skip_bad: skip }, body: file ?? head.text, headers: { "Content-Type": "text/csv" } })).body,
    onSuccess: async (result) => {
      if (result.dry_run) return setLooked(result);
      await refresh(kind.path, "audit", "limits");
      void say(t("import.imported", { count: result.changes.length }));
      if (result.generated?.length) setMade(result.generated.map((g) => ({ label: g.name, value: g.password })));
      else onClose();
    },
  });
  const afresh = () => {
    setLooked(undefined);
    send.reset();
  };
  const change = (value: string) => {
    setText(value);
    setFile(undefined);
    afresh();
  };
  const take = async (chosen: File | null) => {
    if (!chosen) return;
    change(chosen.size > mostTyped ? "" : await chosen.text());
    if (chosen.size > mostTyped) setFile(chosen);
  };
  if (made) return <CopyOnce title={title} secrets={made} onClose={onClose} />;
  const problem = send.error ? asProblem(send.error) : undefined;
  return (
    <Modal opened onClose={onClose} size="lg" title={title} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">{note} <Code>{kind.columns}</Code></Text>
        <Group>
          <FileButton accept=".csv,text/csv,text/plain" onChange={(chosen) => void take(chosen)}>
            {(props) => <Button {...props} variant="default" size="xs">{t("import.file")}</Button>}
          </FileButton>
          <Checkbox label={t("import.skip_bad")} checked={skip} onChange={(e) => (setSkip(e.currentTarget.checked), afresh())} />
        </Group>
        {file ? (
          <Text size="sm">{t("import.as_it_is", { name: file.name, size: Math.ceil(file.size / 1000) })}</Text>
        ) : (
          <Textarea label={t("import.text")} value={text} onChange={(e) => change(e.currentTarget.value)} rows={10} styles={mono} spellCheck={false} placeholder={kind.example} />
        )}
        {tooLarge && <Alert color="red" py="xs" role="alert">{t("import.too_large")}</Alert>}
        {problem && <Alert color="red" py="xs" role="alert"><Faults faults={problem.faults} message={problem.message} above={head.above} /></Alert>}
        {looked && (
          <Alert color={looked.changes.length ? "yellow" : "green"} py="xs" role="status" title={t("import.would", { count: looked.changes.length, lines: looked.lines })}>
            <Faults faults={[...looked.skipped, ...looked.notes]} message="" above={head.above} />
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{t("ui.cancel")}</Button>
          {looked?.changes.length ? (
            <Button loading={send.isPending} onClick={() => send.mutate(false)}>{t("import.take", { count: looked.changes.length })}</Button>
          ) : (
            <Button loading={send.isPending} disabled={tooLarge || (!file && text.trim() === "")} onClick={() => send.mutate(true)}>{t("import.look_first")}</Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}

const mostFaults = 12;

/** above: how many lines of what was sent stand above what was typed. */
function Faults({ faults, message, above }: { faults: { line?: number; message: string; want?: string }[]; message: string; above: number }) {
  const { t } = useTranslation();
  if (faults.length === 0) return <>{message}</>;
  return (
    <List size="sm">
      {faults.slice(0, mostFaults).map((f, i) => <List.Item key={i}>{f.line ? `${t("import.line", { line: f.line - above })}: ` : ""}{sentence({ code: "", ...f })}</List.Item>)}
      {faults.length > mostFaults && <List.Item>{t("ui.and_more", { count: faults.length - mostFaults })}</List.Item>}
    </List>
  );
}
